"""The login builder: each choice is run, and the answers are those of the run and of the catalogue."""

import pytest

from helpers.protocols.combined_login import METHODS
from helpers.widgets.login_builder import EXAMPLES, LoginBuilder


def build(builder, *chosen, checks_name=True):
    builder._on_message(None, {"action": "build", "chosen": list(chosen), "checks_name": checks_name}, None)
    return builder.said


@pytest.mark.parametrize(
    ("chosen", "checks_name", "kind", "direction", "level"),
    [
        ((), True, "nothing: no factor", "one-way (bank.example proves)", "none"),
        ((), False, "nothing: no factor", "none", "none"),
        (("password",), True, "knowledge: single-factor", "two one-ways", "AAL1"),
        (("password", "PIN"), True, "knowledge: single-factor", "two one-ways", "AAL1"),
        (("password", "one-time code"), True, "knowledge and possession: two-factor", "two one-ways", "AAL2"),
        (
            ("password", "one-time code"),
            False,
            "knowledge and possession: two-factor",
            "one-way (alice proves)",
            "none",
        ),
        (("client certificate",), True, "possession: single-factor", "mutual", "AAL1"),
        (("client certificate", "password"), True, "knowledge and possession: two-factor", "mutual", "AAL2"),
        (("passkey with fingerprint",), True, "possession and inherence: two-factor", "two one-ways", "AAL3"),
    ],
)
def test_the_three_answers(chosen, checks_name, kind, direction, level):
    html = build(LoginBuilder(), *chosen, checks_name=checks_name)["html"]
    assert f"<strong>Factors:</strong> {kind}." in html
    assert f"<strong>Direction:</strong> {direction}, by the strict test" in html
    assert f"<strong>Assurance level, at most:</strong> {level}." in html


def test_a_login_lands_on_the_map_once():
    builder = LoginBuilder()
    build(builder, "password")
    build(builder, "client certificate")
    more = build(builder, "password")["more"]
    assert more.count("✔ password<") == 1
    assert more.count("✔ client certificate<") == 1
    assert "See the run" in more


def test_the_conditions_of_a_level_are_told():
    more = build(LoginBuilder(), "password", "one-time code")["more"]
    assert "<p>That level only if (sections of NIST SP 800-63B-4):</p><ul><li>" in more
    assert "has at least 8 characters" in more


def test_where_nobody_checked_who_the_bank_is_there_is_no_level_and_it_says_why():
    more = build(LoginBuilder(), "password", "one-time code", checks_name=False)["more"]
    assert "<p>Why no level" in more
    assert "<strong>authenticated protected channel</strong>" in more
    assert "at least 8 characters" not in more


def test_where_alice_shows_nothing_that_is_the_reason():
    for checks_name in (True, False):
        more = build(LoginBuilder(), checks_name=checks_name)["more"]
        assert "<li>Alice showed nothing.</li>" in more
        assert "protected channel" not in more


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_run(example):
    chosen, checks_name = EXAMPLES[example]
    said = build(LoginBuilder(), *chosen, checks_name=checks_name)
    assert (said["chosen"], said["checks_name"]) == (list(chosen), checks_name)


def test_what_it_does_not_know_gets_a_sentence():
    said = build(LoginBuilder(), "<b>telepathy</b>")
    assert said["html"].startswith("<p>That did not work: ValueError: the lab cannot run")
    assert "<b>" not in said["html"]


def test_everything_at_once_runs():
    said = build(LoginBuilder(), *METHODS)
    assert "three-factor" in said["html"]


def test_without_a_kernel_it_says_what_it_does():
    data, _metadata = LoginBuilder()._repr_mimebundle_()
    assert data["text/plain"].startswith("Run this cell to build logins")
    assert data["text/plain"] in data["text/html"]
    assert '<th scope="row">client certificate</th><td>possession</td><td>mutual</td>' in data["text/html"]
