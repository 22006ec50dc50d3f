"""One thing is changed in a good answer: it is refused, and the refusal names the thing.

Some changes are made before the signing, as by a browser or an authenticator that breaks a rule: the signature is good.
Others are made behind it, as by somebody on the way. The second judge is py_webauthn itself, asked directly.
"""

import hashlib
import json

import cbor2
import pytest
import webauthn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from webauthn.helpers.exceptions import WebAuthnException

from helpers.exchange import Factor
from helpers.protocols.authenticator import Authenticator, Browser, from_base64url, to_base64url
from helpers.protocols.passkey import PasskeyRefused, RelyingParty

NAME, ORIGIN = "bank.example", "https://bank.example"
UP, RFU1, UV, BE, BS, RFU2, AT, ED = (1 << bit for bit in range(8))


class Site:
    """bank.example with its users, and what each of them answers. `said` is what the site stored of Alice's passkey."""

    def __init__(self, signed_before=0, unlock=Factor.INHERENCE, **settings):
        self.keys = RelyingParty(NAME, ORIGIN, **settings)
        self.browser = Browser(ORIGIN, Authenticator(unlock=unlock))
        self.stored = self.keys.finish_registration(self.browser.create(self.keys.begin_registration("alice")))
        for _ in range(signed_before):
            self.keys.finish_sign_in(self.browser.get(self.keys.begin_sign_in()))

    @property
    def passkey(self):
        """As the server knows it now."""
        return self.keys._passkeys[self.stored.credential_id]

    def answer(self, client=None, flags=0, name=NAME, count=None, sign=True):
        """A sign-in. `client` replaces members of the client data (None: takes them away), `flags` are turned over."""
        answer = self.browser.get(self.keys.begin_sign_in())
        collected = {**json.loads(from_base64url(answer["response"]["clientDataJSON"])), **(client or {})}
        collected = json.dumps({key: value for key, value in collected.items() if value is not None}).encode()
        data = from_base64url(answer["response"]["authenticatorData"])
        count = int.from_bytes(data[33:37]) if count is None else count
        data = hashlib.sha256(name.encode()).digest() + bytes([data[32] ^ flags]) + count.to_bytes(4)
        answer["response"] |= {"clientDataJSON": to_base64url(collected), "authenticatorData": to_base64url(data)}
        if sign:
            answer["response"]["signature"] = to_base64url(self.sign(data, collected))
        return answer

    def sign(self, data, client_data):
        key = self.browser.authenticator._passkeys[NAME][-1].key
        return key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))

    def registration(self, client=None, data=lambda data: data, attestation=None, **changed):
        """Of another passkey, for Bob, at a device of his."""
        answer = Browser(ORIGIN, Authenticator()).create(self.keys.begin_registration("bob"))
        collected = {**json.loads(from_base64url(answer["response"]["clientDataJSON"])), **(client or {})}
        made = cbor2.loads(from_base64url(answer["response"]["attestationObject"]))
        made = {**made, **(attestation or {}), "authData": data(made["authData"])}
        answer["response"] |= {
            "clientDataJSON": to_base64url(json.dumps(collected).encode()),
            "attestationObject": to_base64url(cbor2.dumps(made)),
        }
        return {**answer, **changed}


def challenge_in(answer):
    return from_base64url(json.loads(from_base64url(answer["response"]["clientDataJSON"]))["challenge"])


def library_refuses(site, answer, challenge=None, verified=False):
    """Why py_webauthn refuses a sign-in, or "" where it accepts. It raises other errors, too, where a key is none."""
    try:
        webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge or challenge_in(answer),
            expected_rp_id=NAME,
            expected_origin=ORIGIN,
            credential_public_key=site.passkey.public_key,
            credential_current_sign_count=site.passkey.sign_count,
            require_user_verification=verified,
        )
    except WebAuthnException as error:
        return f"{error}"
    return ""


def server_refuses(finish, answer):
    with pytest.raises(PasskeyRefused) as refused:
        finish(answer)
    return refused.value.field, f"{refused.value}"


