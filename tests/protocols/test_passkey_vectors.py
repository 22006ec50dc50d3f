"""The test vectors of W3C Web Authentication, Level 3 (section 16): what py_webauthn and `RelyingParty` say of each.

webauthn_vectors.json has them as they stand there: fifteen passkeys, with a registration and a sign-in of each.
"""

import hashlib
import json
import secrets
from pathlib import Path

import cbor2
import pytest
import webauthn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AttestationFormat

from helpers.protocols.authenticator import Authenticator, Browser, to_base64url
from helpers.protocols.passkey import PasskeyRefused, RelyingParty

STORED = json.loads(Path(__file__).with_name("webauthn_vectors.json").read_text(encoding="utf-8"))
VECTORS, RP_ID, ORIGIN = STORED["vectors"], STORED["rpId"], STORED["origin"]
ROOT = x509.load_der_x509_certificate(bytes.fromhex(STORED["attestation_ca_cert"])).public_bytes(Encoding.PEM)

# What py_webauthn 3.0 does not know: the registration, and where the algorithm is unknown, also the sign-in.
UNKNOWN_ALGORITHM = {"packed.ES384": "-35", "packed.Ed448": "-53"}
UNKNOWN_REGISTRATION = {
    "packed.ES384": 'Unsupported credential public key alg "-35"',
    "packed.Ed448": 'Unsupported credential public key alg "-53"',
    # It has a list of the makers of TPMs, and the one of the standard's example is invented.
    "tpm.ES256": 'Unrecognized TPM Manufacturer "id:00000000"',
    # It wants the chain to end with a root, and the example has the device's own certificate alone.
    "android-key.ES256": "x5c was empty",
    # Older security keys (U2F) have no AAGUID, so it wants zeros there.
    "fido-u2f.ES256": "was not expected 00000000-0000-0000-0000-000000000000",
}

# What this course's server refuses besides: it asks for three algorithms, stands in no frame, and trusts no maker.
ALGORITHM = "The new passkey signs with an algorithm for which this server did not ask."
FRAME = "It was signed inside a page of another origin, and this server's pages stand alone."
REFUSED_BY_THE_SERVER = {
    "none.ES256.crossOrigin": ("origin", FRAME),
    "none.ES256.topOrigin": ("origin", FRAME),
    "packed.ES384": ("credential", ALGORITHM),
    "packed.ES512": ("credential", ALGORITHM),
    "packed.Ed448": ("credential", ALGORITHM),
    **{
        f"{form}.ES256": (
            "credential",
            f"What the device says of itself, an attestation of the form “{form}”, could not be verified.",
        )
        for form in ("tpm", "android-key", "apple", "fido-u2f")
    },
}


def part(name, ceremony, of):
    return bytes.fromhex(VECTORS[name][ceremony][of])


def response(name, ceremony, **more):
    """The JSON that a browser would send."""
    identifier = to_base64url(part(name, "registration", "credential_id"))
    sent = [of for of in VECTORS[name][ceremony] if of not in ("challenge", "credential_id")]
    inner = {of: to_base64url(value) for of, value in {**{of: part(name, ceremony, of) for of in sent}, **more}.items()}
    return {"id": identifier, "rawId": identifier, "type": "public-key", "response": inner}


def register(name):
    """By py_webauthn alone, which is told of the standard's own root, and to take all algorithms that it knows."""
    return webauthn.verify_registration_response(
        credential=response(name, "registration"),
        expected_challenge=part(name, "registration", "challenge"),
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        supported_pub_key_algs=list(COSEAlgorithmIdentifier),
        pem_root_certs_bytes_by_fmt={form: [ROOT] for form in AttestationFormat},
    )


def public_key(name):
    """The last bytes of the authenticator data (section 6.5.1), taken out without py_webauthn."""
    data = cbor2.loads(part(name, "registration", "attestationObject"))["authData"]
    return data[37 + 18 + len(part(name, "registration", "credential_id")) :]


def sign_in(name):
    return webauthn.verify_authentication_response(
        credential=response(name, "authentication"),
        expected_challenge=part(name, "authentication", "challenge"),
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=public_key(name),
        credential_current_sign_count=0,
    )


def test_they_are_all_there():
    assert len(VECTORS) == 15
    assert set(UNKNOWN_REGISTRATION) | set(REFUSED_BY_THE_SERVER) < set(VECTORS)


@pytest.mark.parametrize("name", [name for name in VECTORS if name not in UNKNOWN_REGISTRATION])
def test_py_webauthn_verifies_the_registration(name):
    verified = register(name)
    assert verified.credential_id == part(name, "registration", "credential_id")
    assert verified.credential_public_key == public_key(name)


@pytest.mark.parametrize(("name", "reason"), UNKNOWN_REGISTRATION.items())
def test_what_py_webauthn_does_not_know_it_refuses(name, reason):
    with pytest.raises(WebAuthnException, match=reason):
        register(name)


