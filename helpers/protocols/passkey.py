"""The server's side of a passkey: it makes challenges, and checks what comes back. A server is a *relying party* (RP).

    bank_keys = RelyingParty("bank.example", "https://bank.example")
    passkey = bank_keys.finish_registration(browser.create(bank_keys.begin_registration("alice")))
    bank_keys.finish_sign_in(browser.get(bank_keys.begin_sign_in()))

py_webauthn, a library that real sites use, checks the signatures and the rules. When it refuses, this module looks what
did not fit, and says it in a sentence. (A real site tells less: section 14.6.2 wants a wrong signature and an unknown
user to look the same.) What the library leaves to the site is checked here, and stands at the end of `RelyingParty`.
Section numbers are those of W3C Web Authentication, Level 3.
"""

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import webauthn
from cryptography.exceptions import InvalidSignature
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    verify_signature,
)
from webauthn.helpers.exceptions import InvalidBackupFlags
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from helpers.display.table import Table
from helpers.display.text import short, visible
from helpers.protocols.authenticator import belongs_to, from_base64url, origin_and_host, secure, to_base64url
from helpers.protocols.passkey_response import PasskeyRefused, Response, malformed, rp_id_hash, signed_parts
from helpers.trust.names import dns_name

__all__ = ["Passkey", "PasskeyRefused", "RelyingParty", "SignIn", "signed_parts"]

LIFETIME = 10 * 60  # seconds that a challenge is good


