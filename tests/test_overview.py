"""The table of proofs, and the map: each run lands where its messages put it."""

import ssl

import pytest

from helpers import overview
from helpers.exchange import SAME_SESSION
from helpers.protocols import tls
from helpers.protocols.login import Accounts, log_in


@pytest.fixture(scope="module")
def runs(root, bank, strict_bank):
    alice = tls.Client("alice", root.certificate)
    with_key = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    accounts = Accounts().add("alice", "correct horse")
    return [
        tls.handshake(alice, bank, "bank.example", title="no login"),
        log_in(alice, bank, "bank.example", accounts, "alice", "correct horse", title="password"),
        tls.handshake(with_key, strict_bank, "bank.example", title="mutual"),
    ]


def test_each_proof_has_a_row(runs):
    assert [row[:4] for row in overview.proved(runs).rows] == [
        ("no login", "bank.example → alice", "bank.example", "possession"),
        ("password", "bank.example → alice", "bank.example", "possession"),
        ("password", "alice → bank.example", "alice", "knowledge"),
        ("mutual", "bank.example → alice", "bank.example", "possession"),
        ("mutual", "alice → bank.example", "alice", "possession"),
    ]


IMPOSSIBLE = "✘ cannot be: both sides must prove something"


def test_the_map_by_the_strict_test(runs):
    table = overview.course_map(runs, "alice")
    assert table.headers == ("alice showed", "one-way", "two one-ways", "mutual")
    assert table.rows == [
        ("nothing", "✔ no login (bank.example proves)", IMPOSSIBLE, IMPOSSIBLE),
        ("knowledge", "– possible, not in this list", "✔ password", "– possible, not in this list"),
        ("possession", "– possible, not in this list", "– possible, not in this list", "✔ mutual"),
        (
            "knowledge and possession",
            "– possible, not in this list",
            "– possible, not in this list",
            "– possible, not in this list",
        ),
    ]


def test_the_map_by_the_loose_test(runs):
    table = overview.course_map(runs, "alice", SAME_SESSION)
    assert table.rows[1] == ("knowledge", "– possible, not in this list", "– possible, not in this list", "✔ password")
    assert "NIST" in table.caption


def test_a_run_without_any_proof_has_a_column_of_its_own(runs, root, bank):
    careless = tls.Client("alice", root.certificate, check_name=False)
    nobody = tls.handshake(careless, bank, "bank.example", title="careless")
    table = overview.course_map([*runs, nobody], "alice")
    assert table.headers[1] == "none"
    assert table.rows[0][1] == "✔ careless"
    assert table.rows[1][1] == "✘ cannot be: the user proved something"


def test_a_user_with_two_names_is_refused(root, strict_bank):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    run = log_in(alice, strict_bank, "bank.example", Accounts().add("bob", "horse"), "bob", "horse", title="both")
    with pytest.raises(ValueError, match="in 'both', alice goes by more than one name: alice, bob"):
        overview.course_map([run], "alice")


def test_a_user_who_is_no_party_is_refused(runs):
    with pytest.raises(ValueError, match="name one of the parties"):
        overview.course_map(runs, "Alice")


def test_two_runs_share_a_cell(runs):
    assert (
        overview.course_map([*runs, runs[0]], "alice").rows[0][1]
        == "✔ no login (bank.example proves); ✔ no login (bank.example proves)"
    )


def test_transcripts_stand_beside_each_other(root, bank):
    new, old = (
        tls.handshake(tls.Client("alice", root.certificate, version=v), bank, "bank.example") for v in ("1.3", "1.2")
    )
    table = overview.transcripts(
        {"new": new, "old": old, "first": tls.handshake(tls.Client("a", None), bank, "bank.example")}
    )
    assert table.headers == ("Step", "new", "old", "first")
    assert table.rows[0] == ("1", *["→ ClientHello: readable"] * 3)
    assert "← Certificate: encrypted" in [row[1] for row in table.rows]
    assert "← Certificate: readable" in [row[2] for row in table.rows]
    assert table.rows[-1][3] == ""  # the run that was broken off is shorter


@pytest.mark.parametrize(
    ("version", "refuses", "expected"),
    [
        ("1.3", "alice", "within its handshake"),
        ("1.2", "alice", "within its handshake"),
        ("1.3", "bank.example", "after its own handshake"),
        ("1.2", "bank.example", "within its handshake"),
    ],
)
def test_who_hears_of_a_refusal_when(root, bank, strict_bank, version, refuses, expected):
    alice = tls.Client("alice", root.certificate, version=version)
    name, server = ("shop.example", bank) if refuses == "alice" else ("bank.example", strict_bank)
    run = tls.handshake(alice, server, name)
    assert run.failure.by == refuses
    assert run.when_heard() == expected
    assert (
        run.heard_as()
        == {
            "alice": "bad_certificate",
            "bank.example": "certificate_required" if version == "1.3" else "handshake_failure",
        }[refuses]
    )
    ((what, who, said, read, when),) = overview.refusals({"it": run}).rows
    assert (what, who, when) == ("it", refuses, expected)
    assert "_" not in read
    assert "CERTIFICATE_VERIFY_FAILED" not in said


def test_of_a_run_that_nobody_refused_there_is_nothing_to_hear(root, bank):
    run = tls.handshake(tls.Client("alice", root.certificate), bank, "bank.example")
    assert (run.refused_at(), run.heard_as(), run.when_heard()) == (
        "accepted",
        "nothing",
        "never",
    )
    assert overview.refusals({"good": run}).rows == [("good", "nobody", "", "nothing", "never")]


def test_the_five_questions_are_answered_by_the_runs(root, bank, strict_bank):
    own = root.issue_client("alice@bank.example")
    runs = {
        "one-way": tls.handshake(tls.Client("alice", root.certificate), bank, "bank.example"),
        "password": log_in(
            tls.Client("alice", root.certificate), bank, "bank.example", Accounts().add("alice", "x"), "alice", "x"
        ),
        "mutual": tls.handshake(tls.Client("alice", root.certificate, own), strict_bank, "bank.example"),
        "unchecked": tls.handshake(
            tls.Client("alice", root.certificate, own, check_name=False), strict_bank, "bank.example"
        ),
    }
    table = overview.five_questions(runs, "alice", "bank.example")
    answered = [[row[0][0] for row in table.rows if row[column].startswith("✔")] for column in range(1, 5)]
    assert answered == [["1"], ["1", "4"], ["1", "4", "5"], ["4"]]


def test_late_is_late_for_a_client_that_checks_no_name_too(strict_bank):
    careless = tls.Client("alice", None, check_name=False)
    careless.context.verify_mode = ssl.CERT_NONE
    run = tls.handshake(careless, strict_bank, "bank.example")
    assert run.failure.by == "bank.example"
    assert run.when_heard() == "after its own handshake"
    assert "its own handshake had already succeeded" in run.messages[run.failure.learned_at].note
