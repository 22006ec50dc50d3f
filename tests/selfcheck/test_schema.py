"""The question files: every one of the course is sound, and each broken rule gets its sentence, with the line."""

import pytest

from helpers.selfcheck.schema import QuestionFileError, load

GOOD = """\
title: A title
questions:
  - id: one
    objective: N10-009 4.1
    kind: choose one
    prompt: Which?
    options:
      - value: a
        why: Since.
        correct: true
      - value: b
        why: Not so.
        misconception: 3
    hints: [Think.]
    source: RFC 4949
"""


def read(tmp_path, text):
    path = tmp_path / "questions.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_good_file(tmp_path):
    file = read(tmp_path, GOOD)
    assert file.title == "A title"
    (question,) = file.questions
    assert (question.id, question.notebook, question.asked) == ("one", "questions", False)
    assert question.option("b").misconception == 3
    assert question.option("b").text == "b"


def test_the_order_of_options_comes_from_the_id_and_not_from_the_file(tmp_path):
    many = "".join(f"      - value: v{n}\n        why: w\n" for n in range(6))
    orders = []
    for name in ("one", "two"):
        text = GOOD.replace("      - value: b\n        why: Not so.\n        misconception: 3\n", many).replace(
            "id: one", f"id: {name}"
        )
        orders.append([o.value for o in read(tmp_path, text).questions[0].options])
        assert orders[-1] == [o.value for o in read(tmp_path, text).questions[0].options]
    assert orders[0] != orders[1]


SECOND = GOOD[GOOD.index("  - id") :]
BROKEN = [
    ("title: A title", "titel: A title", "line 1: the file has no 'title'"),
    ("    prompt: Which?\n", "", "line 3: the question 'one' has no 'prompt'"),
    ("    prompt:", "    promt: x\n    prompt:", "line 3: the question 'one' has the unknown key 'promt'"),
    ("kind: choose one", "kind: choose two", "line 3: the question 'one' is of the kind 'choose two', and there are only"),
    ("        why: Not so.\n", "", "line 11: an option of the question 'one' has no 'why'"),
    ("        correct: true\n", "", "line 3: the question 'one' is of the kind 'choose one' and needs exactly one option"),
    ("misconception: 3", "correct: true", "needs exactly one option with 'correct: true'"),
    ("value: b", "value: a", "line 3: the question 'one' has two options with the same value"),
    ("value: b", "value: no", "line 11: an option of the question 'one': 'value' must be text, not False. Quotes make a text"),
    ("hints: [Think.]", "hints: []", "line 3: the question 'one' needs one to three hints"),
    ("kind: choose one", "kind: classify", "'categories' and the kind 'classify' need each other"),
    ("kind: choose one", "kind: order", "needs the positions 1, 2, 3 ... as 'correct'"),
    ("        misconception: 3\n", "        correct: 1\n", "needs exactly one option with 'correct: true'"),
    ("misconception: 3", "misconception: true", "'misconception' must be a number, not True"),
    ("prompt: Which?", 'prompt: ""', "line 3: the question 'one': 'prompt' is empty"),
    ("        why: Since.\n", "        why: Since.\n        why: Again.\n", "line 8: this is not valid YAML: 'why' stands twice here"),
    ("source: RFC 4949", "source: 2026-02-30", "line 1: this is not a text file with YAML: day is out of range"),
    ("kind: choose one", "kind: predict", "needs no 'correct': the run decides"),
    ("    source: RFC 4949\n", f"    source: RFC 4949\n{SECOND}", "line 16: there is a second question with the id 'one'"),
    ("questions:", "questions:\n  - just a text", "line 1: a question must begin with 'id:', not with 'just a text'"),
    ("      - value: b\n        why: Not so.\n        misconception: 3\n", "      - b\n", "line 3: an option of the question 'one' must begin with 'value:'"),
    ("    prompt: Which?", "    prompt: [Which?", "this is not valid YAML"),
    (GOOD, "just a text", "line 1: the file must begin with 'title:' and 'questions:'"),
    (GOOD, "", "line 1: the file must begin with 'title:' and 'questions:'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), BROKEN)
def test_a_broken_rule_is_named_with_file_and_line(tmp_path, old, new, sentence):
    with pytest.raises(QuestionFileError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(caught.value).startswith("questions.yaml, line ")
    assert sentence in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "questions.yaml"
    path.write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(QuestionFileError, match="this is not a text file with YAML"):
        load(path)