@dataclass(frozen=True)
class Passkey:
    """What the server stores of a passkey. None of it is secret: the private key stays in the authenticator."""

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
    Raises ValueError where no page of this origin could ask for passkeys of `rp_id`.
    """

    def __init__(
        self, rp_id: str, origin: str | None = None, name: str | None = None, *, require_user_verification: bool = False
    ) -> None:
        if dns_name(rp_id) != rp_id:  # raises ValueError where it is no name at all
            raise ValueError(f"an RP ID is a host name in small letters, not {rp_id}")
        if origin is not None and not _may_ask(origin, rp_id):
            raise ValueError(f"{origin} is no origin of a page that may ask for passkeys of {rp_id}")
        self.rp_id, self.origin, self.name = rp_id, origin, name or rp_id
        self._require_user_verification = require_user_verification
        wanted = UserVerificationRequirement
        self._user_verification = wanted.REQUIRED if require_user_verification else wanted.PREFERRED
        self._passkeys: dict[bytes, Passkey] = {}  # by credential id
        self._handles: dict[str, bytes] = {}  # by user
        # The challenges that wait for an answer: since when, and for whom each registers a passkey. None: it is for a
        # sign-in. (A real site also knows to which visitor it gave each.)
        self._open: dict[str, tuple[float, str | None]] = {}

    def begin_registration(self, user: str) -> dict:
        """The options for `navigator.credentials.create`, as JSON (PublicKeyCredentialCreationOptionsJSON)."""
        # Section 14.6.1: it is "RECOMMENDED to let the user handle be 64 random bytes". They tell nothing of the user.
        handle = self._handles.setdefault(user, secrets.token_bytes(64))
        known = [one.credential_id for one in self._passkeys.values() if one.user == user]
        options = webauthn.generate_registration_options(
            rp_id=self.rp_id,
            rp_name=self.name,
            user_name=user,
            user_id=handle,
            challenge=self._new_challenge(user),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=self._user_verification
            ),
        )
        return options_to_json_dict(options)

    def finish_registration(self, response: dict | str) -> Passkey:
        """Check the answer (RegistrationResponseJSON), and store the passkey. Raises PasskeyRefused."""
        answer, user = self._taken(response, registers=True)
        origin = self.origin or _first_origin(answer, self.rp_id)
        try:
            verified = webauthn.verify_registration_response(
                credential=answer.content,
                expected_challenge=from_base64url(answer.challenge),
                expected_rp_id=self.rp_id,
                expected_origin=origin,
                require_user_verification=self._require_user_verification,
            )
            _check_key(verified.credential_public_key)
        except Exception as error:  # whatever is in the answer must end as a refusal
            raise self._refusal(answer, "webauthn.create", origin, error) from error
        self._check_frame(answer)
        self._check_new_id(answer, verified.credential_id)
        stored = (user, verified.credential_id, verified.credential_public_key, self._handles[user])
        made = Passkey(*stored, verified.sign_count, answer.flag("BE"), answer.flag("BS"))
        self._passkeys[made.credential_id] = made
        self.origin = origin
        return made

    def begin_sign_in(self) -> dict:
        """The options for `navigator.credentials.get`, as JSON (PublicKeyCredentialRequestOptionsJSON).

        They name no user: the passkey tells who it is.
        """
        options = webauthn.generate_authentication_options(
            rp_id=self.rp_id, challenge=self._new_challenge(None), user_verification=self._user_verification
        )
        return options_to_json_dict(options)

    def finish_sign_in(self, response: dict | str) -> SignIn:
        """Check the answer (AuthenticationResponseJSON). Raises PasskeyRefused."""
        answer, _ = self._taken(response, registers=False)
        passkey = self._owned(answer)
        try:
            verified = webauthn.verify_authentication_response(
                credential=answer.content,
                expected_challenge=from_base64url(answer.challenge),
                expected_rp_id=self.rp_id,
                # From the settings of this site, never from the answer: there, each origin agrees with itself.
                expected_origin=self.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=self._require_user_verification,
            )
        except Exception as error:
            raise self._refusal(answer, "webauthn.get", self.origin, error, passkey) from error
        self._check_frame(answer)
        self._check_backup(answer, passkey)
        # Section 7.2: then the record is updated, its counter and its backup state.
        self._passkeys[passkey.credential_id] = replace(
            passkey, sign_count=verified.new_sign_count, backed_up=answer.flag("BS")
        )
        signed = answer.in_words("the one that the server made")
        return SignIn(passkey.user, verified.user_verified, verified.new_sign_count, signed)

    def _new_challenge(self, user: str | None) -> bytes:
        # Section 13.4.3: challenges "MUST be randomly generated", and "SHOULD therefore be at least 16 bytes long".
        # And they should not be good for much longer than a user needs.
        now = time.monotonic()
        self._open = {one: kept for one, kept in self._open.items() if now - kept[0] <= LIFETIME}
        challenge = secrets.token_bytes(32)
        # Section 7: the answer must have "the base64url encoding" of it.
        self._open[to_base64url(challenge)] = now, user
        return challenge

    def _taken(self, response: dict | str, *, registers: bool) -> tuple[Response, str | None]:
        """Read the answer, and take the challenge that it is for. It is used up now, also where the answer is refused.

        Gives the user who registers, too. It is known from the challenge and not from the answer.
        """
        answer = Response.read(response)
        try:
            since, user = self._open.pop(answer.challenge)
        except KeyError:
            sentence = "The challenge in the answer is none that this server waits for: each is good for one answer."
            raise PasskeyRefused("challenge", sentence) from None
        if time.monotonic() - since > LIFETIME:
            raise PasskeyRefused("challenge", f"The challenge is older than {LIFETIME // 60} minutes.")
        if registers != (user is not None):
            wanted, came = ("a registration", "a sign-in") if registers else ("a sign-in", "a registration")
            sentence = f"The challenge in the answer was made for {came}, and this is {wanted}."
            raise PasskeyRefused("challenge", sentence)
        return answer, user

    def _refusal(
        self, answer: Response, kind: str, origin: str, error: Exception, passkey: Passkey | None = None
    ) -> PasskeyRefused:
        """Why did py_webauthn refuse? It has decided already; this only finds the words, in the library's order."""
        said = f"{error}"
        if answer.kind != kind:
            came = visible(short(answer.kind))
            return PasskeyRefused("type", f"The answer says that it is a {came}, and this server expects a {kind}.")
        if answer.origin != origin:
            came = visible(short(answer.origin))
            return PasskeyRefused("origin", f"What was signed says {came}. This server expects {origin}.")
        if answer.rp_id_hash != rp_id_hash(self.rp_id):
            return PasskeyRefused("rp id", f"The answer has the hash of another RP ID than {self.rp_id}.")
        if not answer.flag("UP"):
            return PasskeyRefused("flags", "The flag UP is not set: the device did not notice that a user is there.")
        if self._require_user_verification and not answer.flag("UV"):
            return PasskeyRefused("flags", "The flag UV is not set: the device did not verify who the user is.")
        if passkey and answer.count <= passkey.sign_count and (answer.count or passkey.sign_count):
            sentence = f"The counter is {answer.count}, and this server expects more than {passkey.sign_count}."
            return PasskeyRefused("counter", f"{sentence} There may be a copy of the key.")
        if said.startswith("Could not verify"):
            whose = "this passkey" if passkey else "the device that vouches for the new passkey"
            return PasskeyRefused("signature", f"The signature is not one of {whose} over this answer.")
        if isinstance(error, InvalidBackupFlags):
            sentence = "The flag BS (is backed up) is set, and BE (may be backed up) is not: that cannot be."
            return PasskeyRefused("flags", sentence)
        if said.startswith("Unsupported credential public key alg"):
            sentence = "The new passkey signs with an algorithm for which this server did not ask."
            return PasskeyRefused("credential", sentence)
        if passkey is None and answer.attestation != "none" and "malformed" not in said:
            form = visible(short(answer.attestation))
            sentence = f"What the device says of itself, an attestation of the form “{form}”, could not be verified."
            return PasskeyRefused("credential", sentence)
        return malformed()

    # What py_webauthn leaves to the site.

    def _owned(self, answer: Response) -> Passkey:
        """Whose passkey is it? Section 7.2, for a user "not identified before": by the user handle in the answer."""
        passkey = self._passkeys.get(answer.credential_id)
        if passkey is None:
            raise PasskeyRefused("credential", "Nobody has registered this passkey here.")
        if not answer.user_handle:  # "verify that response.userHandle is present"
            raise PasskeyRefused("credential", "The answer has no user handle, so it does not say whose account it is.")
        # "Verify that the user account identified by response.userHandle contains a credential record whose id equals
        # credential.rawId."
        if answer.user_handle != passkey.user_handle:
            raise PasskeyRefused("credential", "The user handle in the answer is not that of the passkey's account.")
        return passkey

    def _check_frame(self, answer: Response) -> None:
        # Sections 7.1 and 7.2: where crossOrigin is true or there is a topOrigin, "verify that the Relying Party
        # expects" to be inside a page of another origin. This one does not.
        if answer.framed:
            sentence = "It was signed inside a page of another origin, and this server's pages stand alone."
            raise PasskeyRefused("origin", sentence)

    def _check_new_id(self, answer: Response, credential_id: bytes) -> None:
        # Section 5.1.3: the browser takes the id from the attested credential data.
        if answer.credential_id != credential_id:
            raise PasskeyRefused("credential", "The answer has another credential id than the new passkey.")
        # Section 7.1: "Verify that the credentialId is ≤ 1023 bytes."
        if len(credential_id) > 1023:
            raise PasskeyRefused("credential", "The credential id of the new passkey is longer than 1023 bytes.")
        # Section 7.1: "Verify that the credentialId is not yet registered for any user." Else somebody could put his
        # own key in the place of another user's.
        if credential_id in self._passkeys:
            raise PasskeyRefused("credential", "A passkey with this credential id is registered already.")

    def _check_backup(self, answer: Response, passkey: Passkey) -> None:
        # Section 6.1.3: BE "is set during authenticatorMakeCredential operation and MUST NOT change".
        if answer.flag("BE") != passkey.backup_eligible:
            was, came = ("set", "not set") if passkey.backup_eligible else ("not set", "set")
            sentence = f"The flag BE (may be backed up) was {was} at the registration, and is {came} now."
            raise PasskeyRefused("flags", sentence)


def _check_key(public_key: bytes) -> None:
    """Raises an error where no signature could be checked with it. Else that would be noticed at the first sign-in."""
    key = decode_credential_public_key(public_key)
    with suppress(InvalidSignature):  # what must come of an empty one
        verify_signature(
            public_key=decoded_public_key_to_cryptography(key), signature_alg=key.alg, signature=b"", data=b""
        )


def _first_origin(answer: Response, rp_id: str) -> str:
    """Trust on first use: the origin of the first registration, if a page of this RP ID can have it."""
    if _may_ask(answer.origin, rp_id):
        return answer.origin
    said = f"What was signed says {visible(short(answer.origin))}. This server expects a page of {rp_id}."
    raise PasskeyRefused("origin", said)


def _may_ask(origin: str, rp_id: str) -> bool:
    """Is it written as a browser writes an origin, secure, and one of this RP ID?"""
    try:
        exact, host = origin_and_host(origin)
    except ValueError:  # no origin at all
        return False
    # Section 13.4.9: "the authority equals or is any subdomain of the RP ID". Below a name of one label, such as "com",
    # are the sites of others.
    below = belongs_to(host, rp_id) and "." in rp_id
    return exact == origin and secure(origin) and (host == rp_id or below)
