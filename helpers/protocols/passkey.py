"""The server's side of a passkey: it makes challenges, and checks what comes back. A server is a *relying party* (RP).

    bank_keys = RelyingParty("bank.example", "https://bank.example")
    passkey = bank_keys.finish_registration(browser.create(bank_keys.begin_registration("alice")))
    bank_keys.finish_sign_in(browser.get(bank_keys.begin_sign_in()))

All signatures and all rules of WebAuthn are checked by py_webauthn, a library that real sites use. When it refuses,
this module looks what did not fit, and says it in a sentence. Section numbers are those of W3C Web Authentication,
Level 3.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import cbor2
import webauthn
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from helpers.display.error import CourseError
from helpers.display.table import Table
from helpers.display.text import short, visible
from helpers.protocols.authenticator import FLAGS, from_base64url

CHALLENGE_SIZE = 32  # bytes. Section 13.4.3 asks for 16 at least.
LONGEST = 64 * 1024  # bytes of an answer in its parts; real ones have a few hundred


class PasskeyRefused(CourseError):
    """The server did not accept it. `field` names what did not fit."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Passkey:
    """What the server stores of a passkey. The public key is no secret."""

    user: str
    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    user_handle: bytes = field(repr=False)
    sign_count: int = 0
    backup_eligible: bool = False
    backed_up: bool = False


@dataclass(frozen=True)
class SignIn:
    """A sign-in that was accepted. `signed` are the parts of what was signed, in words and the same on every run."""

    user: str
    user_verified: bool
    sign_count: int
    signed: Mapping[str, str]

    def table(self) -> Table:
        return Table("What the passkey signed", ("What", "Value"), list(self.signed.items()))

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __str__(self) -> str:
        return str(self.table())

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


class RelyingParty:
    """A site with passkeys for `rp_id`, a host name without a port. `origin` is where its pages are, with the port.

    Without an `origin`, the one of the first registration is taken, and from then on no other: trust on first use.
    """

    def __init__(
        self, rp_id: str, origin: str | None = None, name: str | None = None, *, require_user_verification: bool = False
    ) -> None:
        self.rp_id, self.origin, self.name = rp_id, origin, name or rp_id
        self._require_user_verification = require_user_verification
        self._passkeys: dict[bytes, Passkey] = {}
        self._handles: dict[str, bytes] = {}
        self._open: dict[bytes, str] = {}  # challenges that wait for their answer, and whom each registers ("": nobody)

    def begin_registration(self, user: str) -> dict:
        """The options for `navigator.credentials.create`, as JSON (PublicKeyCredentialCreationOptionsJSON)."""
        options = webauthn.generate_registration_options(
            rp_id=self.rp_id,
            rp_name=self.name,
            user_name=user,
            # Section 14.6.1: a random handle, which tells nothing about the user.
            user_id=self._handles.setdefault(user, secrets.token_bytes(32)),
            challenge=self._new_challenge(user),
            # A device that has one of these makes no second one.
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=one.credential_id)
                for one in self._passkeys.values()
                if one.user == user
            ],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=self._user_verification()
            ),
        )
        return options_to_json_dict(options)

    def finish_registration(self, response: dict | str) -> Passkey:
        """Check the answer (RegistrationResponseJSON), and store the passkey. Raises PasskeyRefused."""
        user, challenge, message = self._taken(response, "webauthn.create")
        origin = self.origin or _first_origin(message, self.rp_id)
        try:
            verified = webauthn.verify_registration_response(
                credential=response,
                expected_challenge=challenge,
                expected_rp_id=self.rp_id,
                expected_origin=origin,
                require_user_verification=self._require_user_verification,
            )
        except Exception as error:  # whatever is in the message must end as a refusal
            raise self._refusal(message, "webauthn.create", origin, error) from error
        # Section 7.1, step 26: the id must not be known already.
        if verified.credential_id in self._passkeys:
            raise PasskeyRefused("credential", "This passkey is registered already.")
        made = Passkey(
            user,
            verified.credential_id,
            verified.credential_public_key,
            self._handles[user],
            verified.sign_count,
            verified.credential_device_type == "multi_device",
            verified.credential_backed_up,
        )
        self._passkeys[made.credential_id] = made
        self.origin = origin
        return made

    def begin_sign_in(self) -> dict:
        """The options for `navigator.credentials.get`, as JSON. They name no user: the passkey tells who it is."""
        options = webauthn.generate_authentication_options(
            rp_id=self.rp_id, challenge=self._new_challenge(""), user_verification=self._user_verification()
        )
        return options_to_json_dict(options)

    def finish_sign_in(self, response: dict | str) -> SignIn:
        """Check the answer (AuthenticationResponseJSON). Raises PasskeyRefused."""
        _user, challenge, message = self._taken(response, "webauthn.get")
        passkey = self._passkeys.get(message.credential_id)
        if passkey is None:
            raise PasskeyRefused("credential", "Nobody has registered this passkey here.")
        if self.origin is None:
            raise PasskeyRefused("origin", "This site does not know its own origin yet.")
        # Section 7.2, step 6: the user handle must be the one of the account that this passkey belongs to.
        if message.user_handle not in (b"", passkey.user_handle):
            raise PasskeyRefused("credential", "This passkey belongs to another user than the answer says.")
        try:
            verified = webauthn.verify_authentication_response(
                credential=response,
                expected_challenge=challenge,
                expected_rp_id=self.rp_id,
                # From the settings of this site, never from the message: there, each origin agrees with itself.
                expected_origin=self.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=self._require_user_verification,
            )
        except Exception as error:
            raise self._refusal(message, "webauthn.get", self.origin, error, passkey) from error
        self._passkeys[passkey.credential_id] = replace(passkey, sign_count=verified.new_sign_count)
        return SignIn(passkey.user, verified.user_verified, verified.new_sign_count, _in_words(message, self.rp_id))

    def _user_verification(self) -> UserVerificationRequirement:
        wanted = UserVerificationRequirement
        return wanted.REQUIRED if self._require_user_verification else wanted.PREFERRED

    def _new_challenge(self, user: str) -> bytes:
        challenge = secrets.token_bytes(CHALLENGE_SIZE)
        self._open[challenge] = user
        return challenge

    def _taken(self, response: dict | str, kind: str) -> tuple[str, bytes, "_Message"]:
        """Take the challenge that this answers. It is used up now, also where the answer is refused."""
        message = _Message.read(response)
        if message.challenge not in self._open:
            sentence = "The challenge in the answer is none of this server's, or it has been used."
            raise PasskeyRefused("challenge", sentence)
        user = self._open.pop(message.challenge)
        # A challenge for a sign-in does not do for a registration.
        if (kind == "webauthn.create") != bool(user):
            raise PasskeyRefused("challenge", "The challenge in the answer was made for something else.")
        return user, message.challenge, message

    def _refusal(
        self, message: "_Message", kind: str, origin: str, error: Exception, passkey: Passkey | None = None
    ) -> PasskeyRefused:
        """Why did py_webauthn refuse? It has decided already; this only finds the words."""
        shown = {name: visible(short(text)) for name, text in (("type", message.kind), ("origin", message.origin))}
        if message.kind != kind:
            return PasskeyRefused("type", f"The answer says that it is a {shown['type']}, and not a {kind}.")
        if message.origin != origin:
            said = f"What was signed says {shown['origin']}. This server expects {origin}."
            return PasskeyRefused("origin", said)
        if message.rp_id_hash != hashlib.sha256(self.rp_id.encode()).digest():
            return PasskeyRefused("rp id", f"The passkey was made for another name than {self.rp_id}.")
        if not message.flag("UP"):
            return PasskeyRefused("flags", "The flag UP is not set: no user was present.")
        if self._require_user_verification and not message.flag("UV"):
            return PasskeyRefused("flags", "The flag UV is not set: this site wants the user to be verified.")
        if passkey and message.count <= passkey.sign_count and (message.count or passkey.sign_count):
            said = f"The counter is {message.count}, and it was {passkey.sign_count} before. There may be a copy."
            return PasskeyRefused("counter", said)
        if "signature" in str(error):
            return PasskeyRefused("signature", "The signature does not fit what was signed, or not this passkey.")
        return PasskeyRefused("malformed", "The answer is not written as WebAuthn says.")


