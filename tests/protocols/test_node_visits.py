"""Our clients and servers in Node.js: what the server greets, and what was really proved."""

import pytest

from helpers.exchange import Direction
from helpers.protocols import node, node_visits, tls
from helpers.trust import pki

NAME = "bank.example"
pytestmark = pytest.mark.needs("node")


@pytest.fixture(scope="module")
def visitors(root):
    return {
        "alice": tls.Client("alice", root.certificate, root.issue_client("alice@bank.example")),
        "forged": tls.Client("mallory", root.certificate, pki.new_self_signed("alice")),
        "none": tls.Client("alice", root.certificate),
        "other CA": tls.Client("mallory", root.certificate, pki.new_root("Other").issue_client("alice@bank.example")),
        "copied": tls.Client(
            "mallory", root.certificate, pki.copied(root.issue_client("alice@bank.example").certificate)
        ),
        "careless": tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"), check_name=False),
    }


@pytest.fixture(scope="module", params=node.MODES)
def server(root, request):
    with node.server(NAME, root.issue_server(NAME), root.certificate, request.param) as running:
        yield running, request.param


def answer(run):
    return run.messages[-1].name, run.messages[-1].note


def test_a_good_certificate_makes_it_mutual_everywhere(server, visitors):
    run = node_visits.visit(visitors["alice"], server[0])
    assert answer(run) == ("200 OK", "Hello, alice.")
    assert run.direction() is Direction.MUTUAL
    assert run.seen_by is None  # the verifier at the other end was asked


def test_a_client_that_checks_no_name_is_proved_and_has_no_proof(server, visitors):
    run = node_visits.visit(visitors["careless"], server[0])
    assert {(proof.prover, proof.verifier) for proof in run.proofs} == {("alice", NAME)}


@pytest.mark.parametrize("who", ["forged", "other CA"])
def test_the_trap(server, visitors, who):
    running, mode = server
    run = node_visits.visit(visitors[who], running)
    # Whatever was greeted: nobody vouched for that name.
    assert run.direction() is Direction.ONE_WAY
    assert run.factors_of("mallory") == set()
    if mode == "strict":
        assert run.failure.by == NAME
        assert "GET /" not in [m.name for m in run.messages]
    else:
        assert answer(run)[0] == {"careless": "200 OK", "mended": "403 Forbidden"}[mode]
        assert answer(run)[1].startswith({"careless": "Hello, alice.", "mended": "Sorry, I do not know you: "}[mode])


def test_a_client_without_a_certificate(server, visitors):
    running, mode = server
    run = node_visits.visit(visitors["none"], running)
    assert run.direction() is Direction.ONE_WAY
    if mode == "mended":
        assert answer(run) == ("403 Forbidden", "Sorry, I do not know you: no certificate.")


# Of the refusals: over TLS 1.3 the client has verified the server before it hears of one. So they are one-way.
TABLE = {
    "alice": ["mutual: Hello, alice."] * 3,
    "forged": [
        "one-way: refused, without a word",
        "one-way: Hello, alice.",
        "one-way: Sorry, I do not know you: DEPTH_ZERO_SELF_SIGNED_CERT.",
    ],
    "none": [
        "one-way: refused: certificate required",
        "one-way: Hello, undefined.",
        "one-way: Sorry, I do not know you: no certificate.",
    ],
    "other CA": [
        "one-way: refused, without a word",
        "one-way: Hello, alice.",
        "one-way: Sorry, I do not know you: UNABLE_TO_VERIFY_LEAF_SIGNATURE.",
    ],
    "copied": ["one-way: refused: decrypt error"] * 3,
    "careless": ["one-way: Hello, alice."] * 3,
}


def test_all_of_it_in_one_table(root, visitors):
    chosen = {who: visitors[who] for who in TABLE}
    table = node_visits.compare(chosen, root.issue_server(NAME), root.certificate)
    assert table.headers == ("Visitor", "strict", "careless", "mended")
    assert table.rows == [(who, *cells) for who, cells in TABLE.items()]


def test_a_client_that_refuses_the_server_is_no_refusal_of_the_server(root):
    stranger = tls.Client("alice", pki.new_root("Other").certificate)
    table = node_visits.compare({"stranger": stranger}, root.issue_server(NAME), root.certificate)
    assert table.rows == [("stranger", *["none: alice refused"] * 3)]


def test_a_refusal_without_a_word_is_told_as_one(root, server, visitors):
    running, mode = server
    run = node_visits.visit(visitors["forged"], running)
    if mode == "strict":
        assert run.failure.reason.startswith("nothing. The connection just ended (")
        assert run.messages[run.failure.at].sender == "mallory"
        assert not any(message.name.startswith("Alert") for message in run.messages)
