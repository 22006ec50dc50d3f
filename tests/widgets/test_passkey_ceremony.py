"""The passkey ceremony, as a learner's browser calls it: making a passkey, signing in, refusals, and what goes wrong.

The browser and the device are those of `helpers.protocols.authenticator`. tests/browser/test_passkeys.py has real ones.
"""

from html import escape

import pytest

from helpers.exchange import Factor
from helpers.protocols.authenticator import Authenticator, Browser, BrowserRefused, NoPasskey, to_base64url
from helpers.widgets.passkey_ceremony import CALLED, ERRORS, LATE, UNLOCKS, PasskeyCeremony

PAGE = "http://localhost:8888"


class View:
    """One copy of the widget's view, in a browser that shows `page`."""

    def __init__(self, ceremony, page=PAGE, authenticator=None):
        self.ceremony, self.page = ceremony, page
        self.authenticator = authenticator or Authenticator()
        self.browser = Browser(page, self.authenticator)
        self.asked = 0

    def send(self, **content):
        """What is said then, or None where nothing is."""
        turn = self.ceremony.said.get("turn", 0)
        self.ceremony._on_message(self.ceremony, content, [])
        return self.ceremony.said if self.ceremony.said.get("turn", 0) > turn else None

    def begin(self, kind, address="", unlock="inherence"):
        """Press a button. Gives what the kernel sent, or the sentence where it sent nothing."""
        self.asked += 1
        host = self.page.partition("://")[2].partition(":")[0]
        self.ceremony.sent.clear()
        content = {
            "kind": kind,
            "address": address,
            "host": host,
            "unlock": unlock,
            "token": f"{id(self)}-{self.asked}",
        }
        said = self.send(action="begin", **content)
        return said["message"] if said else self.ceremony.sent.pop()

    def answer(self, request):
        """The browser and the device do what is asked."""
        try:
            response = getattr(self.browser, request["call"])(request["options"])
        except BrowserRefused:
            return self.fail(request, "SecurityError")
        except NoPasskey:
            return self.fail(request, "NotAllowedError")
        return self.send(action="answer", token=request["token"], response=response)

    def fail(self, request, error):
        return self.send(action="failed", token=request["token"], error=error)

    def run(self, kind, address="", unlock="inherence"):
        return self.answer(self.begin(kind, address, unlock))


@pytest.fixture
def ceremony(monkeypatch):
    made = PasskeyCeremony()
    made.sent = []
    monkeypatch.setattr(made, "send", made.sent.append)
    return made


@pytest.fixture
def view(ceremony):
    return View(ceremony)


@pytest.fixture
def registered(view):
    view.run("register")
    return view


# Making a passkey


def test_it_shows_what_the_server_stored(view):
    said = view.run("register")
    assert said["message"] == "Registered: the server has the public key of “learner”. Now you can sign in."
    for part in ("What the server stored", "localhost", "public key", "None of this is secret"):
        assert part in said["html"]


def test_the_passkey_gets_a_name_that_people_find_again(view):
    options = view.begin("register")["options"]
    assert options["user"]["name"] == options["user"]["displayName"] == CALLED
    assert options["rp"]["id"] == "localhost"


def test_with_an_empty_field_the_server_trusts_on_first_use(view):
    html = view.run("register")["html"]
    assert f"{PAGE} (trust on first use: the address of this registration)" in html


def test_with_an_address_the_server_expects_that_one(view):
    assert f"{PAGE} (the address that you typed)" in view.run("register", address=f"{PAGE}/")["html"]


def test_the_expected_address_is_never_taken_from_the_message(ceremony):
    mallory = View(ceremony, "http://localhost:9999")
    said = mallory.run("register", address=PAGE)
    assert said["message"].startswith("The server refused, and stored nothing: ")
    assert "9999" in said["message"]
    assert said["html"] == ""
    assert "knows no passkey" in mallory.begin("sign in")


def test_what_was_trusted_first_stays(ceremony, registered):
    elsewhere = View(ceremony, "http://localhost:9999", registered.authenticator)
    assert elsewhere.run("sign in")["message"].startswith("The server refused: ")
    assert View(ceremony, "http://localhost:9999").run("register")["message"].startswith("The server refused")
    assert registered.run("sign in")["message"].startswith("Signed in")


def test_an_address_that_is_typed_later_does_not_replace_the_trusted_one(registered):
    assert registered.run("sign in", address="http://localhost:9999")["message"].startswith("The server refused: ")
    assert registered.run("sign in")["message"].startswith("Signed in")


def test_a_device_is_asked_for_one_passkey_only(registered):
    options = registered.begin("register")["options"]
    assert len(options["excludeCredentials"]) == 1


# Signing in


