"""The question widget: one class for all kinds. It shows and asks; what is right is decided by whoever made it."""

from collections.abc import Callable
from pathlib import Path

import traitlets

from helpers.display.text import as_html
from helpers.widgets.fallback import FallbackWidget

_HERE = Path(__file__).parent


class QuestionWidget(FallbackWidget):
    """Shows `question`, and calls `check(answer)` and `hint()`; each gives a dict for `feedback`.

    `question`: {"prompt": html, "kind": str, "options": [{"value": str, "label": html}], "categories": [str],
    "hints": how many, "earlier": text}.
    `feedback`: {"state": str, "html": html, "run": html}, or {"hint": html, "hints_left": int}.
    """

    _esm = _HERE / "question.js"
    _css = _HERE / "question.css"
    question = traitlets.Dict().tag(sync=True)
    feedback = traitlets.Dict().tag(sync=True)

    def __init__(self, question: dict, check: Callable, hint: Callable, **fallback: str) -> None:
        super().__init__(question=question, **fallback)
        self._actions = {"check": lambda content: check(content["answer"]), "hint": lambda content: hint()}
        self.on_msg(self._on_message)

    def _on_message(self, _widget, content: dict, _buffers) -> None:
        try:
            feedback = self._actions[content["action"]](content)
        except Exception as error:
            # Whatever goes wrong here would end in a log that no learner sees, behind a button that does nothing.
            said = f"That did not work: {type(error).__name__}: {error}. Run the cells above, then this one, once more."
            feedback = {"state": "not attempted", "html": f"<p>{as_html(said)}</p>"}
        # Numbered, so that the same feedback twice is sent and announced twice.
        self.feedback = {**feedback, "turn": self.feedback.get("turn", 0) + 1}
