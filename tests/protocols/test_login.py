"""Logins inside TLS: what is proved, what is refused, and what the server keeps."""

import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers.exchange import Binding, Direction, Factor
from helpers.protocols import login, otp, tls
from helpers.protocols.login import Accounts, log_in
from helpers.protocols.push import Phone
from helpers.trust.pki import Credential

KEY = b"12345678901234567890"
NAME = "bank.example"


@pytest.fixture(scope="module")
def alice(root):
    return tls.Client("alice", root.certificate)


def code():
    return otp.totp(KEY, time.time())


def test_a_password_is_knowledge_bound_to_nothing(alice, bank):
    run = log_in(alice, bank, NAME, Accounts().add("alice", "correct horse"), "alice", "correct horse")
    (proof,) = [p for p in run.proofs if p.layer == "application"]
    assert (proof.prover, proof.verifier, proof.identity) == ("alice", NAME, "alice")
    assert proof.factors == {Factor.KNOWLEDGE}
    assert (proof.session, proof.binding) == (None, Binding.NONE)
    assert proof.inside == run.proofs[0].session
    assert run.messages[proof.at].name == "POST /login"


def test_password_and_code_are_two_factors_and_still_two_one_ways(alice, bank):
    accounts = Accounts().add("alice", "correct horse", KEY)
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", code)
    assert run.factors_of("alice") == {Factor.KNOWLEDGE, Factor.POSSESSION}
    assert run.direction() is Direction.TWO_ONE_WAYS
    assert [m.name for m in run.messages[-4:]] == ["POST /login", "200 OK", "POST /code", "200 OK"]
    assert all(m.inside for m in run.messages[-4:])


@pytest.mark.parametrize(
    ("user", "password"), [("alice", "wrong"), ("mallory", "correct horse"), ("alice", ""), ("mallory", "")]
)
def test_a_wrong_login_proves_nothing_of_the_user(alice, bank, user, password):
    run = log_in(alice, bank, NAME, Accounts().add("alice", "correct horse"), user, password)
    assert run.failure.reason == "wrong user name or password"
    assert run.messages[run.failure.learned_at].name == "403 Forbidden"
    assert run.factors_of("alice") == frozenset()
    assert run.direction() is Direction.ONE_WAY


def test_a_wrong_or_used_code_leaves_the_password_alone(alice, bank):
    accounts = Accounts().add("alice", "correct horse", KEY)
    same = code()
    for given_code, factors in ((same, 2), (same, 1), ("wrong!", 1), (None, 1)):
        run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", given_code and (lambda c=given_code: c))
        assert len(run.factors_of("alice")) == factors
        assert (run.failure is None) == (factors == 2)
    assert run.failure.reason == "wrong one-time code, or one that was used before"


def test_no_password_is_sent_where_the_handshake_fails(alice, bank):
    run = log_in(alice, bank, "shop.example", Accounts().add("alice", "correct horse"), "alice", "correct horse")
    assert "POST /login" not in [m.name for m in run.messages]
    assert "Hostname mismatch" in run.failure.reason


def test_a_careless_client_proves_two_factors_one_way(root, bank):
    careless = tls.Client("alice", root.certificate, check_name=False)
    accounts = Accounts().add("alice", "correct horse", KEY)
    run = log_in(careless, bank, NAME, accounts, "alice", "correct horse", code)
    assert run.direction() is Direction.ONE_WAY
    assert len(run.factors_of("alice")) == 2


def test_the_factors_of_two_identities_do_not_add_up(root, strict_bank):
    """A certificate for alice, and a password of bob's: neither of them showed two factors."""
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    run = log_in(alice, strict_bank, NAME, Accounts().add("bob", "correct horse"), "bob", "correct horse")
    assert (
        "alice authenticated to bank.example (possession). bank.example took alice for bob (knowledge)."
        in run.summary()
    )


def test_a_password_inside_mutual_tls_comes_on_top(root, strict_bank):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    run = log_in(alice, strict_bank, NAME, Accounts().add("alice", "correct horse"), "alice", "correct horse")
    assert run.direction() is Direction.MUTUAL
    assert "On top of it, and not bound to it: a password, handed over." in run.summary()


