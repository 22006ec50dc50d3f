"""A chain reads well as a list, as text, and with hostile names in it."""

from helpers.display.chain import Box, ChainPicture

PICTURE = ChainPicture("Who vouches", [Box("Root", "trusted", "trusted"), Box("bank.example", "leaf", link="signed")])


def test_the_text_has_a_line_for_each_box_and_each_link():
    assert str(PICTURE).splitlines() == ["Who vouches", "  Root: trusted", "    ↓ signed", "  bank.example: leaf"]


def test_the_html_is_an_ordered_list():
    html = PICTURE._repr_html_()
    assert html.count("<li") == 3
    assert '<li class="box trusted"><b>Root</b><br>trusted</li>' in html
    assert '<li class="link">↓ signed</li>' in html


def test_what_comes_from_a_certificate_is_escaped():
    html = ChainPicture("<i>", [Box("<script>", "a\nb", link="&")])._repr_html_()
    assert "<script>" not in html
    assert "&lt;i&gt;" in html
    assert "a\\nb" in html
    assert "\\n" in str(ChainPicture("", [Box("a\nb", "")]))
