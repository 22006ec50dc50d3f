"""Several exchanges side by side: the table of what was proved, and the map of direction and factors."""

from collections.abc import Sequence

from helpers.display.table import Table
from helpers.exchange import INTERLOCKED, Definition, Direction, Exchange, Factor, words


def proved(exchanges: Sequence[Exchange]) -> Table:
    """Who proved what to whom in each of these exchanges: one row for each proof."""
    rows = [
        (exchange.title, f"{proof.prover} → {proof.verifier}", proof.identity, words(proof.factors), proof.layer)
        for exchange in exchanges
        for proof in exchange.proofs
    ]
    return Table("What you proved", ("Run", "Who to whom", "Accepted as", "With", "Layer"), rows)


def course_map(exchanges: Sequence[Exchange], user: str, definition: Definition = INTERLOCKED) -> Table:
    """The map: direction across, the factors that `user` showed down. Each exchange lands where its run puts it.

    A cell that no exchange can reach says why. Raises ValueError for an exchange of more than two parties.
    """
    across = (Direction.ONE_WAY, Direction.TWO_ONE_WAYS, Direction.MUTUAL)
    down = [frozenset(), *(frozenset({f}) for f in (Factor.KNOWLEDGE, Factor.POSSESSION))]
    down.append(down[1] | down[2])
    places: dict[tuple, list[str]] = {}
    for exchange in exchanges:
        place = exchange.factors_of(user), exchange.direction(definition=definition)
        places.setdefault(place, []).append(f"✔ {exchange.title}{_only(exchange)}")
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
    if not factors and direction is not Direction.ONE_WAY:
        return "✘ cannot be: both sides must prove something"
    return "– not run here"