# What is in an answer.


@dataclass(frozen=True)
class _Message:
    """The parts of an answer that this module looks at itself. Nothing in it is checked."""

    credential_id: bytes
    user_handle: bytes
    kind: str
    challenge: bytes
    origin: str
    authenticator_data: bytes

    @classmethod
    def read(cls, response: dict | str) -> "_Message":
        """Raises PasskeyRefused where the parts are not there."""
        try:
            response = json.loads(response) if isinstance(response, str) else response
            inner = response["response"]
            parts = {name: from_base64url(inner[name]) for name in inner if isinstance(inner[name], str)}
            if sum(map(len, parts.values())) > LONGEST:
                raise ValueError("too long")
            client_data = json.loads(parts["clientDataJSON"])
            kind, challenge, origin = (client_data[name] for name in ("type", "challenge", "origin"))
            data = parts.get("authenticatorData") or _attested(parts["attestationObject"])
            if not (isinstance(kind, str) and isinstance(origin, str) and len(data) >= 37):
                raise ValueError("not of the form")
            return cls(
                from_base64url(response["rawId"]),
                parts.get("userHandle", b""),
                kind,
                from_base64url(challenge),
                origin,
                data,
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, cbor2.CBORDecodeError):
            raise PasskeyRefused("malformed", "The answer is not written as WebAuthn says.") from None

    @property
    def rp_id_hash(self) -> bytes:
        return self.authenticator_data[:32]

    @property
    def count(self) -> int:
        return int.from_bytes(self.authenticator_data[33:37])

    def flag(self, name: str) -> bool:
        return bool(self.authenticator_data[32] & FLAGS[name])


def _attested(attestation_object: bytes) -> bytes:
    return cbor2.loads(attestation_object)["authData"]


def _first_origin(message: _Message, rp_id: str) -> str:
    """Trust on first use: the origin of the first registration, if a page of this RP ID can have it."""
    host = urlsplit(message.origin).hostname or ""
    if host != rp_id and not host.endswith(f".{rp_id}"):
        said = f"What was signed says {visible(short(message.origin))}. That is no page of {rp_id}."
        raise PasskeyRefused("origin", said)
    return message.origin


def signed_parts(response: dict | str) -> dict[str, str]:
    """What an answer says was signed, in words. Nothing is checked. Raises PasskeyRefused where it can't be read."""
    return _in_words(_Message.read(response), None)


def _in_words(message: _Message, rp_id: str | None) -> dict[str, str]:
    known = rp_id and message.rp_id_hash == hashlib.sha256(rp_id.encode()).digest()
    set_or_not = {True: "set", False: "not set"}
    return {
        "type": visible(short(message.kind)),
        "challenge": "the one that the server made" if rp_id else "random bytes",
        "origin": visible(short(message.origin)),
        "RP ID hash": f"SHA-256 of {rp_id}" if known else "SHA-256 of a name",
        "flag UP (user present)": set_or_not[message.flag("UP")],
        "flag UV (user verified)": set_or_not[message.flag("UV")],
        "flag BE (may be backed up)": set_or_not[message.flag("BE")],
        "flag BS (is backed up)": set_or_not[message.flag("BS")],
        "counter": str(message.count),
    }
