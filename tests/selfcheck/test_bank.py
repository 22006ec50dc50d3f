"""The questions of the course themselves: found by id, complete, and fair."""

import re

import pytest
import yaml

from helpers.selfcheck import bank
from helpers.selfcheck.schema import QuestionFileError

QUESTIONS = [question for file in bank.files().values() for question in file.questions]
# The misconceptions that each notebook must meet, by their numbers in the course's list.
MUST_MEET = {
    "01_who_proves_what_to_whom": {1, 2, 3, 4, 5, 6, 22, 56},
    "02_factors": {1, 2, 3, 4, 44, 45, 49, 53, 54, 55},
    "04_certificates": {*range(7, 15), *range(18, 22)},
    "05_one_way_tls": {5, 6, 7, 8, 13, 14, 17},
    "06_mutual_tls": {5, 6, *range(13, 18), 19, 20, 23, 24, 25},
    "07_ssh_host_keys": {*range(26, 32)},
    "09_phishing_resistance": {41, 46, 47, 48, 50, 51, 52},
}
# asked: from, to; in the bank: from
AT_LEAST = {
    "01_who_proves_what_to_whom": (6, 8, 12),
    "02_factors": (6, 8, 16),
    "04_certificates": (6, 8, 15),
    "05_one_way_tls": (6, 8, 14),
    "06_mutual_tls": (6, 8, 14),
    "07_ssh_host_keys": (6, 8, 14),
    "09_phishing_resistance": (6, 8, 12),
}


def test_an_unknown_id_names_the_nearest():
    with pytest.raises(bank.UnknownQuestion) as caught:
        bank.find("three-act")
    assert str(caught.value).startswith("There is no question 'three-act'. The nearest ones are: three-acts")


def test_the_same_id_in_two_files_is_refused(tmp_path):
    text = (bank.FOLDER / "00_start_here.yaml").read_text(encoding="utf-8")
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(QuestionFileError, match=r"two.yaml and one.yaml both have 'first-guess'"):
        bank.files(tmp_path)


@pytest.mark.parametrize("name", MUST_MEET)
def test_each_misconception_is_a_wrong_option(name):
    questions = bank.files()[name].questions
    chosen = [q for q in questions if q.kind in ("choose one", "choose all", "predict")]
    met = {o.misconception for q in chosen for o in q.options if o.misconception and o.correct is not True}
    assert met >= MUST_MEET[name]
    fewest, most, in_bank = AT_LEAST[name]
    assert fewest <= sum(question.asked for question in questions) <= most
    assert len(questions) >= in_bank


def test_each_misconception_of_a_question_is_in_the_list():
    listed = yaml.safe_load(bank.MISCONCEPTIONS.read_text(encoding="utf-8"))
    assert sorted(listed) == list(range(1, 57))
    assert {o.misconception for q in QUESTIONS for o in q.options} - {None} <= set(listed)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_is_short_and_gives_nothing_away(question):
    assert re.fullmatch(r"[a-z0-9-]+", question.id)
    assert len(question.prompt.split()) <= 45
    for option in question.options:
        assert 5 <= len(option.why.split()) <= 60, option.value
        # A right answer that is always the longest one would be a hint.
    if question.kind == "choose one":
        lengths = {
            option.correct is True: len(option.text) for option in sorted(question.options, key=lambda o: len(o.text))
        }
        assert lengths[True] <= 2.5 * lengths[False], "the right answer stands out by its length"
