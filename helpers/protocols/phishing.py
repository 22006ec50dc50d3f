"""One phishing relay, and several logins: which of them brings the relay into the victim's account?

    runs = five_logins()
    survivors(runs)

Each login is run twice: at the real site, which shows what it proves and to what that is bound, and through the relay.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from helpers.display.table import Table
from helpers.exchange import Binding, Exchange, words
from helpers.protocols import otp, tls
from helpers.protocols.authenticator import Authenticator, Browser
from helpers.protocols.login import Accounts, log_in
from helpers.protocols.passkey import RelyingParty
from helpers.protocols.passkey_login import register, relayed_sign_in, sign_in
from helpers.protocols.push import Phone
from helpers.protocols.relay import Relay, relayed_login
from helpers.trust import pki

NAME, FAKE, USER = "bank.example", "bank-login.example", "alice"
PASSWORD = "correct horse"
AT_RELAY = "at the relay"


@dataclass(frozen=True)
class Attempt:
    """The same login at the real site, and through the relay."""

    direct: Exchange
    relayed: Exchange


class Scene:
    """Alice, her bank, and Mallory's relay `bank-login.example`. `name` is what Alice's program asks the relay for."""

    def __init__(self, name: str = "") -> None:
        root = pki.new_root("Lab Root CA")
        shown = root.issue_server(NAME)
        self.bank, self.strict_bank = tls.Server(NAME, shown), tls.Server(NAME, shown, trust=root.certificate)
        self.alice = tls.Client(USER, root.certificate)
        self.alice_with_key = tls.Client(USER, root.certificate, root.issue_client(f"{USER}@{NAME}"))
        front = root.issue_server(name or FAKE)
        self.relay = Relay(FAKE, tls.Server(FAKE, front), root.certificate, name=name)
        # The same, but it asks its visitors for a certificate.
        asking = tls.Server(FAKE, front, trust=root.certificate)
        self.asking_relay = Relay(FAKE, asking, root.certificate, name=name)
        self.relying_party = RelyingParty(NAME, f"https://{NAME}")
        self.authenticator = Authenticator()
        self.browser = register(self.relying_party, USER, self.authenticator)

    def with_forms(self, title: str, *, key: bytes | None = None, phone: Phone | None = None) -> Attempt:
        """A password, and what else is given. Each of the two runs has an account of its own: a code is good once."""
        code = otp.authenticator_app(key) if key else None
        mine, theirs = (Accounts().add(USER, PASSWORD, key, phone=phone) for _ in range(2))
        typed = (USER, PASSWORD, code)
        direct = log_in(self.alice, self.bank, NAME, mine, *typed, title, phone=phone)
        where = (self.alice, self.relay, self.bank, NAME)
        return Attempt(direct, relayed_login(*where, theirs, *typed, f"{title}, {AT_RELAY}", phone=phone))

    def with_passkey(self, title: str, *, checks_rp_id: bool = True, asks_for: str = "") -> Attempt:
        """With `checks_rp_id` off, Alice's browser is a broken one. `asks_for`: the name that the relay puts in."""
        there = Browser(f"https://{self.relay.name or FAKE}", self.authenticator, checks_rp_id=checks_rp_id)
        direct = sign_in(self.alice, self.bank, NAME, self.relying_party, self.browser, title)
        where = (self.alice, self.relay, self.bank, NAME)
        relayed = relayed_sign_in(*where, self.relying_party, there, f"{title}, {AT_RELAY}", asks_for)
        return Attempt(direct, relayed)

    def with_certificate(self, title: str) -> Attempt:
        """In TLS itself. The relay shows the bank the chain that Alice has shown to it."""
        direct = tls.handshake(self.alice_with_key, self.strict_bank, NAME, title)
        accounts = Accounts().add(USER, PASSWORD)
        where = (self.alice_with_key, self.asking_relay, self.strict_bank, NAME)
        return Attempt(direct, relayed_login(*where, accounts, USER, PASSWORD, title=f"{title}, {AT_RELAY}"))


def five_logins(scene: Scene) -> dict[str, Attempt]:
    """The five, from the weakest to the strongest."""
    return {
        "password": scene.with_forms("A password"),
        "password and one-time code": scene.with_forms("A password and a one-time code", key=otp.new_key()),
        "password and push with number matching (simulated)": scene.with_forms(
            "A password and a push", phone=Phone(USER)
        ),
        "passkey": scene.with_passkey("A passkey"),
        "client certificate": scene.with_certificate("A client certificate"),
    }


def survivors(attempts: Mapping[str, Attempt]) -> Table:
    """For each login: what Alice showed, and to what it is bound, at the real site. Then what the relay made of it."""
    rows = []
    for what, attempt in attempts.items():
        bindings = {proof.binding for proof in attempt.direct.proofs if proof.prover == USER}
        failure = attempt.relayed.failure
        # The names under which the real site has accepted the relay. Where it refused at last, nobody is logged in.
        taken_for = {
            proof.identity for proof in attempt.relayed.proofs if (proof.prover, proof.verifier) == (FAKE, NAME)
        }
        rows.append(
            (
                what,
                words(attempt.direct.factors_of(USER, NAME)),
                ", ".join(_BOUND_TO[binding] for binding in Binding if binding in bindings),
                failure.by if failure else "nobody",
                f"✘ yes, as {', '.join(sorted(taken_for))}" if taken_for and not failure else "✔ no",
            )
        )
    headers = ("Login", "At the bank: with", "bound to", "At the relay: who refuses?", "Is the relay logged in?")
    return Table("One relay, and who gets through", headers, rows)


_BOUND_TO = {
    Binding.NONE: "nothing",
    Binding.VERIFIER_NAME: "the verifier's name",
    Binding.CHANNEL: "the channel: this TLS connection",
}
