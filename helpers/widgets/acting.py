"""What all widgets share that answer a learner: their messages are numbered, and nothing that fails stays silent."""

from collections.abc import Callable
from pathlib import Path

import traitlets

from helpers.display.text import as_html
from helpers.widgets.fallback import FallbackWidget

_HERE = Path(__file__).parent


def script(name: str) -> str:
    """The view's JavaScript, with what all views share before it: a view is one module, and can import no file."""
    return "".join((_HERE / file).read_text(encoding="utf-8") for file in ("shared.js", name))


class ActingWidget(FallbackWidget):
    """Its view sends {"action": name, ...}. The action of that name gets this message and gives what `said` shows next.

    An action that gives None says nothing. `said` is a dict, as the view wants it; "html" is what a failure shows.
    """

    said = traitlets.Dict().tag(sync=True)

    def __init__(self, actions: dict[str, Callable[[dict], dict | None]], **traits) -> None:
        super().__init__(**traits)
        self._actions = actions
        self.on_msg(self._on_message)

    def _on_message(self, _widget, content: dict, _buffers) -> None:
        try:
            said = self._actions[content["action"]](content)
        except Exception as error:
            # Whatever goes wrong here would end in a log that no learner sees, behind a button that does nothing.
            text = f"That did not work: {type(error).__name__}: {error}. Run the cells above, then this one, once more."
            said = {"state": "not attempted", "html": f"<p>{as_html(text)}</p>"}
        if said is not None:
            self.say(said)

    def say(self, said: dict) -> None:
        # Numbered, so that the same words twice are sent and announced twice.
        self.said = {**said, "turn": self.said.get("turn", 0) + 1}
