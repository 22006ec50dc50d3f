"""Several exchanges side by side: what was proved, who refused what, the five questions, and the map of the course."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from helpers.display.error import reason_of
from helpers.display.table import Table
from helpers.exchange import INTERLOCKED, Definition, Direction, Exchange, Factor, Message, words


def proved(exchanges: Sequence[Exchange]) -> Table:
    """Who proved what to whom in each of these exchanges: one row for each proof."""
    rows = [
        (exchange.title, f"{proof.prover} → {proof.verifier}", proof.identity, words(proof.factors), proof.layer)
        for exchange in exchanges
        for proof in exchange.proofs
    ]
    return Table("What you proved", ("Run", "Who to whom", "Accepted as", "With", "Layer"), rows)


def transcripts(runs: Mapping[str, Exchange]) -> Table:
    """The messages of several runs of two parties, beside each other, and which of them can be read on the way."""
    columns = [[_written(run, message) for message in run.messages] for run in runs.values()]
    rows = [(str(number), *row) for number, row in enumerate(zip_longest(*columns, fillvalue=""), start=1)]
    return Table("Message by message: what can be read on the way, and what is encrypted", ("Step", *runs), rows)


def _written(run: Exchange, message: Message) -> str:
    arrow = "→" if message.sender == run.parties[0] else "←"
    return f"{arrow} {message.name}: {'encrypted' if message.inside else 'readable'}"


def refusals(runs: Mapping[str, Exchange]) -> Table:
    """Who refused, what it says itself, and what the other end reads of it."""
    rows = [
        (
            what,
            run.failure.by if run.failure else "nobody",
            reason_of(run.failure.reason) if run.failure else "",
            run.heard_as().replace("_", " "),
            run.when_heard(),
        )
        for what, run in runs.items()
    ]
    headers = ("What is wrong", "Who refuses", "It says", "The other end reads", "When does that end hear it?")
    return Table("Who refused, and what each end reads of it", headers, rows)


def five_questions(runs: Mapping[str, Exchange], client: str, server: str) -> Table:
    """The five questions, from the lowest to the highest, and which of them each run has answered."""
    rows = []
    for question, answered in _FIVE_QUESTIONS.items():
        answers = ("✔ yes" if answered(run, client, server) else "✘ no" for run in runs.values())
        rows.append((question, *answers))
    return Table("Five questions. Which of them did the run answer?", ("Question", *runs), rows)


def _proved(run: Exchange, prover: str, verifier: str) -> bool:
    return any((proof.prover, proof.verifier) == (prover, verifier) for proof in run.proofs)


# Each is answered by what the verifiers of the run have checked. The second and the third no protocol checks.
_FIVE_QUESTIONS = {
    "1. Is this the key for the name in the address bar?": lambda run, client, server: _proved(run, server, client),
    "2. Is this name the one I meant?": lambda run, client, server: False,
    "3. Is the organisation honest?": lambda run, client, server: False,
    "4. Who is the user?": lambda run, client, server: _proved(run, client, server),
    "5. Are 1 and 4 one conversation?": lambda run, client, server: run.direction(client, server) is Direction.MUTUAL,
}


def course_map(exchanges: Sequence[Exchange], user: str, definition: Definition = INTERLOCKED) -> Table:
    """The map: direction across, the factors that `user` showed down. Each exchange lands where its run puts it.

    A cell that no exchange can reach says why. Raises ValueError for an exchange of more than two parties, without this
    user, or where the user goes by more than one name.
    """
    down = [frozenset(), *(frozenset({f}) for f in (Factor.KNOWLEDGE, Factor.POSSESSION))]
    down.append(down[1] | down[2])
    places: dict[tuple[frozenset[Factor], Direction], list[str]] = {}
    for exchange in exchanges:
        names = {proof.identity for proof in exchange.proofs if proof.prover == user}
        if len(names) > 1:  # the factors of two names are not the factors of one user
            raise ValueError(f"in '{exchange.title}', {user} goes by more than one name: {', '.join(sorted(names))}")
        place = exchange.factors_of(user), exchange.direction(definition=definition)
        places.setdefault(place, []).append(f"✔ {exchange.title}{_only(exchange)}")
    # A column for "none" only where a run lands there: it has no factors, and so nothing to compare.
    across = [d for d in Direction if d is not Direction.NONE or any(d is direction for _, direction in places)]
    down += sorted({factors for factors, _ in places} - set(down), key=len)
    rows = [
        (
            words(factors),
            *("; ".join(places.get((factors, direction), [_empty(factors, direction)])) for direction in across),
        )
        for factors in down
    ]
    return Table(
        f"Across: the direction, by {definition.value}. Down: what {user} showed.",
        (f"{user} showed", *(direction.value for direction in across)),
        rows,
    )


def _only(exchange: Exchange) -> str:
    """In a one-way exchange: who it is that proves."""
    provers = {proof.prover for proof in exchange.proofs}
    return f" ({provers.pop()} proves)" if len(provers) == 1 else ""


def _empty(factors: frozenset[Factor], direction: Direction) -> str:
    if direction is Direction.NONE and factors:
        return "✘ cannot be: the user proved something"
    if not factors and direction in (Direction.TWO_ONE_WAYS, Direction.MUTUAL):
        return "✘ cannot be: both sides must prove something"
    return "– possible, not in this list"
