"""Through notebook 01 as a learner would, by keyboard alone."""

import re

import nbformat
from lab import go_to, run_all, tab_to
from looking import answer_all, look_at
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect
from reexecute import METADATA

PREDICTION = "client-certificate-direction"


def question_of(page, question_id):
    cell = page.locator(".jp-CodeCell", has=page.get_by_text(f'"{question_id}"'))
    return cell.locator(".course-question")


def test_a_learner_goes_through_notebook_01_by_keyboard(lab, open_page):
    start, watch_start = open_page(lab, "00_start_here.ipynb")
    assert start.locator(".jp-Dialog, .jp-toast-message").count() == 0
    run_all(start)
    row = start.locator(".course-dashboard tr", has_text="01 Who proves what to whom?")
    expect(row).to_contain_text("0 of 7")

    page, watch = open_page(lab, "01_who_proves_what_to_whom.ipynb")
    what_nobody_ran_can_be_read(page)
    run_all(page)
    question = question_of(page, PREDICTION)
    status = question.locator('.feedback[role="status"]')
    expect(page.locator(".course-question")).to_have_count(7)
    expect(status).to_be_empty()

    go_to(page, PREDICTION)
    cells = page.locator(".jp-Cell").count()
    tab_to(page, "None: nobody proves anything.")  # the first radio button of the group
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(question.get_by_label("One-way: only the bank proves who it is.")).to_be_checked()
    # What JupyterLab would take for "delete this cell", "insert a cell above" and "cut": here it means nothing.
    page.keyboard.type("ddax")
    assert page.locator(".jp-Cell").count() == cells
    page.keyboard.press("Enter")
    expect(status).to_contain_text("The run showed something else.")
    expect(status).to_contain_text("That is HTTPS as you know it from every day.")
    expect(question.locator(".run .ladder table").first).to_contain_text("Mutual authentication")

    tab_to(page, "Hint (2 left)")
    page.keyboard.press("Enter")
    expect(question.locator(".hints")).to_contain_text("In the first run, one message was a signature")
    expect(question.get_by_role("button", name="Hint (1 left)")).to_be_focused()

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(question.get_by_label("Mutual: both prove, and both proofs belong to this one connection.")).to_be_checked()
    tab_to(page, "Run and compare")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Right: that is what the run showed.")

    start.bring_to_front()
    go_to(start, "selfcheck.dashboard()")
    tab_to(start, "Refresh")
    start.keyboard.press("Enter")
    expect(row).to_contain_text("1 of 7")

    tab_to(start, "Download my progress")
    with start.expect_download() as download:
        start.keyboard.press("Enter")
    assert download.value.suggested_filename == "progress.jsonl"
    assert download.value.path().read_text() == lab.progress.read_text()

    page.bring_to_front()
    go_to(page, PREDICTION)
    page.keyboard.type("00")  # JupyterLab's keys for "restart the kernel"
    expect(page.locator(".jp-Dialog")).to_be_visible()
    with page.expect_response(re.compile("/restart")):
        page.keyboard.press("Enter")
    expect(page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')).to_be_visible()
    run_all(page)
    expect(question_of(page, PREDICTION)).to_contain_text("✔ You answered this right before.")
    assert len(re.findall(PREDICTION, lab.progress.read_text())) == 2

    answer_all(page)
    look_at(page)
    watch.check()
    watch_start.check()


def what_nobody_ran_can_be_read(page):
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


def test_the_other_kinds_of_question_by_keyboard(lab, open_page):
    ask = "from helpers import selfcheck\nselfcheck.ask("
    cells = [new_code_cell(f'{ask}"{name}")') for name in ("three-acts", "name-your-definition", "order-of-acts")]
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), lab.notebooks / "kinds.ipynb")
    page, watch = open_page(lab, "kinds.ipynb")
    run_all(page)

    classify = question_of(page, "three-acts")
    for label, first_letters in (
        ("Alice types her user name.", "i"),
        ("The server checks her password.", "authe"),
        ("The server decides which accounts she may see.", "autho"),
        ("The server checks a one-time code from her phone.", "authe"),
    ):
        classify.get_by_label(label).focus()
        page.keyboard.type(first_letters)
    tab_to(page, "Check")
    page.keyboard.press("Enter")
    expect(classify.locator(".feedback")).to_contain_text("Right, all of them.")

    choose_all = question_of(page, "name-your-definition")
    choose_all.get_by_label("Mutual authentication always needs two certificates.").focus()
    page.keyboard.press("Space")
    tab_to(page, "Check")
    page.keyboard.press("Enter")
    expect(choose_all.locator(".feedback")).to_contain_text("Right ones still missing: 3.")

    order = question_of(page, "order-of-acts")
    right = ("Alice claims a name.", "The server verifies the claim.", "The server decides what Alice may do.")
    for place, act in enumerate(right):
        order.get_by_role("button", name=f"{act}: move up").focus()
        while not order.locator("li").nth(place).inner_text().startswith(act):
            page.keyboard.press("Enter")
            expect(order.get_by_role("button", name=f"{act}: move up")).to_be_focused()
    tab_to(page, "Check")
    page.keyboard.press("Enter")
    expect(order.locator(".feedback")).to_contain_text("Right, in this order.")
    watch.check()
