"""A visit to the zoo is a real handshake, and its verdict is the client's own."""

from helpers.exchange import Direction
from helpers.protocols.visit import noticed, verdict, visit
from helpers.trust import zoo

SERVERS = zoo.servers()


def test_a_good_certificate_is_accepted_and_proves_the_server():
    run = visit(SERVERS["good"])
    assert verdict(run) == "accepted"
    assert run.direction() is Direction.ONE_WAY
    assert run.proofs[0].prover == "bank.example"


def test_a_bad_one_is_refused_in_the_clients_own_words():
    assert verdict(visit(SERVERS["expired"])) == "certificate has expired"
    assert verdict(visit(SERVERS["wrong host"])) == "hostname mismatch"
    assert visit(SERVERS["expired"]).direction() is Direction.NONE


def test_a_revoked_one_is_noticed_only_with_a_list():
    revoked = SERVERS["revoked"]
    assert verdict(visit(revoked)) == "accepted"
    assert verdict(visit(revoked, revoked.crls)) == "certificate revoked"
    assert visit(revoked).proofs[0].prover == "a thief"


def test_the_table_says_who_notices():
    rows = {row[0]: row[2:] for row in noticed(SERVERS.values()).rows}
    assert rows["good"] == ("✔ accepted", "✔ accepted", "✔ accepted")
    assert rows["common name only"] == ("✘ refused", "! accepted", "✘ refused")
    assert rows["wrong host"] == ("✘ refused", "✘ refused", "✘ refused")
    assert [name for name, (ours, *_) in rows.items() if ours == "✔ accepted"] == ["good"]
