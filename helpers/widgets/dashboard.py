"""The dashboard widget: a table of progress, and buttons to refresh it, to download the file, and to load one."""

from collections.abc import Callable
from pathlib import Path

from helpers.widgets.acting import ActingWidget, script


class DashboardWidget(ActingWidget):
    """Shows what `view()` gives: {"html": table, "message": text}.

    `file()` gives the text of the progress file, asked for when it is downloaded and not before: it grows meanwhile.
    `load(text)` takes over an uploaded file, and gives the sentence that says what came of it.
    """

    _esm = script("dashboard.js")
    _css = Path(__file__).with_name("dashboard.css")

    def __init__(
        self, view: Callable[[], dict], file: Callable[[], str], load: Callable[[str], str], **fallback: str
    ) -> None:
        def show(message: str) -> dict:
            shown = view()
            return {**shown, "message": " ".join(filter(None, (message, shown["message"])))}

        actions = {
            "refresh": lambda content: show("Refreshed."),
            "load": lambda content: show(load(content["text"])),
            "download": lambda content: self.send({"file": file()}),
        }
        super().__init__(actions, said=view(), **fallback)
