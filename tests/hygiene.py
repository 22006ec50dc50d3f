"""The rules that every notebook keeps. Each check takes a notebook and gives what it found, one sentence a finding."""

import ast
import re
from collections.abc import Iterator

from helpers.selfcheck import bank
from helpers.widgets.saving import WIDGET_VIEW

LONGEST_CELL = 12
LONGEST_PROSE = 130


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def source_tree(cell) -> ast.Module:
    return ast.parse(cell.source)


def executed_in_order(notebook) -> Iterator[str]:
    """nbval compares nothing for a cell that was not executed."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != number:
            yield f"cell {cell.id} was not executed as number {number}, but as {cell.execution_count}"


def no_errors(notebook) -> Iterator[str]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {cell.id} shows an error or a warning"


def nothing_ignored(notebook) -> Iterator[str]:
    """No cell may be hidden from nbval, by tag or by comment."""
    for cell in notebook.cells:
        if any(tag.startswith(("nbval-", "raises-exception")) for tag in cell.metadata.get("tags", ())):
            yield f"cell {cell.id} has a tag that hides it from nbval"
        if re.search(r"^\s*#\s*NBVAL", cell.source, re.MULTILINE | re.IGNORECASE):
            yield f"cell {cell.id} has a comment that hides it from nbval"


def no_widget_left(notebook) -> Iterator[str]:
    if "widgets" in notebook.metadata:
        yield "the notebook holds the state of widgets"
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if WIDGET_VIEW in output.get("data", {}):
                yield f"cell {cell.id} holds a widget view: it would show 'Error displaying widget'"


def pictures_have_text(notebook) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for block in re.findall(r"```mermaid(.*?)```", cell.source, re.DOTALL):
                if not ("accTitle:" in block and "accDescr" in block):
                    yield f"cell {cell.id} has a diagram without accTitle and accDescr"
            if re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")", cell.source):
                yield f"cell {cell.id} has an image without its text"
            continue
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            said = "".join(data.get("text/plain", "")).strip()
            shows_more = any(kind.startswith("image/") or kind == "text/html" for kind in data)
            if shows_more and (not said or re.fullmatch(r"<[^>]*>", said)):
                yield f"cell {cell.id} has a picture without its text"


def cells_are_short(notebook) -> Iterator[str]:
    for cell in code_cells(notebook):
        if (lines := cell.source.count("\n") + 1) > LONGEST_CELL:
            yield f"cell {cell.id} has {lines} lines: what needs more belongs in the helpers"


def prose_is_short(notebook) -> Iterator[str]:
    """Up to the heading "Deeper", which is for those who want more."""
    for cell in notebook.cells:
        if cell.source.startswith("## Deeper"):
            return
        words = len(re.sub(r"```.*?```|\|", " ", cell.source, flags=re.DOTALL).split())
        if cell.cell_type == "markdown" and words > LONGEST_PROSE:
            yield f"cell {cell.id} has {words} words in one piece"


def asked_ids(notebook) -> list[tuple[str, str]]:
    """The (cell id, question id) of each call of ask or predict."""
    calls = [(cell.id, node) for cell in code_cells(notebook) for node in ast.walk(source_tree(cell))]
    return [
        (cell_id, call.args[0].value)
        for cell_id, call in calls
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("ask", "predict")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]


def questions_exist(notebook) -> Iterator[str]:
    for cell_id, question_id in asked_ids(notebook):
        try:
            bank.find(question_id)
        except bank.UnknownQuestion as error:
            yield f"cell {cell_id}: {error}"


def needs_are_kept(notebook) -> Iterator[str]:
    """What a cell tagged `needs:<program>` defines is used by no cell that lacks this tag."""
    conditional: dict[str, set[str]] = {}
    for cell in code_cells(notebook):
        tags = {tag for tag in cell.metadata.get("tags", ()) if tag.startswith("needs:")}
        nodes = list(ast.walk(source_tree(cell)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        stored |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        stored |= {(node.asname or node.name).partition(".")[0] for node in nodes if isinstance(node, ast.alias)}
        for name in sorted({node.id for node in names if isinstance(node.ctx, ast.Load)} - stored):
            if conditional.get(name, set()) - tags:
                yield f"cell {cell.id} uses {name}, which is missing where a program is missing"
        for name in stored:
            conditional[name] = tags


def nothing_of_this_machine(notebook) -> Iterator[str]:
    for cell in notebook.cells:
        if re.search(r"/(tmp|root|home|Users|work)/|[A-Z]:\\\\", str(cell)):
            yield f"cell {cell.id} holds a path of a machine"


def has_the_form(notebook) -> Iterator[str]:
    """Title as a question, what you will do, the answer in three sentences, and the sections that all notebooks have."""
    title = notebook.cells[0].source.splitlines()[0] if notebook.cells else ""
    if not re.fullmatch(r"# .*\?", title):
        yield f"the title is no question: {title!r}"
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for part in (
        "You will",
        "Exam objectives",
        "answer in three sentences",
        "implified here",
        "## What went wrong",
        "## What you proved",
        "## Go further",
    ):
        if part not in text:
            yield f"there is no {part!r}"


CHECKS = (
    executed_in_order, no_errors, nothing_ignored, no_widget_left, pictures_have_text, cells_are_short, prose_is_short,
    questions_exist, needs_are_kept, nothing_of_this_machine, has_the_form,
)  # fmt: skip