def test_a_pin_after_a_password_is_one_factor_more_often(alice, bank):
    accounts = Accounts().add("alice", "correct horse", pin="2468")
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", pin="2468")
    assert [m.name for m in run.messages[-4:]] == ["POST /login", "200 OK", "POST /pin", "200 OK"]
    assert len([p for p in run.proofs if p.prover == "alice"]) == 2
    assert run.factors_of("alice") == {Factor.KNOWLEDGE}
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", pin="1111")
    assert run.failure.reason == "wrong PIN"


def test_where_there_is_no_password_the_name_alone_proves_nothing(alice, bank):
    accounts = Accounts().add("alice", otp_key=KEY)
    run = log_in(alice, bank, NAME, accounts, "alice", code=code)
    assert run.factors_of("alice") == {Factor.POSSESSION}
    assert next(m.note for m in run.messages if m.name == "POST /login") == "user"
    run = log_in(alice, bank, NAME, accounts, "alice", code=lambda: "000000")
    assert run.factors_of("alice") == set()
    assert run.failure.by == NAME


def test_a_push_is_possession_and_the_picture_says_that_it_is_simulated(alice, bank):
    phone = Phone("alice")
    accounts = Accounts().add("alice", "correct horse", phone=phone)
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", phone=phone)
    assert run.factors_of("alice") == {Factor.KNOWLEDGE, Factor.POSSESSION}
    assert run.direction() is Direction.TWO_ONE_WAYS
    pushed = [(m.sender, m.receiver, m.name) for m in run.messages if "simulated" in m.name]
    assert pushed == [(NAME, "alice", "Push (simulated)"), ("alice", NAME, "Approval (simulated)")]
    assert "an approval from the phone, for the login that was begun in this connection (simulated)" in str(run)


@pytest.mark.parametrize("phone", [None, Phone("alice")], ids=["no phone at hand", "another phone"])
def test_nobody_gets_in_without_the_phone_that_was_asked(alice, bank, phone):
    accounts = Accounts().add("alice", "correct horse", phone=Phone("alice"))
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", phone=phone)
    assert run.failure.reason == "the phone did not approve it"
    assert run.factors_of("alice") == {Factor.KNOWLEDGE}


@pytest.mark.parametrize("path", ["/pin", "/code", "/approved"])
def test_a_form_that_was_not_asked_for_is_refused(alice, bank, path):
    """Nobody skips the password, and nobody answers twice."""
    with tls.Session(alice, bank, NAME) as session:
        page = login.LoginPage(session, Accounts().add("alice", "correct horse", KEY, pin="2468", phone=Phone("alice")))
        forms = {"/pin": {"pin": "2468"}, "/code": {"code": code()}, "/approved": {}}
        assert page.receive(path, 0, forms[path]) == ("403 Forbidden", "nobody has asked for this", "")
        page.receive("/login", 0, {"user": "alice", "password": "correct horse"})
        later = "/code" if path == "/pin" else path
        assert page.receive(later, 0, forms[later]).status == "403 Forbidden"
        assert [p.evidence for p in session.transcript.proofs if p.prover == "alice"] == ["a password, handed over"]


@pytest.mark.parametrize("path", ["/login", "/pin", "/code", "/approved", "/elsewhere"])
@pytest.mark.parametrize("form", [{}, {"user": "alice"}, {"other": "x"}, {"code": ""}])
def test_a_form_without_its_fields_is_refused(alice, bank, path, form):
    with tls.Session(alice, bank, NAME) as session:
        page = login.LoginPage(session, Accounts().add("alice", "correct horse", KEY))
        assert page.receive(path, 0, form).status == "403 Forbidden"
        page.receive("/login", 0, {"user": "alice", "password": "correct horse"})
        assert page.receive(path, 0, form).status == "403 Forbidden"