# A sign-in that breaks a rule, with a good signature.

LONG = "https://" + "x" * 500
BROKEN = {
    "type": (
        {"client": {"type": "webauthn.create"}},
        ("type", "The answer says that it is a webauthn.create, and this server expects a webauthn.get."),
        "Unexpected client data type",
    ),
    "another type": (
        {"client": {"type": "payment.get\n\u202e"}},
        ("type", "The answer says that it is a payment.get\\n\\u202e, and this server expects a webauthn.get."),
        "Unexpected client data type",
    ),
    "origin": (
        {"client": {"origin": "https://bank-login.example"}},
        ("origin", "What was signed says https://bank-login.example. This server expects https://bank.example."),
        "Unexpected client data origin",
    ),
    "origin with a port": (
        {"client": {"origin": "https://bank.example:8443"}},
        ("origin", "What was signed says https://bank.example:8443. This server expects https://bank.example."),
        "Unexpected client data origin",
    ),
    "origin in another case": (
        {"client": {"origin": "https://BANK.example"}},
        ("origin", "What was signed says https://BANK.example. This server expects https://bank.example."),
        "Unexpected client data origin",
    ),
    "origin of a subdomain": (
        {"client": {"origin": "https://login.bank.example"}},
        ("origin", "What was signed says https://login.bank.example. This server expects https://bank.example."),
        "Unexpected client data origin",
    ),
    "origin without TLS": (
        {"client": {"origin": "http://bank.example"}},
        ("origin", "What was signed says http://bank.example. This server expects https://bank.example."),
        "Unexpected client data origin",
    ),
    "a long origin": (
        {"client": {"origin": LONG}},
        ("origin", f"What was signed says {LONG[:80]}…. This server expects https://bank.example."),
        "Unexpected client data origin",
    ),
    "RP ID": (
        {"name": "bank-login.example"},
        ("rp id", "The answer has the hash of another RP ID than bank.example."),
        "Unexpected RP ID hash",
    ),
    "UP": (
        {"flags": UP},
        ("flags", "The flag UP is not set: the device did not notice that a user is there."),
        "User was not present",
    ),
    "BS without BE": (
        {"flags": BS},
        ("flags", "The flag BS (is backed up) is set, and BE (may be backed up) is not: that cannot be."),
        "Single-device credential indicated that it was backed up",
    ),
    "AT without data": (
        {"flags": AT},
        ("malformed", "The answer is not written as WebAuthn says."),
        "authenticatorData was malformed",
    ),
    "ED without data": (
        {"flags": ED},
        ("malformed", "The answer is not written as WebAuthn says."),
        "authenticatorData was malformed",
    ),
    "counter as before": (
        {"count": 5},
        (
            "counter",
            "The counter is 5, and this server expects more than 5. There may be a copy of the key.",
        ),
        "Response sign count of 5 was not greater than current count of 5",
    ),
    "counter lower": (
        {"count": 0},
        (
            "counter",
            "The counter is 0, and this server expects more than 5. There may be a copy of the key.",
        ),
        "Response sign count of 0 was not greater than current count of 5",
    ),
}


@pytest.mark.parametrize(("change", "expected", "library"), BROKEN.values(), ids=BROKEN)
def test_a_sign_in_that_breaks_a_rule_is_refused_by_name(change, expected, library):
    site = Site(signed_before=5)
    before, answer = site.passkey, site.answer(**change)
    assert library in library_refuses(site, answer)
    assert server_refuses(site.keys.finish_sign_in, answer) == expected
    assert site.passkey == before
    # The same passkey is good for the next sign-in.
    assert site.keys.finish_sign_in(site.answer()).user == "alice"


def test_the_changing_of_nothing_is_accepted():
    """So that the refusals above are for the change."""
    site = Site(signed_before=5)
    answer = site.answer()
    assert library_refuses(site, answer) == ""
    assert site.keys.finish_sign_in(answer).sign_count == 6


