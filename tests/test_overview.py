"""The table of proofs, and the map: each run lands where its messages put it."""

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
