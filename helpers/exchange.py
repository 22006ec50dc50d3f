"""The one model of the course: what an exchange of messages proved, to whom, and with what.

A run of a real protocol gives an `Exchange`. It answers the two questions of the course: `direction` (who proves to
whom) and `factors_of` (with what). It also draws itself.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from helpers.display.ladder import Ladder, Remark, Step


class Factor(Enum):
    """A category of evidence (NIST SP 800-63-3, section 4.3, knows exactly these three)."""

    KNOWLEDGE = "knowledge"
    POSSESSION = "possession"
    INHERENCE = "inherence"


class Direction(Enum):
    """Who proved who they are to whom, in one exchange."""

    NONE = "none"
    ONE_WAY = "one-way"
    TWO_ONE_WAYS = "two one-ways"
    MUTUAL = "mutual"


class Definition(Enum):
    """What must hold before proofs in both directions are called mutual. Standards differ, so this is always named."""

    # RFC 3748, section 7.2.1: "Two independent one-way methods, running in opposite directions do not provide mutual
    # authentication as defined here." So both proofs must be bound to the same session.
    INTERLOCKED = "the strict test, modelled on RFC 3748, section 7.2.1"
    # NIST SP 800-63-3, glossary, can be read so: it is enough that both proofs happened within one protected session.
    SAME_SESSION = "a loose reading of NIST SP 800-63-3, glossary"


INTERLOCKED, SAME_SESSION = Definition


class Binding(Enum):
    """What ties a proof to the place where it is used, so that a relay cannot use it elsewhere."""

    NONE = "none"
    VERIFIER_NAME = "verifier name"
    CHANNEL = "channel"


@dataclass(frozen=True)
class Message:
    """One message on the wire. `inside` names the session that protects it; None means readable on the wire."""

    sender: str
    receiver: str
    name: str
    note: str = ""
    inside: str | None = None


@dataclass(frozen=True)
class Proof:
    """Something that `verifier` checked and accepted in the run. Nothing else is ever written as a Proof.

    (A scene that says that it is an analogy may tell of a check instead.)
    `prover` is who is really there, `identity` the name that the verifier accepted. `at` is the index of the message at
    which it was complete. `session` is what the evidence itself is bound to (TLS: the transcript), None for a secret
    that is handed over; `inside` is the protected session in which it travelled.
    """

    prover: str
    verifier: str
    identity: str
    evidence: str
    factors: frozenset[Factor]
    layer: str
    session: str | None = None
    inside: str | None = None
    binding: Binding = Binding.NONE
    at: int = 0

    @property
    def sessions(self) -> frozenset[str]:
        return frozenset({self.session, self.inside} - {None})


@dataclass(frozen=True)
class Failure:
    """`by` refused at message `at`, for `reason`; `learned_by` heard of it at message `learned_at` (None: never).

    `late`: it heard of it although its own handshake had succeeded.
    """

    by: str
    reason: str
    at: int
    learned_by: str | None = None
    learned_at: int | None = None
    late: bool = False


@dataclass(frozen=True)
class Exchange:
    """What was exchanged, and what it proved. Raises ValueError where a message, proof or failure does not fit in.

    `seen_by` is the party at whose end alone the run was watched, where the other end belongs to a program of somebody
    else: what that one verified is then not among the proofs. None: every verifier was watched, or asked.
    """

    title: str
    parties: tuple[str, ...]
    messages: tuple[Message, ...]
    proofs: tuple[Proof, ...]
    failure: Failure | None = None
    seen_by: str | None = None

    def __post_init__(self) -> None:
        named = [name for message in self.messages for name in (message.sender, message.receiver)]
        named += [self.seen_by] if self.seen_by else []
        named += [name for proof in self.proofs for name in (proof.prover, proof.verifier)]
        if self.seen_by and len(self.parties) != 2:
            raise ValueError("only a run between two parties can be seen from one end")
        if len(set(self.parties)) < len(self.parties):
            raise ValueError(f"two of the parties have the same name: {self.parties}")
        for message in self.messages:
            if message.sender == message.receiver:
                raise ValueError(f"{message.sender!r} sends {message.name!r} to itself")
        for proof in self.proofs:
            if proof.prover == proof.verifier or not proof.factors:
                raise ValueError(f"a proof needs somebody else to prove to, and a factor to prove with: {proof}")
        places = [proof.at for proof in self.proofs]
        if self.failure:
            named += [name for name in (self.failure.by, self.failure.learned_by) if name is not None]
            places += [at for at in (self.failure.at, self.failure.learned_at) if at is not None]
        for name in named:
            if name not in self.parties:
                raise ValueError(f"{name!r} is not one of the parties {self.parties}")
        for at in places:
            if not 0 <= at < len(self.messages):
                raise ValueError(f"there is no message {at}: the exchange has {len(self.messages)}")

    # The first question: who proves to whom?

    def direction(self, a: str | None = None, b: str | None = None, definition: Definition = INTERLOCKED) -> Direction:
        """The direction between `a` and `b`. With two parties the pair may be left out.

        Raises ValueError where a pair is needed (more than two parties) or a name is not a party, and where the run was
        seen from one end only: what the other end verified is not known then.
        """
        if self.seen_by:
            raise ValueError(f"this run was seen from the end of {self.seen_by} alone, so its direction is not known")
        if a is None and b is None and len(self.parties) == 2:
            a, b = self.parties
        if a is None or b is None or a == b or not {a, b} <= set(self.parties):
            raise ValueError(f"name two of the parties {self.parties}: direction(a, b)")
        there = self._proofs(a, b)
        back = self._proofs(b, a)
        if not there and not back:
            return Direction.NONE
        if not there or not back:
            return Direction.ONE_WAY
        if any(_belong_together(one, other, definition) for one in there for other in back):
            return Direction.MUTUAL
        return Direction.TWO_ONE_WAYS

    # The second question: with what?

    def factors_of(self, prover: str, verifier: str | None = None) -> frozenset[Factor]:
        """All factors that `prover` really showed, to `verifier` or to anybody, whatever name it used.

        Raises ValueError for a name that is no party.
        """
        if not {prover, prover if verifier is None else verifier} <= set(self.parties):
            raise ValueError(f"name one of the parties {self.parties}: factors_of(prover, verifier)")
        return frozenset().union(*(proof.factors for proof in self._proofs(prover, verifier)))

    def _proofs(self, prover: str, verifier: str | None) -> list[Proof]:
        return [p for p in self.proofs if p.prover == prover and verifier in (None, p.verifier)]

    # Who refused, and who heard of it?

    def refused_at(self) -> str:
        """The name of the message at which somebody refused, or "accepted"."""
        return self.messages[self.failure.at].name if self.failure else "accepted"

    def heard_as(self) -> str:
        """What the other end read of a refusal: the name of the message, an alert without this word. Or "nothing"."""
        heard = self.failure.learned_at if self.failure else None
        return "nothing" if heard is None else self.messages[heard].name.removeprefix("Alert ")

    def when_heard(self) -> str:
        """When the other end heard of it: "within its handshake", "after its own handshake" or "never"."""
        if self.failure is None or self.failure.learned_by is None:
            return "never"
        return "after its own handshake" if self.failure.late else "within its handshake"

    # The picture, and the sentence above it.

    def summary(self) -> str:
        """Direction and factors in plain sentences, with the definition that they rest on."""
        verdict = f"{self._verdict()}. " if self._verdict() else ""
        return verdict + " ".join(self._explanation())

    def _verdict(self) -> str:
        """The direction in a few words. With more than two parties there is none for the whole."""
        if len(self.parties) > 2:
            return ""
        if self.seen_by:
            return f"Seen from the end of {self.seen_by} alone"
        return _VERDICTS[self.direction()] + (", under a borrowed name" if self._is_borrowed(*self.parties) else "")

    def _is_borrowed(self, a: str, b: str) -> bool:
        """Whether one of the two was accepted under a name that is not its own."""
        return any(not is_own_name(proof.prover, proof.identity) for proof in self._proofs(a, b) + self._proofs(b, a))

    def _explanation(self) -> list[str]:
        if len(self.parties) == 2:
            said = [self._pair_explanation(*self.parties)]
        else:
            # The pair in which somebody was taken for somebody else comes first: that is the news.
            pairs = sorted(combinations(self.parties, 2), key=lambda pair: not self._is_borrowed(*pair))
            said = [
                f"{a} and {b}: {_VERDICTS[self.direction(a, b)].lower()}. {self._pair_explanation(a, b)}".strip()
                for a, b in pairs
            ]
        refused = [f"{self.failure.by} refused."] if self.failure else []
        # Of more than two parties there is much to say: the news comes first, and each pair has a line of its own.
        return [" ".join(said + refused)] if len(self.parties) == 2 else refused + said

    def _pair_explanation(self, a: str, b: str) -> str:
        if self.seen_by:
            other = b if a == self.seen_by else a
            known = self._shown(other, self.seen_by) or f"{other} did not authenticate to {self.seen_by}."
            return f"{known} What {other} verified, this end cannot see."
        direction = self.direction(a, b)
        if direction is Direction.NONE:
            return f"Neither {a} nor {b} authenticated."
        pairs = [pair for pair in ((a, b), (b, a)) if self._proofs(*pair)]
        # Told in the order in which it happened.
        said = " ".join(self._shown(*pair) for pair in sorted(pairs, key=lambda pair: self._proofs(*pair)[0].at))
        if direction is Direction.ONE_WAY:
            silent = a if pairs == [(b, a)] else b
            return f"{said} {silent} did not authenticate."
        if direction is Direction.MUTUAL:
            on_top = [p.evidence for p in self._proofs(a, b) + self._proofs(b, a) if p.session is None]
            more = f" On top of it, and not bound to it: {', '.join(on_top)}." if on_top else ""
            return f"{said} Both proved it in one and the same session: mutual by the strict test.{more}"
        loose = self.direction(a, b, SAME_SESSION) is Direction.MUTUAL and not self.failure
        loose = loose and not self._is_borrowed(a, b)
        also = (
            " NIST's looser definition can be read as counting it: one protected session holds both." if loose else ""
        )
        return f"{said} The proofs do not belong together: not mutual by the strict test.{also}"

    def _shown(self, prover: str, verifier: str) -> str:
        """One sentence for each identity that the verifier accepted: factors of two identities don't add up."""
        proofs, said = self._proofs(prover, verifier), []
        for identity in dict.fromkeys(proof.identity for proof in proofs):
            factors = words(frozenset().union(*(p.factors for p in proofs if p.identity == identity)))
            if is_own_name(prover, identity):
                said.append(f"{prover} authenticated to {verifier} ({factors}).")
            else:
                said.append(f"{verifier} took {prover} for {identity} ({factors}).")
        return " ".join(said)

    def ladder(self) -> Ladder:
        """The picture as a value: `display.ladder.Ladder`."""
        remarks: list[list[Remark]] = [[] for _ in self.messages]
        for proof in self.proofs:
            kind = "proof" if is_own_name(proof.prover, proof.identity) else "accepted"
            remarks[proof.at].append(Remark(kind, _proof_text(proof)))
        if self.failure:
            remarks[self.failure.at].append(Remark("failure", f"{self.failure.by} says: {self.failure.reason}"))
            if self.failure.learned_by is not None and self.failure.learned_at is not None:
                text = f"Here {self.failure.learned_by} hears of the refusal."
                remarks[self.failure.learned_at].append(Remark("learned", text))
        column = {party: number for number, party in enumerate(self.parties)}
        steps = [
            Step(number, column[m.sender], column[m.receiver], m.name, m.note, m.inside is not None, tuple(said))
            for number, (m, said) in enumerate(zip(self.messages, remarks, strict=True), start=1)
        ]
        return Ladder(self.title, self._verdict(), self._explanation(), self.parties, steps)

    def _repr_html_(self) -> str:
        return self.ladder()._repr_html_()

    def __str__(self) -> str:
        return str(self.ladder())

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def is_own_name(party: str, identity: str) -> bool:
    """Whether `identity` is the party's own. A party's name in an exchange is its true name.

    Letter case does not matter, and what stands below a name in DNS belongs to it, as `www.bank.example` does to
    `bank.example`.
    """
    party, identity = party.casefold(), identity.casefold()
    return identity == party or identity.endswith(f".{party}")


_VERDICTS = {
    Direction.NONE: "No authentication",
    Direction.ONE_WAY: "One-way authentication",
    Direction.TWO_ONE_WAYS: "Two one-way authentications",
    Direction.MUTUAL: "Mutual authentication",
}


def _belong_together(one: Proof, other: Proof, definition: Definition) -> bool:
    if definition is INTERLOCKED:
        return one.session is not None and one.session == other.session
    return bool(one.sessions & other.sessions)


def words(factors: frozenset[Factor]) -> str:
    """The factors as words, always in the same order."""
    *others, last = [factor.value for factor in Factor if factor in factors] or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last


def _proof_text(proof: Proof) -> str:
    said = f"{proof.prover} to {proof.verifier}: “I am {proof.identity}”, by {proof.evidence}."
    truth = "" if is_own_name(proof.prover, proof.identity) else f" In truth, this is {proof.prover}."
    return f"{said} Factor: {words(proof.factors)}.{truth}"
