"""The dashboard widget: a table of progress, and buttons to refresh it, to download the file, and to load one."""

from collections.abc import Callable
from pathlib import Path

import traitlets

from helpers.widgets.fallback import FallbackWidget

_HERE = Path(__file__).parent


class DashboardWidget(FallbackWidget):
    """Shows what `view()` gives: {"html": table, "message": text}.

    `file()` gives the text of the progress file, asked for when it is downloaded and not before: it grows meanwhile.
    `load(text)` takes over an uploaded file, and gives the sentence that says what came of it.
    """

    _esm = _HERE / "dashboard.js"
    _css = _HERE / "dashboard.css"
    view = traitlets.Dict().tag(sync=True)

    def __init__(
        self, view: Callable[[], dict], file: Callable[[], str], load: Callable[[str], str], **fallback: str
    ) -> None:
        super().__init__(view=view(), **fallback)
        self._view = view
        self._file = file
        self._load = load
        self.on_msg(self._on_message)

    def _on_message(self, _widget, content: dict, _buffers) -> None:
        if content["action"] == "download":
            self.send({"file": self._file()})
            return
        said = self._load(content["text"]) if content["action"] == "load" else "Refreshed."
        view = self._view()
        message = " ".join(filter(None, (said, view["message"])))
        # Numbered, so that the same message twice is sent and announced twice.
        self.view = {**view, "message": message, "turn": self.view.get("turn", 0) + 1}
