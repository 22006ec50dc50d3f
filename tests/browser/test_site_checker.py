"""The site checker of notebook 04, by keyboard: the lab's own sites, mistakes in a name, and no way out."""

from lab import go_to, run_all, tab_to
from looking import check_a_site, look_at
from playwright.sync_api import expect

NOTEBOOK = "04_certificates.ipynb"


def test_a_learner_checks_sites_by_keyboard(lab, open_page):
    page, watch = open_page(lab, NOTEBOOK)
    expect(page.get_by_text("Run this cell to check a site")).to_be_visible()
    run_all(page)
    checker = page.locator(".course-site")
    status, report = checker.locator('[role="status"]'), checker.locator(".report")
    expect(status).to_be_empty()

    go_to(page, "SiteChecker()")
    tab_to(page, "good")
    page.keyboard.press("Enter")
    expect(status).to_have_text("Lab site “good”: bank.example: ✔ accepted by both verifiers")
    expect(report).to_contain_text("29 days left")
    expect(report.locator("table")).to_have_count(3)

    tab_to(page, "common name only")
    page.keyboard.press("Space")
    expect(status).to_contain_text("! do not rely on it: this course refused (no SAN), OpenSSL accepted")
    expect(report).to_contain_text("They disagree")

    # Back to the field. "dd" would delete the cell if JupyterLab took it for a command.
    field = checker.get_by_label("Host name of a real site")
    while not field.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.type("https://dd.example/login")
    page.keyboard.press("Enter")
    expect(status).to_have_text("Only the host name, please: dd.example")
    expect(report).to_be_empty()

    field.fill("nosuch.invalid")  # RFC 6761, section 6.4: this name never exists, with and without the internet
    page.keyboard.press("Enter")
    expect(status).to_contain_text("the lab's own sites", timeout=15_000)

    check_a_site(page)
    look_at(page)
    watch.check()
