"""The passkey ceremony in a real Chromium, with a virtual authenticator: over the DevTools protocol, as W3C's tests do.

The browser's own WebAuthn runs, unchanged. Only the device is not real: what a person does with it, the tests do.
"""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import THEMES, Watcher, change_theme, go_to, run_all, tab_to
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect
from reexecute import METADATA

from helpers.widgets.passkey_ceremony import CALLED, PasskeyCeremony

ADDRESS = "Type the beginning of the address"
UNLOCK = "How does your device check that it is you?"
ASKED = "Your browser and your device ask you now. They have 60 seconds."
SOURCES = (
    "from helpers.widgets.passkey_ceremony import PasskeyCeremony\nceremony = PasskeyCeremony()\nceremony",
    "ceremony  # a second view of it",
    "hurried = PasskeyCeremony()\nhurried.seconds = 1\nhurried",
)


class Device:
    """What holds the passkeys of a page: a virtual authenticator, which can be plugged in and taken out."""

    def __init__(self, page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")

    def plug_in(self, *, verifies: bool = True) -> None:
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        self._id = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def _send(self, command: str, **options) -> dict:
        return self._session.send(f"WebAuthn.{command}", {"authenticatorId": self._id, **options})

    def take_out(self) -> None:
        self._send("removeVirtualAuthenticator")

    def passkeys(self) -> list[dict]:
        return self._send("getCredentials")["credentials"]

    def forget(self) -> None:
        self._send("clearCredentials")

    def answers(self, enabled: bool) -> None:
        """Whether somebody touches it when it asks."""
        self._send("setAutomaticPresenceSimulation", enabled=enabled)

    def recognises(self, verified: bool) -> None:
        """Whether the finger, face or PIN is the right one."""
        self._send("setUserVerified", isUserVerified=verified)


@pytest.fixture(scope="module")
def notebook(lab):
    nbformat.write(
        new_notebook(cells=[new_code_cell(source) for source in SOURCES], metadata=METADATA),
        lab.notebooks / "passkeys.ipynb",
    )
    return "passkeys.ipynb"


@pytest.fixture
def named(lab, monkeypatch):
    """The lab, at its name instead of its number."""
    monkeypatch.setattr(lab, "url", lab.url.replace("127.0.0.1", "localhost"))
    return lab


def test_a_learner_makes_a_passkey_and_signs_in(named, context, notebook):
    """One page for all of it: to open one takes longer than to use it."""
    page = context.new_page()
    watch = Watcher(page)
    named.open(page, notebook)
    run_all(page)
    device, view = Device(page), page.locator(".course-passkey").first
    without_a_device(page, view)
    device.plug_in()
    an_address_that_is_wrong(view, device)
    making_a_passkey(page, view, device, named.url)
    signing_in(page, view, device, named.url)
    experiments(view, device)
    typed_addresses(view, named.url)
    a_finger_that_is_not_known(view, device)
    two_views(page, device)
    it_is_accessible(page, view)
    a_device_that_checks_nothing(view, device)
    an_older_browser(page, view, device)
    it_fits_in_a_narrow_window(page)
    watch.check()
    page.close()


def status_of(view):
    return view.locator('[role="status"]')


def press(view, name):
    view.get_by_role("button", name=name, exact=True).click()


def without_a_device(page, view):
    """By keyboard. Chromium waits for a device until the time is up or the learner cancels."""
    status, cancel = status_of(view), view.get_by_role("button", name="Cancel")
    expect(status).to_be_empty()
    expect(cancel).to_be_disabled()
    go_to(page, "ceremony = PasskeyCeremony()")
    cells = page.locator(".jp-Cell").count()
    tab_to(page, ADDRESS)
    page.keyboard.type("dd")  # it would delete the cell if JupyterLab took it for a command
    page.keyboard.press("Enter")
    assert page.locator(".jp-Cell").count() == cells
    expect(status).to_be_empty()
    tab_to(page, "Create a passkey")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Type the address with its beginning, http:// or https://")
    view.get_by_label(ADDRESS).fill("")

    page.keyboard.press("Tab")
    tab_to(page, "Create a passkey")
    page.keyboard.press("Enter")
    expect(status).to_have_text(ASKED)
    expect(view.locator(".clock")).to_contain_text(" s left")
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("You cancelled.")
    expect(view.get_by_role("button", name="Create a passkey")).to_be_focused()
    expect(cancel).to_be_disabled()
    expect(view.locator(".clock")).to_be_empty()

    hurried = page.locator(".course-passkey").nth(2)
    press(hurried, "Create a passkey")
    expect(status_of(hurried)).to_contain_text("They have 1 seconds.")
    expect(status_of(hurried)).to_contain_text("the time was up")


def an_address_that_is_wrong(view, device):
    """The device makes a passkey all the same: it is the server that refuses."""
    view.get_by_label(ADDRESS).fill("http://localhost:1/lab")
    press(view, "Create a passkey")
    expect(status_of(view)).to_contain_text("The server refused, and stored nothing:")
    assert len(device.passkeys()) == 1
    device.forget()
    view.get_by_label(ADDRESS).fill("")
    press(view, "Sign in")
    expect(status_of(view)).to_contain_text("The server knows no passkey for localhost yet.")


def making_a_passkey(page, view, device, url):
    press(view, "Create a passkey")
    expect(status_of(view)).to_have_text("Registered: the server has the public key of “learner”. Now you can sign in.")
    expect(view.locator(".report")).to_contain_text(f"{url} (trust on first use: the address of this registration)")
    (passkey,) = device.passkeys()
    assert (passkey["rpId"], passkey["userName"], passkey["isResidentCredential"]) == ("localhost", CALLED, True)
    # The second view shows it as well.
    expect(status_of(page.locator(".course-passkey").nth(1))).to_contain_text("Registered")
    press(view, "Create a passkey")
    expect(status_of(view)).to_contain_text("Your device already has a passkey for this server")
    expect(status_of(view)).to_contain_text("InvalidStateError")


def signing_in(page, view, device, url):
    (before,) = device.passkeys()
    press(view, "Sign in")
    expect(status_of(view)).to_have_text("Signed in as “learner”: the server verified the signature.")
    report = view.locator(".report")
    expect(report).to_contain_text(url)
    expect(report).to_contain_text("learner authenticated to this notebook (possession).")
    expect(report).to_contain_text("That is a second factor, knowledge or inherence.")
    (after,) = device.passkeys()
    assert after["signCount"] == before["signCount"] + 1

    go_to(page, "ceremony = PasskeyCeremony()")
    tab_to(page, UNLOCK)
    page.keyboard.type("By PIN")
    tab_to(page, "Sign in")
    page.keyboard.press("Space")
    expect(report).to_contain_text("learner authenticated to this notebook (knowledge and possession).")
    expect(view.get_by_role("button", name="Sign in", exact=True)).to_be_focused()


def experiments(view, device):
    (before,) = device.passkeys()
    press(view, "Ask for another site's passkey")
    expect(status_of(view)).to_contain_text("Your browser refused, and nothing was signed")
    expect(status_of(view)).to_contain_text("SecurityError")
    assert device.passkeys() == [before]
    press(view, "Sign in, but the server expects another port")
    expect(status_of(view)).to_contain_text("The server refused: ")
    expect(view.locator(".report")).to_contain_text("this notebook refused.")
    (after,) = device.passkeys()
    assert after["signCount"] == before["signCount"] + 1  # it did sign


def typed_addresses(view, url):
    for address, begins in (
        ("http://localhost:1", "The server refused: "),
        (f"{url}/lab/tree/passkeys.ipynb", "Signed in as “learner”"),
        (url.replace("localhost", "127.0.0.1"), "A passkey belongs to a name, and this address is a number"),
        ("https://bank.example", "The server knows no passkey for bank.example yet."),
        ("", "Signed in as “learner”"),
    ):
        view.get_by_label(ADDRESS).fill(address)
        press(view, "Sign in")
        expect(status_of(view)).to_contain_text(begins)
    view.get_by_label(ADDRESS).fill("https://bank.example")
    press(view, "Create a passkey")
    expect(status_of(view)).to_contain_text("this page may not ask for passkeys of bank.example")
    view.get_by_label(ADDRESS).fill("")


def a_finger_that_is_not_known(view, device):
    device.recognises(False)
    press(view, "Sign in")
    expect(status_of(view)).to_contain_text("Browsers do not say which")
    expect(status_of(view)).to_contain_text("NotAllowedError")
    device.recognises(True)


def two_views(page, device):
    """One request at a time, and the newest counts."""
    device.answers(False)
    first, second = (page.locator(".course-passkey").nth(number) for number in range(2))
    press(first, "Sign in")
    expect(status_of(first)).to_have_text(ASKED)
    press(first, "Sign in")
    expect(status_of(first)).to_contain_text("Your browser still waits for your device.")
    press(second, "Sign in")
    expect(status_of(second)).to_have_text(ASKED)
    expect(status_of(first)).to_have_text("Stopped: a newer request was made elsewhere. One request at a time.")
    press(second, "Cancel")
    expect(status_of(second)).to_contain_text("You cancelled.")
    # Another widget of this page is another server, but the browser is the same.
    press(first, "Sign in")
    expect(status_of(first)).to_have_text(ASKED)
    other = page.locator(".course-passkey").nth(2)
    press(other, "Create a passkey")
    expect(status_of(other)).to_contain_text("busy with another request for a passkey")
    press(first, "Cancel")
    device.answers(True)
    first.get_by_role("button", name="Sign in", exact=True).dblclick()
    expect(status_of(first)).to_contain_text("Signed in as “learner”")


def it_is_accessible(page, view):
    """With everything open that it has."""
    view.locator("details").evaluate_all("all => all.forEach((details) => { details.open = true; })")
    for theme in THEMES:
        change_theme(page, theme)
        found = Axe().run(page, context={"include": [[".jp-OutputArea-output"]]})
        assert found.violations_count == 0, found.generate_report()


def a_device_that_checks_nothing(view, device):
    """A security key without a PIN: it is touched, and that is all."""
    device.take_out()
    device.plug_in(verifies=False)
    press(view, "Create a passkey")
    expect(status_of(view)).to_contain_text("Registered")
    press(view, "Sign in")
    expect(view.locator(".report")).to_contain_text("Your device did not check who you are (UV is not set).")
    expect(view.locator(".report")).to_contain_text("learner authenticated to this notebook (possession).")


def an_older_browser(page, view, device):
    """One that has WebAuthn without its JSON forms (Level 2)."""
    page.evaluate("""() => {
        delete PublicKeyCredential.parseCreationOptionsFromJSON;
        delete PublicKeyCredential.parseRequestOptionsFromJSON;
        delete PublicKeyCredential.prototype.toJSON;
    }""")
    assert page.evaluate("Boolean(PublicKeyCredential.parseRequestOptionsFromJSON)") is False
    press(view, "Create a passkey")
    expect(status_of(view)).to_contain_text("InvalidStateError")
    device.take_out()
    device.plug_in()
    press(view, "Create a passkey")
    expect(status_of(view)).to_contain_text("Registered")
    press(view, "Sign in")
    expect(status_of(view)).to_contain_text("Signed in as “learner”")


def it_fits_in_a_narrow_window(page):
    page.get_by_role("tab", name="File Browser").click()
    page.set_viewport_size({"width": 400, "height": 800})
    wide = """view => [view, ...view.querySelectorAll("*")]
        .filter((element) => element.clientWidth && element.scrollWidth > element.clientWidth + 1)
        .filter((element) => getComputedStyle(element).overflowX === "visible")
        .map((element) => element.outerHTML.slice(0, 80))"""
    for view in page.locator(".course-passkey").all():
        assert view.evaluate(wide) == []


def test_at_a_number_it_names_the_address_to_open(lab, open_page, notebook):
    page, watch = open_page(lab, notebook)
    run_all(page)
    view = page.locator(".course-passkey").first
    expect(view.locator(".obstacle")).to_contain_text(lab.url.replace("127.0.0.1", "localhost"))
    expect(view.locator(".obstacle")).to_contain_text("the address of this page is a number, 127.0.0.1.")
    for control in view.locator("button, input, select").all():
        expect(control).to_be_disabled()
    expect(view).to_contain_text("This makes a real passkey")
    watch.check()


SHOW = """async (source) => {
    const { default: { render } } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
    const model = { get: (name) => ({ said: {}, unlocks: [], about: "<p>What it does</p>" })[name], on() {}, off() {} };
    render({ model, el: document.body });
}"""


@pytest.mark.parametrize(
    ("address", "prepare", "says"),
    [
        (
            "http://lab.example/",
            "",
            "browsers have passkeys only for pages that come over https, or from http://localhost.",
        ),
        (
            "https://lab.example/",
            "delete window.PublicKeyCredential",
            "it has no passkeys (WebAuthn), or they are switched off.",
        ),
        ("http://192.0.2.1:8888/lab?token=secret", "", "open this address instead: http://localhost:8888/lab (If"),
        ("http://[2001:db8::1]/", "", "the address of this page is a number, [2001:db8::1]."),
    ],
)
def test_where_there_are_no_passkeys_the_view_says_so(context, address, prepare, says):
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(address)
    page.evaluate(prepare)
    page.evaluate(SHOW, PasskeyCeremony._esm)
    expect(page.locator(".obstacle")).to_contain_text(says)
    assert "secret" not in page.locator(".obstacle").inner_text()
    expect(page.get_by_text("What it does")).to_be_visible()
    expect(page.get_by_role("button", name="Create a passkey")).to_be_disabled()
    page.close()
