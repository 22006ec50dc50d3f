"""One command re-executes the notebooks, and running it twice changes no byte."""

import shutil

import nbformat
import pytest
import reexecute

NOTEBOOKS = sorted(reexecute.NOTEBOOKS.glob("[0-9]*.ipynb"))


def needed(path):
    """The programs without which some cells show another output."""
    cells = nbformat.read(path, as_version=4).cells
    tags = {tag for cell in cells for tag in cell.metadata.get("tags", ())}
    return sorted(tag.removeprefix("needs:") for tag in tags if tag.startswith("needs:"))


def marks(path):
    """One notebook stands for all. Strict nbval runs them all, too, and compares what they show."""
    return [pytest.mark.needs(*needed(path)), *([] if path.stem.startswith("01") else [pytest.mark.long])]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem, marks=marks(path)) for path in NOTEBOOKS])
def test_reexecution_changes_no_byte(path, tmp_path):
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    reexecute.reexecute(copy)
    assert copy.read_bytes() == path.read_bytes()
