"""The user's side of a passkey: the authenticator, which signs, and the browser, which writes down where it is.

    device = Authenticator()
    browser = Browser("https://bank.example", device)
    browser.get(relying_party.begin_sign_in())

Both are software, made for the lab. A real authenticator keeps its keys in hardware, or synchronises them encrypted; a
real browser stands between the page and it. Section numbers are those of W3C Web Authentication, Level 3.
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from helpers.display.error import CourseError
from helpers.display.text import short, visible
from helpers.exchange import Factor

# Section 6.1: the bits of the flags in the authenticator data.
FLAGS = {"UP": 1 << 0, "UV": 1 << 2, "BE": 1 << 3, "BS": 1 << 4, "AT": 1 << 6, "ED": 1 << 7}
ES256 = -7  # the name in COSE of ECDSA with SHA-256; here on the curve P-256


class NoPasskey(CourseError):
    """The authenticator has no passkey for this site."""


class BrowserRefused(CourseError):
    """The browser does not pass the page's request on to the authenticator."""


def to_base64url(data: bytes) -> str:
    """As WebAuthn writes bytes in JSON: base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError(f"no base64url: {error}") from None


@dataclass
class _Credential:
    """A passkey as the authenticator keeps it."""

    id: bytes
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    count: int = 0


class Authenticator:
    """Keeps passkeys, and signs with them once the user agrees. `unlock` is how it verifies who the user is.

    INHERENCE: by a fingerprint or a face. KNOWLEDGE: by a PIN. None: not at all, a touch is enough. With `counts` off
    it counts no signatures, as synchronised passkeys do.
    """

    def __init__(self, *, unlock: Factor | None = Factor.INHERENCE, counts: bool = True) -> None:
        self.unlock = unlock
        self._counts = counts
        self._passkeys: dict[str, list[_Credential]] = {}  # by RP ID

    def make_credential(self, rp_id: str, client_data_hash: bytes, user_handle: bytes) -> tuple[bytes, bytes]:
        """A new passkey for this site: its id, and the attestation object (section 6.5)."""
        made = _Credential(secrets.token_bytes(16), user_handle, ec.generate_private_key(ec.SECP256R1()))
        # One passkey for each user of a site: the new one takes the place of the old one.
        kept = [one for one in self._passkeys.get(rp_id, []) if one.user_handle != user_handle]
        self._passkeys[rp_id] = [*kept, made]
        point = made.key.public_key().public_numbers()
        # RFC 9053, section 7.1.1: a key on a curve. 1 is its type (2: with x and y), 3 the algorithm, -1 the curve.
        public_key = {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        # Section 6.5.1: the model of the authenticator (none is told), the id with its length, the public key.
        attested = bytes(16) + len(made.id).to_bytes(2) + made.id + cbor2.dumps(public_key)
        data = self._authenticator_data(rp_id, made, FLAGS["AT"]) + attested
        # Section 8.7: attestation "none" has an empty statement. So nothing vouches for the authenticator's model.
        return made.id, cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})

    def get_assertion(
        self, rp_id: str, client_data_hash: bytes, allowed: Sequence[bytes] = ()
    ) -> tuple[bytes, bytes, bytes, bytes]:
        """Sign: id, authenticator data, signature, user handle. `allowed` are ids of passkeys, or any will do.

        Raises NoPasskey.
        """
        found = [one for one in self._passkeys.get(rp_id, []) if not allowed or one.id in allowed]
        if not found:
            raise NoPasskey(f"This authenticator has no passkey for {visible(short(rp_id))}.")
        used = found[-1]
        used.count += self._counts
        data = self._authenticator_data(rp_id, used, 0)
        # Section 6.3.3, step 11: it signs the concatenation of authenticator data and hash.
        signature = used.key.sign(data + client_data_hash, ec.ECDSA(hashes.SHA256()))
        return used.id, data, signature, used.user_handle

    def _authenticator_data(self, rp_id: str, used: _Credential, flags: int) -> bytes:
        # Section 6.1: the SHA-256 hash of the RP ID, a byte of flags, and the signature counter in four bytes.
        flags |= FLAGS["UP"] | (FLAGS["UV"] if self.unlock else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + used.count.to_bytes(4)


class Browser:
    """A browser with the page of `origin` open ("https://bank.example"). It takes what the page asks, as JSON.

    With `checks_rp_id` off it is a broken browser, which lets a page ask for the passkeys of other sites.
    """

    def __init__(self, origin: str, authenticator: Authenticator, *, checks_rp_id: bool = True) -> None:
        self.origin = origin
        self.authenticator = authenticator
        self._checks_rp_id = checks_rp_id

    def create(self, options: dict) -> dict:
        """Make a passkey, as `navigator.credentials.create` does. Raises BrowserRefused."""
        rp_id = options["rp"].get("id") or self._host()
        self._check(rp_id)
        client_data = self._client_data("webauthn.create", options["challenge"])
        handle = from_base64url(options["user"]["id"])
        made, attestation = self.authenticator.make_credential(rp_id, hashlib.sha256(client_data).digest(), handle)
        response = {"clientDataJSON": to_base64url(client_data), "attestationObject": to_base64url(attestation)}
        return _credential(made, response)

    def get(self, options: dict) -> dict:
        """Sign in with a passkey, as `navigator.credentials.get` does. Raises BrowserRefused, NoPasskey."""
        rp_id = options.get("rpId") or self._host()
        self._check(rp_id)
        client_data = self._client_data("webauthn.get", options["challenge"])
        allowed = [from_base64url(one["id"]) for one in options.get("allowCredentials", [])]
        used, data, signature, handle = self.authenticator.get_assertion(
            rp_id, hashlib.sha256(client_data).digest(), allowed
        )
        response = {"clientDataJSON": client_data, "authenticatorData": data, "signature": signature}
        response = {name: to_base64url(value) for name, value in {**response, "userHandle": handle}.items()}
        return _credential(used, response)

    def _host(self) -> str:
        return urlsplit(self.origin).hostname or ""

    def _check(self, rp_id: str) -> None:
        host = self._host()
        # Section 4, secure contexts: only over HTTPS, or on this very computer.
        if not self.origin.startswith("https://") and host != "localhost" and not host.endswith(".localhost"):
            raise BrowserRefused(f"{visible(self.origin)} is not a secure page: passkeys need HTTPS, or localhost.")
        # Section 5.1.4.2: where the effective domain "is not a valid domain", a SecurityError. An IP address is none.
        if _is_ip_address(host):
            raise BrowserRefused(f"{visible(host)} is an IP address. Passkeys are made for names.")
        # "If options.rpId is not a registrable domain suffix of and is not equal to effectiveDomain", a SecurityError.
        # (There is no list of public suffixes here. A name of one label, such as "com", is refused as one.)
        fits = rp_id == host or (host.endswith(f".{rp_id}") and "." in rp_id)
        if self._checks_rp_id and not fits:
            raise BrowserRefused(
                f"The page is on {visible(host)}, and it asks for a passkey of {visible(short(rp_id))}. The browser"
                " lets a page ask only for its own host and for the domains above it."
            )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        # Section 5.8.1: the browser writes this, not the page. So a page cannot choose its origin.
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}, separators=(",", ":")
        ).encode()


def _credential(used: bytes, response: dict[str, str]) -> dict:
    """Section 5.1: RegistrationResponseJSON and AuthenticationResponseJSON, as far as a server needs them."""
    identifier = to_base64url(used)
    shown = {"id": identifier, "rawId": identifier, "type": "public-key"}
    return {**shown, "response": response, "clientExtensionResults": {}}


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
