"""The host key checker of notebook 07, by keyboard: its examples, one's own list and key, mistakes, and a private key."""

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from lab import go_to, tab_to
from looking import look_at
from playwright.sync_api import expect

from helpers.widgets.host_key_checker import HostKeyChecker

NOTEBOOK = "07_ssh_host_keys.ipynb"
LIST, KEY = "Your known_hosts list:", "The public key or host certificate"


WATCH_SOCKETS = """() => {
    window.sent = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        window.sent.push(typeof data === "string" ? data : new TextDecoder().decode(data));
        return send.call(this, data);
    };
}"""


def new_key():
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.fixture
def checker(lab, open_page):
    """The checker of the notebook: before any cell has run it says what to do. Then this one has run."""
    page, watch = open_page(lab, NOTEBOOK)
    hint = page.get_by_text("Run this cell to check a host key")
    expect(hint).to_be_visible()
    hint.click()  # to come here by keyboard, from the top, takes long
    page.keyboard.press("Shift+Enter")  # this cell needs none of those before it
    view = page.locator(".course-host-key")
    expect(view.locator('[role="status"]')).to_be_empty()
    yield page, view
    watch.check()


def paste(page, text):
    """Put a text in place of the focused field's own, in one go, as the clipboard does."""
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def back_to(page, field):
    """Press Shift and Tab until this field has the focus."""
    for _ in range(40):
        if field.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab")
    raise AssertionError("the field does not take the focus")


def test_a_learner_checks_host_keys_by_keyboard(checker):
    """One page for all of it: to open one takes longer than to use it."""
    a_list_and_a_key(checker)
    a_private_key(checker)
    the_examples(checker)
    look_at(checker[0], ".course-host-key")


def the_examples(checker):
    page, view = checker
    status, report = view.locator('[role="status"]'), view.locator(".report")
    go_to(page, "HostKeyChecker()")
    verdicts = {
        "known host": "server.example: ✔ match. The list has this very key for this name (line 2).",
        "changed key": "server.example: ✘ changed. The list has another key for this name (line 2).",
        "host certificate": "server.example: ✔ match-ca. A CA in the list (line 1) vouches for this key",
        "hashed name": "server.example: ✔ match.",
        "revoked key": "server.example: ✘ revoked. Line 3 says that this key must not be believed any more.",
    }
    assert list(verdicts) == HostKeyChecker().examples
    for example, verdict in verdicts.items():
        tab_to(page, example)
        page.keyboard.press("Enter")
        expect(status).to_contain_text(verdict)
        expect(report.locator("table")).to_have_count(1)
        expect(report).to_contain_text("Fingerprint of the key")
        expect(report.locator("pre")).to_contain_text("+----[SHA256]-----+")
        expect(view.get_by_role("button", name=example)).to_be_focused()
        expect(view.get_by_label("Host name:")).to_have_value("server.example")
        expect(view.get_by_label(KEY)).to_have_value(re.compile("^ssh-ed25519"))


def a_list_and_a_key(checker):
    page, view = checker
    status, report = view.locator('[role="status"]'), view.locator(".report")
    cells = page.locator(".jp-Cell").count()
    right, wrong = new_key(), new_key()

    go_to(page, "HostKeyChecker()")
    tab_to(page, LIST)
    page.keyboard.type("# dd")  # "dd" would delete the cell if JupyterLab took it for a command
    page.keyboard.press("Enter")
    page.keyboard.insert_text(f"[dd.example]:2222 {right} <b>dd</b>")
    expect(view.get_by_label(LIST)).to_have_value(f"# dd\n[dd.example]:2222 {right} <b>dd</b>")
    tab_to(page, "Host name:")
    page.keyboard.type("DD.example")
    tab_to(page, "Port:")
    paste(page, "2222")
    tab_to(page, KEY)
    page.keyboard.insert_text(f"{right} alice@laptop")
    tab_to(page, "Check")
    page.keyboard.press("Space")
    expect(status).to_have_text("[dd.example]:2222: ✔ match. The list has this very key for this name (line 2).")
    expect(report).to_contain_text("stands in line 2")

    back_to(page, view.get_by_label(KEY))
    paste(page, wrong)
    back_to(page, view.get_by_label("Port:"))
    page.keyboard.press("Enter")
    expect(status).to_contain_text("[dd.example]:2222: ✘ changed. The list has another key for this name (line 2).")
    expect(report).to_contain_text("✘ line 2 has ED25519 SHA256:")
    expect(view.get_by_label("Port:")).to_be_focused()

    paste(page, "22")
    back_to(page, view.get_by_label("Host name:"))
    page.keyboard.press("Enter")
    expect(status).to_contain_text("dd.example: ? unknown. The list has no key for dd.example")

    paste(page, "alice@dd.example")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Only the name of the host or its address, please")
    expect(report).to_be_empty()
    paste(page, "<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("<img src=x")
    assert page.locator(".jp-Cell").count() == cells


@pytest.mark.long
def test_a_text_that_is_too_long(checker):
    """It does not break the connection to the kernel."""
    _page, view = checker
    status = view.locator('[role="status"]')
    view.get_by_label(LIST).fill("a" * 12_000_000)  # more than Jupyter's server takes in one message
    view.get_by_label("Host name:").press("Enter")
    expect(status).to_contain_text("That is too much text: a field takes 1,000,000 characters.", timeout=20_000)
    view.get_by_label(LIST).fill("")
    view.get_by_label("Host name:").press("Enter")
    expect(status).to_contain_text("Paste a known_hosts list first.")


def a_private_key(checker):
    """It is refused before it leaves the browser."""
    page, view = checker
    page.evaluate(WATCH_SOCKETS)
    status = view.locator('[role="status"]')
    secret = Ed25519PrivateKey.generate()
    text = secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    go_to(page, "HostKeyChecker()")
    for field in (LIST, KEY):
        tab_to(page, field)
        page.keyboard.insert_text(text)
        expect(status).to_contain_text("This is your private key: never paste it anywhere.")
        expect(view.get_by_label(field)).to_have_value("")
        expect(view.get_by_label(field)).to_be_focused()
        page.keyboard.press("Control+Z")
        expect(view.get_by_label(field)).to_have_value("")
    tab_to(page, "Check")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Paste a known_hosts list first.")
    sent = page.evaluate("window.sent.join()")
    assert "known_hosts" in sent  # so this does see what is sent
    assert "PRIVATE KEY" not in sent
    assert text.split("\n")[1] not in sent
