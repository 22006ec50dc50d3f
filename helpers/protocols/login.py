"""What happens above TLS: a user logs in to a server, inside the session, with a password or a password and a code.

    accounts = Accounts().add("alice", "correct horse")
    log_in(client, server, "bank.example", accounts, "alice", "correct horse")

The user hands a secret over, and the server checks it. That proof is bound to nothing: not to the session in which it
travels, and not to the server that asked.
"""

import os
import time
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from helpers.exchange import Exchange, Factor, Failure, Proof
from helpers.protocols import http, otp, wires
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


ASKS_FOR_CODE = "asks for a one-time code"
Answer = tuple[str, str]  # the status of HTTP, and a text: ("200 OK", "welcome")


def log_in(
    client: Client,
    server: Server,
    name: str,
    accounts: Accounts,
    user: str,
    password: str,
    code: Callable[[], str] | None = None,
    title: str = "",
    wire=wires.Memory,
) -> Exchange:
    """Connect, and log `user` in inside the session.

    `code` gives the one-time code when the server asks for it, as a person reads it off their device. Where the TLS
    handshake fails, no password is sent.
    """
    with Session(client, server, name, wire) as session:
        page = LoginPage(session, accounts)

        def send(path: str, **form: str) -> Answer:
            answer = page.receive(path, *post(session, path, **form))
            return respond(session, answer)

        if session.established:
            fill_in(send, user, password, code)
        return session.exchange(title or f"{user} logs in to {name}")


def fill_in(send: Callable[..., Answer], user: str, password: str, code: Callable[[], str] | None) -> None:
    """The user's side: fill in each form that is shown. `send(path, **fields)` gives what came back."""
    _status, text = send("/login", user=user, password=password)
    if text == ASKS_FOR_CODE:
        send("/code", code=code() if code else "")


class LoginPage:
    """The server's side: what it makes of the forms that come in one session."""

    def __init__(self, session: Session, accounts: Accounts) -> None:
        self._session, self._accounts = session, accounts
        self._user = ""  # whose password was right, in this session

    def receive(self, path: str, at: int, form: dict[str, str]) -> Answer:
        """Check the form that came with message `at`, and note what it proved."""
        return self._check_password(at, **form) if path == "/login" else self._check_code(at, **form)

    def _check_password(self, at: int, user: str, password: str) -> Answer:
        if not self._accounts.password_is_right(user, password):
            return self._refuse(at, "wrong user name or password")
        self._user = user
        self._note_proof("a password, handed over", Factor.KNOWLEDGE, at)
        return "200 OK", ASKS_FOR_CODE if self._accounts.needs_code(user) else "welcome"

    def _check_code(self, at: int, code: str) -> Answer:
        # The second form names no user: the server goes on with the one whose password it has checked.
        if not self._accounts.code_is_right(self._user, code, time.time()):
            return self._refuse(at, "wrong one-time code, or one that was used before")
        self._note_proof("a one-time code, handed over", Factor.POSSESSION, at)
        return "200 OK", "welcome"

    def _refuse(self, at: int, reason: str) -> Answer:
        self._session.refuse(Failure(self._session.server.party, reason, at))
        # HTTP's 401 is for its own login scheme (RFC 9110, section 15.5.2); after a form, sites answer 403 or 200.
        return "403 Forbidden", reason

    def _note_proof(self, evidence: str, factor: Factor, at: int) -> None:
        self._session.transcript.proofs.append(
            Proof(
                self._session.client.party,
                self._session.server.party,
                self._user,
                evidence,
                frozenset({factor}),
                layer="application",
                session=None,  # the same password would do in any other session
                inside=self._session.label,
                at=at,
            )
        )


def open_account(client: Client, server: Server, name: str, accounts: Container[str], title: str = "") -> Exchange:
    """Connect, and ask for the account page without a password: the certificate says whose page.

    To know who it is, is one thing: authentication. Whether there is an account is the other: authorization.
    """
    with Session(client, server, name) as session:
        if session.established:
            at, _ = session.send(session.client, http.request("GET", name, "/account"), "GET /account")
            user = session.name_of_client()
            if user in accounts:
                respond(session, ("200 OK", f"the account of {user}"))
            else:
                reason = f"no account for {user}" if user else "no certificate, so nobody is logged in"
                session.refuse(Failure(server.party, reason, at))
                respond(session, ("403 Forbidden", reason))
        return session.exchange(title or f"{client.party} asks {name} for an account page")


def post(session: Session, path: str, **form: str) -> tuple[int, dict[str, str]]:
    """Send a form, as a browser does. Gives the message's index and the fields as the server read them."""
    # The note names the fields that are sent, never what is in them.
    content = http.post(session.name, path, form)
    at, received = session.send(session.client, content, f"POST {path}", " and ".join(form))
    return at, http.fields(received)


def respond(session: Session, answer: Answer) -> Answer:
    """Send the answer. Where it is a refusal, this is where the client hears of it."""
    status, text = answer
    at, _ = session.send(session.server, http.response(status, text), status, text)
    if session.failure:
        session.refuse(replace(session.failure, learned_by=session.client.party, learned_at=at))
    return answer
