"""What the learner has answered: a file to which lines are only ever added.

One JSON object a line: {"question": id, "state": "right" or "wrong", "answer": ..., "hints": how many, "at": time}.
A crash while a line is written spoils that line only. Two kernels may write at once: each adds whole lines.
"""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from helpers.selfcheck.judge import RIGHT, WRONG

# Another place for the file, for tests and for machines where several people share one copy of the course.
VARIABLE = "AUTH_COURSE_PROGRESS"


class Progress:
    """The answers in one file. Where the file cannot be used, answers go on in memory, and `problem` says why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._in_memory: list[dict] = []
        self._said = ""

    def entries(self) -> list[dict]:
        """All answers in the order of the file. Lines that are torn or not ours are passed over."""
        try:
            return self._read()[0] + self._in_memory
        except OSError:  # the next answer will say so
            return list(self._in_memory)

    def states(self) -> dict[str, str]:
        """The state of the newest answer to each question that was answered: right or wrong."""
        # By time and not by place: answers that were taken over from another file may be older than those before them.
        newest = sorted(self.entries(), key=lambda entry: str(entry.get("at", "")))
        return {entry["question"]: entry["state"] for entry in newest}

    def add(self, question: str, state: str, answer, hints: int = 0) -> None:
        """Note an answer. Never raises for a file that cannot be written: then `problem` says so."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._append([{"question": question, "state": state, "answer": answer, "hints": hints, "at": at}])

    def add_from(self, text: str) -> int:
        """Take over the answers of another progress file that are not here yet. Gives their number."""
        known = {json.dumps(entry, sort_keys=True) for entry in self.entries()}
        new = [entry for entry in _parse(text.splitlines())[0] if json.dumps(entry, sort_keys=True) not in known]
        self._append(new)
        return len(new)

    def as_text(self) -> str:
        """All answers in the form of the file, to be kept elsewhere."""
        return "".join(json.dumps(entry) + "\n" for entry in self.entries())

    def problem_once(self) -> str:
        """`problem` where it has not been said before, otherwise nothing."""
        new, self._said = ("" if self._said == self.problem else self.problem), self.problem
        return new

    def _read(self) -> tuple[list[dict], int]:
        """The good entries of the file, and the number of whole lines that are not ours. Raises OSError."""
        try:
            # "-sig": an editor of Windows may have put a byte order mark in front.
            text = self.path.read_bytes().decode("utf-8-sig", errors="replace")
        except FileNotFoundError:
            return [], 0
        whole_lines, _, torn = text.rpartition("\n")
        good, bad = _parse(whole_lines.split("\n"))
        return good + _parse([torn])[0], bad

    def _append(self, entries: list[dict]) -> None:
        # What could not be written before is tried again.
        self._in_memory += entries
        try:
            good, bad = self._read()
            if bad and not good:
                raise OSError("it holds something else, and is left as it is")
            self._write("".join(json.dumps(entry) + "\n" for entry in self._in_memory).encode())
        except OSError as error:
            self.problem = (
                f"Your answers are kept only until this kernel stops: cannot use {self.path.name}"
                f" ({error.strerror or error}). To keep them, download your progress in notebook 00."
            )
        else:
            self._in_memory, self.problem = [], ""

    def _write(self, lines: bytes) -> None:
        # O_APPEND, and all in one write: so two kernels that write at once both keep their lines.
        with self.path.open("ab+", buffering=0) as file:
            if file.tell() and _last_byte(file) != b"\n":
                lines = b"\n" + lines  # a line was torn; it must not spoil this one
            if file.write(lines) < len(lines):
                raise OSError("the disk is full")


def _last_byte(file) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def _parse(lines: Iterable[str]) -> tuple[list[dict], int]:
    good, bad = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):  # the latter for a line of a thousand brackets
            bad += 1
            continue
        if isinstance(entry, dict) and isinstance(entry.get("question"), str) and entry.get("state") in (RIGHT, WRONG):
            good.append(entry)
        else:
            bad += 1
    return good, bad


@cache
def _at(path: Path) -> Progress:
    return Progress(path)


def learner() -> Progress:
    """The learner's own progress: `progress.jsonl` beside the notebooks, where JupyterLab's file list shows it."""
    place = os.environ.get(VARIABLE)
    beside_notebooks = Path(__file__).resolve().parents[2] / "notebooks" / "progress.jsonl"
    return _at(Path(place) if place else beside_notebooks)
