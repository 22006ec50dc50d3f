"""The progress file: nothing good is ever lost, whatever is wrong with the file."""

import json
import multiprocessing
import os
import stat

import pytest

from helpers.selfcheck import progress
from helpers.selfcheck.progress import Progress


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.jsonl"


def test_answers_are_found_again(path):
    Progress(path).add("one", "wrong", ["a"], hints=1)
    Progress(path).add("one", "right", ["b"])
    Progress(path).add("two", "wrong", {"x": "know"})
    again = Progress(path)
    assert again.states() == {"one": "right", "two": "wrong"}
    assert [entry["answer"] for entry in again.entries()] == [["a"], ["b"], {"x": "know"}]
    assert again.entries()[0]["hints"] == 1
    assert again.problem == ""


def test_no_file_is_an_empty_progress_and_makes_none(path):
    assert Progress(path).states() == {}
    assert not path.exists()


def test_a_crash_within_a_write_loses_that_line_only(path):
    whole = Progress(path)
    whole.add("one", "right", ["a"])
    kept = path.stat().st_size
    whole.add("two", "right", ["ü"])
    data = path.read_bytes()
    for length in range(kept, len(data) - 1):
        path.write_bytes(data[:length])
        torn = Progress(path)
        assert torn.states() == {"one": "right"}
        torn.add("three", "wrong", ["c"])
        assert torn.problem == ""
        assert Progress(path).states() == {"one": "right", "three": "wrong"}


@pytest.mark.parametrize(
    "foreign", [b"\x89PNG\r\n\x1a\n\x00\n", b'{"name": "package.json"}\n', b"[1, 2]\n", b"hello\n"]
)
def test_somebody_elses_file_is_left_alone(path, foreign):
    path.write_bytes(foreign)
    mine = Progress(path)
    mine.add("one", "right", ["a"])
    assert path.read_bytes() == foreign
    assert mine.states() == {"one": "right"}
    assert mine.problem == (
        "Your answers are kept only until this kernel stops: cannot use progress.jsonl (it holds something else, and is"
        " left as it is). To keep them, download your progress in notebook 00."
    )


def test_foreign_lines_among_good_ones_are_passed_over(path):
    path.write_text(
        '{"question": "one", "state": "right"}\nnonsense\n{"question": 5, "state": "right"}\n{"question": "x", "state": "?"}\n'
    )
    mine = Progress(path)
    mine.add("two", "wrong", ["a"])
    assert mine.states() == {"one": "right", "two": "wrong"}
    assert path.read_text().startswith('{"question": "one", "state": "right"}\nnonsense\n')


def test_a_file_that_cannot_be_written_is_said_once_and_answers_go_on(tmp_path):
    # A folder in the file's place cannot be opened for writing by anybody, not even by root.
    folder = tmp_path / "progress.jsonl"
    folder.mkdir()
    mine = Progress(folder)
    mine.add("one", "right", ["a"])
    said = mine.problem_once()
    assert said.startswith("Your answers are kept only until this kernel stops: cannot ")
    assert mine.problem_once() == ""
    mine.add("two", "wrong", ["b"])
    assert mine.problem_once() == ""
    assert mine.states() == {"one": "right", "two": "wrong"}
    assert '"two"' in mine.as_text()


def test_a_read_only_file_keeps_its_lines(path):
    Progress(path).add("one", "right", ["a"])
    path.chmod(stat.S_IREAD)
    if os.access(path, os.W_OK):  # root may write all the same: then the line simply goes into the file
        Progress(path).add("two", "right", ["a"])
        assert Progress(path).states() == {"one": "right", "two": "right"}
        return
    mine = Progress(path)
    mine.add("two", "right", ["a"])
    assert "cannot use progress.jsonl" in mine.problem
    assert mine.states() == {"one": "right", "two": "right"}
    assert Progress(path).states() == {"one": "right"}


def test_a_write_that_fails_is_no_loss(path, monkeypatch):
    Progress(path).add("one", "right", ["a"])

    real = type(path).open

    def refuse_writing(self, mode="r", *args, **kwargs):
        if "a" in mode:
            raise PermissionError(13, "Permission denied")
        return real(self, mode, *args, **kwargs)

    mine = Progress(path)
    monkeypatch.setattr(type(path), "open", refuse_writing)
    mine.add("two", "right", ["a"])
    assert mine.problem.startswith(
        "Your answers are kept only until this kernel stops: cannot use progress.jsonl (Permission denied)"
    )
    assert mine.states() == {"one": "right", "two": "right"}


def test_a_file_that_can_be_written_again_gets_what_was_kept(tmp_path):
    path = tmp_path / "progress.jsonl"
    path.mkdir()
    mine = Progress(path)
    mine.add("one", "right", ["a"])
    assert mine.problem
    path.rmdir()
    mine.add("two", "right", ["a"])
    assert mine.problem == ""
    assert Progress(path).states() == {"one": "right", "two": "right"}


def test_an_older_answer_from_another_file_does_not_undo_a_newer_one(path):
    mine = Progress(path)
    mine.add_from('{"question": "one", "state": "right", "at": "2026-11-20T08:00:00+00:00"}\n')
    mine.add_from('{"question": "one", "state": "wrong", "at": "2026-11-01T08:00:00+00:00"}\n')
    assert mine.states() == {"one": "right"}


def test_odd_lines_and_a_byte_order_mark_do_no_harm(path):
    good = b'{"question": "one", "state": "right"}\n'
    path.write_bytes(b"\xef\xbb\xbf" + good + b"[" * 100_000 + b"\n")
    assert Progress(path).states() == {"one": "right"}


def add_many(path, name, count):
    for number in range(count):
        Progress(path).add(f"{name}-{number}", "right", ["x" * 500])


def test_two_kernels_at_once_both_keep_their_answers(path):
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=add_many, args=(path, name, 100)) for name in ("left", "right")]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join(60)
        assert kernel.exitcode == 0
    assert len(Progress(path).states()) == 200
    # One may see the other's line half-written, and begin with a line break to be safe: an empty line, no harm.
    assert all(json.loads(line) for line in path.read_text().splitlines() if line)


def test_taking_over_another_file_adds_only_what_is_new(tmp_path):
    here, there = Progress(tmp_path / "here.jsonl"), Progress(tmp_path / "there.jsonl")
    there.add("both", "right", ["a"])
    here.add_from(there.as_text())
    there.add("new", "wrong", ["b"])
    assert here.add_from(there.as_text()) == 1
    assert here.states() == {"both": "right", "new": "wrong"}
    assert here.add_from(there.as_text()) == 0
    assert here.add_from("nonsense\n") == 0


def test_the_learners_file_stands_beside_the_notebooks(monkeypatch, own_progress):
    assert progress.learner().path == own_progress
    monkeypatch.delenv(progress.VARIABLE)
    path = progress.learner().path
    assert (path.parent.name, path.name) == ("notebooks", "progress.jsonl")
    assert (path.parent / "00_start_here.ipynb").exists()
