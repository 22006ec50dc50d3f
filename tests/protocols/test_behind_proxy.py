"""Behind a proxy: who the application greets, and who really came."""

import pytest

from helpers.exchange import Direction
from helpers.protocols import behind_proxy, tls
from helpers.protocols.behind_proxy import APPLICATION, request

NAME = "bank.example"


@pytest.fixture(scope="module")
def mallory(root):
    return tls.Client("mallory", root.certificate, root.issue_client("mallory@bank.example"))


def greeting(run):
    assert run.messages[-1].receiver == run.parties[0]
    return run.messages[-1].note


def test_an_honest_client_is_greeted_by_its_name(root, strict_bank):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    for strips in (True, False):
        assert greeting(request(alice, strict_bank, NAME, strips=strips)) == "Hello, alice."


def test_a_forged_header_is_believed_where_the_proxy_leaves_it(mallory, strict_bank):
    assert greeting(request(mallory, strict_bank, NAME, forged="alice", strips=False)) == "Hello, alice."
    assert greeting(request(mallory, strict_bank, NAME, forged="alice", strips=True)) == "Hello, mallory."


def test_letter_case_does_not_get_it_past_the_proxy(mallory, strict_bank, monkeypatch):
    monkeypatch.setattr(
        behind_proxy.http, "request", lambda *_a, **_b: b"GET / HTTP/1.1\r\nx-cLIENT-name: alice\r\n\r\n"
    )
    assert greeting(request(mallory, strict_bank, NAME, forged="alice", strips=True)) == "Hello, mallory."


def test_to_the_application_nobody_has_proved_anything(mallory, strict_bank):
    run = request(mallory, strict_bank, NAME, forged="alice", strips=False)
    assert run.direction("mallory", NAME) is Direction.MUTUAL
    assert run.direction("mallory", APPLICATION) is Direction.NONE
    assert run.direction(NAME, APPLICATION) is Direction.NONE
    assert [m.inside is None for m in run.messages[-3:]] == [True, True, False]  # behind the proxy all is readable


def test_who_is_refused_by_the_proxy_never_reaches_the_application(root, strict_bank):
    run = request(tls.Client("alice", root.certificate), strict_bank, NAME)
    assert run.failure.by == NAME
    assert APPLICATION not in {message.receiver for message in run.messages}


@pytest.mark.parametrize(
    "written", ["X-Client-Name : alice", "X-Client-Name\t: alice", " X-Client-Name: alice", "x-client-NAME:alice"]
)
def test_an_odd_way_of_writing_it_does_not_get_past_the_proxy(mallory, strict_bank, monkeypatch, written):
    odd = f"GET / HTTP/1.1\r\n{written}\r\nHost: bank.example\r\n\r\n".encode()
    monkeypatch.setattr(behind_proxy.http, "request", lambda *_a, **_b: odd)
    assert greeting(request(mallory, strict_bank, NAME, forged="alice", strips=False)) == "Hello, alice."
    assert greeting(request(mallory, strict_bank, NAME, forged="alice", strips=True)) == "Hello, mallory."


def test_a_name_with_a_line_break_makes_no_header_of_its_own(root, strict_bank):
    sly = tls.Client("mallory", root.certificate, root.issue_client("mallory\r\nX-Client-Name: alice@bank.example"))
    run = request(sly, strict_bank, NAME)
    assert greeting(run).startswith("Hello, mallory\\r\\n")
