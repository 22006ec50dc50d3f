"""The man in the middle of a login: a site with a certificate of its own, which passes on what its visitor types.

    mallory = Relay("bank-login.example", tls.Server(...), trust=root.certificate)
    relayed_login(alice, mallory, bank, "bank.example", accounts, "alice", "correct horse", phone)

NIST calls it an adversary in the middle. It is the client of one TLS session and the server of another one, and in each
of the two everything is right. What the victim hands over in the first, it uses in the second.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from helpers.exchange import Exchange
from helpers.protocols.login import Accounts, Answer, LoginPage, fill_in, post, respond
from helpers.protocols.tls import Client, Server
from helpers.protocols.tls_session import Session
from helpers.protocols.transcript import Transcript
from helpers.trust import pki


@dataclass(frozen=True)
class Relay:
    """`party` is its true name, for which `front`, the server that its visitors meet, has a genuine certificate.

    `trust` is the root that its own client believes when it visits the real site.
    """

    party: str
    front: Server
    trust: x509.Certificate

    def back(self, *shown: x509.Certificate) -> Client:
        """The client that visits the real site. It shows what the victim has shown: the chain, without the key."""
        return Client(self.party, self.trust, pki.copied(*shown) if shown else None)


class Legs:
    """The two sessions of a relay, `front` with the victim and `back` with the real site, in one transcript."""

    def __init__(self, victim: Client, relay: Relay, site: Server, name: str) -> None:
        self.transcript = Transcript(explained=False)
        self.parties = (victim.party, relay.party, site.party)
        # The victim asks for the relay's own name: that is what stood in the link.
        self.front = Session(victim, relay.front, relay.party, transcript=self.transcript)
        self.back: Session | None = None  # where the victim has refused, there is nothing to pass on
        if self.front.established:
            self.back = Session(relay.back(*self.front.chain_of_client()), site, name, transcript=self.transcript)

    @property
    def established(self) -> bool:
        return self.back is not None and self.back.established

    def exchange(self, title: str) -> Exchange:
        return self.transcript.exchange(title, *self.parties)


def relayed_login(
    victim: Client,
    relay: Relay,
    site: Server,
    name: str,
    accounts: Accounts,
    user: str,
    password: str,
    code: Callable[[], str] | None = None,
    title: str = "",
) -> Exchange:
    """The victim logs in to the relay's site, and the relay with the same words to the real one, which is `name`."""
    legs = Legs(victim, relay, site, name)
    if not legs.established:
        return legs.exchange(title or f"{user} visits {relay.party}, a relay")
    page = LoginPage(legs.back, accounts)

    def send(path: str, **form: str) -> Answer:
        _at, typed = post(legs.front, path, **form)
        # All that a login needs is now in the relay's hands, readable.
        answer = respond(legs.back, page.receive(path, *post(legs.back, path, **typed)))
        return respond(legs.front, answer)

    fill_in(send, user, password, code)
    return legs.exchange(title or f"{user} logs in to {relay.party}, a relay")
