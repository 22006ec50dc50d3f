"""Logins of several methods: every choice runs, and shows what the catalogue of methods says."""

from itertools import chain, combinations

import pytest

from helpers import factors
from helpers.exchange import Direction
from helpers.protocols.combined_login import METHODS, run

EVERY_CHOICE = list(chain.from_iterable(combinations(METHODS, size) for size in range(len(METHODS) + 1)))


@pytest.mark.parametrize("method", METHODS)
def test_the_run_shows_the_factors_that_the_catalogue_names(method):
    shown = run([method])
    assert shown.failure is None
    assert shown.factors_of("alice") == factors.classify(METHODS[method]).factors


def test_every_choice_runs_and_its_factors_add_up(request):
    for chosen in EVERY_CHOICE if request.config.getoption("--long") else EVERY_CHOICE[::9]:
        for checks_name in (True, False):
            shown = run(chosen, checks_name)
            assert shown.failure is None, chosen
            assert shown.factors_of("alice") == factors.combine([METHODS[one] for one in chosen]).factors


@pytest.mark.parametrize(
    ("chosen", "checks_name", "direction"),
    [
        ([], True, Direction.ONE_WAY),
        ([], False, Direction.NONE),
        (["password", "one-time code"], True, Direction.TWO_ONE_WAYS),
        (["password", "one-time code"], False, Direction.ONE_WAY),
        (["passkey with fingerprint"], True, Direction.TWO_ONE_WAYS),
        (["client certificate"], True, Direction.MUTUAL),
        (["client certificate", "password"], True, Direction.MUTUAL),
        (["client certificate"], False, Direction.ONE_WAY),
    ],
)
def test_the_direction_does_not_follow_the_number_of_factors(chosen, checks_name, direction):
    assert run(chosen, checks_name).direction() is direction


def test_the_title_says_what_was_chosen_in_the_order_of_the_login():
    assert run(["one-time code", "password"]).title == "password, one-time code"
    assert run([]).title == "nothing but HTTPS"
    assert run(["PIN"], checks_name=False).title == "PIN; name not checked"


def test_what_the_lab_cannot_run_is_named():
    with pytest.raises(ValueError, match="the lab cannot run telepathy; it can run client certificate, password"):
        run(["password", "telepathy"])


def test_the_same_choice_gives_the_same_picture():
    everything = list(METHODS)
    assert str(run(everything)) == str(run(everything))
