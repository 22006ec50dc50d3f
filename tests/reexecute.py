"""Re-execute all notebooks in place: `.venv/bin/python tests/reexecute.py`. Running it twice changes no byte."""

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbval.plugin import coalesce_streams

from helpers.selfcheck import progress
from helpers.widgets.saving import strip_widget_views

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
# The same on every machine and with every Python, or the files would differ.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def reexecute(path: Path) -> None:
    """Run every cell in a new kernel, and store what it shows. Raises CellExecutionError where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", record_timing=False, store_widget_state=False, resources=place
    ).execute()
    strip(notebook)
    nbformat.write(notebook, path)


def strip(notebook: nbformat.NotebookNode) -> None:
    """Take out what only a running kernel can show, and what differs from machine to machine."""
    strip_widget_views({"type": "notebook", "content": notebook})
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # What a cell prints comes in one piece or in several, as the clock has it.
            cell.outputs = coalesce_streams(cell.outputs)
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        # The learner's own answers must not get into the notebooks.
        os.environ[progress.VARIABLE] = str(Path(folder) / "progress.jsonl")
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            print(path.name, flush=True)
            reexecute(path)
