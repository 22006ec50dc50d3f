"""What a question is, and how its YAML is read. A file that breaks a rule gets a sentence with its line.

    title: Who proves what to whom?
    questions:
      - id: two-way-is-two-factor      # unique in the whole course
        objective: N10-009 4.1
        kind: choose one               # or: choose all, classify, order, predict
        asked: true                    # the notebook asks it; without this line it waits in the bank for review
        prompt: Is two-way authentication the same as two-factor authentication?
        options:
          - value: "yes"               # what an answer is compared with
            text: Yes                  # what the learner reads; without this line, the value
            why: No. One asks who proves, the other with what.
            misconception: 1           # its number in misconceptions.yaml
          - value: "no"
            correct: true
            why: Direction and factors are two different questions.
        hints: [What does "two" count in each?]
        source: RFC 4949

`correct` is `true` for "choose", the name of a category for "classify", the position (1, 2, ...) for "order". It
is missing where a run decides: in "predict", and in an "order" of what a run will show.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml

from helpers.display.error import CourseError

KINDS = ("choose one", "choose all", "classify", "order", "predict")
_FILE_KEYS = {"title": str, "questions": list}
_QUESTION_KEYS = {
    "id": str,
    "objective": str,
    "kind": str,
    "prompt": str,
    "options": list,
    "hints": list,
    "source": str,
}
_OPTIONAL_QUESTION_KEYS = {"asked": bool, "categories": list}
_OPTION_KEYS = {"value": str, "why": str}
_OPTIONAL_OPTION_KEYS = {"text": str, "correct": (bool, str, int), "misconception": int}
_TYPE_NAMES = {str: "text", list: "a list", bool: "true or false", int: "a number"}


class QuestionFileError(CourseError):
    """A question file breaks a rule of the schema. The message names the file, the line and the rule."""


@dataclass(frozen=True)
class Option:
    """`correct` is as in the file, and None where it is missing."""

    value: str
    text: str
    why: str
    correct: bool | str | int | None
    misconception: int | None


@dataclass(frozen=True)
class Question:
    """One question. `notebook` is its file's name without ".yaml"; `options` stand in the order of display."""

    id: str
    notebook: str
    objective: str
    kind: str
    prompt: str
    options: tuple[Option, ...]
    hints: tuple[str, ...]
    source: str
    categories: tuple[str, ...]
    asked: bool

    @property
    def run_decides(self) -> bool:
        return all(option.correct is None for option in self.options)

    def option(self, value: str) -> Option:
        """Raises KeyError where no option has this value."""
        for option in self.options:
            if option.value == value:
                return option
        raise KeyError(value)


@dataclass(frozen=True)
class QuestionFile:
    title: str
    questions: tuple[Question, ...]