def test_it_shows_what_was_signed_and_the_picture(registered):
    said = registered.run("sign in")
    assert said["message"] == "Signed in as “learner”: the server verified the signature."
    for part in (
        "What the passkey signed",
        PAGE,
        "Seen from the end of this notebook alone.",
        "What learner verified, this end cannot see.",
        "even if somebody passes it on",
        "learner authenticated to this notebook (possession and inherence).",
        "Not watched here: the connection between your browser and the notebook.",
    ):
        assert part in said["html"]
    for message in ("challenge", "assertion", "answer"):
        assert f"<b>{message}</b>" in said["html"]


@pytest.mark.parametrize(
    ("device", "unlock", "factors", "sentence"),
    [
        (
            Factor.INHERENCE,
            "inherence",
            "possession and inherence",
            "the picture takes “inherence” from what you chose",
        ),
        (
            Factor.KNOWLEDGE,
            "knowledge",
            "knowledge and possession",
            "the picture takes “knowledge” from what you chose",
        ),
        (Factor.INHERENCE, "unknown", "possession", "That is a second factor, knowledge or inherence."),
        (None, "inherence", "possession", "Your device did not check who you are (UV is not set)."),
        (None, "unknown", "possession", "Your device did not check who you are (UV is not set)."),
    ],
)
def test_the_factors_are_those_of_the_flag_and_of_what_the_learner_said(ceremony, device, unlock, factors, sentence):
    view = View(ceremony, authenticator=Authenticator(unlock=device))
    view.run("register")
    html = view.run("sign in", unlock=unlock)["html"]
    assert f"learner authenticated to this notebook ({factors})." in html
    assert sentence in html


def test_how_the_device_checks_is_chosen_among_three():
    assert PasskeyCeremony().unlocks == [list(pair) for pair in UNLOCKS.items()]
    assert list(UNLOCKS) == ["unknown", "inherence", "knowledge"]


def test_each_sign_in_has_a_new_challenge(registered):
    first, second = (registered.begin("sign in")["options"]["challenge"] for _ in range(2))
    assert first != second


def test_without_a_passkey_it_says_what_to_do(view):
    assert view.begin("sign in") == ("The server knows no passkey for localhost yet. Press “Create a passkey” first.")
    assert view.begin("another port") == view.begin("sign in")


def test_a_passkey_from_before_a_restart_is_not_asked_for(ceremony, registered):
    after = PasskeyCeremony()
    after.sent, after.send = ceremony.sent, ceremony.send
    View(after).run("register")
    old = View(after, authenticator=registered.authenticator)
    assert len(old.begin("sign in")["options"]["allowCredentials"]) == 1
    assert "your device has no passkey that fits" in old.run("sign in")["message"]


def test_what_the_passkey_did_not_sign_is_refused(registered):
    request = registered.begin("sign in")
    response = registered.browser.get(request["options"])
    response["response"]["signature"] = response["response"]["authenticatorData"]
    said = registered.send(action="answer", token=request["token"], response=response)
    assert said["message"].startswith("The server refused: ")
    assert "this notebook says:" in said["html"]
    assert "authenticated to" not in said["html"]


@pytest.mark.parametrize("response", [None, [], {}, "x", 3, {"id": "<i>", "rawId": "<i>", "response": {}}])
@pytest.mark.parametrize("kind", ["register", "sign in"])
def test_an_answer_that_cannot_be_read_is_refused(registered, kind, response):
    request = registered.begin(kind)
    said = registered.send(action="answer", token=request["token"], response=response)
    assert said["message"].startswith("The server refused")
    assert "<i>" not in said["html"]


def test_without_an_address_it_says_what_the_server_expected_and_why(registered):
    assert f"The server expected {PAGE}: the address that it has kept" in registered.run("sign in")["html"]
    assert f"The server expected {PAGE}: the address that you typed" in registered.run("sign in", PAGE)["html"]


def test_a_second_passkey_changes_nothing_of_what_is_expected(ceremony, registered):
    other = View(ceremony)
    assert f"{PAGE} (the address that it has kept from the registration)" in other.run("register")["html"]
    for view in (registered, other):
        assert view.run("sign in")["message"].startswith("Signed in")


# The two experiments


def test_the_browser_refuses_another_sites_passkey_before_anything_is_signed(registered):
    request = registered.begin("another site")
    assert (request["call"], request["options"]["rpId"]) == ("get", "bank.example")
    said = registered.answer(request)
    assert said["message"].startswith(
        "Your browser refused, and nothing was signed: this page may not ask for passkeys of"
    )
    assert "bank.example" in said["message"]
    assert "SecurityError" in said["message"]
    assert "https://bank.example/.well-known/webauthn" in said["html"]
    assert "table" not in said["html"]


def test_it_needs_no_passkey(view):
    assert "bank.example" in view.run("another site")["message"]


