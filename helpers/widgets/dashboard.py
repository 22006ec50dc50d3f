"""The dashboard widget: a table of progress, and buttons to refresh it, to download the file, and to load one."""

from collections.abc import Callable
from pathlib import Path

import traitlets

from helpers.widgets.fallback import FallbackWidget

_HERE = Path(__file__).parent


class DashboardWidget(FallbackWidget):
    """Shows what `view()` gives: {"html": table, "file": text to download, "message": text}.

    `load(text)` takes over an uploaded file and gives the sentence that says what came of it.
    """

    _esm = _HERE / "dashboard.js"
    _css = _HERE / "dashboard.css"
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, view: Callable[[], dict], load: Callable[[str], str], **fallback: str) -> None:
        super().__init__(view=view(), **fallback)
        self._view = view
        self._load = load
        self.on_msg(self._on_message)

    def _on_message(self, _widget, content: dict, _buffers) -> None:
        message = self._load(content["text"]) if content["action"] == "load" else "Refreshed."
        view = self._view()
        self.view = {
            **view,
            "message": " ".join(filter(None, (message, view["message"]))),
            "turn": self.view.get("turn", 0) + 1,
        }
