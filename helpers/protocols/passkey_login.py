"""A login with a passkey, inside TLS: what the browser signs, what the server checks, and what a relay makes of it.

    bank_keys = RelyingParty("bank.example", "https://bank.example")
    browser = register(bank_keys, "alice", Authenticator())
    sign_in(alice, bank, "bank.example", bank_keys, browser)

The signature is over the name of the site (its origin), and over a challenge of the server. It is not over the TLS
connection: so it is bound to the verifier's name, and not to the channel.
"""

import json
from collections.abc import Callable, Iterable

from helpers.display.error import CourseError
from helpers.exchange import Binding, Exchange, Factor, Failure, Proof
from helpers.protocols import wires
from helpers.protocols.authenticator import Authenticator, Browser
from helpers.protocols.login import Answer, visit
from helpers.protocols.passkey import PasskeyRefused, RelyingParty, SignIn
from helpers.protocols.relay import Legs, Relay
from helpers.protocols.tls import Client, Server
from helpers.protocols.tls_session import Session


def register(relying_party: RelyingParty, user: str, authenticator: Authenticator) -> Browser:
    """Make a passkey for `user` at the site itself, and give the browser, with the site open in it."""
    browser = Browser(relying_party.origin, authenticator)
    relying_party.finish_registration(browser.create(relying_party.begin_registration(user)))
    return browser


def sign_in(
    client: Client,
    server: Server,
    name: str,
    relying_party: RelyingParty,
    browser: Browser,
    title: str = "",
    wire=wires.Memory,
) -> Exchange:
    """Connect, and sign in inside the session. Where the TLS handshake fails, nothing is signed."""
    with Session(client, server, name, wire) as session:
        if session.established:
            page = PasskeyPage(session, relying_party, browser.authenticator.unlock)
            answer_challenge(visit(session, page), browser, session)
        return session.exchange(title or f"{client.party} signs in to {name} with a passkey")


def relayed_sign_in(
    victim: Client,
    relay: Relay,
    site: Server,
    name: str,
    relying_party: RelyingParty,
    browser: Browser,
    title: str = "",
    asks_for: str = "",
) -> Exchange:
    """The victim signs in at the relay's site, in `browser`, and the relay passes on what the real site and she say.

    With `asks_for`, it changes the site's request, and asks for a passkey of that name.
    """
    legs = Legs(victim, relay, site, name)
    if legs.established:
        page = PasskeyPage(legs.back, relying_party, browser.authenticator.unlock)
        answer_challenge(legs.visit(page), browser, legs.front, asks_for)
    return legs.exchange(title or f"{victim.party} signs in to {relay.party}, a relay, with a passkey")


def answer_challenge(send: Callable[..., Answer], browser: Browser, session: Session, asks_for: str = "") -> None:
    """The browser's side: ask for a challenge, and have the authenticator sign. `session` is the browser's own.

    `asks_for` is the name that a relay has put in the place of the site's own.
    """
    request = json.loads(send("/passkey/challenge").text)
    try:
        signed = browser.get({**request, "rpId": asks_for} if asks_for else request)
    except CourseError as refused:  # nothing was signed, so nothing is sent
        received = len(session.transcript.sent) - 1
        session.refuse(Failure(session.client.party, f"{refused}", received))
        return
    send("/passkey/answer", assertion=json.dumps(signed))


class PasskeyPage:
    """The server's side: the challenge, and what it makes of the answer.

    With what the authenticator was unlocked, `unlock`, the server is not told. The lab knows it, for its pictures.
    """

    def __init__(self, session: Session, relying_party: RelyingParty, unlock: Factor | None) -> None:
        self._session, self._relying_party, self._unlock = session, relying_party, unlock

    def receive(self, path: str, at: int, form: dict[str, str]) -> Answer:
        """Check the form that came with message `at`, and note what it proved."""
        if path == "/passkey/challenge":
            note = f"a challenge, for passkeys of {self._relying_party.rp_id}"
            return Answer("200 OK", json.dumps(self._relying_party.begin_sign_in()), note)
        try:
            found = self._relying_party.finish_sign_in(form.get("assertion", ""))
        except PasskeyRefused as refused:
            self._session.refuse(Failure(self._session.server.party, f"{refused}", at))
            return Answer("403 Forbidden", "the passkey was refused")
        factors = {Factor.POSSESSION, self._unlock} if found.user_verified else {Factor.POSSESSION}
        who = self._session.client.party, self._session.server.party
        self._session.transcript.proofs.append(proof_by(found, *who, factors, at, self._session.label))
        return Answer("200 OK", "welcome")


def proof_by(
    found: SignIn, prover: str, verifier: str, factors: Iterable[Factor], at: int, inside: str | None = None
) -> Proof:
    """What a sign-in with a passkey proves. The signature names the site, and not the session that it travels in."""
    evidence = f"a signature with a passkey, over {found.signed['origin']} and the server's challenge"
    layer, session, binding = "application", None, Binding.VERIFIER_NAME
    return Proof(prover, verifier, found.user, evidence, frozenset(factors), layer, session, inside, binding, at)
