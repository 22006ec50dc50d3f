"""Notebook 02's cards and login builder: by mouse, and by keyboard alone."""

import re

from axe_playwright_python.sync_playwright import Axe
from lab import THEMES, change_theme, go_to, tab_to
from playwright.sync_api import expect

NOTEBOOK = "02_factors.ipynb"


def test_a_learner_sorts_cards_and_builds_logins(lab, open_page):
    """One page for all of it: to open one takes longer than to use it."""
    page, watch = open_page(lab, NOTEBOOK)
    for cell in ("CardSorter()", "LoginBuilder()"):
        go_to(page, cell)
        page.keyboard.press("Shift+Enter")  # these need none of the cells before them
    cards, builder = page.locator(".course-cards"), page.locator(".course-builder")
    expect(cards.locator(".card")).to_have_count(12)
    expect(builder.locator("input")).to_have_count(8)
    cells = page.locator(".jp-Cell").count()
    by_mouse(page, cards)
    by_keyboard(page, cards)
    by_two_clicks(page, cards)
    a_login(page, builder)
    for theme in THEMES:
        change_theme(page, theme)
        found = Axe().run(page, context={"include": [[".course-cards"], [".course-builder"]]})
        assert found.violations_count == 0, found.generate_report()
    it_fits_in_a_narrow_window(page)
    assert page.locator(".jp-Cell").count() == cells
    watch.check()


def pile(cards, title):
    return cards.locator(".pile", has=cards.page.locator(".title", has_text=title))


def drag(page, card, target):
    """As a hand does it: press, move in steps, let go."""
    card.scroll_into_view_if_needed()
    begin, end = card.bounding_box(), target.bounding_box()
    page.mouse.move(begin["x"] + 8, begin["y"] + begin["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + 40, end["y"] + 20, steps=8)
    page.mouse.move(end["x"] + 44, end["y"] + 24)
    page.mouse.up()


def by_mouse(page, cards):
    page.set_viewport_size({"width": 1100, "height": 1900})  # so that cards and piles are in sight together
    status, card = cards.locator("[role=status]"), cards.locator(".card", has_text="Fingerprint")
    have, are = pile(cards, "Something you have"), pile(cards, "Something you are")
    drag(page, card, have)
    expect(status).to_contain_text("✘ Fingerprint: not on the pile “Something you have”.")
    expect(have.locator(".card")).to_have_text([re.compile("^✘ Fingerprint")])
    drag(page, card, are)
    expect(status).to_contain_text("✔ Fingerprint: Something you are. Right.")
    expect(have.locator(".card")).to_have_count(0)
    expect(are.locator(".card.right .explained")).to_be_visible()
    expect(are.locator(".card")).to_contain_text("(right)")  # a word, and not the colour alone
    expect(cards.locator(".count")).to_have_text("1 of 12 sorted, 1 right.")


def by_keyboard(page, cards):
    status, card = cards.locator("[role=status]"), cards.get_by_role("button", name="GPS location")
    go_to(page, "CardSorter()")
    tab_to(page, "GPS location")
    page.keyboard.type("dd")  # JupyterLab would delete the cell
    page.keyboard.press("Enter")
    expect(cards.get_by_role("button", name="Put it here")).to_have_count(4)
    page.keyboard.press("Escape")
    expect(card).to_be_focused()
    expect(cards.get_by_role("button", name="Put it here")).to_have_count(0)
    page.keyboard.press("Space")
    page.keyboard.press("Enter")  # the first pile has the focus
    expect(status).to_contain_text("✘ GPS location: not on the pile “Something you know”.")
    expect(status).to_contain_text("“Somewhere you are” is one of the factors.")
    expect(card).to_be_focused()  # where the card goes, the focus goes
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") != "Put it here":  # a card lies between two piles
            tab_to(page, "Put it here")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("✔ GPS location: Not a factor. Right.")
    tab_to(page, "Next card")
    page.keyboard.press("Enter")
    expect(cards.get_by_role("button", name="Authenticator app")).to_be_focused()
    tab_to(page, "Start again")
    page.keyboard.press("Enter")
    expect(status).to_have_text("All cards are back.")
    expect(pile(cards, "Cards").locator(".card")).to_have_count(12)


def by_two_clicks(page, cards):
    """As on a screen that is touched."""
    right = {
        "Password": "Something you know",
        "Typing rhythm": "Something you are",
        "User name": "Not a factor",
        "Code by SMS": "Something you have",
    }
    for card, title in right.items():
        cards.get_by_role("button", name=card, exact=True).click()
        pile(cards, title).get_by_role("button", name="Put it here").click()
        expect(cards.locator("[role=status]")).to_contain_text(f"✔ {card}")
    expect(cards.locator(".count")).to_have_text("4 of 12 sorted, 4 right.")


def a_login(page, builder):
    status, report = builder.locator("[role=status]"), builder.locator(".report")
    go_to(page, "LoginBuilder()")
    tab_to(page, "password")
    page.keyboard.press("Space")
    expect(status).to_contain_text("Factors: knowledge: single-factor.")
    tab_to(page, "PIN")
    page.keyboard.press("Space")
    expect(report).to_contain_text("✔ password, PIN")
    expect(status).to_contain_text("Factors: knowledge: single-factor.")
    tab_to(page, "one-time code")
    page.keyboard.press("Space")
    expect(status).to_contain_text("Factors: knowledge and possession: two-factor.")
    expect(status).to_contain_text("Direction: two one-ways, by the strict test")
    tab_to(page, "checks the name")
    page.keyboard.press("Space")
    expect(status).to_contain_text("Direction: one-way (alice proves), by the strict test")
    expect(status).to_contain_text("Assurance level, at most: none.")
    expect(report).to_contain_text("authenticated protected channel")
    tab_to(page, "client certificate")  # behind the boxes: a button
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Direction: mutual, by the strict test")
    expect(builder.get_by_label("client certificate")).to_be_checked()
    expect(report.locator("tbody tr")).not_to_have_count(0)
    # A fast hand: what counts is the last state.
    for _ in range(3):
        builder.get_by_label("password").click()
        builder.get_by_label("PIN").click()
    expect(report).to_contain_text("client certificate, password, PIN")


def it_fits_in_a_narrow_window(page):
    """With cards sorted and a login built. A wide table may scroll."""
    page.get_by_role("tab", name="File Browser").click()
    page.set_viewport_size({"width": 400, "height": 800})
    cut = """() => [...document.querySelectorAll(".course-cards, .course-builder")]
        .filter((view) => view.scrollWidth > view.clientWidth + 1)
        .map((view) => view.className)"""
    assert page.evaluate(cut) == []