@pytest.mark.parametrize("name", [name for name in VECTORS if name not in UNKNOWN_ALGORITHM])
def test_py_webauthn_verifies_the_sign_in(name):
    assert sign_in(name).credential_id == part(name, "registration", "credential_id")


@pytest.mark.parametrize(("name", "number"), UNKNOWN_ALGORITHM.items())
def test_an_algorithm_that_py_webauthn_does_not_know_signs_nobody_in(name, number):
    with pytest.raises(WebAuthnException, match=number):
        sign_in(name)


# The same through the course's server. Its challenges are random, so they are put in here.


def server(monkeypatch, name, ceremony):
    monkeypatch.setattr(secrets, "token_bytes", lambda size: part(name, ceremony, "challenge"))
    return RelyingParty(RP_ID, ORIGIN)


def finish_registration(monkeypatch, name):
    keys = server(monkeypatch, name, "registration")
    keys.begin_registration("alice")
    return keys, keys.finish_registration(response(name, "registration"))


def finish_sign_in(monkeypatch, name, keys, passkey):
    monkeypatch.setattr(secrets, "token_bytes", lambda size: part(name, "authentication", "challenge"))
    keys.begin_sign_in()
    return keys.finish_sign_in(response(name, "authentication", userHandle=passkey.user_handle))


@pytest.mark.parametrize("name", [name for name in VECTORS if name not in REFUSED_BY_THE_SERVER])
def test_the_server_accepts_registration_and_sign_in(monkeypatch, name):
    keys, passkey = finish_registration(monkeypatch, name)
    flags = cbor2.loads(part(name, "registration", "attestationObject"))["authData"][32]
    assert passkey.credential_id == part(name, "registration", "credential_id")
    assert passkey.public_key == public_key(name)
    assert (passkey.backup_eligible, passkey.backed_up) == (bool(flags & 8), bool(flags & 16))
    found = finish_sign_in(monkeypatch, name, keys, passkey)
    flags = part(name, "authentication", "authenticatorData")[32]
    assert (found.user, found.user_verified, found.sign_count) == ("alice", bool(flags & 4), 0)
    assert found.signed["origin"] == "https://example.org"
    assert found.signed["RP ID hash"] == "SHA-256 of example.org"
    assert [found.signed[shown] for shown in found.signed if shown.startswith("flag")] == [
        "set" if flags & bit else "not set" for bit in (1, 4, 8, 16)
    ]


@pytest.mark.parametrize(("name", "field", "sentence"), [(name, *why) for name, why in REFUSED_BY_THE_SERVER.items()])
def test_the_server_refuses_with_a_sentence(monkeypatch, name, field, sentence):
    with pytest.raises(PasskeyRefused) as refused:
        finish_registration(monkeypatch, name)
    assert (refused.value.field, f"{refused.value}") == (field, sentence)


KEYS = ["none.ES256", "packed.RS256", "packed.EdDSA"]


@pytest.mark.parametrize(("name", "other"), [(name, other) for other in KEYS for name in VECTORS if name != other])
def test_a_sign_in_with_another_key_is_refused(monkeypatch, name, other):
    """The id of one passkey, and all that another one signed: also one of another algorithm."""
    keys, passkey = finish_registration(monkeypatch, other)
    monkeypatch.setattr(secrets, "token_bytes", lambda size: part(name, "authentication", "challenge"))
    keys.begin_sign_in()
    answer = response(name, "authentication", userHandle=passkey.user_handle)
    answer["id"] = answer["rawId"] = to_base64url(passkey.credential_id)
    with pytest.raises(PasskeyRefused) as refused:
        keys.finish_sign_in(answer)
    assert refused.value.field == "signature"


# The course's browser and authenticator against those of the standard.


KINDS = {"registration": "webauthn.create", "authentication": "webauthn.get"}
# Those without the members that this browser never writes.
PLAIN = [(name, of) for name in VECTORS for of in KINDS if len(json.loads(part(name, of, "clientDataJSON"))) == 4]


@pytest.mark.parametrize(("name", "ceremony"), [one for one in PLAIN if "crossOrigin" not in one[0]])
def test_the_browser_writes_the_client_data_byte_for_byte(name, ceremony):
    challenge = to_base64url(part(name, ceremony, "challenge"))
    written = Browser(ORIGIN, Authenticator())._client_data(KINDS[ceremony], challenge)
    assert written == part(name, ceremony, "clientDataJSON")


def test_the_authenticator_writes_the_same_structure():
    """All bytes but the ones that are random, or say something of the device."""

    def without_values(encoded, id_length):
        data = cbor2.loads(encoded)["authData"]
        key = cbor2.loads(data[55 + id_length :])
        shape = [(label, len(value) if isinstance(value, bytes) else value) for label, value in key.items()]
        return encoded[: encoded.index(data) - 2], data[:32], data[33:37], shape

    vector = part("none.ES256", "registration", "attestationObject")
    made, encoded = Authenticator().make_credential(RP_ID, hashlib.sha256(b"").digest(), b"alice")
    assert without_values(encoded, len(made)) == without_values(vector, 32)