def test_verification_of_the_user_is_refused_where_it_is_missing_and_required():
    expected = ("flags", "The flag UV is not set: the device did not verify who the user is.")
    site = Site(require_user_verification=True)
    answer = site.answer(flags=UV)
    assert "user was not verified" in library_refuses(site, answer, verified=True)
    assert server_refuses(site.keys.finish_sign_in, answer) == expected
    site.browser.authenticator.unlock = None
    assert server_refuses(site.keys.finish_sign_in, site.answer()) == expected
    touched = Browser(ORIGIN, Authenticator(unlock=None))
    assert (
        server_refuses(site.keys.finish_registration, touched.create(site.keys.begin_registration("bob"))) == expected
    )


def test_verification_of_the_user_may_be_missing_where_it_is_not_required():
    site = Site()
    assert site.keys.finish_sign_in(site.answer()).user_verified is True
    assert site.keys.finish_sign_in(site.answer(flags=UV)).user_verified is False


@pytest.mark.parametrize("flag", [RFU1, RFU2])
def test_the_flags_that_are_kept_for_later_are_not_looked_at(flag):
    """Section 7.2 has no rule for them. py_webauthn has none either."""
    site = Site()
    assert site.keys.finish_sign_in(site.answer(flags=flag)).user == "alice"


# What py_webauthn leaves to the site, and the site refuses.

FRAMED = ("origin", "It was signed inside a page of another origin, and this server's pages stand alone.")


@pytest.mark.parametrize(
    "client",
    [
        {"crossOrigin": True},
        {"crossOrigin": True, "topOrigin": "https://evil.example"},
        {"topOrigin": "https://evil.example"},
        {"topOrigin": ORIGIN},
        {"crossOrigin": "false"},
        {"crossOrigin": 0},
    ],
    ids=str,
)
def test_what_was_signed_inside_a_foreign_page_is_refused(client):
    site = Site()
    before, answer = site.passkey, site.answer(client=client)
    assert library_refuses(site, answer) == ""
    assert server_refuses(site.keys.finish_sign_in, answer) == FRAMED
    assert site.passkey == before
    assert server_refuses(site.keys.finish_registration, site.registration(client=client)) == FRAMED


def test_older_browsers_say_nothing_of_frames():
    site = Site()
    assert site.keys.finish_sign_in(site.answer(client={"crossOrigin": None})).user == "alice"


def test_members_that_the_server_does_not_know_do_not_matter():
    """Section 5.8.1: the client data may get more members."""
    site = Site()
    assert site.keys.finish_sign_in(site.answer(client={"extraData": "…"})).user == "alice"


@pytest.mark.parametrize("flags", [BE, BE | BS])
def test_a_passkey_that_could_not_be_backed_up_never_can(flags):
    site = Site()
    answer = site.answer(flags=flags)
    assert library_refuses(site, answer) == ""
    assert server_refuses(site.keys.finish_sign_in, answer) == (
        "flags",
        "The flag BE (may be backed up) was not set at the registration, and is set now.",
    )


def test_a_passkey_that_can_be_backed_up_may_be_or_not():
    site = Site()
    registration = site.registration(data=lambda data: data[:32] + bytes([data[32] | BE]) + data[33:])
    passkey = site.keys.finish_registration(registration)
    assert (passkey.backup_eligible, passkey.backed_up) == (True, False)
    # The same for Alice's, whose key is at hand.
    site.keys._passkeys[site.stored.credential_id] = type(passkey)(**{**vars(site.stored), "backup_eligible": True})
    for flags, backed_up in ((BE | BS, True), (BE, False), (BE | BS, True)):
        found = site.keys.finish_sign_in(site.answer(flags=flags))
        assert site.passkey.backed_up is backed_up
        assert found.signed["flag BS (is backed up)"] == ("set" if backed_up else "not set")
    assert server_refuses(site.keys.finish_sign_in, site.answer()) == (
        "flags",
        "The flag BE (may be backed up) was set at the registration, and is not set now.",
    )


