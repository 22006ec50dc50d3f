"""The question widget: one class for all kinds. It shows and asks; what is right is decided by whoever made it."""

from collections.abc import Callable
from pathlib import Path

import traitlets

from helpers.widgets.acting import ActingWidget, script


class QuestionWidget(ActingWidget):
    """Shows `question`, and calls `check(answer)` and `hint()`; each gives a dict for `said`.

    `question`: {"prompt": html, "kind": str, "options": [{"value": str, "label": html}], "categories": [str],
    "runs": whether a run decides, "hints": how many, "earlier": text}.
    `said`: {"state": str, "html": html, "run": html}, or {"hint": html, "hints_left": int}.
    """

    _esm = script("question.js")
    _css = Path(__file__).with_name("question.css")
    question = traitlets.Dict().tag(sync=True)

    def __init__(self, question: dict, check: Callable, hint: Callable, **fallback: str) -> None:
        actions = {"check": lambda content: check(content["answer"]), "hint": lambda content: hint()}
        super().__init__(actions, question=question, **fallback)
