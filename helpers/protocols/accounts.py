"""What a server keeps of its users, and what it can check with that.

    accounts = Accounts().add("alice", "correct horse", otp_key=otp.new_key())
    accounts.stored("alice")

It keeps a password only as a hash: it can check one, but it cannot tell what it is. The key of one-time codes it must
be able to read, since it computes the same codes.
"""

import os
import re
import unicodedata
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from helpers.display.error import CourseError
from helpers.display.table import Table
from helpers.protocols import otp
from helpers.protocols.push import Phone

# The least that the OWASP Password Storage Cheat Sheet asks of Argon2id: 19 MiB, two passes, one lane.
PASSWORD_HASHING = {"memory_cost": 19 * 1024, "iterations": 2, "lanes": 1}


class UnknownUser(CourseError):
    """There is no account of this name."""


@dataclass(frozen=True)
class Account:
    """What the server keeps of a user. A hash is a text in PHC format: "$argon2id$v=19$m=...$salt$hash"."""

    password_hash: str | None = field(default=None, repr=False)
    pin_hash: str | None = field(default=None, repr=False)
    otp_key: bytes | None = field(default=None, repr=False)
    last_otp_step: int | None = None  # codes up to this time step are used up
    phone: Phone | None = None  # to which the server can send a push


class Accounts:
    """The server's list of users."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._nobody = _hash("")

    def add(
        self,
        user: str,
        password: str | None = None,
        otp_key: bytes | None = None,
        *,
        pin: str | None = None,
        phone: Phone | None = None,
    ) -> "Accounts":
        """Add a user, or set one anew, and give the list itself. The login asks for all that is given here.

        Raises ValueError where nothing is given, or something empty: then a name alone would do.
        """
        given = [secret for secret in (password, pin, otp_key, phone) if secret is not None]
        if not all(given) or not given:
            raise ValueError(f"{user} must be able to prove something: give a password, a PIN, a key or a phone")
        hashes = (None if secret is None else _hash(secret) for secret in (password, pin))
        before = self._accounts.get(user)
        # With the same key, codes that were used stay used.
        used = before.last_otp_step if before and before.otp_key == otp_key else None
        self._accounts[user] = Account(*hashes, otp_key, used, phone)
        return self

    def find(self, user: str) -> Account:
        """Raises UnknownUser."""
        if user not in self._accounts:
            raise UnknownUser(f"There is no account of {user}.")
        return self._accounts[user]

    def needs_password(self, user: str) -> bool:
        """Also of somebody who has no account: so a wrong name looks like a wrong password."""
        account = self._accounts.get(user)
        return account is None or account.password_hash is not None

    def further_forms(self, user: str) -> list[str]:
        """What the login asks for after user name and password, in this order. Raises UnknownUser."""
        account = self.find(user)
        forms = {"/pin": account.pin_hash, "/code": account.otp_key, "/approved": account.phone}
        return [path for path, kept in forms.items() if kept is not None]

    def password_is_right(self, user: str, password: str) -> bool:
        account = self._accounts.get(user)
        stored = account.password_hash if account else None
        # An unknown user costs the same work, so that the time of the answer does not tell who has an account.
        matches = _hash_matches(stored or self._nobody, password)
        return matches and stored is not None

    def pin_is_right(self, user: str, pin: str) -> bool:
        stored = self.find(user).pin_hash
        return stored is not None and _hash_matches(stored, pin)

    def code_is_right(self, user: str, code: str, at: float) -> bool:
        """Whether this is a code of the user's key at the Unix time `at`. A code that was right is used up."""
        account = self._accounts.get(user)
        if account is None or account.otp_key is None:
            return False
        step = otp.match_totp(code, account.otp_key, at, after=account.last_otp_step)
        if step is None:
            return False
        self._accounts[user] = replace(account, last_otp_step=step)
        return True

    def stored(self, user: str) -> Table:
        """A look at what is stored of a user, without the bytes that matter. Raises UnknownUser."""
        account, rows = self.find(user), []
        for name, stored in (("password", account.password_hash), ("PIN", account.pin_hash)):
            if stored is not None:
                rows.append((name, _described(stored), "no: it can only check what comes"))
        if account.otp_key is not None:
            # RFC 6238, section 5.1, wants it encrypted, and decrypted only when it is needed.
            rows.append(("key of one-time codes", f"the key itself, {len(account.otp_key)} bytes", "yes: it must"))
            used = "no code was used yet" if account.last_otp_step is None else "the time step of the last code"
            rows.append(("codes that are used up", used, "– (no secret)"))
        if account.phone is not None:
            rows.append(("phone for a push", "which phone it is", "– (no secret)"))
        return Table(f"What the server keeps of {user}", ("Of what", "It keeps", "Can it read the secret?"), rows)


def _hash(secret: str) -> str:
    return Argon2id(salt=os.urandom(16), length=32, **PASSWORD_HASHING).derive_phc_encoded(_bytes(secret))


def _hash_matches(stored: str, secret: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_bytes(secret), stored)
    except InvalidKey:
        return False
    return True


def _bytes(secret: str) -> bytes:
    # NIST SP 800-63B-4, section 3.1.1.2: normalized before it is hashed. One keyboard writes é as one character,
    # another one as two.
    return unicodedata.normalize("NFC", secret).encode(errors="replace")


def _described(stored: str) -> str:
    """What stands in a hash, in words. The salt and the hash themselves are not shown."""
    algorithm, memory, passes = re.match(r"\$(\w+)\$v=\d+\$m=(\d+),t=(\d+),", stored).groups()
    return f"a salt (random bytes) and a hash, by {algorithm}: {int(memory) // 1024} MiB of memory, {passes} passes"
