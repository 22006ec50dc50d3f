"""Making a passkey and signing in, as the server sees it. What is refused stands in test_passkey_changes.py."""

import json
import secrets

import pytest
from webauthn.helpers import parse_authentication_options_json, parse_registration_options_json

from helpers.exchange import Factor
from helpers.protocols.authenticator import Authenticator, Browser, NoPasskey, from_base64url, to_base64url
from helpers.protocols.passkey import PasskeyRefused, RelyingParty, signed_parts

NAME, ORIGIN = "bank.example", "https://bank.example"


@pytest.fixture
def keys():
    return RelyingParty(NAME, ORIGIN)


@pytest.fixture
def browser():
    return Browser(ORIGIN, Authenticator())


def register(keys, browser, user="alice"):
    return keys.finish_registration(browser.create(keys.begin_registration(user)))


def sign_in(keys, browser):
    return keys.finish_sign_in(browser.get(keys.begin_sign_in()))


def refused(call, *arguments):
    with pytest.raises(PasskeyRefused) as error:
        call(*arguments)
    return error.value.field, f"{error.value}"


# What is asked, stored and told.


def test_who_registered_can_sign_in(keys, browser):
    passkey = register(keys, browser)
    found = sign_in(keys, browser)
    assert (passkey.user, found.user) == ("alice", "alice")
    assert (passkey.sign_count, found.sign_count) == (0, 1)
    assert not passkey.backup_eligible
    assert not passkey.backed_up


def test_answers_may_come_as_text(keys, browser):
    keys.finish_registration(json.dumps(browser.create(keys.begin_registration("alice"))))
    assert keys.finish_sign_in(json.dumps(browser.get(keys.begin_sign_in()))).user == "alice"


def test_the_request_for_a_new_passkey(keys):
    options = parse_registration_options_json(keys.begin_registration("alice"))  # what py_webauthn reads in it
    assert (options.rp.id, options.rp.name) == (NAME, NAME)
    assert (options.user.name, options.user.display_name, len(options.user.id)) == ("alice", "alice", 64)
    assert len(options.challenge) == 32
    assert options.attestation == "none"
    assert options.authenticator_selection.resident_key == "required"
    assert options.authenticator_selection.user_verification == "preferred"
    assert {one.alg for one in options.pub_key_cred_params} == {-7, -8, -257}  # ES256, EdDSA, RS256
    assert options.exclude_credentials == []


def test_the_request_to_sign_in_names_no_user(keys, browser):
    register(keys, browser)
    options = parse_authentication_options_json(keys.begin_sign_in())
    assert (options.rp_id, options.user_verification, len(options.challenge)) == (NAME, "preferred", 32)
    assert not options.allow_credentials


def test_a_server_that_requires_verification_says_so():
    keys = RelyingParty(NAME, ORIGIN, "The bank", require_user_verification=True)
    registration, found = keys.begin_registration("alice"), keys.begin_sign_in()
    assert registration["rp"] == {"name": "The bank", "id": NAME}
    assert registration["authenticatorSelection"]["userVerification"] == found["userVerification"] == "required"


def test_each_challenge_is_another_one(keys):
    asked = [ask() for ask in (keys.begin_sign_in, lambda: keys.begin_registration("alice")) for _ in range(20)]
    assert len({one["challenge"] for one in asked}) == 40


def test_challenges_come_from_the_source_for_secrets(keys, monkeypatch):
    monkeypatch.setattr(secrets, "token_bytes", lambda size: b"c" * size)
    assert from_base64url(keys.begin_sign_in()["challenge"]) == b"c" * 32


def test_the_user_handle_stays_and_tells_nothing(keys):
    first, again, other = (keys.begin_registration(user)["user"]["id"] for user in ("alice", "alice", "bob"))
    assert first == again != other
    assert b"alice" not in from_base64url(first)


def test_what_was_signed_is_told_in_words_and_the_same_each_time(keys, browser):
    register(keys, browser)
    first, again = sign_in(keys, browser), sign_in(keys, browser)
    assert first.signed == {
        "type": "webauthn.get",
        "challenge": "the one that the server made",
        "origin": ORIGIN,
        "RP ID hash": f"SHA-256 of {NAME}",
        "flag UP (user present)": "set",
        "flag UV (user verified)": "set",
        "flag BE (may be backed up)": "not set",
        "flag BS (is backed up)": "not set",
        "counter": "1",
    }
    assert again.signed == {**first.signed, "counter": "2"}
    assert str(first).splitlines()[0] == "What the passkey signed"
    assert "<caption>What the passkey signed</caption>" in first._repr_html_()