@pytest.mark.parametrize(
    ("page", "address", "expected"),
    [
        (PAGE, "", "http://localhost:8889"),
        (PAGE, PAGE, "http://localhost:8889"),
        ("http://localhost:65535", "", "http://localhost:65534"),
        ("http://localhost", "", "http://localhost:81"),
        ("https://hub.example", "", "https://hub.example:444"),
        ("https://hub.example:442", "https://hub.example:442", "https://hub.example"),
    ],
)
def test_the_server_refuses_what_was_signed_for_another_port(ceremony, page, address, expected):
    view = View(ceremony, page)
    view.run("register")
    said = view.run("another port", address)
    assert said["message"].startswith("The server refused: ")
    assert said["message"].endswith(f"This server expects {expected}.")
    for part in (page, "this notebook refused.", "Refused.", "even if somebody passes it on"):
        assert part in said["html"]
    assert view.run("sign in")["message"].startswith("Signed in")


# The address in the field


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://localhost:8888", PAGE),
        ("  HTTP://LocalHost:8888  ", PAGE),
        ("http://localhost:8888/lab/tree/notebooks/09.ipynb?token=swordfish#x", PAGE),
        ("http://localhost:8888?x", PAGE),
        ("http://localhost:08888", PAGE),
        ("http://localhost", "http://localhost"),
        ("http://localhost:80", "http://localhost"),
        ("http://course.localhost:1", "http://course.localhost:1"),
        ("https://hub.example", "https://hub.example"),
        ("https://hub.example:443/user/x", "https://hub.example"),
        ("https://hub.example:80", "https://hub.example:80"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_is_read_as_far_as_its_port(ceremony, address, origin):
    said = View(ceremony, origin).run("register", address)
    assert f"{origin} (the address that you typed)" in said["html"]
    assert "swordfish" not in str(said)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("localhost:8888", "Type the address with its beginning, http:// or https://"),
        ("localhost", "Type the address with its beginning"),
        ("http:/localhost", "Type the address with its beginning"),
        ("ftp://localhost", "The address of a page begins with http:// or https://, not with ftp://"),
        ("://localhost", "The address of a page begins with http:// or https://, not with ://"),
        ("http://", "The host is missing."),
        ("https:///lab", "The host is missing."),
        ("http://:8888", "The host is missing."),
        ("http://alice@localhost:8888", "Only the host and its port stand behind http:// or https://"),
        ("http://127.0.0.1:8888", "A passkey belongs to a name, and this address is a number"),
        ("https://192.0.2.7", "A passkey belongs to a name"),
        ("http://127.1:8888", "A passkey belongs to a name"),
        ("http://0x7f.1", "A passkey belongs to a name"),
        ("http://[::1]:8888", "A passkey belongs to a name"),
        ("http://::1", "A passkey belongs to a name"),
        ("http://local host:8888", "“local host” is no host name."),
        ("https://-.example", "“-.example” is no host name."),
        ("https://bank..example", "“bank..example” is no host name."),
        ("http://localhost:", "Behind the colon stands the port, a number from 1 to 65535. “” is none."),
        ("http://localhost:0", "Behind the colon stands the port"),
        ("http://localhost:65536", "Behind the colon stands the port"),
        ("http://localhost:x", "Behind the colon stands the port, a number from 1 to 65535. “x” is none."),
        ("http://localhost:8８88", "Behind the colon stands the port"),
        (
            "http://bank.example",
            "Over http://, browsers have passkeys for localhost only. For bank.example it must be https://",
        ),
        ("http://localhost.example:8888", "Over http://, browsers have passkeys for localhost only."),
    ],
)
def test_a_mistake_in_the_address_gets_a_sentence(view, address, sentence):
    assert view.begin("register", address).startswith(sentence)
    assert view.begin("sign in", address).startswith(sentence)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "::1", "192.0.2.7"])
def test_a_page_at_a_number_gets_a_sentence(view, host):
    said = view.send(action="begin", kind="register", token="1", address="", host=host, unlock="unknown")
    assert said["message"].startswith("A passkey belongs to a name, and this address is a number")


def test_an_address_of_another_host_has_other_passkeys(registered):
    assert registered.begin("sign in", "https://hub.example").startswith(
        "The server knows no passkey for hub.example yet."
    )
    assert (
        "this page may not ask for passkeys of hub.example"
        in registered.run("register", "https://hub.example")["message"]
    )


