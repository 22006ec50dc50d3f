"""Text from a certificate or a host cannot forge what is around it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.display.text import as_html, duration, short, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bank.example", "bank.example"),
        ("Zoë “x” ✔", "Zoë “x” ✔"),
        ("a\nb", "a\\nb"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\u202eb", "a\\u202eb"),  # right-to-left override
        ("a\u200bb", "a\\u200bb"),  # zero-width space
    ],
)
def test_what_cannot_be_seen_is_written_out(text, shown):
    assert visible(text) == shown


@given(st.text())
def test_html_holds_no_markup_and_no_line_break(text):
    assert not set("<>\"'\n\r") & set(as_html(text))


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ({"days": 2, "hours": 23}, "2 days"),
        ({"days": 1}, "1 day"),
        ({"hours": 23, "minutes": 59}, "23 hours"),
        ({"minutes": 1}, "1 minute"),
        ({"seconds": 59}, "less than a minute"),
        ({}, "less than a minute"),
    ],
)
def test_a_span_of_time_in_words(span, words):
    assert duration(timedelta(**span)) == words


def test_a_long_text_is_cut():
    assert short("a" * 80) == "a" * 80
    assert short("a" * 81) == "a" * 80 + "…"
