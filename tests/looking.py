"""Looking at a page: accessible in both themes, readable when narrow, with all that it has shown and open."""

from axe_playwright_python.sync_playwright import Axe
from lab import THEMES, change_theme
from playwright.sync_api import expect

OUTPUTS = ".jp-OutputArea-output"


def look_at(page, parts=OUTPUTS):
    """These parts of the page as they are, with everything open. Leaves the page narrow."""
    page.locator(parts).locator("details").evaluate_all("all => all.forEach((element) => { element.open = true; })")
    for theme in THEMES:
        change_theme(page, theme)
        found = Axe().run(page, context={"include": [[parts]]})
        assert found.violations_count == 0, found.generate_report()
    narrow(page, parts)


def narrow(page, parts):
    """At 400 pixels nothing may be cut off. A wide table may scroll, by keyboard as well."""
    page.get_by_role("tab", name="File Browser").click()  # closes the list of files, as one does in a narrow window
    expect(page.locator("#jp-left-stack")).to_be_hidden()
    page.set_viewport_size({"width": 400, "height": 800})
    cut = page.evaluate(
        """(parts) => [...document.querySelectorAll(".ladder, .chain, .course-question, .course-dashboard, .course-site, .course-clinic, .course-host-key, .course-cards, .course-builder, .course-passkey")]
            .filter((element) => element.closest(parts) && element.scrollWidth > element.clientWidth + 1)
            .map((element) => `${element.className} (${element.clientWidth}): ${element.textContent.slice(-60)}`)""",
        parts,
    )
    assert cut == []
    for table in page.locator(parts).locator(".course-table").all():
        assert table.get_attribute("tabindex") == "0"
        assert table.evaluate("element => getComputedStyle(element).overflowX") == "auto"


def answer_all(page):
    """Choose something in each question, take a hint, and check: so that all of its parts show."""
    for question in page.locator(".course-question form").all():
        if question.locator("input, select").count():  # an order has buttons only, and there always is one
            control = question.locator("input, select").first
            control.check() if control.get_attribute("type") else control.select_option(index=1)
        question.get_by_role("button", name="Hint").click()
        question.locator("button[type=submit]").click()
    expect(page.locator(".feedback:empty")).to_have_count(0)


def check_a_site(page):
    """Where there is a site checker: have it show a report."""
    for checker in page.locator(".course-site").all():
        checker.get_by_role("button", name="expired").click()
        expect(checker.locator(".report table")).to_have_count(3)


def check_a_host_key(page):
    """Where there is a host key checker: have it show a verdict."""
    for checker in page.locator(".course-host-key").all():
        checker.get_by_role("button", name="changed key").click()
        expect(checker.locator("table")).to_have_count(1)


def sort_a_card(page):
    """Where there are cards: have one explained that is contested, on the wrong pile."""
    for cards in page.locator(".course-cards").all():
        cards.get_by_role("button", name="GPS location").click()
        cards.get_by_role("button", name="Put it here").first.click()
        expect(cards.locator(".explained")).to_contain_text("contested")


def build_a_login(page):
    """Where there is a login builder: have it show a run and the map."""
    for builder in page.locator(".course-builder").all():
        builder.get_by_role("button", name="password and PIN").click()
        expect(builder.locator(".report .course-table")).to_have_count(1)
