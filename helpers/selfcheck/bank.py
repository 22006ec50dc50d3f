"""All questions of the course, found by their ids."""

import difflib
from functools import cache
from pathlib import Path

from helpers.display.error import CourseError
from helpers.selfcheck.schema import Question, QuestionFile, QuestionFileError, load

FOLDER = Path(__file__).with_name("questions")
MISCONCEPTIONS = Path(__file__).with_name("misconceptions.yaml")  # by number, as the options of the questions name them


class UnknownQuestion(CourseError):
    """No question has this id. The message names the nearest ones."""


@cache
def files(folder: Path = FOLDER) -> dict[str, QuestionFile]:
    """Every question file by its name without ".yaml", which is the name of its notebook. Raises QuestionFileError."""
    found = {path.stem: load(path) for path in sorted(folder.glob("*.yaml"))}
    places: dict[str, str] = {}
    for name, file in found.items():
        for question in file.questions:
            if question.id in places:
                raise QuestionFileError(f"{name}.yaml and {places[question.id]}.yaml both have '{question.id}'.")
            places[question.id] = name
    return found


def find(question_id: str, folder: Path = FOLDER) -> Question:
    """The question with this id. Raises UnknownQuestion."""
    questions = {question.id: question for file in files(folder).values() for question in file.questions}
    if question_id in questions:
        return questions[question_id]
    nearest = difflib.get_close_matches(question_id, questions, n=3, cutoff=0.3) or sorted(questions)[:3]
    raise UnknownQuestion(f"There is no question '{question_id}'. The nearest ones are: {', '.join(nearest)}.")
