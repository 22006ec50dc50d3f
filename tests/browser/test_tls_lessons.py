"""A prediction of notebook 06 by keyboard: the learner sorts the messages, and then the run shows them."""

import pytest
from lab import run_all, tab_to
from playwright.sync_api import expect

IN_ORDER = (
    "Alice says hello, and which name she wants (ClientHello).",
    "The bank says hello, and now both can compute the keys (ServerHello).",
    "The bank asks Alice for a certificate (CertificateRequest).",
    "The bank shows its certificate (Certificate).",
    "The bank signs the handshake (CertificateVerify).",
    "Alice shows her certificate (Certificate).",
    "Alice signs the handshake (CertificateVerify).",
)


@pytest.mark.long
def test_a_learner_sorts_the_messages_of_a_run(lab, open_page):
    page, watch = open_page(lab, "06_mutual_tls.ipynb")
    run_all(page)
    cell = page.locator(".jp-CodeCell", has=page.get_by_text('"order-mutual-handshake"'))
    question = cell.locator(".course-question")
    feedback, run = question.locator(".feedback"), question.locator(".run")

    # The request at the end, as the forum answer has it: wrong, and the run is shown all the same.
    sort(page, question, (*IN_ORDER[:2], *IN_ORDER[3:5], IN_ORDER[2], *IN_ORDER[5:]))
    tab_to(page, "Run and compare")
    page.keyboard.press("Enter")
    expect(feedback).to_contain_text("Not yet. In place from the top: 2. Look at place 3.")
    expect(run.locator(".ladder table").first).to_contain_text("CertificateRequest")

    sort(page, question, IN_ORDER)
    tab_to(page, "Run and compare")
    page.keyboard.press("Enter")
    expect(feedback).to_contain_text("Right: in this order they came.")
    expect(feedback).to_contain_text("before")  # the explanation of the request
    watch.check()


def sort(page, question, order):
    for place, message in enumerate(order):
        up = question.get_by_role("button", name=f"{message}: move up")
        up.focus()
        while not question.locator("li").nth(place).inner_text().startswith(message):
            page.keyboard.press("Enter")
            expect(up).to_be_focused()
