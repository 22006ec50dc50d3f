"""The card sorter: what each drop says, for every card on every pile."""

import itertools

import pytest

from helpers import factors
from helpers.factors import UnknownMethod
from helpers.widgets.card_sorter import CARDS, PILES, CardSorter


def drop(sorter, card, pile):
    sorter._on_message(None, {"action": "drop", "card": card, "pile": pile}, None)
    return sorter.said


@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_right_on_one_pile_and_each_drop_is_explained(card):
    method, states = factors.classify(card), {}
    for pile, (title, _wanted) in PILES.items():
        sorter = CardSorter()
        said = drop(sorter, card, pile)
        states[pile] = said["state"]
        assert title in said["html"]
        assert said["html"].count("<p>") >= 2
        assert ("contested" in said["html"]) == method.contested
        assert sorter.placed == {card: {"pile": pile, "state": said["state"]}}
    assert sorted(states.values()) == ["right", "wrong", "wrong", "wrong"]
    (right,) = [pile for pile, state in states.items() if state == "right"]
    assert PILES[right][1] == method.factors


def test_there_are_cards_for_each_pile_and_contested_ones():
    methods = [factors.classify(card) for card in CARDS]
    for _title, wanted in PILES.values():
        assert sum(method.factors == wanted for method in methods) >= 2
    assert sum(method.contested for method in methods) >= 2


def test_neighbours_are_not_of_one_kind():
    """A pile is not given away by the order."""
    kinds = [factors.classify(card).factors for card in CARDS]
    assert all(one != other for one, other in itertools.pairwise(kinds))


def test_a_wrong_card_stays_where_it_was_put_and_may_be_moved():
    sorter = CardSorter()
    said = drop(sorter, "Fingerprint", "have")
    assert said["count"] == "1 of 12 sorted, 0 right."
    assert "✘ Fingerprint: not on the pile “Something you have”." in said["html"]
    assert "It is not secret" in said["html"]
    said = drop(sorter, "Fingerprint", "are")
    assert said["count"] == "1 of 12 sorted, 1 right."
    assert "✔ Fingerprint: Something you are. Right." in said["html"]


def test_the_end_is_said_and_one_can_start_again():
    sorter = CardSorter(["password", "fingerprint"])
    drop(sorter, "password", "know")
    said = drop(sorter, "fingerprint", "are")
    assert said["count"] == "2 of 2 sorted, 2 right. All cards lie where they belong."
    for text in ("Something you know", "A secret that you remember", "<td>password</td>", "still <strong>one</strong>"):
        assert text in said["summary"]
    sorter._on_message(None, {"action": "again"}, None)
    assert sorter.placed == {}
    assert sorter.said["count"] == "0 of 2 sorted, 0 right."
    assert "summary" not in sorter.said


def test_before_the_first_card_the_count_is_there():
    assert CardSorter().said == {"count": "0 of 12 sorted, 0 right."}


def test_all_on_a_pile_is_not_the_end():
    sorter = CardSorter(["password", "fingerprint"])
    drop(sorter, "password", "know")
    said = drop(sorter, "fingerprint", "know")
    assert said["count"] == "2 of 2 sorted, 1 right."
    assert said["summary"] == ""


def test_of_a_contested_card_it_is_said_who_says_what():
    """A security question is knowledge by its kind, and yet NIST does not take it: both must be said."""
    html = drop(CardSorter(), "Security question", "no factor")["html"]
    assert "they ask what kind of evidence a method is, and not whether it is accepted" in html
    for who in ("NIST SP 800-63-4, section 2.3.1", "OWASP, Multifactor Authentication Cheat Sheet"):
        assert f"<li>{who}: " in html


@pytest.mark.parametrize(("card", "pile"), [("Password", "nowhere"), ("nothing", "know"), ("<b>", "know")])
def test_what_is_no_card_or_no_pile_gets_a_sentence(card, pile):
    sorter = CardSorter()
    said = drop(sorter, card, pile)
    assert said["html"].startswith("<p>That did not work:")
    assert "<b>" not in said["html"]
    assert sorter.placed == {}


def test_a_card_must_be_known_and_of_one_kind():
    with pytest.raises(UnknownMethod):
        CardSorter(["telepathy"])
    with pytest.raises(ValueError, match="these belong on more than one pile: smart card and PIN"):
        CardSorter(["password", "smart card and PIN"])


def test_without_a_kernel_the_cards_and_the_answers_can_be_read():
    data, _metadata = CardSorter()._repr_mimebundle_()
    assert data["text/plain"] == "Run this cell to sort the cards: know, have, are, or not a factor."
    html = data["text/html"]
    assert html.index("Run this cell") < html.index("<details><summary>Answer</summary>")
    for card in CARDS:
        assert html.count(f"{card}<") == 2, card
    assert html.count("<table>") == 1
    for row in ("GPS location</th><td>Not a factor (contested)</td>", "Password</th><td>Something you know</td>"):
        assert row in html
    assert CardSorter()._repr_mimebundle_()[0]["text/html"] == html