def load(path: Path) -> QuestionFile:
    """Read one question file. Raises QuestionFileError."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LineLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise QuestionFileError(f"{path.name}, line {line}: this is not valid YAML: {error.problem}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise QuestionFileError(f"{path.name}, line 1: this is not a text file with YAML: {error}.") from None
    if not isinstance(content, dict):
        raise QuestionFileError(f"{path.name}, line 1: the file must begin with 'title:' and 'questions:'.")
    _Checker(path.name).check_file(content)
    questions = tuple(_question(entry, path.stem) for entry in content["questions"])
    return QuestionFile(content["title"], questions)


_LINE = "(line)"  # no key of a question file can look like this


class _LineLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Adds to each mapping the line where it begins."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"'{key}' stands twice here", problem_mark=node.start_mark)
        return {**super().construct_mapping(node, deep=deep), _LINE: node.start_mark.line + 1}


def _question(entry: dict, notebook: str) -> Question:
    options = [
        Option(o["value"], o.get("text", o["value"]), o["why"], o.get("correct"), o.get("misconception"))
        for o in entry["options"]
    ]
    # The order is a shuffle, but always the same one for the same question, so that a stored notebook stays as it is.
    options.sort(key=lambda option: hashlib.sha256(f"{entry['id']}/{option.value}".encode()).digest())
    return Question(
        entry["id"],
        notebook,
        entry["objective"],
        entry["kind"],
        entry["prompt"].strip(),
        tuple(options),
        tuple(entry["hints"]),
        entry["source"],
        tuple(entry.get("categories", ())),
        entry.get("asked", False),
    )


class _Checker:
    """The rules of the schema, each with its sentence."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fail(self, where: dict, rule: str) -> None:
        raise QuestionFileError(f"{self.file}, line {where[_LINE]}: {rule}.")

    def check_file(self, content: dict) -> None:
        self.check_keys(content, "the file", _FILE_KEYS, {})
        ids: set[str] = set()
        for entry in content["questions"]:
            if not isinstance(entry, dict):
                self.fail(content, f"a question must begin with 'id:', not with {entry!r}")
            self.check_question(entry)
            if entry["id"] in ids:
                self.fail(entry, f"there is a second question with the id '{entry['id']}'")
            ids.add(entry["id"])

    def check_question(self, entry: dict) -> None:
        name = f"the question '{entry.get('id', '?')}'"
        self.check_keys(entry, name, _QUESTION_KEYS, _OPTIONAL_QUESTION_KEYS)
        if entry["kind"] not in KINDS:
            self.fail(entry, f"{name} is of the kind '{entry['kind']}', and there are only: {', '.join(KINDS)}")
        if not all(isinstance(category, str) for category in entry.get("categories", ())):
            self.fail(entry, f"{name}: each category must be a text")
        if not 1 <= len(entry["hints"]) <= 3 or not all(isinstance(hint, str) for hint in entry["hints"]):
            self.fail(entry, f"{name} needs one to three hints, each a text")
        if (entry["kind"] == "classify") != bool(entry.get("categories")):
            self.fail(entry, f"{name}: 'categories' and the kind 'classify' need each other")
        if len(entry["options"]) < 2:
            self.fail(entry, f"{name} needs at least two options")
        for option in entry["options"]:
            if not isinstance(option, dict):
                self.fail(entry, f"an option of {name} must begin with 'value:', not with {option!r}")
            self.check_keys(option, f"an option of {name}", _OPTION_KEYS, _OPTIONAL_OPTION_KEYS)
        values = [option["value"] for option in entry["options"]]
        if len(set(values)) < len(values):
            self.fail(entry, f"{name} has two options with the same value")
        self.check_correct(entry, name)

    def check_correct(self, entry: dict, name: str) -> None:
        marks = [option.get("correct") for option in entry["options"]]
        rules = {
            "choose one": (
                [m is True for m in marks if m is not None] == [True],
                "exactly one option with 'correct: true'",
            ),
            "choose all": (
                {True} == {m is True for m in marks if m is not None},
                "at least one option with 'correct: true', and no other 'correct'",
            ),
            "classify": (all(m in entry.get("categories", ()) for m in marks), "one of its categories as 'correct'"),
            "order": (
                sorted(m for m in marks if type(m) is int) == list(range(1, len(marks) + 1)) or not any(marks),
                "the positions 1, 2, 3 ... as 'correct', or none where a run decides",
            ),
            "predict": (all(m is None for m in marks), "no 'correct': the run decides"),
        }
        kept, rule = rules[entry["kind"]]
        if not kept:
            self.fail(entry, f"{name} is of the kind '{entry['kind']}' and needs {rule}")

    def check_keys(self, entry: dict, name: str, needed: dict, optional: dict) -> None:
        for key in needed:
            if key not in entry:
                self.fail(entry, f"{name} has no '{key}'")
        for key, value in entry.items():
            if isinstance(value, str) and not value.strip():
                self.fail(entry, f"{name}: '{key}' is empty")
            kind = needed.get(key) or optional.get(key)
            if key == _LINE:
                continue
            if kind is None:
                self.fail(entry, f"{name} has the unknown key '{key}'")
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                expected = _TYPE_NAMES.get(kind, "true, a category or a position")
                self.fail(entry, f"{name}: '{key}' must be {expected}, not {value!r}. Quotes make a text")
