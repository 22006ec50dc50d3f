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
