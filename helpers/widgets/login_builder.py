"""The login builder: the learner chooses what Alice shows, the login is really run, and the run says what it was."""

from collections.abc import Sequence
from pathlib import Path

import traitlets

from helpers import factors
from helpers.display.table import Table
from helpers.display.text import as_html, inline
from helpers.exchange import INTERLOCKED, Exchange, words
from helpers.factors import Assurance
from helpers.overview import course_map
from helpers.protocols import combined_login
from helpers.protocols.combined_login import METHODS, NAME, USER
from helpers.widgets.acting import ActingWidget, script

# NIST SP 800-63B-4, sections 2.1.2, 2.2.2 and 2.3.2 (in its glossary: the client has authenticated the server).
NO_CHANNEL = (
    "Each level wants an **authenticated protected channel**: the client has made sure who the server is. Here Alice's"
    " program did not check the name, so what she shows may go to somebody else (sections 2.1.2, 2.2.2 and 2.3.2)."
)
CHECKS_NAME = "Alice's program checks the name in the bank's certificate"
# What a button chooses: methods, and whether the name is checked.
EXAMPLES = {
    "password": (("password",), True),
    "password and PIN": (("password", "PIN"), True),
    "MFA, but the server's name is not checked": (("password", "one-time code"), False),
    "client certificate": (("client certificate",), True),
}


class LoginBuilder(ActingWidget):
    """`said`: {"chosen", "checks_name", "html": the three answers, "more": conditions, run and map}."""

    _esm = script("login_builder.js")
    _css = Path(__file__).with_name("login_builder.css")
    methods = traitlets.List().tag(sync=True)
    checks_name = traitlets.Unicode(CHECKS_NAME).tag(sync=True)
    examples = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        self._tried: dict[str, Exchange] = {}  # by title, in the order in which they were tried
        text = "Run this cell to build logins, and to see factors, direction and assurance level move."
        super().__init__(
            {"build": lambda content: self._build(content["chosen"], content["checks_name"])},
            methods=list(METHODS),
            examples={name: {"chosen": list(chosen), "checks_name": on} for name, (chosen, on) in EXAMPLES.items()},
            fallback_html=f"<p><em>{as_html(text)}</em></p>\n{_examples()._repr_html_()}",
            fallback_text=text,
        )

    def _build(self, chosen: Sequence[str], checks_name: bool) -> dict:
        run = combined_login.run(chosen, checks_name)
        self._tried[run.title] = run
        combined = factors.combine([METHODS[name] for name in METHODS if name in chosen])
        level, conditions = combined.assurance, combined.conditions
        if not run.factors_of(USER):
            conditions = ("Alice showed nothing.",)
        elif not run.factors_of(NAME, USER):
            level, conditions = Assurance.NONE, (NO_CHANNEL,)
        answers = {
            "Factors": f"{words(run.factors_of(USER))}: {combined.kind}",
            "Direction": f"{_direction(run)}, by {INTERLOCKED.value}",
            "Assurance level, at most": level.value,
        }
        lines = "".join(f"<p><strong>{name}:</strong> {as_html(answer)}.</p>" for name, answer in answers.items())
        heading = "Why no level" if level is Assurance.NONE else "That level only if"
        more = _list(f"{heading} (sections of NIST SP 800-63B-4)", conditions) + _list("Note", combined.notes)
        more += f"<details><summary>See the run</summary>{run._repr_html_()}</details>"
        more += course_map(list(self._tried.values()), user=USER)._repr_html_()
        return {"chosen": list(chosen), "checks_name": checks_name, "html": lines, "more": more}


def _direction(run: Exchange) -> str:
    provers = {proof.prover for proof in run.proofs}
    return run.direction().value + (f" ({provers.pop()} proves)" if len(provers) == 1 else "")


def _examples() -> Table:
    """What the examples show, for a notebook that nobody runs."""
    rows = []
    for name, (chosen, checks_name) in EXAMPLES.items():
        run = combined_login.run(chosen, checks_name)
        rows.append((name, words(run.factors_of(USER)), _direction(run)))
    return Table("Some logins that were run", ("Alice shows", "Factors", "Direction, by the strict test"), rows)


def _list(heading: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{inline(sentence)}</li>" for sentence in sentences)
    return f"<p>{as_html(heading)}:</p><ul>{items}</ul>" if sentences else ""
