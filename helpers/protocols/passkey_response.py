"""What a browser sends to the server: the answer to a challenge, taken apart. Nothing in it is checked here.

WebAuthn calls it a response: RegistrationResponseJSON for a new passkey, AuthenticationResponseJSON for a sign-in.
Section numbers are those of W3C Web Authentication, Level 3.
"""

import hashlib
import json
from dataclasses import dataclass

import cbor2

from helpers.display.error import CourseError
from helpers.display.text import short, visible
from helpers.protocols.authenticator import FLAGS, from_base64url

LONGEST = 64 * 1024  # characters of JSON. Real responses have about a thousand, with certificates some thousands.


class PasskeyRefused(CourseError):
    """The server did not accept it. `field` names what did not fit.

    It is "type", "challenge", "origin", "rp id", "flags", "counter", "signature", "credential" or "malformed".
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def malformed() -> PasskeyRefused:
    return PasskeyRefused("malformed", "The answer is not written as WebAuthn says.")


@dataclass(frozen=True)
class Response:
    """Its parts. `kind` is "webauthn.create" or "webauthn.get"; `challenge` is in base64url.

    `framed`: by its own account, it was signed inside a page of another origin. `attestation` names the form of what
    the device says of itself, "none" where it says nothing. `authenticator_data` is signed, and so is the client data,
    from which type, challenge and origin are.
    """

    content: dict
    credential_id: bytes
    user_handle: bytes
    kind: str
    challenge: str
    origin: str
    framed: bool
    attestation: str
    authenticator_data: bytes

    @classmethod
    def read(cls, response: dict | str) -> "Response":
        """From JSON, as text or decoded. Raises PasskeyRefused where the parts are not there."""
        try:
            return cls._read(response if isinstance(response, str) else json.dumps(response))
        except Exception:  # it can be anything
            raise malformed() from None

    @classmethod
    def _read(cls, text: str) -> "Response":
        if len(text) > LONGEST:
            raise ValueError("too long")
        content = json.loads(text)
        inner = content["response"]
        client_data = json.loads(from_base64url(inner["clientDataJSON"]))
        kind, challenge, origin = (client_data[name] for name in ("type", "challenge", "origin"))
        if "attestationObject" in inner:  # a new passkey: the authenticator data is in there
            encoded = from_base64url(inner["attestationObject"])
            if check_cbor(encoded) != len(encoded):
                raise ValueError("something behind it")
            attested = cbor2.loads(encoded)
            attestation, data = attested["fmt"], attested["authData"]
        else:
            attestation, data = "none", from_base64url(inner["authenticatorData"])
            from_base64url(inner["signature"])
        if not all(isinstance(one, str) for one in (kind, challenge, origin, attestation)):
            raise TypeError("not of the form")
        check_authenticator_data(data)
        framed = client_data.get("crossOrigin", False) is not False or "topOrigin" in client_data
        identifier, user_handle = from_base64url(content["rawId"]), from_base64url(inner.get("userHandle") or "")
        return cls(content, identifier, user_handle, kind, challenge, origin, framed, attestation, data)

    @property
    def rp_id_hash(self) -> bytes:
        return self.authenticator_data[:32]

    @property
    def count(self) -> int:
        return int.from_bytes(self.authenticator_data[33:37])

    def flag(self, name: str) -> bool:
        return bool(self.authenticator_data[32] & FLAGS[name])

    def in_words(self, challenge: str) -> dict[str, str]:
        """What was signed, the same on every run. The challenge is random, so a word for it must be given."""
        flags = {"UP": "user present", "UV": "user verified", "BE": "may be backed up", "BS": "is backed up"}
        return {
            "type": visible(short(self.kind)),
            "challenge": challenge,
            "origin": visible(short(self.origin)),
            "RP ID hash": f"SHA-256 of {self._hashed_name()}",
            **{f"flag {name} ({what})": "set" if self.flag(name) else "not set" for name, what in flags.items()},
            "counter": str(self.count),
        }

    def _hashed_name(self) -> str:
        """A hash does not tell its name. But the host in the origin, and each domain above it, can be tried."""
        labels = self.origin.partition("://")[2].partition(":")[0].split(".", maxsplit=127)
        for start in range(len(labels)):
            name = ".".join(labels[start:])
            if rp_id_hash(name) == self.rp_id_hash:
                return visible(short(name))
        return "another name"


def signed_parts(response: dict | str) -> dict[str, str]:
    """What a response says was signed, in words. Nothing is checked. Raises PasskeyRefused where it can't be read."""
    return Response.read(response).in_words("random bytes")


def rp_id_hash(rp_id: str) -> bytes:
    return hashlib.sha256(rp_id.encode(errors="replace")).digest()


# Binary parts. They are looked at before a CBOR decoder sees them: by CBOR's tags, some hundred bytes can refer to each
# other so that they stand for more than any memory holds.


def check_authenticator_data(data: bytes) -> None:
    """Raises ValueError (or IndexError, TypeError) where it is not laid out as section 6.1 says."""
    flags = data[32]
    end = 37  # the hash of the RP ID, the flags, the counter
    if flags & FLAGS["AT"]:
        # Section 6.5.1: 16 bytes of AAGUID, 2 of the id's length, the id, the public key.
        end = check_cbor(data, end + 18 + int.from_bytes(data[end + 16 : end + 18]))
    if flags & FLAGS["ED"]:
        end = check_cbor(data, end)
    if end != len(data):
        raise ValueError("too long or too short")


def check_cbor(data: bytes, start: int = 0, levels: int = 4) -> int:
    """The end of the CBOR item that starts there. Raises ValueError (or IndexError) where it isn't in CTAP2's form.

    WebAuthn takes the "CTAP2 canonical CBOR encoding form" for all that authenticators write: among other things, there
    are no tags, no lengths left open, and at most four levels. RFC 8949, section 3, says how an item begins.
    """
    kind, size = data[start] >> 5, data[start] & 31
    end = start + 1
    if size > 27:
        raise ValueError("a length left open")
    if size > 23:  # the size follows, in 1, 2, 4 or 8 bytes
        width = 1 << (size - 24)
        size = int.from_bytes(data[end : end + width])
        end += width
    if kind == 6:
        raise ValueError("a tag")
    if kind in (2, 3):  # bytes, text
        end += size
    if kind in (4, 5):  # an array, or a map, whose keys and values are items
        if not levels:
            raise ValueError("too many levels")
        for _ in range(size * (kind - 3)):
            end = check_cbor(data, end, levels - 1)
    if end > len(data):
        raise ValueError("it ends early")
    return end
