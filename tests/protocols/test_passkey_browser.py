"""The browser and the authenticator: which page may ask for which passkeys, and what is signed then."""

import hashlib
import json

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from helpers.exchange import Factor
from helpers.protocols.authenticator import (
    Authenticator,
    Browser,
    BrowserRefused,
    NoPasskey,
    from_base64url,
    to_base64url,
)
from helpers.protocols.passkey import PasskeyRefused, RelyingParty

NAME, ORIGIN = "bank.example", "https://bank.example"
CHALLENGE = to_base64url(b"a challenge")


def ask(browser, rp_id):
    return browser.get({"challenge": CHALLENGE, "rpId": rp_id})


def make(browser, rp_id, user=b"alice"):
    return browser.create({"challenge": CHALLENGE, "rp": {"id": rp_id}, "user": {"id": to_base64url(user)}})


@pytest.fixture
def device():
    """With a passkey for bank.example."""
    device = Authenticator()
    make(Browser(ORIGIN, device), NAME)
    return device


def signed(device, rp_id=NAME):
    """How often its passkey for this name has signed."""
    return device._passkeys[rp_id][-1].count


# Which page may ask for which name? (HTML: "is a registrable domain suffix of or is equal to")


@pytest.mark.parametrize(
    ("page", "rp_id"),
    [
        ("https://bank.example", "bank.example"),
        ("https://bank.example:8443", "bank.example"),
        ("https://login.bank.example", "bank.example"),
        ("https://a.b.bank.example", "bank.example"),
        ("https://a.b.bank.example", "b.bank.example"),
        ("https://a.b.bank.example:444", "a.b.bank.example"),
        ("http://localhost", "localhost"),
        ("http://localhost:8888", "localhost"),
        ("https://localhost:8888", "localhost"),
        ("http://lab.localhost:8888", "lab.localhost"),
        ("https://intranet", "intranet"),
        ("https://BANK.Example", "bank.example"),
        ("https://bänk.example", "xn--bnk-qla.example"),
        ("https://login.xn--bnk-qla.example", "xn--bnk-qla.example"),
    ],
)
def test_a_page_asks_for_its_own_host_and_for_the_domains_above_it(page, rp_id):
    device = Authenticator()
    browser = Browser(page, device)
    make(browser, rp_id)
    data = from_base64url(ask(browser, rp_id)["response"]["authenticatorData"])
    assert data[:32] == hashlib.sha256(rp_id.encode()).digest()
    assert signed(device, rp_id) == 1


FOREIGN = [
    ("https://bank-login.example", "bank.example"),  # another name
    ("https://shop.example", "bank.example"),  # a sibling
    ("https://login.bank.example", "pay.bank.example"),
    ("https://bank.example", "login.bank.example"),  # one below
    ("https://notbank.example", "bank.example"),  # the same letters, but no dot before them
    ("https://bank.example.evil.example", "bank.example"),
    ("https://evil.example", "bank.example.evil.example"),
    ("https://bank.example", "example"),  # one label: as if it were a public suffix
    ("https://lab.localhost", "localhost"),
    ("https://bank.example", ".example"),
    ("https://bank.example", ".bank.example"),
    ("https://bank.example", "bank.example."),
    ("https://bank.example.", "bank.example"),
    ("https://bank.example", "BANK.example"),
    ("https://bank.example", "bank.example:443"),
    ("https://bank.example", "https://bank.example"),
    ("https://bank.example", "*.example"),
    ("https://bank.example", "bаnk.example"),  # with a Cyrillic a
    ("https://bänk.example", "bänk.example"),  # the RP ID is written as in the origin, in ASCII
    ("https://bank.example", "."),
    ("https://bank.example", " bank.example"),
]


@pytest.mark.parametrize(("page", "rp_id"), FOREIGN)
def test_a_foreign_name_is_refused_before_anything_is_signed(page, rp_id, device):
    make(Browser(page, device, checks_rp_id=False), rp_id)  # so the device would have one
    before = [kept.count for passkeys in device._passkeys.values() for kept in passkeys]
    browser = Browser(page, device)
    for call in (ask, make):
        with pytest.raises(BrowserRefused, match="lets a page ask only for its own host and for the domains above it"):
            call(browser, rp_id)
    assert [kept.count for passkeys in device._passkeys.values() for kept in passkeys] == before


