"""The user's side of a passkey: the authenticator, which signs, and the browser, which writes down where it is.

    device = Authenticator()
    browser = Browser("https://bank.example", device)
    browser.get(relying_party.begin_sign_in())

Both are software, made for the lab. A real authenticator keeps its keys in hardware, or synchronises them encrypted; a
real browser stands between the page and it. Section numbers are those of W3C Web Authentication, Level 3.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from helpers.display.error import CourseError
from helpers.display.text import short, visible
from helpers.exchange import Factor
from helpers.trust.names import dns_name, is_ip_address

# Section 6.1: the bits of the flags. User present, user verified, backup eligible, backup state (is backed up),
# attested credential data included, extension data included.
FLAGS = {"UP": 1 << 0, "UV": 1 << 2, "BE": 1 << 3, "BS": 1 << 4, "AT": 1 << 6, "ED": 1 << 7}
ES256 = -7  # the name in COSE of ECDSA with SHA-256; here on the curve P-256


class NoPasskey(CourseError):
    """The authenticator has no passkey for this site."""


class BrowserRefused(CourseError):
    """The browser does not pass the page's request on to the authenticator. Browsers call it SecurityError."""


def to_base64url(data: bytes) -> str:
    """As WebAuthn writes bytes in JSON: base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Raises ValueError where it is none."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


# The authenticator.


@dataclass
class _Credential:
    """A passkey as the authenticator keeps it."""

    id: bytes
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    count: int = 0


class Authenticator:
    """Keeps passkeys, and signs with them once the user agrees. `unlock` is how it verifies who the user is.

    INHERENCE: by a fingerprint or a face. KNOWLEDGE: by a PIN. None: not at all, a touch is enough. With `counts` off,
    its counter stays 0. A real one asks the user each time, also which passkey to take; this one takes the newest.
    """

    def __init__(self, *, unlock: Factor | None = Factor.INHERENCE, counts: bool = True) -> None:
        self.unlock = unlock
        self._counts = counts
        self._passkeys: dict[str, list[_Credential]] = {}  # by RP ID, the newest last

    def make_credential(self, rp_id: str, client_data_hash: bytes, user_handle: bytes) -> tuple[bytes, bytes]:
        """A new passkey for this site and user: its id, and the attestation object (section 6.5.4)."""
        made = _Credential(secrets.token_bytes(16), user_handle, ec.generate_private_key(ec.SECP256R1()))
        # Section 6: the credentials map goes "from (rpId, userHandle) to public key credential source". So a user has
        # one passkey for a site, and a new one takes the place of the old one.
        others = [kept for kept in self._passkeys.get(rp_id, ()) if kept.user_handle != user_handle]
        self._passkeys[rp_id] = [*others, made]
        # RFC 9053, section 7.1.1, a key on a curve. 1 is its type (2: with x and y), 3 the algorithm, -1 the curve (1:
        # P-256), -2 and -3 are x and y.
        point = made.key.public_key().public_numbers()
        public_key = {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        # Section 6.5.1, attested credential data:
        attested = (
            bytes(16)  # the AAGUID, the authenticator's model. Zeros: it is not told.
            + len(made.id).to_bytes(2)
            + made.id
            + cbor2.dumps(public_key)
        )
        # Section 6.1: "For attestation signatures, the authenticator MUST set the AT flag".
        data = self._authenticator_data(rp_id, made.count, FLAGS["AT"]) + attested
        # Section 8.7: the attestation "none" has an empty statement. So nothing vouches for what stands in here, and
        # the client data hash is not signed.
        return made.id, cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})

    def get_assertion(
        self, rp_id: str, client_data_hash: bytes, allowed: Sequence[bytes] = ()
    ) -> tuple[bytes, bytes, bytes, bytes]:
        """Sign: id, authenticator data, signature, user handle. `allowed` are ids of passkeys, or any will do.

        Raises NoPasskey.
        """
        # Section 6.3.3: "Remove any items from credentialOptions whose rpId is not equal to rpId." So it uses a passkey
        # for one name only, whatever the browser does.
        found = [kept for kept in self._passkeys.get(rp_id, ()) if not allowed or kept.id in allowed]
        if not found:
            raise NoPasskey(f"This authenticator has no passkey for {visible(short(rp_id))}.")
        used = found[-1]
        # Section 6.1.1: the counter "is incremented for each successful authenticatorGetAssertion operation". Who has
        # none leaves it "constant at zero".
        used.count += self._counts
        # Section 6.1: "For assertion signatures, the AT flag MUST NOT be set".
        data = self._authenticator_data(rp_id, used.count, 0)
        # Section 6.3.3: it signs "the concatenation authenticatorData || hash".
        signature = used.key.sign(data + client_data_hash, ec.ECDSA(hashes.SHA256()))
        return used.id, data, signature, used.user_handle

    def _authenticator_data(self, rp_id: str, count: int, flags: int) -> bytes:
        # Section 6.1: "The UP flag SHALL be set if and only if the authenticator performed a test of user presence. The
        # UV flag SHALL be set if and only if the authenticator performed user verification." BE and BS stay clear: this
        # passkey never leaves the authenticator.
        flags |= FLAGS["UP"] | (FLAGS["UV"] if self.unlock else 0)
        return (
            hashlib.sha256(rp_id.encode()).digest()  # 32 bytes: the hash of the RP ID
            + bytes([flags])  # 1 byte
            + count.to_bytes(4)  # 4 bytes: the signature counter
        )


# The browser.


class Browser:
    """A browser with the page of `origin` open ("https://bank.example"). It takes what the page asks, as JSON.

    With `checks_rp_id` off it is a broken browser, which lets a page ask for the passkeys of other sites. Simplified:
    one page without frames, no time limit. The authenticator verifies the user whenever it can. And it makes a new
    passkey even where the site says that it knows one of this authenticator's already (`excludeCredentials`).

    Raises BrowserRefused where `origin` is no address of a page.
    """

    def __init__(self, origin: str, authenticator: Authenticator, *, checks_rp_id: bool = True) -> None:
        try:
            self.origin, self._host = origin_and_host(origin)
        except ValueError:
            said = f"“{visible(short(origin))}” is no address of a page. Write it as in https://bank.example"
            raise BrowserRefused(said) from None
        self.authenticator = authenticator
        self._checks_rp_id = checks_rp_id

    def create(self, options: dict) -> dict:
        """Make a passkey, as `navigator.credentials.create` does. Raises BrowserRefused.

        From PublicKeyCredentialCreationOptionsJSON to RegistrationResponseJSON, both as far as they are needed.
        """
        rp_id = options["rp"].get("id") or self._host
        self._check(rp_id)
        client_data = self._client_data("webauthn.create", options["challenge"])
        user_handle = from_base64url(options["user"]["id"])
        made, attestation = self.authenticator.make_credential(rp_id, hashlib.sha256(client_data).digest(), user_handle)
        return _credential(made, {"clientDataJSON": client_data, "attestationObject": attestation})

    def get(self, options: dict) -> dict:
        """Sign in with a passkey, as `navigator.credentials.get` does. Raises BrowserRefused, NoPasskey.

        From PublicKeyCredentialRequestOptionsJSON to AuthenticationResponseJSON.
        """
        rp_id = options.get("rpId") or self._host
        self._check(rp_id)
        client_data = self._client_data("webauthn.get", options["challenge"])
        allowed = [from_base64url(one["id"]) for one in options.get("allowCredentials", ())]
        used, data, signature, user_handle = self.authenticator.get_assertion(
            rp_id, hashlib.sha256(client_data).digest(), allowed
        )
        response = {"clientDataJSON": client_data, "authenticatorData": data, "signature": signature}
        return _credential(used, {**response, "userHandle": user_handle})

    def _check(self, rp_id: str) -> None:
        """May this page ask for passkeys of `rp_id`? Sections 5.1.3 and 5.1.4.2 say the same of making and of using."""
        # Where the page's host "is not a valid domain", a SecurityError: "Only the domain format of host is allowed".
        if is_ip_address(self._host):
            raise BrowserRefused(f"The page is at {self._host}, an IP address, and a passkey belongs to a name.")
        if not secure(self.origin):
            raise BrowserRefused(f"The page {self.origin} is not secure: passkeys need https, or http on localhost.")
        # A SecurityError, too, where the RP ID "is not a registrable domain suffix of and is not equal to
        # effectiveDomain", which is the page's host. (Newer browsers then ask the RP ID's own site whether it lists
        # this page: section 5.11. A real browser also refuses a public suffix such as "com" or "co.uk", under which
        # everybody can register names. Here is no list of them: only a name of one label is refused as one.)
        fits = rp_id == self._host or (belongs_to(self._host, rp_id) and "." in rp_id)
        if self._checks_rp_id and not fits:
            raise BrowserRefused(
                f"The page is on {self._host}, and it asks for a passkey of {visible(short(rp_id))}. The browser lets a"
                " page ask only for its own host and for the domains above it."
            )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        # Section 5.8.1: the client data is what the browser knows of the request. The page gives the challenge. It
        # can't choose the origin: the browser writes that of the page which it really shows.
        collected = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(collected, separators=(",", ":")).encode()


def secure(origin: str) -> bool:
    """Does a browser take this page for secure? Section 5.1 gives passkeys to such pages only (SecureContext).

    W3C Secure Contexts, section 3.1: https is, and localhost, since that never leaves this computer. (127.0.0.1 is
    secure as well, but no name.)
    """
    scheme, host = origin.split("://")
    return scheme == "https" or belongs_to(host.partition(":")[0], "localhost")


def belongs_to(host: str, domain: str) -> bool:
    """Is it the same name, or one below it? "bank.example" is not below "ank.example"."""
    return host == domain or host.endswith(f".{domain}")


def origin_and_host(address: str) -> tuple[str, str]:
    """The origin as a browser writes it (lower case, no standard port, "xn--" for other letters), and its host.

    Raises ValueError where the address is none of http or https.
    """
    parts = urlsplit(address)
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    if standard is None:
        raise ValueError("neither http nor https")
    host = parts.hostname or ""
    if not is_ip_address(host):
        host = dns_name(host) + "." * host.endswith(".")  # a dot at the end stays: it makes another origin
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, standard) else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}", host


def _credential(used: bytes, response: dict[str, bytes]) -> dict:
    """Section 5.1: RegistrationResponseJSON and AuthenticationResponseJSON, as far as a server needs them."""
    identifier = to_base64url(used)
    shown = {"id": identifier, "rawId": identifier, "type": "public-key"}
    written = {name: to_base64url(value) for name, value in response.items()}
    return {**shown, "response": written, "clientExtensionResults": {}}
