"""For pytest and nbval: a cell tagged `needs:<program>` is not compared where that program is missing.

Its stored output shows what the program says. Without the program, the cell prints how to get it.
"""

import pytest

from helpers import programs


def pytest_collection_modifyitems(items):
    for item in items:
        # nbval's items are cells of notebooks.
        for tag in getattr(item, "cell", {}).get("metadata", {}).get("tags", ()):
            program = tag.removeprefix("needs:")
            if program != tag and programs.find(program) is None:
                item.add_marker(pytest.mark.skip(reason=programs.missing(program)))
