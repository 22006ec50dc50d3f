"""What happens above TLS: a user logs in to a server, inside the session, with a password or a password and a code.

    accounts = Accounts().add("alice", "correct horse")
    log_in(client, server, "bank.example", accounts, "alice", "correct horse")

The user hands a secret over, and the server checks it. That proof is bound to nothing: not to the session in which it
travels, and not to the server that asked.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlencode

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from helpers.exchange import Exchange, Factor, Failure, Proof
from helpers.protocols import otp
from helpers.protocols.tls import Client, Server, Session

# The least that the OWASP Password Storage Cheat Sheet asks of Argon2id: 19 MiB, two passes, one lane.
PASSWORD_HASHING = {"memory_cost": 19 * 1024, "iterations": 2, "lanes": 1}


@dataclass(frozen=True)
class Account:
    """What the server keeps of a user: never the password itself."""

    password_hash: str = field(repr=False)  # in PHC format: "$argon2id$v=19$m=...$salt$hash"
    otp_key: bytes | None = field(default=None, repr=False)
    last_otp_step: int | None = None  # codes up to this time step are used up


class Accounts:
    """The server's list of users. It can check a password, but it cannot tell what the password is."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._nobody = _hash("")

    def add(self, user: str, password: str, otp_key: bytes | None = None) -> "Accounts":
        """Add a user, and give the list itself. With an `otp_key`, the login asks for a one-time code as well."""
        self._accounts[user] = Account(_hash(password), otp_key)
        return self

    def password_is_right(self, user: str, password: str) -> bool:
        account = self._accounts.get(user)
        # An unknown user costs the same work, so that the time of the answer does not tell who has an account.
        matches = _hash_matches(account.password_hash if account else self._nobody, password)
        return matches and account is not None

    def needs_code(self, user: str) -> bool:
        return self._accounts[user].otp_key is not None

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


def _hash(password: str) -> str:
    return Argon2id(salt=os.urandom(16), length=32, **PASSWORD_HASHING).derive_phc_encoded(password.encode())


def _hash_matches(stored: str, password: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except InvalidKey:
        return False
    return True


def log_in(
    client: Client,
    server: Server,
    name: str,
    accounts: Accounts,
    user: str,
    password: str,
    code: Callable[[], str] | None = None,
    title: str = "",
) -> Exchange:
    """Connect, and log `user` in inside the session.

    `code` gives the one-time code when the server asks for it, as a person reads it off their device. Where the TLS
    handshake fails, no password is sent.
    """
    session = Session(client, server, name)
    if session.established:
        _fill_in(session, accounts, user, password, code)
    return session.exchange(title or f"{user} logs in to {name}")


def _fill_in(
    session: Session,
    accounts: Accounts,
    user: str,
    password: str,
    code: Callable[[], str] | None,
) -> None:
    """The user fills in the form, and the server checks what it received. Each answer is a real HTTP response."""
    at, fields = _post(session, "/login", user=user, password=password)
    if not accounts.password_is_right(fields["user"], fields["password"]):
        _refuse(session, at, "wrong user name or password")
        return
    verified = fields["user"]
    _note_proof(session, verified, "a password, handed over", Factor.KNOWLEDGE, at)
    if not accounts.needs_code(verified):
        _answer(session, "200 OK", "welcome")
        return
    _answer(session, "200 OK", "asks for a one-time code")
    # The second form names no user: the server goes on with the one whose password it has checked.
    at, fields = _post(session, "/code", code=code() if code else "")
    if not accounts.code_is_right(verified, fields["code"], time.time()):
        _refuse(session, at, "wrong one-time code, or one that was used before")
        return
    _note_proof(session, verified, "a one-time code, handed over", Factor.POSSESSION, at)
    _answer(session, "200 OK", "welcome")


def _post(session: Session, path: str, **fields: str) -> tuple[int, dict[str, str]]:
    """Send a form, as a browser does. Gives the message's index and the fields as the server read them."""
    body = urlencode(fields)
    request = (
        f"POST {path} HTTP/1.1\r\nHost: {session.name}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    # The note names the fields that are sent, never what is in them.
    at, received = session.send(session.client, request.encode(), f"POST {path}", " and ".join(fields))
    form = parse_qs(received.decode().partition("\r\n\r\n")[2], keep_blank_values=True)
    return at, {name: values[0] for name, values in form.items()}


def _answer(session: Session, status: str, text: str) -> int:
    response = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    return session.send(session.server, response.encode(), status, text)[0]


def _refuse(session: Session, at: int, reason: str) -> None:
    # HTTP's 401 is for its own login scheme (RFC 9110, section 15.5.2); after a form, sites answer 403 or plain 200.
    heard = _answer(session, "403 Forbidden", reason)
    session.failure = Failure(session.server.party, reason, at, session.client.party, heard)


def _note_proof(session: Session, user: str, evidence: str, factor: Factor, at: int) -> None:
    session.proofs.append(
        Proof(
            session.client.party,
            session.server.party,
            user,
            evidence,
            frozenset({factor}),
            layer="application",
            session=None,  # the same password would do in any other session
            inside=session.label,
            at=at,
        )
    )
