"""What happens above TLS: a user logs in to a server, inside the session, with a password or a password and a code.

    accounts = Accounts().add("alice", "correct horse")
    log_in(client, server, "bank.example", accounts, "alice", "correct horse")

The user hands a secret over, and the server checks it. That proof is bound to nothing: not to the session in which it
travels, and not to the server that asked.
"""

import time
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from helpers.exchange import Exchange, Factor, Failure, Proof
from helpers.protocols import http, push, wires
from helpers.protocols.accounts import Accounts
from helpers.protocols.push import Phone
from helpers.protocols.tls import Client, Server, Session

WRONG_CODE = "wrong one-time code, or one that was used before"
APPROVAL = "an approval from the phone, for the login that was begun in this connection (simulated)"
ASKS_FOR_PIN = "asks for a PIN"
ASKS_FOR_CODE = "asks for a one-time code"
SHOWS_NUMBER = "type this number into the app on your phone: "


class Answer(NamedTuple):
    """What a server answers to a form. `note` is what a picture shows of it, where that is not the text itself."""

    status: str  # of HTTP: "200 OK"
    text: str
    note: str = ""


@dataclass(frozen=True)
class User:
    """What somebody types. `code` gives the one-time code when it is asked for, as a person reads it off their device.

    `phone` is the one that they look at when a page asks them to.
    """

    name: str
    password: str | None = field(default=None, repr=False)
    code: Callable[[], str] | None = field(default=None, repr=False)
    pin: str = field(default="", repr=False)
    phone: Phone | None = None


def log_in(
    client: Client,
    server: Server,
    name: str,
    accounts: Accounts,
    user: str,
    password: str | None = None,
    code: Callable[[], str] | None = None,
    title: str = "",
    wire=wires.Memory,
    *,
    pin: str = "",
    phone: Phone | None = None,
) -> Exchange:
    """Connect, and log `user` in inside the session: see `User` for what they type.

    Where the TLS handshake fails, nothing is typed.
    """
    with Session(client, server, name, wire) as session:
        if session.established:
            page = LoginPage(session, accounts)
            fill_in(visit(session, page), User(user, password, code, pin, phone))
        return session.exchange(title or f"{user} logs in to {name}")


def visit(session: Session, page: "LoginPage") -> Callable[..., Answer]:
    """What a browser does with a form of this page: `send(path, **fields)` posts it, and gives what came back."""

    def send(path: str, **form: str) -> Answer:
        return respond(session, page.receive(path, *post(session, path, **form)))

    return send


def fill_in(send: Callable[..., Answer], user: User) -> None:
    """The user's side: fill in each form that is shown."""
    answer = send("/login", user=user.name, **({} if user.password is None else {"password": user.password}))
    while answer.status == "200 OK":
        if answer.text == ASKS_FOR_PIN:
            answer = send("/pin", pin=user.pin)
        elif answer.text == ASKS_FOR_CODE:
            answer = send("/code", code=user.code() if user.code else "")
        elif answer.text.startswith(SHOWS_NUMBER):
            if user.phone:
                user.phone.type(answer.text.removeprefix(SHOWS_NUMBER))
            answer = send("/approved")
        else:
            return


class LoginPage:
    """The server's side: what it makes of the forms that come in one session."""

    def __init__(self, session: Session, accounts: Accounts) -> None:
        self._session, self._accounts = session, accounts
        self._user = ""  # who logs in here
        self._proved = ""  # who has proved something here
        self._number = ""  # that the page shows
        self._left: list[str] = []  # the forms that are still to come

    def receive(self, path: str, at: int, form: dict[str, str]) -> Answer:
        """Check the form that came with message `at`, and note what it proved."""
        if path == "/login":
            return self._begin(at, form.get("user", ""), form.get("password", ""))
        # The other forms name no user: the server goes on with the one who has begun, and with what it has asked for.
        if not self._left or path != self._left[0]:
            return self._refuse(at, "nobody has asked for this")
        check, evidence, factor, refusal = {
            "/pin": (self._pin_is_right, "a PIN, handed over", Factor.KNOWLEDGE, "wrong PIN"),
            "/code": (self._code_is_right, "a one-time code, handed over", Factor.POSSESSION, WRONG_CODE),
            "/approved": (self._is_approved, APPROVAL, Factor.POSSESSION, "the phone did not approve it"),
        }[path]
        if not check(form):
            return self._refuse(at, refusal)
        self._note_proof(evidence, factor, at)
        self._left.pop(0)
        return self._go_on()

    def _begin(self, at: int, user: str, password: str) -> Answer:
        if self._proved not in ("", user):
            return self._refuse(at, "somebody else has logged in here")
        self._user, self._left = "", []  # who begins anew brings nothing along
        if self._accounts.needs_password(user):
            if not self._accounts.password_is_right(user, password):
                return self._refuse(at, "wrong user name or password")
            self._user = user
            self._note_proof("a password, handed over", Factor.KNOWLEDGE, at)
        self._user, self._left = user, self._accounts.further_forms(user)
        return self._go_on()

    def _go_on(self) -> Answer:
        if not self._left:
            return Answer("200 OK", "welcome")
        if self._left[0] != "/approved":
            return Answer("200 OK", {"/pin": ASKS_FOR_PIN, "/code": ASKS_FOR_CODE}[self._left[0]])
        self._number = push.new_number()
        self._accounts.find(self._user).phone.ask(self._session.transcript, self._session.server.party)
        return Answer("200 OK", SHOWS_NUMBER + self._number, "shows a number, to be typed on the phone")

    def _pin_is_right(self, form: dict[str, str]) -> bool:
        return self._accounts.pin_is_right(self._user, form.get("pin", ""))

    def _code_is_right(self, form: dict[str, str]) -> bool:
        return self._accounts.code_is_right(self._user, form.get("code", ""), time.time())

    def _is_approved(self, _form: dict[str, str]) -> bool:
        return self._accounts.find(self._user).phone.approved(self._number)

    def _refuse(self, at: int, reason: str) -> Answer:
        self._session.refuse(Failure(self._session.server.party, reason, at))
        # HTTP's 401 is for its own login scheme (RFC 9110, section 15.5.2); after a form, sites answer 403 or 200.
        return Answer("403 Forbidden", reason)

    def _note_proof(self, evidence: str, factor: Factor, at: int) -> None:
        self._proved = self._user
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
                respond(session, Answer("200 OK", f"the account of {user}"))
            else:
                reason = f"no account for {user}" if user else "no certificate, so nobody is logged in"
                session.refuse(Failure(server.party, reason, at))
                respond(session, Answer("403 Forbidden", reason))
        return session.exchange(title or f"{client.party} asks {name} for an account page")


def post(session: Session, path: str, **form: str) -> tuple[int, dict[str, str]]:
    """Send a form, as a browser does. Gives the message's index and the fields as the server read them."""
    # The note names the fields that are sent, never what is in them.
    content = http.post(session.name, path, form)
    at, received = session.send(session.client, content, f"POST {path}", " and ".join(form))
    return at, http.fields(received)


def respond(session: Session, answer: Answer) -> Answer:
    """Send the answer. Where it is a refusal, this is where the client hears of it."""
    content = http.response(answer.status, answer.text)
    at, _ = session.send(session.server, content, answer.status, answer.note or answer.text)
    if session.failure:
        session.refuse(replace(session.failure, learned_by=session.client.party, learned_at=at))
    return answer