@pytest.mark.parametrize("handle", [None, "", "absent"])
def test_a_sign_in_without_a_user_handle_is_refused(handle):
    site = Site()
    answer = site.answer()
    answer["response"]["userHandle"] = handle
    if handle == "absent":
        del answer["response"]["userHandle"]
    assert library_refuses(site, answer) == ""
    assert server_refuses(site.keys.finish_sign_in, answer) == (
        "credential",
        "The answer has no user handle, so it does not say whose account it is.",
    )


def test_the_user_handle_of_another_user_is_refused():
    site = Site()
    bob = site.keys.finish_registration(site.registration())
    answer = site.answer()
    answer["response"]["userHandle"] = to_base64url(bob.user_handle)
    assert library_refuses(site, answer) == ""
    assert server_refuses(site.keys.finish_sign_in, answer) == (
        "credential",
        "The user handle in the answer is not that of the passkey's account.",
    )


def named(answer, credential_id):
    return {**answer, "id": to_base64url(credential_id), "rawId": to_base64url(credential_id)}


def test_an_unknown_credential_id_is_refused():
    site = Site()
    assert server_refuses(site.keys.finish_sign_in, named(site.answer(), b"unknown")) == (
        "credential",
        "Nobody has registered this passkey here.",
    )


def test_the_credential_id_of_another_user_is_refused():
    """Then the user handle is wrong. And with that one, the signature."""
    site = Site()
    bob = site.keys.finish_registration(site.registration())
    assert server_refuses(site.keys.finish_sign_in, named(site.answer(), bob.credential_id))[0] == "credential"
    answer = named(site.answer(), bob.credential_id)
    answer["response"]["userHandle"] = to_base64url(bob.user_handle)
    assert server_refuses(site.keys.finish_sign_in, answer) == (
        "signature",
        "The signature is not one of this passkey over this answer.",
    )


@pytest.mark.parametrize("where", ["id", "rawId"])
def test_two_different_credential_ids_in_one_answer_are_refused(where):
    site = Site()
    answer = site.answer()
    assert library_refuses(site, {**answer, where: "YQ"}) == "id and raw_id were not equivalent"
    field = {"id": "malformed", "rawId": "credential"}[where]  # the server looks the passkey up by its rawId
    assert server_refuses(site.keys.finish_sign_in, {**answer, where: "YQ"})[0] == field
    registration = site.registration(**{where: "YQ"})
    assert server_refuses(site.keys.finish_registration, registration)[0] == "malformed"


# Changes on the way, behind the signing.


def test_a_changed_challenge_is_refused():
    site = Site()
    answer = site.answer(client={"challenge": to_base64url(bytes(32))}, sign=False)
    assert "challenge was not expected" in library_refuses(site, answer, challenge=b"another")
    assert server_refuses(site.keys.finish_sign_in, answer)[0] == "challenge"


def test_a_challenge_written_in_another_way_is_refused():
    """Section 7.2: the text must be equal. Two texts of base64url can stand for the same bytes."""
    site = Site()
    written = json.loads(from_base64url(site.answer()["response"]["clientDataJSON"]))["challenge"]
    for other in (f"{written}=", written[:-1] + chr(ord(written[-1]) + 1), f"{written[:5]}\n{written[5:]}"):
        answer = site.answer(client={"challenge": other})
        assert server_refuses(site.keys.finish_sign_in, answer)[0] == "challenge"


def test_the_answer_to_another_challenge_is_no_answer_to_this_one():
    """Somebody puts the open challenge in the place of the one that was signed."""
    site = Site()
    fresh = site.keys.begin_sign_in()["challenge"]
    answer = site.answer(client={"challenge": fresh}, sign=False)
    assert "signature" in library_refuses(site, answer)
    assert server_refuses(site.keys.finish_sign_in, answer)[0] == "signature"


