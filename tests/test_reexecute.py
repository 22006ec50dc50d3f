"""One command re-executes the notebooks, and running it twice changes no byte."""

import shutil

import pytest
import reexecute


@pytest.mark.parametrize("path", sorted(reexecute.NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_reexecution_changes_no_byte(path, tmp_path):
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    reexecute.reexecute(copy)
    assert copy.read_bytes() == path.read_bytes()