def test_the_sentence_names_both_sites(device):
    with pytest.raises(BrowserRefused) as refused:
        ask(Browser("https://bank-login.example:8443", device), NAME)
    assert f"{refused.value}" == (
        "The page is on bank-login.example, and it asks for a passkey of bank.example. The browser lets a page ask only"
        " for its own host and for the domains above it."
    )


def test_what_the_page_asks_for_is_shown_escaped_and_shortened(device):
    with pytest.raises(BrowserRefused) as refused:
        ask(Browser(ORIGIN, device), "evil\n\u202e" + "x" * 500)
    assert "evil\\n\\u202exxx" in f"{refused.value}"
    assert len(f"{refused.value}") < 300


@pytest.mark.parametrize(
    "page",
    [
        "http://127.0.0.1:8888",
        "https://127.0.0.1",
        "https://192.0.2.1",
        "http://[::1]:8888",
        "https://[2001:db8::1]:444",
    ],
)
@pytest.mark.parametrize("checks_rp_id", [True, False])
def test_an_ip_address_has_no_passkeys(page, checks_rp_id, device):
    host = page.partition("://")[2].removesuffix(":8888").removesuffix(":444").strip("[]")
    browser = Browser(page, device, checks_rp_id=checks_rp_id)
    for rp_id in (host, NAME, None):
        with pytest.raises(BrowserRefused) as refused:
            ask(browser, rp_id)
        assert f"{refused.value}" == f"The page is at {host}, an IP address, and a passkey belongs to a name."
    assert signed(device) == 0


@pytest.mark.parametrize(
    "page",
    ["http://bank.example", "http://login.bank.example:8080", "http://localhost.bank.example", "http://notlocalhost"],
)
@pytest.mark.parametrize("checks_rp_id", [True, False])
def test_a_page_without_https_has_no_passkeys(page, checks_rp_id, device):
    with pytest.raises(BrowserRefused) as refused:
        ask(Browser(page, device, checks_rp_id=checks_rp_id), NAME)
    assert f"{refused.value}" == f"The page {page} is not secure: passkeys need https, or http on localhost."
    assert signed(device) == 0


@pytest.mark.parametrize(
    "address",
    [
        "bank.example",
        "localhost:8888",
        "",
        "https://",
        "ftp://bank.example",
        "file:///home/alice/bank.html",
        "https://bank.example:99999",
        "https://bank.example:x",
        "https://[::1",
        "https://bank..example",
        "https://bank example",
        "https://127.1",
        "https://2130706433",
        "https://xn--0.example" + "\u0301",
    ],
)
def test_what_is_no_address_of_a_page_gets_a_sentence(address, device):
    with pytest.raises(BrowserRefused, match=r"is no address of a page\. Write it as in https://bank\.example"):
        Browser(address, device)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://bank.example/login?next=/#top", "https://bank.example"),
        ("HTTPS://Bank.EXAMPLE:443/", "https://bank.example"),
        ("https://bank.example:80", "https://bank.example:80"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://alice@bank.example", "https://bank.example"),
        ("https://bank.example@evil.example", "https://evil.example"),
        ("https://bänk.example", "https://xn--bnk-qla.example"),
        ("https://bank.example.", "https://bank.example."),
        ("http://[::1]:8888", "http://[::1]:8888"),
    ],
)
def test_the_origin_is_written_as_browsers_write_it(address, origin, device):
    assert Browser(address, device).origin == origin


def test_without_an_rp_id_it_is_the_host_of_the_page(device):
    options = {"challenge": CHALLENGE}
    data = from_base64url(Browser(f"{ORIGIN}:8443", device).get(options)["response"]["authenticatorData"])
    assert data[:32] == hashlib.sha256(NAME.encode()).digest()
    with pytest.raises(NoPasskey, match=r"no passkey for login\.bank\.example"):
        Browser("https://login.bank.example", device).get(options)


# The broken browser: then the server is the one that refuses.


