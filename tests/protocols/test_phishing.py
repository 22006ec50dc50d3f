"""Five logins through one relay: three go through, two do not, and the table says why."""

import pytest

from helpers.exchange import Binding, Direction
from helpers.protocols import phishing
from helpers.protocols.phishing import FAKE, NAME, Scene, five_logins, survivors


@pytest.fixture(scope="module")
def attempts():
    return five_logins(Scene())


@pytest.mark.parametrize(
    "what", ["password", "password and one-time code", "password and push with number matching (simulated)"]
)
def test_what_is_typed_or_approved_brings_the_relay_in(attempts, what):
    run = attempts[what].relayed
    assert run.failure is None
    assert run.direction("alice", NAME) is Direction.NONE
    accepted = {proof.identity for proof in run.proofs if (proof.prover, proof.verifier) == (FAKE, NAME)}
    assert accepted == {"alice"}
    assert run.factors_of(FAKE, NAME) == attempts[what].direct.factors_of("alice", NAME)


@pytest.mark.parametrize(
    ("what", "by", "reason"), [("passkey", "alice", "bank.example"), ("client certificate", NAME, "BAD_SIGNATURE")]
)
def test_what_is_bound_keeps_the_relay_out(attempts, what, by, reason):
    run = attempts[what].relayed
    assert run.failure.by == by
    assert reason in run.failure.reason
    assert run.factors_of(FAKE, NAME) == set()


def test_all_five_work_at_the_real_site(attempts):
    for what, attempt in attempts.items():
        assert attempt.direct.failure is None, what
        assert attempt.direct.factors_of("alice", NAME), what


def test_the_table_says_what_the_runs_showed(attempts):
    rows = [row[1:] for row in survivors(attempts).rows]
    assert rows == [
        ("knowledge", "nothing", "nobody", "✘ yes, as alice"),
        ("knowledge and possession", "nothing", "nobody", "✘ yes, as alice"),
        ("knowledge and possession", "nothing", "nobody", "✘ yes, as alice"),
        ("possession and inherence", "the verifier's name", "alice", "✔ no"),
        ("possession", "the channel: this TLS connection", "bank.example", "✔ no"),
    ]


def test_a_wrongly_issued_certificate_defeats_the_name_and_not_the_channel():
    scene = Scene(name=NAME)
    passkey, certificate = scene.with_passkey("").relayed, scene.with_certificate("").relayed
    assert passkey.failure is None
    assert {proof.binding for proof in passkey.proofs if proof.prover == FAKE} >= {Binding.VERIFIER_NAME}
    assert "alice took bank-login.example for bank.example" in passkey.summary()
    assert certificate.failure.by == NAME
    assert certificate.factors_of(FAKE, NAME) == set()


def test_the_same_scene_can_be_played_twice(attempts):
    scene = Scene()
    first, second = (str(scene.with_passkey("a passkey").direct) for _ in range(2))
    assert first == second
    assert str(phishing.survivors(attempts)) == str(phishing.survivors(five_logins(scene)))