def turned(data, position):
    """One bit is turned over."""
    return data[: position // 8] + bytes([data[position // 8] ^ 1 << position % 8]) + data[position // 8 + 1 :]


def positions(request, size):
    """The bits of so many bytes: each one with --long, else a sample that has every byte."""
    every = range(8 * size)
    return every if request.config.getoption("--long") else [8 * byte + byte % 8 for byte in range(size)]


def flipped(answer, member, position):
    data = from_base64url(answer["response"][member])
    inner = {**answer["response"], member: to_base64url(turned(data, position))}
    return {**answer, "response": inner}


def test_each_changed_bit_of_the_signature_is_noticed(request):
    site = Site()
    for position in positions(request, 72):  # the longest; some are a few bytes shorter
        answer = site.answer()
        size = len(from_base64url(answer["response"]["signature"]))
        answer = flipped(answer, "signature", position % (8 * size))
        assert library_refuses(site, answer) == "Could not verify authentication signature"
        assert server_refuses(site.keys.finish_sign_in, answer) == (
            "signature",
            "The signature is not one of this passkey over this answer.",
        )


def field_of_bit(position, before, now):
    """What is told of a changed bit in the authenticator data. py_webauthn looks at the signature late."""
    if position < 8 * 32:
        return "rp id"
    if position < 8 * 33:
        return {UP: "flags", AT: "malformed", ED: "malformed"}.get(1 << position % 8, "signature")
    return "counter" if now <= before else "signature"


def test_each_changed_bit_of_the_authenticator_data_is_noticed(request):
    site = Site(signed_before=5)
    sample = [*positions(request, 37), *range(8 * 32, 8 * 37)]  # of flags and counter, each
    for position in sample:
        answer = flipped(site.answer(), "authenticatorData", position)
        now = int.from_bytes(from_base64url(answer["response"]["authenticatorData"])[33:37])
        assert library_refuses(site, answer), position
        field, _ = server_refuses(site.keys.finish_sign_in, answer)
        assert field == field_of_bit(position, site.passkey.sign_count, now), position


def test_each_changed_bit_of_the_client_data_is_noticed(request):
    site = Site()
    fields = set()
    size = len(from_base64url(site.answer()["response"]["clientDataJSON"]))
    for position in positions(request, size):
        answer = site.answer()
        challenge = challenge_in(answer)
        answer = flipped(answer, "clientDataJSON", position)
        assert library_refuses(site, answer, challenge), position
        fields.add(server_refuses(site.keys.finish_sign_in, answer)[0])
    assert fields == {"type", "challenge", "origin", "signature", "malformed"}


def test_each_changed_bit_of_the_ids_is_noticed(request):
    site = Site()
    for position in positions(request, 16):
        answer = site.answer()
        changed = turned(from_base64url(answer["rawId"]), position)
        assert server_refuses(site.keys.finish_sign_in, named(answer, changed))[0] == "credential"
    for position in positions(request, 64):
        answer = flipped(site.answer(), "userHandle", position)
        assert server_refuses(site.keys.finish_sign_in, answer)[0] == "credential"


# The registration.


def library_registers(answer, challenge):
    webauthn.verify_registration_response(
        credential=answer, expected_challenge=challenge, expected_rp_id=NAME, expected_origin=ORIGIN
    )


def without(flag):
    return lambda data: data[:32] + bytes([data[32] & ~flag]) + data[33:]


def with_key(key):
    return lambda data: data[:71] + cbor2.dumps(key)


# The generator of P-256 (NIST SP 800-186, section 3.2.1.3).
P256_KEY = {
    1: 2,
    3: -7,
    -1: 1,
    -2: bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
    -3: bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
}
EC_KEY = {1: 2, 3: -7, -1: 1, -2: bytes(31) + b"\1", -3: bytes(31) + b"\2"}
REGISTRATIONS = {
    "type": (
        {"client": {"type": "webauthn.get"}},
        ("type", "The answer says that it is a webauthn.get, and this server expects a webauthn.create."),
    ),
    "origin": (
        {"client": {"origin": "https://bank-login.example"}},
        ("origin", "What was signed says https://bank-login.example. This server expects https://bank.example."),
    ),
    "RP ID": (
        {"data": lambda data: hashlib.sha256(b"bank-login.example").digest() + data[32:]},
        ("rp id", "The answer has the hash of another RP ID than bank.example."),
    ),
    "UP": (
        {"data": without(UP)},
        ("flags", "The flag UP is not set: the device did not notice that a user is there."),
    ),
    "BS without BE": (
        {"data": lambda data: data[:32] + bytes([data[32] | BS]) + data[33:]},
        ("flags", "The flag BS (is backed up) is set, and BE (may be backed up) is not: that cannot be."),
    ),
    "AT": ({"data": without(AT)}, ("malformed", "The answer is not written as WebAuthn says.")),
    "no new passkey in it": (
        {"data": lambda data: without(AT)(data)[:37]},
        ("malformed", "The answer is not written as WebAuthn says."),
    ),
    "algorithm": (
        {"data": with_key({**EC_KEY, 3: -35})},
        ("credential", "The new passkey signs with an algorithm for which this server did not ask."),
    ),
    "form of attestation": (
        {"attestation": {"fmt": "made-up\n"}},
        (
            "credential",
            "What the device says of itself, an attestation of the form “made-up\\n”, could not be verified.",
        ),
    ),
    "attestation none that says something": (
        {"attestation": {"attStmt": {"alg": -7, "sig": b"s"}}},
        ("malformed", "The answer is not written as WebAuthn says."),
    ),
}


@pytest.mark.parametrize(("change", "expected"), REGISTRATIONS.values(), ids=REGISTRATIONS)
def test_a_registration_that_breaks_a_rule_is_refused_by_name(change, expected):
    site = Site()
    answer = site.registration(**change)
    with pytest.raises(WebAuthnException):
        library_registers(answer, challenge_in(answer))
    assert server_refuses(site.keys.finish_registration, answer) == expected
    assert [one.user for one in site.keys._passkeys.values()] == ["alice"]


@pytest.mark.parametrize(
    "key",
    [
        EC_KEY,  # no point of the curve
        {**EC_KEY, -1: 9},
        {**P256_KEY, 3: -8},  # an algorithm that is none for this key
        {1: 1, 3: -7, -1: 6, -2: bytes(32)},
        {1: 3, 3: -257, -1: bytes(256), -2: b"\1\0\1"},
        {1: 1, 3: -8, -1: 6, -2: b"short"},
    ],
    ids=str,
)
def test_a_public_key_that_is_none_is_refused_at_once(key):
    """py_webauthn would find out when somebody signs in."""
    site = Site()
    answer = site.registration(data=with_key(key))
    library_registers(answer, challenge_in(answer))
    assert server_refuses(site.keys.finish_registration, site.registration(data=with_key(key)))[0] == "malformed"


def test_with_the_right_algorithm_that_key_is_accepted():
    site = Site()
    assert site.keys.finish_registration(site.registration(data=with_key(P256_KEY))).user == "bob"


def test_the_credential_id_of_another_user_cannot_be_registered():
    """Section 7.1: else somebody could put a key of his own in the place of Alice's."""
    site = Site()
    before = site.passkey
    answer = site.registration(data=lambda data: data[:55] + before.credential_id + data[71:])
    answer = named(answer, before.credential_id)
    library_registers(answer, challenge_in(answer))
    assert server_refuses(site.keys.finish_registration, answer) == (
        "credential",
        "A passkey with this credential id is registered already.",
    )
    assert site.passkey == before
    assert site.keys.finish_sign_in(site.answer()).user == "alice"


def test_the_answer_must_name_the_new_passkey():
    site = Site()
    answer = named(site.registration(), b"another id")
    library_registers(answer, challenge_in(answer))
    assert server_refuses(site.keys.finish_registration, answer) == (
        "credential",
        "The answer has another credential id than the new passkey.",
    )


@pytest.mark.parametrize(("size", "accepted"), [(1023, True), (1024, False)])
def test_a_credential_id_has_1023_bytes_at_most(size, accepted):
    site = Site()
    answer = site.registration(data=lambda data: data[:53] + size.to_bytes(2) + bytes(size) + data[71:])
    answer = named(answer, bytes(size))
    library_registers(answer, challenge_in(answer))
    if accepted:
        assert len(site.keys.finish_registration(answer).credential_id) == size
    else:
        assert server_refuses(site.keys.finish_registration, answer) == (
            "credential",
            "The credential id of the new passkey is longer than 1023 bytes.",
        )


def bits(first, last):
    return set(range(8 * first, 8 * last))


def test_what_a_registration_without_attestation_leaves_open(request):
    """Nothing in it is signed (section 8.7). So these bits can be changed on the way, if TLS does not prevent it.

    They are the flags that say how the user was verified and whether the passkey is backed up, the counter, and the
    model of the device. The others are checked, or don't fit together any more.
    """
    site, accepted, fields = Site(), set(), set()
    # All bits of the flags, else a sample: RP ID hash, counter, AAGUID, length of the id, id, public key (77 bytes).
    sample = {*positions(request, 37 + 16 + 2 + 16 + 77), *bits(32, 33)}
    for position in sample:
        answer = site.registration(data=lambda data, position=position: turned(data, position))
        try:
            site.keys.finish_registration(answer)
            accepted.add(position)
        except PasskeyRefused as refused:
            fields.add(refused.field)
    assert fields == {"rp id", "flags", "credential", "malformed"}
    flags = {8 * 32 + bit for bit in range(8) if 1 << bit in (RFU1, UV, BE, RFU2)}
    assert accepted == sample & {*flags, *bits(33, 53)}


def attested(answer, key, client_data=None):
    """The same registration, with a signature of its own new key over it (section 8.2, self attestation)."""
    made = cbor2.loads(from_base64url(answer["response"]["attestationObject"]))
    signed = made["authData"] + hashlib.sha256(from_base64url(answer["response"]["clientDataJSON"])).digest()
    statement = {"alg": -8, "sig": key.sign(signed)}
    made = {"fmt": "packed", "attStmt": statement, "authData": made["authData"]}
    inner = {**answer["response"], "attestationObject": to_base64url(cbor2.dumps(made))}
    return {**answer, "response": inner}


def test_with_attestation_each_changed_bit_is_noticed(request):
    """The new key signs itself. Then no bit can be changed."""
    site, key = Site(), ed25519.Ed25519PrivateKey.generate()
    cose = {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}
    good = attested(site.registration(data=with_key(cose)), key)
    assert site.keys.finish_registration(good).user == "bob"
    fields = set()
    for position in positions(request, 37 + 16 + 2 + 16 + len(cbor2.dumps(cose))):
        answer = attested(site.registration(data=with_key(cose)), key)
        made = cbor2.loads(from_base64url(answer["response"]["attestationObject"]))
        made["authData"] = turned(made["authData"], position)
        answer["response"]["attestationObject"] = to_base64url(cbor2.dumps(made))
        with pytest.raises(Exception):  # noqa: B017, PT011 (py_webauthn raises other errors, too)
            library_registers(answer, challenge_in(answer))
        fields.add(server_refuses(site.keys.finish_registration, answer)[0])
    assert "signature" in fields
    assert fields <= {"signature", "rp id", "flags", "credential", "malformed"}


def test_a_wrong_attestation_gets_a_sentence():
    site, key = Site(), ed25519.Ed25519PrivateKey.generate()
    cose = {1: 1, 3: -8, -1: 6, -2: ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()}
    answer = attested(site.registration(data=with_key(cose)), key)
    assert server_refuses(site.keys.finish_registration, answer) == (
        "signature",
        "The signature is not one of the device that vouches for the new passkey over this answer.",
    )
