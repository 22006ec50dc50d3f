"""Judges an answer. Every judgement explains itself: what was wrong in it, and what would be right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.selfcheck.schema import Option, Question

NOT_ATTEMPTED, WRONG, RIGHT = "not attempted", "wrong", "right"

# What a learner sends: the chosen values, or for "classify" the category of each value.
Answer = Sequence[str] | Mapping[str, str]
# What a run showed: one of the values, or for "order" all of them; None where no run decides.
Actual = str | Sequence[str] | None


@dataclass(frozen=True)
class Remark:
    """About one option: `fits` says whether the learner treated it rightly."""

    option: Option
    fits: bool


@dataclass(frozen=True)
class Judgement:
    """`state` is one of the three states. `remarks` explain the options that the learner's answer touched."""

    state: str
    message: str
    remarks: tuple[Remark, ...] = ()


def right_answer(question: Question, actual: Actual = None) -> Answer:
    """The answer that is judged right. `actual` is what the run showed, for a prediction."""
    if question.kind == "classify":
        return {option.value: str(option.correct) for option in question.options}
    if question.kind == "order" and actual is not None:
        return list(actual)
    if question.kind == "order":
        return [option.value for option in sorted(question.options, key=lambda option: option.correct)]
    return [option.value for option in question.options if _is_right(option, actual)]


def _is_right(option: Option, actual: str | None) -> bool:
    return option.correct is True if actual is None else option.value == actual


def judge(question: Question, answer: Answer, actual: Actual = None) -> Judgement:
    """Judge `answer`. Raises KeyError where it names an option that the question does not have."""
    if question.kind == "classify":
        return _judge_classes(question, dict(answer))
    if question.kind == "order":
        return _judge_order(question, list(answer), actual)
    return _judge_choice(question, list(answer), actual)


def _judge_choice(question: Question, chosen: list[str], actual: str | None) -> Judgement:
    if not chosen:
        return Judgement(NOT_ATTEMPTED, "Choose an answer first.")
    remarks = tuple(Remark(option, _is_right(option, actual)) for option in map(question.option, chosen))
    missing = len(set(right_answer(question, actual)) - set(chosen))
    if all(remark.fits for remark in remarks) and not missing:
        return Judgement(RIGHT, "Right." if actual is None else "Right: that is what the run showed.", remarks)
    if actual is not None:
        remarks += tuple(Remark(option, True) for option in question.options if option.value == actual)
        return Judgement(WRONG, "The run showed something else.", remarks)
    if all(remark.fits for remark in remarks):
        return Judgement(WRONG, f"Not yet. What you chose is right. Still missing: {missing}.")
    more = f" Right ones still missing: {missing}." if missing and question.kind == "choose all" else ""
    return Judgement(WRONG, f"Not yet.{more}", tuple(remark for remark in remarks if not remark.fits))


def _judge_classes(question: Question, chosen: dict[str, str]) -> Judgement:
    missing = [option for option in question.options if not chosen.get(option.value)]
    if len(missing) == len(question.options):
        return Judgement(NOT_ATTEMPTED, "Choose a category for each one first.")
    if missing:
        return Judgement(NOT_ATTEMPTED, f"Still without a category: {', '.join(option.text for option in missing)}.")
    remarks = tuple(Remark(question.option(value), question.option(value).correct == c) for value, c in chosen.items())
    wrong = tuple(remark for remark in remarks if not remark.fits)
    if wrong:
        return Judgement(WRONG, f"Not yet: {len(remarks) - len(wrong)} of {len(remarks)} are right.", wrong)
    return Judgement(RIGHT, "Right, all of them.", remarks)


def _judge_order(question: Question, chosen: list[str], actual: Actual) -> Judgement:
    right = list(right_answer(question, actual))
    if sorted(chosen) != sorted(right):
        return Judgement(NOT_ATTEMPTED, "Put all of them in order first.")
    if chosen == right:
        message = "Right, in this order." if actual is None else "Right: in this order they came."
        return Judgement(RIGHT, message, tuple(Remark(question.option(v), True) for v in right))
    first = next(position for position, (mine, true) in enumerate(zip(chosen, right, strict=True)) if mine != true)
    kept = f"In place from the top: {first}. " if first else ""
    misplaced = Remark(question.option(chosen[first]), False)
    return Judgement(WRONG, f"Not yet. {kept}Look at place {first + 1}.", (misplaced,))
