"""Our client and a real server of another program: what our end saw."""

import pytest

from helpers import programs
from helpers.protocols import meeting, tls
from helpers.protocols.site import Site

NAME = "bank.example"


def test_a_page_of_our_own_site(root, bank):
    with Site(bank, visitor="alice") as site:
        run = meeting.get(tls.Client("alice", root.certificate), NAME, site.port)
    assert run.seen_by == "alice"
    assert [(proof.prover, proof.verifier) for proof in run.proofs] == [(NAME, "alice")]
    with pytest.raises(ValueError, match="seen from the end of alice alone"):
        run.direction()
    assert (run.messages[-1].name, run.messages[-1].note) == ("200 OK", "This is bank.example.")
    # Both ends saw the same messages.
    assert [m.name for m in run.messages] == [m.name for m in site.visits[0].messages]
    assert [m.inside is None for m in run.messages] == [m.inside is None for m in site.visits[0].messages]


def test_nothing_is_asked_of_a_server_that_was_refused(root, bank):
    with Site(bank) as site:
        run = meeting.get(tls.Client("alice", root.certificate), "shop.example", site.port)
    assert run.failure.by == "alice"
    assert "GET /" not in [m.name for m in run.messages]


def test_nobody_listens_there(root):
    with pytest.raises(ConnectionRefusedError):
        meeting.get(tls.Client("alice", root.certificate), NAME, programs._free_port())
