"""The picture: complete, readable without its style, and safe with any text in it."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from helpers.display.ladder import Ladder, Remark, Step

STEPS = (
    Step(1, 0, 1, "Hello", "greets", encrypted=False),
    Step(2, 1, 0, "Answer", "", encrypted=True, remarks=(Remark("proof", "bank to alice"),)),
    Step(3, 0, 1, "Ticket", "", encrypted=True),
)
LADDER = Ladder("A run", "One-way", ("The bank proved it.",), ("alice", "bank"), STEPS)


class Text(HTMLParser):
    """What is left of HTML for somebody who sees no style: the text, without the contents of <style>."""

    def __init__(self, html):
        super().__init__()
        self.parts, self.tags, self._quiet = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._quiet = tag == "style"

    def handle_endtag(self, tag):
        self._quiet = False

    def handle_data(self, data):
        if not self._quiet:
            self.parts.append(data)

    def __str__(self):
        return " ".join("".join(self.parts).split())


def test_says_all_of_it_in_words_without_the_style():
    text = str(Text(LADDER._repr_html_()))
    for part in (
        "A run",
        "One-way.",
        "alice → bank: Hello",
        "bank → alice: Answer encrypted",
        "✔ Proved. bank to alice",
    ):
        assert part in text


def test_short_form_leaves_out_what_does_not_matter_and_keeps_it_on_demand():
    short, details = LADDER._repr_html_().split("<details>")
    assert "… Ticket" in short
    assert "<b>Ticket</b>" not in short
    assert "<summary>All 3 messages</summary>" in details
    assert "<b>Ticket</b>" in details


def test_nothing_on_demand_where_nothing_is_left_out():
    assert "<details>" not in Ladder("t", "v", ["c"], ("alice", "bank"), STEPS[:2])._repr_html_()


def test_is_a_table_that_a_screen_reader_can_walk():
    html = LADDER._repr_html_()
    assert "<caption>" in html
    assert html.count('<th scope="col">') == 6  # three columns, in the short form and in the long one
    for row in re.findall(r"<tr.*?</tr>", html):
        columns = sum(int(span or 1) for span in re.findall(r'<t[dh](?: colspan="(\d+)")?[ >]', row))
        assert columns == 3, row


def test_a_message_between_the_outer_columns_spans_the_middle_one():
    steps = (Step(1, 2, 0, "Far", "n", encrypted=False), Step(2, 1, 2, "Near", "n", encrypted=False))
    html = Ladder("t", "", ["c", "d"], ("a", "b", "c"), steps)._repr_html_()
    assert 'colspan="3" class="span3"' in html
    assert re.search(r'<th scope="row">2</th><td></td><td colspan="2" class="span2"', html)


def test_text_form():
    assert str(LADDER).splitlines() == [
        "A run",
        "One-way. The bank proved it.",
        "",
        "           alice            bank",
        "   1         |---- Hello --->|  greets",
        "   2         |<=== Answer ===|  encrypted",
        "      ✔ Proved. bank to alice",
        "   3         |==== Ticket ==>|  encrypted",
    ]


@given(st.text(), st.text(), st.text())
def test_any_text_is_escaped(title, name, note):
    marked = "<b>&'\"" + name
    steps = (Step(1, 0, 1, marked, "<script>" + note, False, (Remark("failure", "<img src=x>" + note),)),)
    html = Ladder("<i>" + title, "<u>", ["<a href=x>"], ("<p>", "</table>"), steps)._repr_html_()
    ours = {
        "div",
        "style",
        "table",
        "caption",
        "b",
        "br",
        "strong",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "small",
    }
    # A long name may be broken behind each of these.
    assert set(Text(html).tags) == ours | ({"wbr"} if "_" in name else set())
