"""Tables: escaped, aligned in text, and refused where a row does not fit."""

import pytest

from helpers.display.table import Table

TABLE = Table("Who & what", ("Run", "With"), [("one", "<b>"), ("three", "key")])


def test_html_is_escaped_and_has_headings():
    html = TABLE._repr_html_()
    assert "<caption>Who &amp; what</caption>" in html
    assert '<th scope="row">one</th><td>&lt;b&gt;</td>' in html
    assert '<th scope="col">Run</th>' in html


def test_text_is_aligned():
    assert str(TABLE) == "Who & what\n\nRun    With\n-----  ----\none    <b>\nthree  key"


def test_a_row_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"this row has 3 cells, the table has 2 columns: \('a', 'b', 'c'\)"):
        Table("t", ("x", "y"), [("a", "b", "c")])


def test_a_marked_row_stands_out():
    html = Table("", ("a", "b"), [("1", "2"), ("3", "4")], frozenset({1}))._repr_html_()
    assert '<tr class="marked"><th scope="row">3</th>' in html
    assert html.count('class="marked"') == 1
