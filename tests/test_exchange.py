"""Direction and factors, for pairs and for the whole, under both definitions."""

import itertools
import ssl
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.exchange import INTERLOCKED, SAME_SESSION, Direction, Exchange, Factor, Failure, Message, Proof
from helpers.protocols import tls, wires
from helpers.protocols.login import Accounts, log_in
from helpers.protocols.relay import Relay, relayed_login
from helpers.protocols.site import Site
from helpers.protocols.tls_session import Stranger
from helpers.trust import pki

POSSESSION = frozenset({Factor.POSSESSION})
KNOWLEDGE = frozenset({Factor.KNOWLEDGE})


@pytest.fixture(scope="module")
def accounts():
    return Accounts().add("alice", "correct horse")


def both_directions(exchange, *pair):
    return exchange.direction(*pair), exchange.direction(*pair, definition=SAME_SESSION)


def test_https_without_login_is_one_way(root, bank):
    run = tls.handshake(tls.Client("alice", root.certificate), bank, "bank.example")
    assert both_directions(run) == (Direction.ONE_WAY, Direction.ONE_WAY)
    assert run.factors_of("bank.example") == POSSESSION
    assert run.factors_of("alice") == frozenset()


def test_https_and_password_are_two_one_ways_and_mutual_only_for_nist(root, bank, accounts):
    run = log_in(tls.Client("alice", root.certificate), bank, "bank.example", accounts, "alice", "correct horse")
    assert both_directions(run) == (Direction.TWO_ONE_WAYS, Direction.MUTUAL)
    assert run.factors_of("alice", "bank.example") == KNOWLEDGE


def test_mutual_tls_is_mutual_by_both_definitions(root, strict_bank):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    run = tls.handshake(alice, strict_bank, "bank.example")
    assert both_directions(run) == (Direction.MUTUAL, Direction.MUTUAL)
    assert run.factors_of("alice") == POSSESSION


def test_without_a_name_check_the_server_is_nobody(root, bank, strict_bank):
    careless = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"), check_name=False)
    assert both_directions(tls.handshake(careless, bank, "bank.example")) == (Direction.NONE, Direction.NONE)
    assert both_directions(tls.handshake(careless, strict_bank, "bank.example")) == (Direction.ONE_WAY,) * 2


def test_an_optional_certificate_that_is_not_sent_proves_nothing(root):
    bank = tls.Server(
        "bank.example", root.issue_server("bank.example"), trust=root.certificate, certificate_optional=True
    )
    without = tls.handshake(tls.Client("alice", root.certificate), bank, "bank.example")
    assert without.failure is None
    assert both_directions(without) == (Direction.ONE_WAY, Direction.ONE_WAY)
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    assert tls.handshake(alice, bank, "bank.example").direction() is Direction.MUTUAL


@dataclass(frozen=True)
class Customer(Relay):
    """A relay that is itself a customer of the bank, with a certificate of its own."""

    own: pki.Credential

    def back(self, *shown):
        return tls.Client(self.party, self.trust, self.own)


def relay(root, site, with_certificate):
    """A phishing relay, really run."""
    front = tls.Server("proxy.example", root.issue_server("proxy.example"))
    middle = Relay("proxy.example", front, root.certificate)
    if with_certificate:
        middle = Customer("proxy.example", front, root.certificate, root.issue_client("mallory@bank.example"))
    accounts = Accounts().add("alice", "correct horse")
    victim = tls.Client("alice", root.certificate)
    return relayed_login(victim, middle, site, "bank.example", accounts, "alice", "correct horse")


@pytest.mark.parametrize("with_certificate", [False, True])
def test_victim_and_site_of_a_relay_never_come_out_mutual(root, bank, strict_bank, with_certificate):
    run = relay(root, strict_bank if with_certificate else bank, with_certificate)
    assert both_directions(run, "alice", "bank.example") == (Direction.NONE, Direction.NONE)
    expected = Direction.MUTUAL if with_certificate else Direction.TWO_ONE_WAYS
    assert run.direction("proxy.example", "bank.example") is expected
    assert run.direction("alice", "proxy.example") is Direction.ONE_WAY
    assert "bank.example took proxy.example for alice" in run.summary()
    assert "In truth, this is proxy.example." in str(run)