def test_the_parts_of_a_response_can_be_read_without_a_check(keys, browser):
    registration = signed_parts(browser.create(keys.begin_registration("alice")))
    assert (registration["type"], registration["counter"]) == ("webauthn.create", "0")
    response = browser.get({"challenge": to_base64url(b"not the server's")})
    assert signed_parts(json.dumps(response)) == signed_parts(response)
    assert signed_parts(response)["challenge"] == "random bytes"
    assert signed_parts(response)["RP ID hash"] == f"SHA-256 of {NAME}"


@pytest.mark.parametrize(
    ("page", "rp_id", "name"),
    [
        ("https://login.bank.example:8443", "bank.example", "bank.example"),
        ("https://login.bank.example", "login.bank.example", "login.bank.example"),
        ("http://localhost:8888", "localhost", "localhost"),
        ("https://bank-login.example", "bank.example", "another name"),
    ],
)
def test_the_name_behind_the_hash_is_found_by_trying(page, rp_id, name):
    browser = Browser(page, Authenticator(), checks_rp_id=False)
    registration = browser.create({"rp": {"id": rp_id}, "challenge": "YQ", "user": {"id": "YQ"}})
    assert signed_parts(registration)["RP ID hash"] == f"SHA-256 of {name}"


@pytest.mark.parametrize(
    ("unlock", "verified"), [(None, False), (Factor.INHERENCE, True), (Factor.KNOWLEDGE, True)], ids=str
)
def test_whether_the_user_was_verified_is_told_and_not_how(keys, unlock, verified):
    browser = Browser(ORIGIN, Authenticator(unlock=unlock))
    register(keys, browser)
    found = sign_in(keys, browser)
    assert found.user_verified is verified
    assert found.signed["flag UP (user present)"] == "set"
    assert found.signed["flag UV (user verified)"] == ("set" if verified else "not set")


def test_the_counter_counts_each_sign_in_of_this_passkey(keys):
    one, other = (Browser(ORIGIN, Authenticator()) for _ in range(2))
    register(keys, one)
    register(keys, other)
    assert [sign_in(keys, browser).sign_count for browser in (one, one, other, one, other)] == [1, 2, 1, 3, 2]


def test_an_authenticator_that_does_not_count_stays_at_zero(keys):
    browser = Browser(ORIGIN, Authenticator(counts=False))
    register(keys, browser)
    assert [sign_in(keys, browser).sign_count for _ in range(3)] == [0, 0, 0]


# Who is who.


def test_two_users_with_a_device_each(keys):
    alice, bob = (Browser(ORIGIN, Authenticator()) for _ in range(2))
    register(keys, alice, "alice")
    register(keys, bob, "bob")
    assert [sign_in(keys, browser).user for browser in (alice, bob, alice)] == ["alice", "bob", "alice"]


def test_two_users_at_one_device(keys, browser):
    passkeys = {user: register(keys, browser, user) for user in ("alice", "bob")}
    assert sign_in(keys, browser).user == "bob"  # the newest
    for user, passkey in passkeys.items():
        asked = {**keys.begin_sign_in(), "allowCredentials": [{"id": to_base64url(passkey.credential_id)}]}
        assert keys.finish_sign_in(browser.get(asked)).user == user


def test_one_user_with_two_devices(keys):
    phone, key = (Browser(ORIGIN, Authenticator()) for _ in range(2))
    first = register(keys, phone)
    asked = keys.begin_registration("alice")
    assert [from_base64url(one["id"]) for one in asked["excludeCredentials"]] == [first.credential_id]
    keys.finish_registration(key.create(asked))
    assert [sign_in(keys, browser).user for browser in (phone, key)] == ["alice", "alice"]


def test_a_new_passkey_takes_the_place_of_the_old_one_in_the_device(keys, browser):
    old, new = register(keys, browser), register(keys, browser)
    assert old.credential_id != new.credential_id
    assert old.public_key != new.public_key
    assert sign_in(keys, browser).user == "alice"
    asked = {**keys.begin_sign_in(), "allowCredentials": [{"id": to_base64url(old.credential_id)}]}
    with pytest.raises(NoPasskey):
        browser.get(asked)


def test_two_sites_at_one_device(keys):
    device = Authenticator()
    shop = RelyingParty("shop.example", "https://shop.example")
    pages = {keys: Browser(ORIGIN, device), shop: Browser("https://shop.example", device)}
    made = [register(site, page) for site, page in pages.items()]
    assert len({one.public_key for one in made}) == len({one.user_handle for one in made}) == 2
    assert [sign_in(site, page).sign_count for site, page in pages.items()] == [1, 1]


