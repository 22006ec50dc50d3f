"""How long the cells of the notebooks take, run in a kernel as a learner runs them.

The bar: under one second each, so that nobody waits. It stands here and not among the tests: a slow day proves nothing.
"""

import time

import nbformat
import pytest
import reexecute
from nbclient import NotebookClient

PATHS = sorted(reexecute.NOTEBOOKS.glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_cell_takes_a_second(path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}})
    times = {}
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                began = time.perf_counter()
                client.execute_cell(cell, index)
                times[cell.id] = time.perf_counter() - began
    slowest = sorted(times, key=times.get)[-3:]
    print(f"\n{path.stem}:", ", ".join(f"{name} {times[name]:.2f} s" for name in reversed(slowest)))
    assert max(times.values()) < 1
