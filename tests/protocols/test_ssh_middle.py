"""The man in the middle of SSH: whom he can be, to whom, and with what."""

import secrets

import pytest
from event_loop import run_coroutine

from helpers.exchange import Direction, Factor
from helpers.protocols import otp, ssh, ssh_middle
from helpers.trust.host_keys import KnownHosts

HOST = "server.example"
HOST_KEY, ALICE_KEY, MALLORYS_KEY = (ssh.new_key() for _ in range(3))
OTP_KEY = secrets.token_bytes(20)
EVIDENCE = {
    "password": {"password": "correct horse"},
    "keyboard-interactive": {"code": otp.authenticator_app(OTP_KEY)},
    "publickey": {"key": ALICE_KEY},
}
SECRETS = ("password", "keyboard-interactive")


def known_key(key=HOST_KEY):
    return KnownHosts.parse(f"{HOST} {ssh.public_line(key)}")


def nothing():
    return KnownHosts.parse("")


def relay(known, checking, method):
    alice = ssh.Client("alice", known, checking, **EVIDENCE[method])
    mallory = ssh.Server("mallory", MALLORYS_KEY, ssh.Users())
    server = ssh.Server(HOST, HOST_KEY, ssh.Users().add("alice", ALICE_KEY, "correct horse", OTP_KEY), (method,))
    return run_coroutine(ssh_middle.relay(alice, mallory, server))


@pytest.mark.parametrize("method", EVIDENCE)
@pytest.mark.parametrize("checking", ["yes", "accept-new"])
def test_a_client_that_knows_the_host_refuses_him(checking, method):
    run = relay(known_key(), checking, method).exchange("A relay")
    assert (run.failure.by, run.refused_at(), run.failure.learned_by) == ("alice", "KEX_ECDH_REPLY", "mallory")
    assert run.proofs == ()
    assert HOST not in {message.receiver for message in run.messages}  # he has nothing to pass on


@pytest.mark.parametrize("method", EVIDENCE)
def test_a_client_that_wants_to_know_the_host_refuses_him_at_the_first_visit(method):
    run = relay(nothing(), "yes", method).exchange("A relay")
    assert (run.failure.by, run.proofs) == ("alice", ())


@pytest.mark.parametrize("method", SECRETS)
@pytest.mark.parametrize("checking", ["accept-new", "no"])
def test_at_a_first_visit_a_secret_passes_him(checking, method):
    run = relay(nothing(), checking, method).exchange("A relay")
    assert run.failure is None
    (proof,) = run.proofs
    assert (proof.prover, proof.verifier, proof.identity) == ("mallory", HOST, "alice")
    assert run.direction("alice", "mallory") is run.direction("alice", HOST) is Direction.NONE
    assert f"{HOST} took mallory for alice" in run.summary()


@pytest.mark.parametrize("checking", ["accept-new", "no"])
def test_a_signature_does_not_pass_him(checking):
    legs = relay(nothing(), checking, "publickey")
    run = legs.exchange("A relay")
    assert (run.failure.by, run.failure.learned_by) == (HOST, "mallory")
    assert run.proofs == ()
    assert legs.front.logged_in
    assert not legs.back.logged_in
    # It was looked at: the key would have done.
    assert "USERAUTH_PK_OK" in [message.name for message in run.messages if message.sender == HOST]


def test_the_signature_is_over_her_own_connection_and_over_no_other():
    legs = relay(nothing(), "accept-new", "publickey")
    assert legs.signature_fits(over=legs.front)
    assert not legs.signature_fits(over=legs.back)
    with pytest.raises(ValueError, match="nobody logged in with a key"):
        relay(nothing(), "accept-new", "password").signature_fits(over=None)


@pytest.mark.parametrize("method", SECRETS)
def test_with_a_changed_key_and_no_checking_a_secret_is_not_shown(method):
    run = relay(known_key(), "no", method).exchange("A relay")
    assert (run.failure.by, run.proofs) == ("alice", ())


def test_with_a_changed_key_and_no_checking_a_key_logs_in_to_him_alone():
    legs = relay(known_key(), "no", "publickey")
    assert (legs.front.logged_in, legs.back.logged_in) == (True, False)


def test_who_took_his_key_at_the_first_visit_takes_him_for_the_server_later():
    known = nothing()
    relay(known, "accept-new", "password")
    run = relay(known, "yes", "password").exchange("A relay")
    assert [(proof.prover, proof.identity, set(proof.factors)) for proof in run.proofs] == [
        ("mallory", HOST, {Factor.POSSESSION}),
        ("mallory", "alice", {Factor.KNOWLEDGE}),
    ]
    assert "alice took mallory for server.example" in run.summary()


def test_the_picture_is_the_same_every_time(request):
    times = 20 if request.config.getoption("--long") else 4
    assert len({str(relay(nothing(), "no", "publickey").exchange("A relay")) for _ in range(times)}) == 1