# Challenges.


def test_a_challenge_is_good_for_one_sign_in(keys, browser):
    register(keys, browser)
    asked = keys.begin_sign_in()
    keys.finish_sign_in(browser.get(asked))
    field, sentence = refused(keys.finish_sign_in, browser.get(asked))
    assert field == "challenge"
    assert sentence == "The challenge in the answer is none that this server waits for: each is good for one answer."


def test_a_challenge_is_good_for_one_registration(keys, browser):
    asked = keys.begin_registration("alice")
    keys.finish_registration(browser.create(asked))
    assert refused(keys.finish_registration, browser.create(asked))[0] == "challenge"


def test_a_replayed_answer_is_refused(keys, browser):
    register(keys, browser)
    answer = browser.get(keys.begin_sign_in())
    assert keys.finish_sign_in(answer).user == "alice"
    keys.begin_sign_in()  # the server waits for another one
    assert refused(keys.finish_sign_in, answer)[0] == "challenge"


def test_a_challenge_is_used_up_by_a_refusal(keys, browser):
    register(keys, browser)
    asked = keys.begin_sign_in()
    stranger = Browser("https://bank.example:8443", browser.authenticator)
    assert refused(keys.finish_sign_in, stranger.get(asked))[0] == "origin"
    assert refused(keys.finish_sign_in, browser.get(asked))[0] == "challenge"


def test_a_challenge_is_used_up_by_an_unknown_passkey(keys, browser):
    asked = keys.begin_sign_in()
    elsewhere = RelyingParty(NAME, ORIGIN)
    register(elsewhere, browser)
    answer = browser.get(asked)
    assert refused(keys.finish_sign_in, answer) == ("credential", "Nobody has registered this passkey here.")
    assert refused(keys.finish_sign_in, answer)[0] == "challenge"


def test_a_challenge_for_one_thing_is_not_good_for_another(keys, browser):
    register(keys, browser)
    to_register, to_sign_in = keys.begin_registration("alice"), keys.begin_sign_in()
    assert refused(keys.finish_sign_in, browser.get({"challenge": to_register["challenge"]})) == (
        "challenge",
        "The challenge in the answer was made for a registration, and this is a sign-in.",
    )
    user = {"id": to_register["user"]["id"]}
    answer = browser.create({"rp": {}, "user": user, "challenge": to_sign_in["challenge"]})
    assert refused(keys.finish_registration, answer) == (
        "challenge",
        "The challenge in the answer was made for a sign-in, and this is a registration.",
    )


def test_the_user_who_registers_is_known_from_the_challenge(keys, browser):
    """Bob answers with his own challenge, and with Alice's user handle. The passkey is Bob's."""
    alice, bob = keys.begin_registration("alice"), keys.begin_registration("bob")
    assert keys.finish_registration(browser.create({**bob, "user": alice["user"]})).user == "bob"


def test_challenges_may_be_answered_in_any_order(keys):
    alice, bob = (Browser(ORIGIN, Authenticator()) for _ in range(2))
    asked = [keys.begin_registration(user) for user in ("alice", "bob")]
    assert keys.finish_registration(bob.create(asked[1])).user == "bob"
    assert keys.finish_registration(alice.create(asked[0])).user == "alice"
    asked = [keys.begin_sign_in() for _ in range(2)]
    assert keys.finish_sign_in(alice.get(asked[1])).user == "alice"
    assert keys.finish_sign_in(bob.get(asked[0])).user == "bob"


def test_a_challenge_of_another_server_is_refused(keys, browser):
    twin = RelyingParty(NAME, ORIGIN)
    register(twin, browser)
    assert refused(twin.finish_sign_in, browser.get(keys.begin_sign_in()))[0] == "challenge"


# Trust on first use.


@pytest.mark.parametrize(
    ("rp_id", "page"),
    [
        ("bank.example", "https://bank.example"),
        ("bank.example", "https://bank.example:8443"),
        ("bank.example", "https://login.bank.example"),
        ("localhost", "http://localhost:8888"),
        ("localhost", "https://localhost"),
    ],
)
def test_the_first_origin_is_kept_and_no_other_is_accepted(rp_id, page):
    keys, first = RelyingParty(rp_id), Browser(page, Authenticator())
    assert keys.origin is None
    register(keys, first)
    assert keys.origin == page
    elsewhere = f"https://{rp_id}:444"
    expected = ("origin", f"What was signed says {elsewhere}. This server expects {page}.")
    assert refused(sign_in, keys, Browser(elsewhere, first.authenticator)) == expected
    assert refused(register, keys, Browser(elsewhere, Authenticator()), "bob") == expected
    assert sign_in(keys, first).user == "alice"