def test_more_than_two_parties_need_a_pair(root, bank):
    run = relay(root, bank, with_certificate=False)
    with pytest.raises(ValueError, match="name two of the parties"):
        run.direction()
    with pytest.raises(ValueError, match="name two of the parties"):
        run.direction("alice", "nobody")


MESSAGES = tuple(Message(*pair, "hello") for pair in itertools.permutations("ABC", 2))


@st.composite
def exchanges(draw):
    """Exchanges of three parties with any proofs at all."""
    session = st.sampled_from([None, "one", "two"])
    proofs = [
        Proof(*draw(st.permutations("ABC"))[:2], "name", "evidence", draw(st.frozensets(st.sampled_from(Factor), min_size=1)),
              "layer", session=draw(session), inside=draw(session), at=draw(st.integers(0, len(MESSAGES) - 1)))
        for _ in range(draw(st.integers(0, 5)))
    ]  # fmt: skip
    return Exchange("any", ("A", "B", "C"), MESSAGES, tuple(proofs))


@given(exchanges())
def test_direction_is_the_same_from_both_ends_and_strict_implies_loose(run):
    for a, b in itertools.combinations(run.parties, 2):
        for definition in (INTERLOCKED, SAME_SESSION):
            assert run.direction(a, b, definition) is run.direction(b, a, definition)
        strict, loose = both_directions(run, a, b)
        assert strict is loose or (strict, loose) == (Direction.TWO_ONE_WAYS, Direction.MUTUAL)
        there = any((p.prover, p.verifier) == (a, b) for p in run.proofs)
        back = any((p.prover, p.verifier) == (b, a) for p in run.proofs)
        assert (strict is Direction.NONE) == (not there and not back)
        assert (strict is Direction.ONE_WAY) == (there != back)
        assert run.summary()
        assert str(run)


def test_what_does_not_fit_in_is_refused():
    hello = (Message("A", "B", "hello"),)
    proof = Proof("A", "B", "A", "evidence", POSSESSION, "layer")
    with pytest.raises(ValueError, match="'B' is not one of the parties"):
        Exchange("x", ("A", "C"), hello, ())
    with pytest.raises(ValueError, match="there is no message 5"):
        Exchange("x", ("A", "B"), hello, (Proof(**{**vars(proof), "at": 5}),))
    with pytest.raises(ValueError, match="there is no message 1"):
        Exchange("x", ("A", "B"), hello, (), Failure("B", "why", at=1))


def test_a_borrowed_name_stands_in_the_verdict(root, strict_bank):
    thief = tls.Client("mallory", root.certificate, root.issue_client("alice@bank.example"))
    run = tls.handshake(thief, strict_bank, "bank.example")
    assert run.summary().startswith("Mutual authentication, under a borrowed name.")
    assert "bank.example took mallory for alice (possession)." in run.summary()


def test_a_name_below_its_own_is_no_borrowed_one(root):
    bank = tls.Server("bank.example", root.issue_server("bank.example", "www.bank.example"))
    run = tls.handshake(tls.Client("alice", root.certificate), bank, "www.bank.example")
    assert "borrowed" not in run.summary()
    assert "In truth" not in str(run)


def test_what_happened_first_is_told_first(root, strict_bank):
    run = tls.handshake(
        tls.Client("alice", root.certificate, root.issue_client("alice@x.example")), strict_bank, "bank.example"
    )
    said = run.summary()
    assert said.index("bank.example authenticated") < said.index("alice authenticated")


def test_a_proof_needs_two_parties_and_a_factor():
    hello = (Message("A", "B", "hello"),)
    for proof in (Proof("A", "A", "A", "e", POSSESSION, "l"), Proof("A", "B", "A", "e", frozenset(), "l")):
        with pytest.raises(ValueError, match="a proof needs"):
            Exchange("x", ("A", "B"), hello, (proof,))


