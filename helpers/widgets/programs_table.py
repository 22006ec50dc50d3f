"""The table of programs, with what this machine has. A widget, since its content differs from machine to machine."""

import traitlets

from helpers import programs
from helpers.widgets.fallback import FallbackWidget


class ProgramsTable(FallbackWidget):
    """Looks for the programs when it is made."""

    _esm = "export default { render({ model, el }) { el.innerHTML = model.get('html'); } };"
    html = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        found = {program.name: programs.find(program.name) is not None for program in programs.PROGRAMS}
        stored = programs.table()
        super().__init__(
            html=programs.table(found)._repr_html_(),
            fallback_html=f"<p><em>Run this cell to see which of these you have.</em></p>{stored._repr_html_()}",
            fallback_text=f"Run this cell to see which of these you have.\n\n{stored}",
        )