@pytest.mark.parametrize(
    "page",
    [
        "https://bank-login.example",
        "https://notbank.example",
        "https://example",
        "https://bank.example.evil.example",
        "http://bank.example",
        "http://login.bank.example:8080",
    ],
)
def test_the_first_origin_must_be_a_page_of_the_rp_id(page, monkeypatch):
    keys, broken = RelyingParty(NAME), Browser(page, Authenticator())
    monkeypatch.setattr(broken, "_check", lambda rp_id: None)
    assert refused(register, keys, broken) == (
        "origin",
        f"What was signed says {page}. This server expects a page of bank.example.",
    )
    assert keys.origin is None
    register(keys, Browser(ORIGIN, Authenticator()))
    assert keys.origin == ORIGIN


@pytest.mark.parametrize(
    "written",
    [
        "bank.example",
        "https://BANK.example",
        "https://bank.example/",
        "https://bank.example:443",
        "https://evil.example/.bank.example",
        "https://evil.example#.bank.example",
        "https://evil.example:1@bank.example",
        "https://bank.example:99999",
        "https://[::1",
        "ftp://bank.example",
        "https://",
        "",
        "null",
        "https://bank.example\n",
        "https://bänk.bank.example",
        "\ud800",
    ],
)
def test_what_no_browser_writes_is_no_first_origin(written, browser, monkeypatch):
    keys = RelyingParty(NAME)
    monkeypatch.setattr(browser, "_check", lambda rp_id: None)
    browser.origin = written
    assert refused(register, keys, browser)[0] == "origin"
    assert keys.origin is None


def test_a_refused_registration_fixes_no_origin(browser):
    keys = RelyingParty(NAME, require_user_verification=True)
    assert refused(register, keys, Browser(ORIGIN, Authenticator(unlock=None)))[0] == "flags"
    assert keys.origin is None


def test_nothing_is_trusted_before_the_first_registration(browser):
    elsewhere, keys = RelyingParty(NAME, ORIGIN), RelyingParty(NAME)
    register(elsewhere, browser)
    assert refused(sign_in, keys, browser)[0] == "credential"


# Secrets.


def test_nothing_shows_a_private_key_or_random_bytes(keys, browser):
    passkey = register(keys, browser)
    found = sign_in(keys, browser)
    device = browser.authenticator
    (kept,) = device._passkeys[NAME]
    number = kept.key.private_numbers().private_value
    shown = "".join(map(repr, (passkey, found, keys, browser, device, kept, kept.key)))
    shown += f"{found}{found._repr_html_()}{vars(keys)}{passkey}"
    assert str(number) not in shown
    assert f"{number:x}" not in shown
    assert to_base64url(number.to_bytes(32)) not in shown
    assert repr(passkey) == "Passkey(user='alice', sign_count=0, backup_eligible=False, backed_up=False)"


@pytest.mark.parametrize(
    ("rp_id", "origin"),
    [
        ("https://bank.example", None),
        ("bank.example:8443", None),
        ("Bank.example", None),
        ("127.0.0.1", None),
        ("", None),
        ("bank.example", "https://evil.example"),
        ("bank.example", "https://bank.example/"),
        ("bank.example", "https://BANK.example"),
        ("bank.example", "http://bank.example"),
        ("com", "https://evil.com"),
    ],
)
def test_a_site_that_cannot_be_one_is_not_made(rp_id, origin):
    with pytest.raises(ValueError, match=r"RP ID|passkeys|name"):
        RelyingParty(rp_id, origin)


def test_a_challenge_is_good_for_ten_minutes_and_then_forgotten(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("helpers.protocols.passkey.time.monotonic", lambda: now[0])
    site = RelyingParty("bank.example", "https://bank.example")
    browser = Browser("https://bank.example", Authenticator())
    site.finish_registration(browser.create(site.begin_registration("alice")))
    early, late = browser.get(site.begin_sign_in()), browser.get(site.begin_sign_in())
    now[0] = 600
    assert site.finish_sign_in(early).user == "alice"
    now[0] = 601
    with pytest.raises(PasskeyRefused, match="The challenge is older than 10 minutes"):
        site.finish_sign_in(late)
    for _ in range(3):
        site.begin_sign_in()
        now[0] += 601
    assert len(site._open) == 1