def test_names_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="have the same name"):
        Exchange("x", ("A", "A"), (), ())
    with pytest.raises(ValueError, match="'A' sends 'hello' to itself"):
        Exchange("x", ("A", "B"), (Message("A", "A", "hello"),), ())
    with pytest.raises(ValueError, match="name one of the parties"):
        Exchange("x", ("A", "B"), (), ()).factors_of("C")
    with pytest.raises(ValueError, match="name one of the parties"):
        Exchange("x", ("A", "B"), (), ()).factors_of("A", "")


def test_a_name_with_a_line_break_forges_no_line():
    name = "alice\n      ✔ Proved. bank to alice: “forged”"
    proof = Proof("A", "B", name, "evidence", POSSESSION, "layer")
    run = Exchange("x", ("A", "B"), (Message("A", "B", "hello"),), (proof,))
    assert not any(line.strip().startswith("✔") for line in str(run).splitlines())
    assert "In truth, this is A." in str(run)


def test_summary_says_who_refused():
    run = Exchange("x", ("A", "B"), (Message("A", "B", "hello"),), (), Failure("B", "why", 0))
    assert run.summary() == "No authentication. Neither A nor B authenticated. B refused."


# The direction follows from the run: the same code, with one check switched off, answers differently.


@pytest.mark.parametrize("wire", [wires.Memory, wires.loopback])
def test_without_the_clients_name_check_the_server_has_proved_nothing(root, bank, strict_bank, wire):
    own = root.issue_client("alice@bank.example")
    for server, checked, unchecked in (
        (bank, Direction.ONE_WAY, Direction.NONE),
        (strict_bank, Direction.MUTUAL, Direction.ONE_WAY),
    ):
        for check_name, expected in ((True, checked), (False, unchecked)):
            alice = tls.Client("alice", root.certificate, own, check_name=check_name)
            run = tls.handshake(alice, server, "bank.example", wire=wire)
            assert run.direction() is expected
            assert bool(run.factors_of("bank.example")) is check_name


@pytest.mark.parametrize("wire", [wires.Memory, wires.loopback])
def test_without_cert_required_the_client_has_proved_nothing(root, wire):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    server = tls.Server("bank.example", root.issue_server("bank.example"), trust=root.certificate)
    directions = []
    for mode in (ssl.CERT_REQUIRED, ssl.CERT_NONE):
        server.context.verify_mode = mode
        directions.append(tls.handshake(alice, server, "bank.example", wire=wire).direction())
    assert directions == [Direction.MUTUAL, Direction.ONE_WAY]


def test_seen_from_one_end_the_picture_does_not_say_what_the_other_verified(root, strict_bank):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    with Site(strict_bank, visitor="alice") as site:
        wire = wires.to_port(site.port)
        with tls.Session(alice, Stranger("bank.example"), "bank.example", wire) as session:
            run = session.exchange()
    assert run.seen_by == "alice"
    said = "bank.example authenticated to alice (possession). What bank.example verified, this end cannot see."
    assert run.summary() == f"Seen from the end of alice alone. {said}"
    (visit,) = site.visits
    said = "alice authenticated to bank.example (possession). What alice verified, this end cannot see."
    assert visit.summary() == f"Seen from the end of bank.example alone. {said}"
    # The two together are what both ends saw.
    assert {*run.proofs, *visit.proofs} > set(run.proofs)


def test_a_run_of_three_cannot_be_seen_from_one_end():
    with pytest.raises(ValueError, match="only a run between two parties can be seen from one end"):
        Exchange("run", ("A", "B", "C"), MESSAGES, (), seen_by="A")
    with pytest.raises(ValueError, match="'nobody' is not one of the parties"):
        Exchange("run", ("A", "B"), (Message("A", "B", "hello"),), (), seen_by="nobody")
    run = Exchange("run", ("A", "B"), (Message("A", "B", "hello"),), (), seen_by="A")
    with pytest.raises(ValueError, match="seen from the end of A alone, so its direction is not known"):
        run.direction()
