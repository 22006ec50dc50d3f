"""A passkey inside TLS: what it proves, to what it is bound, and the two refusals."""

import pytest

from helpers.exchange import SAME_SESSION, Binding, Direction, Factor
from helpers.protocols import tls
from helpers.protocols.authenticator import Authenticator, Browser
from helpers.protocols.passkey import RelyingParty
from helpers.protocols.passkey_login import register, relayed_sign_in, sign_in
from helpers.protocols.relay import Relay

NAME, FAKE = "bank.example", "bank-login.example"


@pytest.fixture(scope="module")
def alice(root):
    return tls.Client("alice", root.certificate)


@pytest.fixture(scope="module")
def relay(root):
    return Relay(FAKE, tls.Server(FAKE, root.issue_server(FAKE)), root.certificate)


@pytest.fixture
def keys():
    return RelyingParty(NAME, f"https://{NAME}")


@pytest.fixture
def browser(keys):
    return register(keys, "alice", Authenticator())


def names(run):
    return [message.name for message in run.messages if message.inside and not message.name[0].isupper()]


def test_a_passkey_is_bound_to_the_name_and_not_to_the_connection(alice, bank, keys, browser):
    run = sign_in(alice, bank, NAME, keys, browser)
    (proof,) = [proof for proof in run.proofs if proof.prover == "alice"]
    assert (proof.verifier, proof.identity, proof.binding) == (NAME, "alice", Binding.VERIFIER_NAME)
    assert (proof.session, proof.inside) == (None, run.proofs[0].session)
    assert run.messages[proof.at].name == "POST /passkey/answer"
    assert run.direction() is Direction.TWO_ONE_WAYS
    assert run.direction(definition=SAME_SESSION) is Direction.MUTUAL


def test_the_picture_shows_origin_and_challenge_in_what_was_signed(alice, bank, keys, browser):
    run = sign_in(alice, bank, NAME, keys, browser)
    assert "over https://bank.example and the server's challenge" in str(run)
    assert [(m.name, m.note) for m in run.messages[-4:]] == [
        ("POST /passkey/challenge", ""),
        ("200 OK", "a challenge, for passkeys of bank.example"),
        ("POST /passkey/answer", "assertion"),
        ("200 OK", "welcome"),
    ]


def test_the_picture_is_the_same_each_time(alice, bank, keys, browser):
    assert str(sign_in(alice, bank, NAME, keys, browser)) == str(sign_in(alice, bank, NAME, keys, browser))


@pytest.mark.parametrize(
    ("unlock", "factors"),
    [
        (None, {Factor.POSSESSION}),
        (Factor.INHERENCE, {Factor.POSSESSION, Factor.INHERENCE}),
        (Factor.KNOWLEDGE, {Factor.POSSESSION, Factor.KNOWLEDGE}),
    ],
)
def test_the_factors_are_what_unlocked_the_authenticator(alice, bank, keys, unlock, factors):
    run = sign_in(alice, bank, NAME, keys, register(keys, "alice", Authenticator(unlock=unlock)))
    assert run.factors_of("alice") == factors


def test_nothing_is_signed_where_the_handshake_fails(alice, bank, keys, browser):
    run = sign_in(alice, bank, "shop.example", keys, browser)
    assert run.failure.by == "alice"
    assert not any(message.name.startswith("POST") for message in run.messages)


def test_who_has_no_passkey_sends_nothing(alice, bank, keys):
    run = sign_in(alice, bank, NAME, keys, Browser(keys.origin, Authenticator()))
    assert run.failure.by == "alice"
    assert "no passkey" in run.failure.reason
    assert [m.name for m in run.messages if m.name.startswith("POST")] == ["POST /passkey/challenge"]


def test_a_foreign_origin_is_refused_by_the_server(alice, bank, keys, browser):
    run = sign_in(alice, bank, NAME, keys, Browser(f"https://{NAME}:8443", browser.authenticator))
    assert (run.failure.by, run.failure.learned_by) == (NAME, "alice")
    assert "https://bank.example:8443" in run.failure.reason
    assert run.factors_of("alice") == set()


def test_at_a_relay_the_browser_refuses_and_nothing_is_passed_on(alice, relay, bank, keys, browser):
    run = relayed_sign_in(alice, relay, bank, NAME, keys, Browser(f"https://{FAKE}", browser.authenticator))
    assert (run.failure.by, run.failure.learned_by) == ("alice", None)
    assert run.messages[run.failure.at].receiver == "alice"
    assert "POST /passkey/answer" not in [message.name for message in run.messages]
    assert run.factors_of(FAKE, NAME) == set()
    assert run.summary().startswith("alice refused.")


def test_a_broken_browser_signs_at_the_relay_and_the_server_refuses(alice, relay, bank, keys, browser):
    broken = Browser(f"https://{FAKE}", browser.authenticator, checks_rp_id=False)
    run = relayed_sign_in(alice, relay, bank, NAME, keys, broken)
    assert run.failure.by == NAME
    assert FAKE in run.failure.reason
    assert [m.sender for m in run.messages if m.name == "POST /passkey/answer"] == ["alice", FAKE]
    assert run.factors_of(FAKE, NAME) == set()


def test_a_relay_that_asks_for_its_own_name_finds_no_passkey(alice, relay, bank, keys, browser):
    there = Browser(f"https://{FAKE}", browser.authenticator)
    run = relayed_sign_in(alice, relay, bank, NAME, keys, there, asks_for=FAKE)
    assert run.failure.by == "alice"
    assert FAKE in run.failure.reason


def test_a_victim_that_refuses_the_relay_signs_nothing(relay, bank, keys, browser):
    run = relayed_sign_in(tls.Client("alice", None), relay, bank, NAME, keys, browser)
    assert run.failure.by == "alice"
    assert not any(message.name.startswith("POST") for message in run.messages)


@pytest.mark.parametrize("form", [{}, {"assertion": ""}, {"assertion": "{"}, {"assertion": "[]"}, {"assertion": "1"}])
def test_what_is_no_answer_is_refused_with_a_sentence(alice, bank, keys, form):
    from helpers.protocols.passkey_login import PasskeyPage

    with tls.Session(alice, bank, NAME) as session:
        page = PasskeyPage(session, keys, None)
        page.receive("/passkey/challenge", 0, {})
        assert page.receive("/passkey/answer", 0, form).status == "403 Forbidden"
        assert session.failure.by == NAME
