"""For pytest and nbval: what needs a program that is missing here is skipped, and says how to get it.

A cell of a notebook says so by the tag `needs:<program>`, a test by the mark `needs("<program>", ...)`.
"""

import pytest

from helpers import programs


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(program, ...): skipped where one of these programs is missing")


def pytest_collection_modifyitems(items):
    for item in items:
        wanted = [program for mark in item.iter_markers("needs") for program in mark.args]
        tags = getattr(item, "cell", {}).get("metadata", {}).get("tags", ())  # nbval's items are cells of notebooks
        wanted += [tag.removeprefix("needs:") for tag in tags if tag.startswith("needs:")]
        for program in wanted:
            if programs.find(program) is None:
                item.add_marker(pytest.mark.skip(reason=programs.missing(program)))
