"""The card sorter: know, have, are, or none of them? Each card goes on a pile, and each drop is explained."""

from collections.abc import Sequence
from pathlib import Path

import traitlets

from helpers import factors
from helpers.display.table import Table
from helpers.display.text import as_html, inline
from helpers.exchange import Factor
from helpers.widgets.acting import ActingWidget, script

# The piles: what stands on them, and which factors a card must have to lie there.
PILES = {
    "know": ("Something you know", frozenset({Factor.KNOWLEDGE})),
    "have": ("Something you have", frozenset({Factor.POSSESSION})),
    "are": ("Something you are", frozenset({Factor.INHERENCE})),
    "no factor": ("Not a factor", frozenset()),
}
# NIST SP 800-63-4, section 2.3.1, with its examples.
MEANINGS = {
    "know": "A secret that you remember, such as a password.",
    "have": "A thing or a key that you hold, such as a device with a key in it.",
    "are": "Something that is measured on you, such as a fingerprint.",
    "no factor": "Evidence of none of the three kinds.",
}
CONTESTED = (
    "This one is contested. The piles follow NIST's three kinds (SP 800-63-4, section 2.3.1): they ask what kind of"
    " evidence a method is, and not whether it is accepted."
)
# Mixed, and each of one kind or of none. What is right, the catalogue of methods says.
CARDS = (
    "Authenticator app",
    "Password",
    "User name",
    "Fingerprint",
    "Code by SMS",
    "Security question",
    "Remembered-device cookie",
    "Smart card, without a PIN",
    "Typing rhythm",
    "PIN, checked by the server",
    "GPS location",
    "Recovery codes on paper",
)


class CardSorter(ActingWidget):
    """`said`: {"card", "pile", "state", "html": explanation, "count": sentence, "summary": HTML at the end, or ""}.
    For a new start, {"again": True, "html", "count"}.

    Raises UnknownMethod for a card that the catalogue does not know, and ValueError for one of two kinds: it belongs to
    no single pile.
    """

    _esm = script("card_sorter.js")
    _css = Path(__file__).with_name("card_sorter.css")
    cards = traitlets.List().tag(sync=True)
    piles = traitlets.Dict().tag(sync=True)  # the name of each pile, and what stands on it
    placed = traitlets.Dict().tag(sync=True)  # where each card lies: {"pile", "state"}

    def __init__(self, names: Sequence[str] = CARDS) -> None:
        self._methods = {name: factors.classify(name) for name in names}
        if several := [name for name, method in self._methods.items() if len(method.factors) > 1]:
            raise ValueError(f"these belong on more than one pile: {', '.join(several)}")
        super().__init__(
            {
                "drop": lambda content: self._drop(content["card"], content["pile"]),
                "again": lambda content: self._again(),
            },
            cards=list(names),
            piles={pile: title for pile, (title, _) in PILES.items()},
            said={"count": f"0 of {len(names)} sorted, 0 right."},
            fallback_html=self._answers(),
            fallback_text="Run this cell to sort the cards: know, have, are, or not a factor.",
        )

    def _drop(self, card: str, pile: str) -> dict:
        method, (title, wanted) = self._methods[card], PILES[pile]
        right = method.factors == wanted
        self.placed = {**self.placed, card: {"pile": pile, "state": "right" if right else "wrong"}}
        said = f"✔ {card}: {title}. Right." if right else f"✘ {card}: not on the pile “{title}”. Read why, and move it."
        html = f"<p><strong>{as_html(said)}</strong></p><p>{inline(method.why)}</p>"
        if method.contested:
            says = "".join(f"<li>{as_html(who)}: {inline(what)}</li>" for who, what in method.opinions)
            html += f"<p>{CONTESTED} Who says what:</p><ul>{says}</ul>"
        said = {"card": card, "pile": pile, "state": self.placed[card]["state"], "html": html, "count": self._count()}
        return {**said, "summary": self._summary() if self._right() == len(self.cards) else ""}

    def _right(self) -> int:
        return sum(place["state"] == "right" for place in self.placed.values())

    def _count(self) -> str:
        done = " All cards lie where they belong." if self._right() == len(self.cards) else ""
        return f"{len(self.placed)} of {len(self.cards)} sorted, {self._right()} right.{done}"

    def _again(self) -> dict:
        self.placed = {}
        return {"again": True, "html": "<p>All cards are back.</p>", "count": self._count()}

    def _summary(self) -> str:
        """What the learner has found out: the kinds, and which cards are of each."""
        rows = [(title, MEANINGS[pile], "; ".join(self._of_kind(wanted))) for pile, (title, wanted) in PILES.items()]
        table = Table("The three kinds of NIST, and what is none of them", ("Pile", "What lies there", "Cards"), rows)
        return f"{table._repr_html_()}<p>Two cards of one pile are still <strong>one</strong> factor.</p>"

    def _of_kind(self, wanted: frozenset[Factor]) -> list[str]:
        return [name for name, method in self._methods.items() if method.factors == wanted]

    def _answers(self) -> str:
        """For a notebook that nobody runs: the cards, and behind a click where they belong."""
        cards = "".join(f"<li>{as_html(name)}</li>" for name in self._methods)
        rows = [
            (name, f"{title}{' (contested)' * self._methods[name].contested}", self._methods[name].why)
            for title, wanted in PILES.values()
            for name in self._of_kind(wanted)
        ]
        table = Table("Where each card belongs", ("Card", "Pile", "Why"), rows)
        return (
            f'<div class="course-cards-stored"><p><em>Run this cell to sort the cards.</em></p><ul>{cards}</ul>'
            f"<details><summary>Answer</summary>{table._repr_html_()}</details></div>"
        )
