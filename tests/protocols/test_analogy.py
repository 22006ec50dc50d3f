"""The bank on the street: marked as an analogy, and broken by the fake branch."""

from helpers.exchange import Direction
from helpers.protocols import analogy


def test_both_scenes_say_that_they_are_no_run():
    for scene in (analogy.bank_visit(), analogy.fake_branch()):
        assert "an analogy, not a run" in scene.title


def test_you_see_the_same_in_both():
    visit, fake = analogy.bank_visit(), analogy.fake_branch()
    assert [(m.name, m.inside) for m in visit.messages] == [(m.name, m.inside) for m in fake.messages]
    assert visit.messages[0].note == fake.messages[0].note


def test_the_teller_checks_you_and_the_thief_checks_nothing():
    assert analogy.bank_visit().direction() is Direction.ONE_WAY
    assert len(analogy.bank_visit().factors_of("you")) == 3
    assert analogy.fake_branch().direction() is Direction.NONE
