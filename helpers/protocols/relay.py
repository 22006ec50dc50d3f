"""The man in the middle of a login: a site with a certificate of its own, which passes on what its visitor types.

    mallory = Relay("bank-login.example", tls.Server(...), trust=root.certificate)
    relayed_login(alice, mallory, bank, "bank.example", accounts, "alice", "correct horse", phone)

MITRE ATT&CK (T1557) calls it an adversary in the middle. It is the client of one TLS session and the server of another
one, and in each of the two everything is right. What the victim hands over in the first, it uses in the second.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509

from helpers.exchange import Exchange
from helpers.protocols.accounts import Accounts
from helpers.protocols.login import Answer, LoginPage, User, fill_in, post, respond, visit
from helpers.protocols.push import Phone
from helpers.protocols.tls import Client, Server
from helpers.protocols.tls_session import Session
from helpers.protocols.transcript import Transcript
from helpers.trust import pki


@dataclass(frozen=True)
class Relay:
    """`party` is its true name, for which `front`, the server that its visitors meet, has a genuine certificate.

    `trust` is the root that its own client believes when it visits the real site. `name` is what its visitors ask for,
    where that is not its own name: then DNS leads them to it, and a CA has given it a certificate by mistake.
    """

    party: str
    front: Server
    trust: x509.Certificate
    name: str = field(default="", kw_only=True)

    def back(self, *shown: x509.Certificate) -> Client:
        """The client that visits the real site. It shows what the victim has shown: the chain, without the key."""
        return Client(self.party, self.trust, pki.copied(*shown) if shown else None)


class Legs:
    """The two sessions of a relay, `front` with the victim and `back` with the real site, in one transcript."""

    def __init__(self, victim: Client, relay: Relay, site: Server, name: str) -> None:
        self.transcript = Transcript(explained=False)
        self.parties = (victim.party, relay.party, site.party)
        # What stood in the link is, for most relays, their own name.
        self.front = Session(victim, relay.front, relay.name or relay.party, transcript=self.transcript)
        self.back: Session | None = None  # where the victim has refused, there is nothing to pass on
        if self.front.established:
            self.back = Session(relay.back(*self.front.chain_of_client()), site, name, transcript=self.transcript)

    @property
    def established(self) -> bool:
        return self.back is not None and self.back.established

    def visit(self, page) -> Callable[..., Answer]:
        """What the victim's browser does with a form: `send(path, **fields)`. `page` is the real site's.

        The relay posts what came to the real site, and gives back what that one answers.
        """
        pass_on = visit(self.back, page)

        def send(path: str, **form: str) -> Answer:
            _at, typed = post(self.front, path, **form)
            # All that a login needs is now in the relay's hands, readable.
            return respond(self.front, pass_on(path, **typed))

        return send

    def exchange(self, title: str) -> Exchange:
        return self.transcript.exchange(title, *self.parties)


def relayed_login(
    victim: Client,
    relay: Relay,
    site: Server,
    name: str,
    accounts: Accounts,
    user: str,
    password: str | None = None,
    code: Callable[[], str] | None = None,
    title: str = "",
    *,
    phone: Phone | None = None,
) -> Exchange:
    """The victim logs in to the relay's site, and the relay with the same words to the real one, which is `name`."""
    legs = Legs(victim, relay, site, name)
    if not legs.established:
        return legs.exchange(title or f"{user} visits {relay.party}, a relay")
    fill_in(legs.visit(LoginPage(legs.back, accounts)), User(user, password, code, phone=phone))
    return legs.exchange(title or f"{user} logs in to {relay.party}, a relay")
