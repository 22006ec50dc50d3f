"""The error clinic by keyboard, in both themes, in a narrow window, and in a notebook that nobody ran."""

import nbformat
from axe_playwright_python.sync_playwright import Axe
from lab import THEMES, change_theme, go_to, run_all, tab_to
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import expect
from reexecute import METADATA

from helpers import clinic
from helpers.widgets.clinic import Clinic

PASTED = """Traceback (most recent call last):
  File "client.py", line 3, in <module>
    self._sslobj.do_handshake()
ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate
in certificate chain (_ssl.c:1006)"""
ALL = len(clinic.load())


def store(path):
    """A notebook with the clinic, as it is stored."""
    bundle, _ = Clinic()._repr_mimebundle_()
    stored = {kind: bundle[kind] for kind in ("text/html", "text/plain")}
    output = new_output("execute_result", data=stored, execution_count=1)
    source = "from helpers.widgets.clinic import Clinic\nClinic()"
    cells = [
        new_markdown_cell("# Which error is it?\n\n## The clinic"),
        new_code_cell(source, outputs=[output], execution_count=1),
    ]
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)


def test_a_learner_looks_for_an_error(lab, open_page):
    """One page for all of it: to open one takes longer than to use it."""
    store(lab.notebooks / "clinic.ipynb")
    page, watch = open_page(lab, "clinic.ipynb")
    before_the_cell_has_run_all_entries_can_be_read(page)
    run_all(page)
    view = page.locator(".course-clinic")
    an_entry_is_found_by_keyboard(page, view)
    it_is_accessible(page, view)
    it_fits_in_a_narrow_window(page, view)
    watch.check()


def before_the_cell_has_run_all_entries_can_be_read(page):
    output = page.locator(".jp-OutputArea-output")
    expect(output).to_contain_text("Run this cell to search.")
    expect(output.locator("details")).to_have_count(ALL)
    entry = output.locator("details", has_text="Nobody has renewed it.")
    expect(entry.get_by_text("Nobody has renewed it.")).to_be_hidden()
    entry.locator("summary").click()
    expect(entry.get_by_text("Nobody has renewed it.")).to_be_visible()


def an_entry_is_found_by_keyboard(page, view):
    status, found, every = view.locator('[role="status"]'), view.locator(".found details"), view.locator(".all details")
    field = view.get_by_label("Paste an error text:")
    expect(status).to_be_empty()
    expect(every).to_have_count(ALL)

    go_to(page, "Clinic()")
    cells = page.locator(".jp-Cell").count()
    tab_to(page, "Paste an error text:")
    page.keyboard.type("dd EE key")  # "dd" would delete the cell if JupyterLab took it for a command
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("too small")
    expect(field).to_have_value("dd EE key\ntoo small")
    page.keyboard.press("Enter")
    expect(status).to_have_text("1 entry fits.")
    assert page.locator(".jp-Cell").count() == cells
    expect(field).to_be_focused()
    expect(found).to_have_count(1)
    expect(found).to_have_attribute("open", "")
    expect(found).to_contain_text("How to tell:")
    expect(every.first).to_be_hidden()

    tab_to(page, "Show all entries")
    page.keyboard.press("Enter")
    expect(status).to_have_text("All entries are shown.")
    expect(found).to_have_count(0)
    expect(every.first).to_be_visible()

    field.fill(PASTED)  # as the clipboard brings it
    tab_to(page, "Find")
    page.keyboard.press("Space")
    expect(status).to_have_text("2 entries fit. Which end printed the text? Take the entry for that end.")
    expect(found.locator("summary").first).to_have_text(
        "The chain ends in a root CA that the server sent and the client does not trust"
    )
    tab_to(page, "The chain ends in a root CA")
    page.keyboard.press("Enter")
    expect(found.get_by_text("TLS inspection")).to_be_hidden()

    field.fill("tlsv1 alert unknown ca")
    field.press("Enter")
    expect(status).to_have_text("2 entries fit. Which end printed the text? Take the entry for that end.")
    expect(found).to_have_count(2)
    expect(found.locator("summary").first).to_contain_text("The server reads “unknown ca”")

    field.fill("<img src=x onerror=alert(1)>")
    field.press("Enter")
    expect(status).to_have_text(
        "Nothing here fits. This clinic knows Python, openssl, curl and Node. All entries are shown."
    )
    expect(found).to_have_count(0)
    expect(every.first).to_be_visible()
    field.fill("")
    field.press("Enter")
    expect(status).to_have_text("Paste an error text first. All entries are shown.")


def it_is_accessible(page, view):
    field = view.get_by_label("Paste an error text:")
    for text in ("alert unknown ca", "nothing of the kind"):  # what is found, and then all
        field.fill(text)
        field.press("Enter")
        expect(view.locator('[role="status"]')).to_contain_text("fit")
        view.locator("details:visible").evaluate_all("all => all.forEach((element) => { element.open = true; })")
        for theme in THEMES:
            change_theme(page, theme)
            checked = Axe().run(page, context={"include": [[".jp-OutputArea-output"]]})
            assert checked.violations_count == 0, checked.generate_report()


def it_fits_in_a_narrow_window(page, view):
    page.get_by_role("tab", name="File Browser").click()
    page.set_viewport_size({"width": 400, "height": 800})
    wide = "element => [element, ...element.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map(e => e.outerHTML.slice(0, 80))"
    assert view.evaluate(wide) == []