# What goes wrong in the browser


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "It was cancelled, or the time was up, or your device has no passkey that fits."),
        ("AbortError", "You cancelled."),
        ("InvalidStateError", "Your device already has a passkey for this server"),
        ("NotSupportedError", "your device can make no key of a kind that the server knows"),
        ("ConstraintError", "your device cannot keep one in the way that the server requires"),
        ("OperationError", "Your browser is busy with another request for a passkey."),
        ("SecurityError", "this page may not ask for passkeys of localhost."),
        ("UnknownError", "Your browser reports an error that this course does not know."),
        ("TypeError", "Your browser reports an error that this course does not know."),
    ],
)
@pytest.mark.parametrize("kind", ["register", "sign in"])
def test_each_error_gets_a_sentence_and_its_name(registered, kind, error, sentence):
    said = registered.fail(registered.begin(kind), error)
    assert sentence in said["message"]
    assert said["message"].endswith(f"(The browser calls it {error}.)")
    assert "table" not in said["html"]
    assert registered.run("sign in")["message"].startswith("Signed in")  # nothing hangs


def test_the_time_is_up_by_the_views_own_clock(view):
    said = view.fail(view.begin("register"), "TimeoutError")
    assert said["message"] == ERRORS["TimeoutError"]
    assert PasskeyCeremony().seconds == 60
    # So the browser's own clock must not be the first.
    assert view.begin("register")["options"]["timeout"] > 60_000


def test_a_strange_error_is_shown_as_text(view):
    said = view.fail(view.begin("register"), "<img src=x>\u202e" + "x" * 1000)
    assert "<img src=x>\\u202exxx" in said["message"]  # the view shows this one as plain text
    assert len(said["message"]) < 300
    assert said["html"] == ""


# One request at a time


def test_an_answer_after_a_cancel_is_refused(registered):
    request = registered.begin("sign in")
    registered.fail(request, "AbortError")
    assert registered.answer(request)["message"] == LATE


def test_an_answer_to_an_older_challenge_is_refused(registered):
    older, newer = registered.begin("sign in"), registered.begin("sign in")
    assert registered.answer(older)["message"] == LATE
    assert registered.answer(newer)["message"].startswith("Signed in")


def test_an_answer_counts_once(registered):
    request = registered.begin("sign in")
    response = registered.browser.get(request["options"])
    answer = {"action": "answer", "token": request["token"], "response": response}
    assert registered.send(**answer)["message"].startswith("Signed in")
    assert registered.send(**answer)["message"] == LATE


def test_an_answer_to_another_challenge_is_refused_by_the_server(registered):
    older = registered.begin("sign in")
    registered.answer(older)
    response = registered.browser.get(older["options"])
    said = registered.send(action="answer", token=registered.begin("sign in")["token"], response=response)
    assert said["message"].startswith("The server refused: The challenge")


def test_of_two_views_the_newest_request_counts(ceremony, registered):
    second = View(ceremony, authenticator=registered.authenticator)
    older, newer = registered.begin("sign in"), second.begin("sign in")
    assert registered.answer(older)["message"] == LATE
    assert second.answer(newer)["message"].startswith("Signed in")


def test_an_older_view_that_fails_does_not_end_the_newer_request(ceremony, registered):
    second = View(ceremony, authenticator=registered.authenticator)
    older, newer = registered.begin("sign in"), second.begin("sign in")
    registered.fail(older, "NotAllowedError")
    assert second.answer(newer)["message"].startswith("Signed in")


def test_a_mistake_in_the_address_does_not_end_the_open_request(registered):
    request = registered.begin("sign in")
    View(registered.ceremony).begin("register", "localhost")
    assert registered.answer(request)["message"].startswith("Signed in")


def test_a_registration_is_no_sign_in(registered):
    request = registered.begin("register")
    response = registered.browser.get({**request["options"], "rpId": "localhost"})
    said = registered.send(action="answer", token=request["token"], response=response)
    assert said["message"].startswith("The server refused, and stored nothing: ")


# What is shown without a kernel


def test_without_a_kernel_the_text_can_be_read():
    bundle, _ = PasskeyCeremony()._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Run this cell to make a real passkey")
    assert bundle["text/html"].startswith(f"<p><em>{bundle['text/plain']}</em></p>")
    for part in (
        "None of this is ever sent",
        escape(CALLED),
        "Windows 11",
        "macOS 15",
        "Android",
        "Chrome",
        "kernel restarts",
    ):
        assert part in bundle["text/html"]


def test_it_is_the_same_each_time_and_holds_nothing_of_a_run(registered):
    bundle, _ = registered.ceremony._repr_mimebundle_()
    registered.run("sign in")
    fresh, _ = PasskeyCeremony()._repr_mimebundle_()
    for kind in ("text/html", "text/plain"):
        assert bundle[kind] == fresh[kind]
        assert "8888" not in bundle[kind]


def test_what_is_stored_and_signed_has_no_secret(registered):
    for kind in ("register", "sign in"):
        shown = str(registered.run(kind))
        for secret in registered.authenticator._passkeys["localhost"]:
            number = secret.key.private_numbers().private_value
            for text in (str(number), f"{number:x}", to_base64url(number.to_bytes(32))):
                assert text not in shown
