"""Direction and factors, for pairs and for the whole, under both definitions."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.exchange import INTERLOCKED, SAME_SESSION, Direction, Exchange, Factor, Failure, Message, Proof
from helpers.protocols import tls
from helpers.protocols.login import Accounts, log_in

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


def joined(title, parties, first, second):
    """Two runs as one exchange: first all messages of one, then all of the other."""
    moved = [Proof(**{**vars(proof), "at": proof.at + len(first.messages)}) for proof in second.proofs]
    return Exchange(title, parties, (*first.messages, *second.messages), (*first.proofs, *moved))


def relay(root, site, with_certificate):
    """A phishing relay, really run: the victim logs in to the proxy, and the proxy to the site as the victim."""
    fake = tls.Server("proxy", root.issue_server("bank-example.test"))
    victim = tls.Client("alice", root.certificate)
    typed = log_in(
        victim, fake, "bank-example.test", Accounts().add("alice", "correct horse"), "alice", "correct horse"
    )
    # The proxy checked nothing: it takes whatever is typed. So its own "proof" of the victim is left out.
    typed = Exchange(typed.title, typed.parties, typed.messages, [p for p in typed.proofs if p.prover == "proxy"])
    own = root.issue_client("mallory@bank.example") if with_certificate else None
    accounts = Accounts().add("alice", "correct horse")
    used = log_in(tls.Client("proxy", root.certificate, own), site, "bank.example", accounts, "alice", "correct horse")
    return joined("Phishing relay", ("alice", "proxy", "bank.example"), typed, used)


@pytest.mark.parametrize("with_certificate", [False, True])
def test_victim_and_site_of_a_relay_never_come_out_mutual(root, bank, strict_bank, with_certificate):
    run = relay(root, strict_bank if with_certificate else bank, with_certificate)
    assert both_directions(run, "alice", "bank.example") == (Direction.NONE, Direction.NONE)
    expected = Direction.MUTUAL if with_certificate else Direction.TWO_ONE_WAYS
    assert run.direction("proxy", "bank.example") is expected
    assert run.direction("alice", "proxy") is Direction.ONE_WAY
    assert "bank.example took proxy for alice" in run.summary()
    assert "In truth, proxy sent it." in str(run)


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
    assert "In truth, A sent it." in str(run)


def test_summary_says_who_refused():
    run = Exchange("x", ("A", "B"), (Message("A", "B", "hello"),), (), Failure("B", "why", 0))
    assert run.summary() == "No authentication. Neither A nor B authenticated. B refused."