def test_a_broken_browser_asks_for_any_name_and_writes_its_true_origin(device):
    keys = RelyingParty(NAME, ORIGIN)
    keys.finish_registration(Browser(ORIGIN, device).create(keys.begin_registration("alice")))
    broken = Browser("https://bank-login.example", device, checks_rp_id=False)
    answer = broken.get(keys.begin_sign_in())
    assert signed(device) == 1
    assert json.loads(from_base64url(answer["response"]["clientDataJSON"]))["origin"] == "https://bank-login.example"
    with pytest.raises(PasskeyRefused) as refused:
        keys.finish_sign_in(answer)
    assert refused.value.field == "origin"


# The client data.


def test_the_page_chooses_the_challenge_and_nothing_else(device):
    browser = Browser(ORIGIN, device)
    options = {"challenge": CHALLENGE, "rpId": NAME, "origin": "https://evil.example", "type": "x", "crossOrigin": True}
    written = from_base64url(browser.get(options)["response"]["clientDataJSON"])
    assert written == (
        b'{"type":"webauthn.get","challenge":"YSBjaGFsbGVuZ2U","origin":"https://bank.example","crossOrigin":false}'
    )


# The authenticator.


def test_the_signature_is_over_authenticator_data_and_the_hash_of_the_client_data(device):
    response = {name: from_base64url(text) for name, text in ask(Browser(ORIGIN, device), NAME)["response"].items()}
    what = response["authenticatorData"] + hashlib.sha256(response["clientDataJSON"]).digest()
    key = device._passkeys[NAME][0].key.public_key()
    key.verify(response["signature"], what, ec.ECDSA(hashes.SHA256()))
    assert response["userHandle"] == b"alice"


@pytest.mark.parametrize(("unlock", "flags"), [(None, 0x01), (Factor.INHERENCE, 0x05), (Factor.KNOWLEDGE, 0x05)])
def test_the_authenticator_data(unlock, flags):
    device = Authenticator(unlock=unlock)
    made, encoded = device.make_credential(NAME, bytes(32), b"alice")
    attestation = cbor2.loads(encoded)
    assert list(attestation) == ["fmt", "attStmt", "authData"]
    assert (attestation["fmt"], attestation["attStmt"]) == ("none", {})
    data = attestation["authData"]
    name = hashlib.sha256(NAME.encode()).digest()
    assert data[:55] == name + bytes([flags | 0x40]) + bytes(4) + bytes(16) + len(made).to_bytes(2)
    assert data[55 : 55 + len(made)] == made
    key = cbor2.loads(data[55 + len(made) :])
    numbers = device._passkeys[NAME][0].key.public_key().public_numbers()
    assert key == {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    assert device.get_assertion(NAME, bytes(32))[1] == name + bytes([flags]) + (1).to_bytes(4)


def test_credential_ids_are_random_and_long_enough():
    made = {Authenticator().make_credential(NAME, bytes(32), b"alice")[0] for _ in range(20)}
    assert len(made) == 20
    assert {len(one) for one in made} == {16}


@pytest.mark.parametrize("rp_id", ["bank.example.", "login.bank.example", "example", "BANK.example", ""])
def test_a_passkey_is_for_one_name_only(rp_id, device):
    with pytest.raises(NoPasskey) as missing:
        device.get_assertion(rp_id, bytes(32))
    assert f"{missing.value}" == f"This authenticator has no passkey for {rp_id}."


def test_only_the_passkeys_that_the_site_allows_are_used(device):
    first = device._passkeys[NAME][0].id
    second, _ = device.make_credential(NAME, bytes(32), b"bob")
    foreign, _ = device.make_credential("shop.example", bytes(32), b"alice")
    used = [device.get_assertion(NAME, bytes(32), allowed)[0] for allowed in ((), [first], [second], [first, second])]
    assert used == [second, first, second, second]
    for allowed in ([foreign], [b"unknown"]):
        with pytest.raises(NoPasskey):
            device.get_assertion(NAME, bytes(32), allowed)


# base64url (RFC 4648, section 5), which JSON needs for bytes.


@pytest.mark.parametrize("size", range(6))
def test_bytes_survive_base64url(size):
    data = bytes(range(250, 250 + size))
    assert from_base64url(to_base64url(data)) == data
    assert not set(to_base64url(data)) & set("+/=")


@pytest.mark.parametrize("text", ["a", "ab c", "ab\n", "ab.c", "äbcd", "a=bc", "abcd=efg"])
def test_what_is_no_base64url_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (Python's own words, which differ)
        from_base64url(text)