def test_a_session_in_which_somebody_has_proved_something_is_theirs(alice, bank):
    accounts = Accounts().add("alice", "correct horse", KEY).add("bob", otp_key=KEY)
    with tls.Session(alice, bank, NAME) as session:
        page = login.LoginPage(session, accounts)
        page.receive("/login", 0, {"user": "alice", "password": "correct horse"})
        assert page.receive("/login", 0, {"user": "bob"}).text == "somebody else has logged in here"
        assert page.receive("/login", 0, {"user": "alice", "password": "correct horse"}).status == "200 OK"


def test_who_begins_anew_brings_nothing_along(alice, bank):
    with tls.Session(alice, bank, NAME) as session:
        page = login.LoginPage(session, Accounts().add("alice", "correct horse", KEY))
        page.receive("/login", 0, {"user": "alice", "password": "correct horse"})
        assert page.receive("/login", 0, {"user": "alice", "password": "wrong"}).status == "403 Forbidden"
        assert page.receive("/code", 0, {"code": code()}).status == "403 Forbidden"


def test_a_refused_login_is_not_called_mutual_by_anybody(alice, bank):
    accounts = Accounts().add("alice", "correct horse", KEY)
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", lambda: "no code")
    assert "NIST" not in run.summary()
    assert run.summary().endswith("bank.example refused.")


def test_no_secret_in_the_picture(alice, bank):
    accounts = Accounts().add("alice", "correct horse", KEY)
    shown = code()
    run = log_in(alice, bank, NAME, accounts, "alice", "correct horse", lambda: shown)
    picture = str(run) + run._repr_html_()
    assert "correct horse" not in picture
    assert "correct+horse" not in picture
    assert shown not in picture


@pytest.mark.parametrize("password", ["ünïcödé & = + %", "long" * 10_000, "a&user=mallory", "\r\n\r\nuser=mallory"])
def test_any_password_travels_whole(alice, bank, password):
    run = log_in(alice, bank, NAME, Accounts().add("alice", password), "alice", password)
    assert run.failure is None
    assert run.proofs[-1].identity == "alice"


@pytest.mark.parametrize(
    ("who", "direction", "status", "text"),
    [
        ("alice", Direction.MUTUAL, "200 OK", "the account of alice"),
        ("carol", Direction.MUTUAL, "403 Forbidden", "no account for carol"),
        ("", Direction.ONE_WAY, "403 Forbidden", "no certificate, so nobody is logged in"),
    ],
)
def test_who_it_is_and_what_it_may_do_are_two_things(root, who, direction, status, text):
    server = tls.Server(NAME, root.issue_server(NAME), trust=root.certificate, certificate_optional=True)
    client = tls.Client(who or "alice", root.certificate, root.issue_client(f"{who}@bank.example") if who else None)
    run = login.open_account(client, server, NAME, accounts={"alice"})
    assert run.direction() is direction
    assert (run.messages[-1].name, run.messages[-1].note) == (status, text)
    assert (run.failure is None) == (who == "alice")
    if run.failure:
        assert (run.failure.by, run.failure.learned_by) == (NAME, client.party)


def test_nobody_is_asked_for_an_account_whose_certificate_was_refused(root, strict_bank):
    run = login.open_account(tls.Client("alice", root.certificate), strict_bank, NAME, accounts={"alice"})
    assert not any(message.name == "GET /account" for message in run.messages)


def test_a_certificate_without_a_common_name_stands_for_nobody_here(root, strict_bank):
    key = ec.generate_private_key(ec.SECP256R1())
    extensions = [
        x509.SubjectAlternativeName([x509.RFC822Name("alice@bank.example")]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
    ]
    builder = x509.CertificateBuilder(
        root.certificate.subject,
        x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "alice")]),
        key.public_key(),
        x509.random_serial_number(),
        root.certificate.not_valid_before_utc,
        root.certificate.not_valid_after_utc,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    nameless = Credential(builder.sign(root.key, hashes.SHA256()), key)
    run = login.open_account(tls.Client("alice", root.certificate, nameless), strict_bank, NAME, accounts={"alice"})
    assert run.factors_of("alice") == set()
    assert run.failure.by == NAME
