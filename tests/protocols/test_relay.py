"""The relay: what it gets with a password and a code, and why it gets nothing with a client certificate."""

import secrets

import pytest

from helpers.exchange import Direction, Factor
from helpers.protocols import otp, signature, tls
from helpers.protocols.login import Accounts
from helpers.protocols.relay import Legs, Relay, relayed_login

NAME, FAKE = "bank.example", "bank-login.example"
KEY = secrets.token_bytes(20)


@pytest.fixture(scope="module")
def alice(root):
    return tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))


@pytest.fixture(scope="module")
def plain_relay(root):
    return Relay(FAKE, tls.Server(FAKE, root.issue_server(FAKE)), root.certificate)


@pytest.fixture(scope="module")
def asking_relay(root):
    """It asks its visitors for a certificate, and passes that on, too."""
    front = tls.Server(FAKE, root.issue_server(FAKE), trust=root.certificate, certificate_optional=True)
    return Relay(FAKE, front, root.certificate)


def relayed(victim, relay, site, password="correct horse"):
    accounts = Accounts().add("alice", "correct horse", KEY)
    return relayed_login(victim, relay, site, NAME, accounts, "alice", password, otp.authenticator_app(KEY))


def test_password_and_code_pass_the_relay(alice, plain_relay, bank):
    run = relayed(alice, plain_relay, bank)
    assert run.failure is None
    assert run.factors_of(FAKE, NAME) == {Factor.KNOWLEDGE, Factor.POSSESSION}
    assert {proof.identity for proof in run.proofs if (proof.prover, proof.verifier) == (FAKE, NAME)} == {"alice"}
    assert run.direction("alice", FAKE) is Direction.ONE_WAY  # the site proved its name, and it is its own
    assert run.direction("alice", NAME) is Direction.NONE  # these two have never spoken
    assert run.direction(FAKE, NAME) is Direction.TWO_ONE_WAYS
    assert "bank.example took bank-login.example for alice (knowledge and possession)." in run.summary()


def test_the_picture_shows_both_conversations_in_the_order_of_the_run(alice, plain_relay, bank):
    run = relayed(alice, plain_relay, bank)
    forms = [(m.sender, m.receiver, m.name) for m in run.messages if m.name.startswith("POST")]
    assert forms == [
        ("alice", FAKE, "POST /login"),
        (FAKE, NAME, "POST /login"),
        ("alice", FAKE, "POST /code"),
        (FAKE, NAME, "POST /code"),
    ]
    assert run.messages[-1].receiver == "alice"
    assert "welcome" in run.messages[-1].note


def test_a_mistyped_password_is_refused_through_the_relay(alice, plain_relay, bank):
    run = relayed(alice, plain_relay, bank, password="wrong")
    assert (run.failure.by, run.failure.reason) == (NAME, "wrong user name or password")
    assert run.factors_of(FAKE, NAME) == set()


def test_a_relay_has_no_certificate_for_a_bank_that_demands_one(alice, plain_relay, strict_bank):
    run = relayed(alice, plain_relay, strict_bank)
    assert (run.failure.by, run.failure.learned_by) == (NAME, FAKE)
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in run.failure.reason
    assert not any(message.name.startswith("POST") for message in run.messages)


def test_a_relay_cannot_sign_with_the_certificate_that_the_victim_shows_it(alice, asking_relay, strict_bank):
    run = relayed(alice, asking_relay, strict_bank)
    assert run.direction("alice", FAKE) is Direction.MUTUAL  # with whom, that is the question
    assert run.failure.by == NAME
    assert run.messages[run.failure.at].name == "CertificateVerify"
    assert "BAD_SIGNATURE" in run.failure.reason
    assert run.messages[run.failure.learned_at].name == "Alert decrypt_error"
    assert run.factors_of(FAKE, NAME) == set()


def test_the_victims_signature_fits_her_own_conversation_and_no_other(alice, asking_relay, strict_bank):
    legs, others = (Legs(alice, asking_relay, strict_bank, NAME) for _ in range(2))
    assert signature.fits(legs.front, over=legs.front)
    assert not signature.fits(legs.front, over=legs.back)
    assert not signature.fits(legs.front, over=others.front)


def test_the_signature_is_the_one_of_tls_and_over_every_message(alice, strict_bank):
    session = tls.Session(alice, strict_bank, NAME)
    assert signature.fits(session, over=session)
    for message in session.transcript.sent[:8]:
        whole = message.content
        message.content = whole[:-1] + bytes([whole[-1] ^ 1])
        assert not signature.fits(session, over=session), message.name
        message.content = whole
    assert signature.fits(session, over=session)


def test_who_has_signed_nothing_gets_a_sentence(root, bank):
    session = tls.Session(tls.Client("alice", root.certificate), bank, NAME)
    with pytest.raises(ValueError, match="alice has signed nothing"):
        signature.fits(session, over=session)


def test_a_victim_that_refuses_the_relay_gives_it_nothing(asking_relay, strict_bank):
    run = relayed(tls.Client("alice", None), asking_relay, strict_bank)
    assert (run.failure.by, run.failure.learned_by) == ("alice", FAKE)
    assert NAME not in {message.receiver for message in run.messages}


def test_a_relay_copies_the_whole_chain(root, strict_bank, asking_relay):
    below = root.issue_intermediate("Between").issue_client("alice@bank.example")
    run = relayed(tls.Client("alice", root.certificate, below), asking_relay, strict_bank)
    assert run.messages[run.failure.at].name == "CertificateVerify"


def test_a_relay_that_shows_nothing_is_let_in_where_the_bank_only_asks(root, alice, plain_relay):
    asking_bank = tls.Server(NAME, root.issue_server(NAME), trust=root.certificate, certificate_optional=True)
    run = relayed(alice, plain_relay, asking_bank)
    assert run.failure is None
    assert run.factors_of(FAKE, NAME) == {Factor.KNOWLEDGE, Factor.POSSESSION}


def test_a_signature_of_tls_1_2_is_another_matter(root, strict_bank):
    old = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"), version="1.2")
    session = tls.Session(old, strict_bank, NAME)
    with pytest.raises(ValueError, match=r"knows only TLS 1\.3"):
        signature.fits(session, over=session)
