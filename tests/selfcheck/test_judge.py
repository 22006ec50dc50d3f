"""Judging: three states, and an explanation for each wrong answer of each kind."""

import pytest

from helpers.selfcheck import bank
from helpers.selfcheck.judge import NOT_ATTEMPTED, RIGHT, WRONG, judge, right_answer
from helpers.selfcheck.schema import Option, Question


def question(kind, marks, categories=()):
    options = [Option(value, value.upper(), f"Why {value}.", mark, None) for value, mark in marks.items()]
    return Question("q", "nb", "4.1", kind, "?", tuple(options), ("hint",), "RFC", categories, True)


ONE = question("choose one", {"a": True, "b": None})
ALL = question("choose all", {"a": True, "b": None, "c": True})
CLASSES = question("classify", {"x": "know", "y": "have"}, ("know", "have"))
ORDER = question("order", {"c": 3, "a": 1, "b": 2})
PREDICT = question("predict", {"one-way": None, "mutual": None})


def judged(*args):
    judgement = judge(*args)
    return judgement.state, judgement.message, [(r.option.value, r.fits) for r in judgement.remarks]


@pytest.mark.parametrize("nothing", [(ONE, []), (ALL, []), (PREDICT, [], "mutual"), (CLASSES, {}), (ORDER, [])])
def test_nothing_chosen_is_not_an_attempt(nothing):
    assert judge(*nothing).state == NOT_ATTEMPTED


@pytest.mark.parametrize("q", [ONE, ALL, CLASSES, ORDER])
def test_the_right_answer_is_right(q):
    assert judge(q, right_answer(q)).state == RIGHT


def test_choose_one():
    assert judged(ONE, ["a"]) == (RIGHT, "Right.", [("a", True)])
    assert judged(ONE, ["b"]) == (WRONG, "Not yet.", [("b", False)])


def test_choose_all():
    assert judged(ALL, ["a"]) == (WRONG, "Not yet. What you chose is right. Still missing: 1.", [])
    assert judged(ALL, ["a", "b"]) == (WRONG, "Not yet. Right ones still missing: 1.", [("b", False)])
    assert judged(ALL, ["a", "b", "c"]) == (WRONG, "Not yet.", [("b", False)])
    assert judged(ALL, ["b"]) == (WRONG, "Not yet. Right ones still missing: 2.", [("b", False)])


def test_classify():
    assert judged(CLASSES, {"x": "know", "y": ""}) == (NOT_ATTEMPTED, "Still without a category: Y.", [])
    assert judged(CLASSES, {"x": "know", "y": "know"}) == (WRONG, "Not yet: 1 of 2 are right.", [("y", False)])


def test_order_looks_at_the_first_that_is_out_of_place():
    assert judged(ORDER, ["a", "c", "b"]) == (
        WRONG,
        "Not yet. In place from the top: 1. Look at place 2.",
        [("c", False)],
    )
    assert judged(ORDER, ["b", "a", "c"]) == (WRONG, "Not yet. Look at place 1.", [("b", False)])


def test_a_prediction_is_judged_by_the_run():
    assert judged(PREDICT, ["mutual"], "mutual") == (RIGHT, "Right: that is what the run showed.", [("mutual", True)])
    state, message, remarks = judged(PREDICT, ["mutual"], "one-way")
    assert (state, message) == (WRONG, "The run showed something else.")
    assert remarks == [("mutual", False), ("one-way", True)]


def test_an_answer_that_is_no_option_is_refused():
    with pytest.raises(KeyError, match="zzz"):
        judge(ONE, ["zzz"])


EVERY = [(q, o) for file in bank.files().values() for q in file.questions for o in q.options]


@pytest.mark.parametrize(("q", "option"), EVERY, ids=lambda x: getattr(x, "id", None) or x.value)
def test_every_single_choice_of_the_course_is_explained(q, option):
    """Whatever a learner chooses alone, the reply is about that choice or says what is missing."""
    if q.kind in ("choose one", "choose all"):
        judgement = judge(q, [option.value])
    elif q.kind == "predict":
        judgement = judge(q, [option.value], next(o.value for o in q.options if o.value != option.value))
        assert judgement.state == WRONG
    elif q.kind == "classify":
        wrong = next(category for category in q.categories if category != option.correct)
        judgement = judge(q, {**right_answer(q), option.value: wrong})
    else:
        right = [o.value for o in q.options] if q.run_decides else right_answer(q)
        moved = [value for value in right if value != option.value]
        wrong = [*moved, option.value] if option.value != right[-1] else [option.value, *moved]
        judgement = judge(q, wrong, right if q.run_decides else None)
        assert judgement.remarks
        return
    touched = {remark.option.value for remark in judgement.remarks}
    assert option.value in touched or "What you chose is right" in judgement.message


def test_an_order_that_a_run_has_shown():
    unordered = question("order", {"c": None, "a": None, "b": None})
    assert unordered.run_decides
    assert judged(unordered, ["a", "b", "c"], ["b", "a", "c"]) == (
        WRONG,
        "Not yet. Look at place 1.",
        [("a", False)],
    )
    state, message, remarks = judged(unordered, ["b", "a", "c"], ["b", "a", "c"])
    assert (state, message) == (RIGHT, "Right: in this order they came.")
    assert [value for value, _ in remarks] == ["b", "a", "c"]
    assert judge(unordered, [], ["b", "a", "c"]).state == NOT_ATTEMPTED
