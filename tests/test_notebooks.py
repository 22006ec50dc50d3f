"""The notebooks keep the rules, and each rule catches who breaks it."""

import ast
import subprocess
import sys

import hygiene
import nbformat
import pytest
import reexecute
from event_loop import run_coroutine
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import programs
from helpers.selfcheck import bank
from helpers.widgets.saving import WIDGET_VIEW

NOTEBOOKS = sorted(reexecute.NOTEBOOKS.glob("[0-9]*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("check", hygiene.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_the_rule(path, check):
    assert list(check(read(path))) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_what_its_questions_say_it_asks(path):
    asked = [question_id for _, question_id in hygiene.asked_ids(read(path))]
    file = bank.files().get(path.stem)
    assert asked == [question.id for question in file.questions if question.asked] if file else not asked


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_as_reexecution_stores_it(path):
    notebook = read(path)
    reexecute.strip(notebook)
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n"


def test_every_question_file_has_its_notebook():
    assert set(bank.files()) <= {path.stem for path in NOTEBOOKS}


def executed(source, *outputs, **metadata):
    return new_code_cell(source, execution_count=1, outputs=list(outputs), metadata=metadata)


def shown(**data):
    return new_output("display_data", data={kind.replace("_", "/", 1): value for kind, value in data.items()})


BAD = {
    hygiene.executed_in_order: (new_code_cell("1"), "was not executed as number 1, but as None"),
    hygiene.no_errors: (executed("1/0", new_output("error", ename="E", evalue="", traceback=[])), "shows an error"),
    hygiene.nothing_ignored: (executed("# NBVAL_IGNORE_OUTPUT\n1"), "comment that hides it from nbval"),
    hygiene.no_widget_left: (
        executed("w", new_output("display_data", data={WIDGET_VIEW: {}, "text/plain": "w"})),
        "holds a widget view",
    ),
    hygiene.pictures_have_text: (executed("p", shown(image_png="AAAA", text_plain="<Figure>")), "a picture without its text"),
    hygiene.cells_are_short: (executed("1\n" * 13), "has 14 lines"),
    hygiene.prose_is_short: (new_markdown_cell("word " * 200), "has 200 words in one piece"),
    hygiene.questions_exist: (executed("selfcheck.ask('three-act')"), "no question 'three-act'. The nearest ones are: three-acts"),
    hygiene.nothing_of_this_machine: (executed("print('/home/me/course')"), "holds a path of a machine"),
    hygiene.has_the_form: (new_markdown_cell("# A statement"), "the title is no question"),
}  # fmt: skip


@pytest.mark.parametrize("check", BAD, ids=lambda check: check.__name__)
def test_a_rule_catches_who_breaks_it(check):
    cell, sentence = BAD[check]
    found = list(check(new_notebook(cells=[cell])))
    assert len(found) >= 1
    assert sentence in found[0]


MORE_BAD = {
    "html alone": (hygiene.pictures_have_text, executed("p", shown(text_html="<b>x</b>"))),
    "an object's repr for a text": (hygiene.pictures_have_text, executed("p", shown(text_html="<b>", text_plain="<X at 0x7f>"))),
    "an image without alt": (hygiene.pictures_have_text, new_markdown_cell("![](x.png)")),
    "an html image without alt": (hygiene.pictures_have_text, new_markdown_cell('<img src="x.png">')),
    "a diagram without title": (hygiene.pictures_have_text, new_markdown_cell("```mermaid\nflowchart LR\n A --> B\n```")),
    "a tag for nbval": (hygiene.nothing_ignored, executed("1", tags=["nbval-skip"])),
    "a warning": (hygiene.no_errors, executed("1", new_output("stream", name="stderr", text="careful"))),
    "an unknown prediction": (hygiene.questions_exist, executed("predict('nothing', actual=1)")),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE_BAD)
def test_rules_have_more_than_one_way_to_be_broken(name):
    check, cell = MORE_BAD[name]
    assert len(list(check(new_notebook(cells=[cell])))) == 1


def test_stored_widget_state_is_caught():
    notebook = new_notebook(metadata={"widgets": {}})
    assert list(hygiene.no_widget_left(notebook)) == ["the notebook holds the state of widgets"]


def test_a_cell_that_leans_on_an_optional_program_is_caught():
    cells = [executed("a = 1", tags=["needs:openssl"]), executed("a", tags=["needs:openssl"]), executed("print(a)")]
    (found,) = hygiene.needs_are_kept(new_notebook(cells=cells))
    assert "uses a, which is missing where a program is missing" in found
    assert list(hygiene.needs_are_kept(new_notebook(cells=[*cells[:2], executed("a = 2"), executed("a")]))) == []
    cells = [executed("a = 1", tags=["needs:openssl"]), executed("a", tags=["needs:curl"])]
    assert len(list(hygiene.needs_are_kept(new_notebook(cells=cells)))) == 1
    for definition in ("def a(): pass", "class a: pass", "import os as a", "from os import path as a", "import a.b"):
        cells = [executed(definition, tags=["needs:node"]), executed("a")]
        assert len(list(hygiene.needs_are_kept(new_notebook(cells=cells)))) == 1, definition


@pytest.mark.long
def test_strict_nbval_passes_a_good_output_and_catches_a_broken_one(tmp_path):
    """As the course runs it, over a notebook with one good cell and two that are wrong."""
    ask = "from helpers import selfcheck\nselfcheck.ask('three-acts')"
    other = {"text/html": "<p>another question</p>", "text/plain": "Question three-acts: run this cell to answer it."}
    cells = [
        executed("print('one')", new_output("stream", name="stdout", text="one\n")),
        executed("print('one')", new_output("stream", name="stdout", text="two\n")),
        executed(ask, new_output("execute_result", data=other, execution_count=1)),
    ]
    nbformat.write(new_notebook(cells=cells, metadata=reexecute.METADATA), tmp_path / "bad.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        "bad.ipynb",
    ]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False).stdout
    assert "2 failed, 1 passed" in said
    assert "mismatch 'stdout'" in said
    assert "mismatch 'text/html'" in said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_without_the_programs_and_says_what_it_left_out(path, monkeypatch, capsys):
    monkeypatch.setattr(programs, "find", lambda name: None)
    names = {"display": lambda shown: None}
    for cell in hygiene.code_cells(read(path)):
        capsys.readouterr()
        code = compile(cell.source, cell.id, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if waits := eval(code, names):
            run_coroutine(waits)
        said = capsys.readouterr().out
        for tag in cell.metadata.get("tags", ()):
            assert programs.missing(tag.removeprefix("needs:")) in said
