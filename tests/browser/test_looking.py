"""How it looks and reads: accessible in both themes, readable when narrow, untrusted or never run."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import THEMES, change_theme, run_all
from playwright.sync_api import expect

NOTEBOOKS = (
    "00_start_here.ipynb",
    "01_who_proves_what_to_whom.ipynb",
    "02_factors.ipynb",
    "04_certificates.ipynb",
    "05_one_way_tls.ipynb",
    "06_mutual_tls.ipynb",
    "07_ssh_host_keys.ipynb",
    "09_phishing_resistance.ipynb",
)
# One stands for all of them. What only another one has, its own test looks at as well.
LOOKED_AT = "01_who_proves_what_to_whom.ipynb"


def test_a_notebook_that_nobody_ran_can_be_read(lab, open_page):
    page, watch = open_page(lab, LOOKED_AT)
    outputs = page.locator(".jp-OutputArea-output")
    # JupyterLab keeps no style of a notebook that it does not trust.
    assert outputs.locator("style").count() == 0
    assert page.get_by_text("Error displaying widget").count() == 0
    expect(page.get_by_text("Run this cell to answer.")).to_have_count(7)
    first = outputs.locator("table").first
    for part in ("HTTPS, no login", "One-way authentication.", "alice → bank.example: ClientHello", "✔ Proved."):
        expect(first).to_contain_text(part)
    answer = outputs.locator("details", has_text="Answer").filter(has_text="Both sign the same handshake").first
    expect(answer.locator("table").first).to_be_hidden()
    answer.locator("summary", has_text="Answer").first.click()
    expect(answer.locator("table").first).to_contain_text("Mutual authentication.")
    watch.check()


@pytest.mark.parametrize(
    "notebook", [pytest.param(name, marks=[] if name == LOOKED_AT else [pytest.mark.long]) for name in NOTEBOOKS]
)
def test_outputs_are_accessible_and_fit_in_a_narrow_window(lab, open_page, notebook):
    page, watch = open_page(lab, notebook)
    run_all(page)
    answer_all(page)
    check_a_site(page)
    check_a_host_key(page)
    sort_a_card(page)
    build_a_login(page)
    for details in page.locator(".jp-OutputArea-output details").all():
        details.evaluate("element => { element.open = true; }")
    for theme in THEMES:
        change_theme(page, theme)
        found = Axe().run(page, context={"include": [[".jp-OutputArea-output"]]})
        assert found.violations_count == 0, found.generate_report()
    narrow(page)
    watch.check()


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


def narrow(page):
    """At 400 pixels nothing may be cut off. A wide table may scroll, by keyboard as well."""
    page.get_by_role("tab", name="File Browser").click()  # closes the list of files, as one does in a narrow window
    expect(page.locator("#jp-left-stack")).to_be_hidden()
    page.set_viewport_size({"width": 400, "height": 800})
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".ladder, .chain, .course-question, .course-dashboard, .course-site, .course-clinic, .course-host-key, .course-cards, .course-builder, .course-passkey")]
            .filter((element) => element.scrollWidth > element.clientWidth + 1)
            .map((element) => `${element.className} (${element.clientWidth}): ${element.textContent.slice(-60)}`)"""
    )
    assert cut == []
    for table in page.locator(".course-table").all():
        assert table.get_attribute("tabindex") == "0"
        assert table.evaluate("element => getComputedStyle(element).overflowX") == "auto"
