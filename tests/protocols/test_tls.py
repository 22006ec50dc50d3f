"""Handshakes: what is in the transcript, what is encrypted, what is proved, and who learns of a refusal when."""

import contextlib
import os
import ssl
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import flaws
import pytest

from helpers.display.error import CourseError
from helpers.exchange import SAME_SESSION, Binding, Direction, Exchange, Factor
from helpers.protocols import tls, tls_messages
from helpers.trust import pki

NAME = "bank.example"


@pytest.fixture(scope="module")
def alice_credential(root):
    return root.issue_client("alice@bank.example")


def lines(run):
    """The messages as (arrow, name), and an asterisk for those that are encrypted."""
    return [f"{'→' if m.sender == run.parties[0] else '←'} {m.name}{' *' if m.inside else ''}" for m in run.messages]


TRANSCRIPTS = {
    ("1.3", False): [
        "→ ClientHello", "← ServerHello", "← EncryptedExtensions *", "← Certificate *", "← CertificateVerify *",
        "← Finished *", "→ Finished *", "← NewSessionTicket *", "← NewSessionTicket *",
    ],
    ("1.3", True): [
        "→ ClientHello", "← ServerHello", "← EncryptedExtensions *", "← CertificateRequest *", "← Certificate *",
        "← CertificateVerify *", "← Finished *", "→ Certificate *", "→ CertificateVerify *", "→ Finished *",
        "← NewSessionTicket *", "← NewSessionTicket *",
    ],
    ("1.2", False): [
        "→ ClientHello", "← ServerHello", "← Certificate", "← ServerKeyExchange", "← ServerHelloDone",
        "→ ClientKeyExchange", "→ Finished *", "← NewSessionTicket", "← Finished *",
    ],
    ("1.2", True): [
        "→ ClientHello", "← ServerHello", "← Certificate", "← ServerKeyExchange", "← CertificateRequest",
        "← ServerHelloDone", "→ Certificate", "→ ClientKeyExchange", "→ CertificateVerify", "→ Finished *",
        "← NewSessionTicket", "← Finished *",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("version", "mutual"), TRANSCRIPTS)
def test_the_messages_and_what_is_encrypted(root, bank, strict_bank, alice_credential, version, mutual):
    client = tls.Client("alice", root.certificate, alice_credential, version=version)
    run = tls.handshake(client, strict_bank if mutual else bank, NAME)
    assert lines(run) == TRANSCRIPTS[version, mutual]
    assert run.failure is None
    assert run.title == f"TLS {version}: alice connects to {NAME}"
    (session,) = {m.inside for m in run.messages} - {None}
    assert session.startswith("TLS alice–bank.example")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_wire_agrees_on_what_is_encrypted(root, strict_bank, alice_credential, version):
    """The judge is the bytes on the wire, taken between two ends that nobody watches."""
    client = tls.Client("alice", root.certificate, alice_credential, version=version)
    wire = wire_records(client.context, strict_bank.context)
    run = tls.handshake(client, strict_bank, NAME)
    assert_same_as_on_the_wire(run, wire, version)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("name", "credential"), [("shop.example", True), (NAME, False)])
def test_the_wire_agrees_where_somebody_refuses(root, strict_bank, alice_credential, version, name, credential):
    client = tls.Client("alice", root.certificate, alice_credential if credential else None, version=version)
    wire = wire_records(client.context, strict_bank.context, name)
    run = tls.handshake(client, strict_bank, name)
    assert run.failure
    assert_same_as_on_the_wire(run, wire, version)


def assert_same_as_on_the_wire(run, wire, version):
    for sender, records in zip(run.parties, wire, strict=True):
        assert [m.inside is not None for m in run.messages if m.sender == sender] == list(sealed(records, version))


def wire_records(client_context, server_context, name=NAME):
    """The types of the records that each end puts on the wire in a handshake, client first."""
    buffers = [ssl.MemoryBIO() for _ in range(4)]
    client = client_context.wrap_bio(buffers[0], buffers[1], server_hostname=name)
    server = server_context.wrap_bio(buffers[2], buffers[3], server_side=True)
    client.report = server.report = lambda *event: None
    wire = (bytearray(), bytearray())
    for _ in range(3):
        for end, taken, incoming, seen in (
            (client, buffers[1], buffers[2], wire[0]),
            (server, buffers[3], buffers[0], wire[1]),
        ):
            with contextlib.suppress(ssl.SSLError):  # it waits, or it refuses
                end.do_handshake()
            data = taken.read()
            seen += data
            incoming.write(data)
    return [record_types(data) for data in wire]


def record_types(data):
    """RFC 8446, section 5.1: a record is its type (1 byte), a version (2), a length (2), and that many bytes."""
    while data:
        yield data[0]
        data = data[5 + int.from_bytes(data[3:5]) :]


def sealed(types, version):
    changed = False
    for kind in types:
        if kind == tls_messages.CHANGE_CIPHER_SPEC:
            changed = version == "1.2"
        else:
            yield changed or kind == tls_messages.APPLICATION_DATA


def test_the_proof_of_a_server(root, bank):
    run = tls.handshake(tls.Client("alice", root.certificate), bank, NAME)
    (proof,) = run.proofs
    assert (proof.prover, proof.verifier, proof.identity, proof.layer) == (NAME, "alice", NAME, "TLS")
    assert proof.factors == {Factor.POSSESSION}
    assert proof.binding is Binding.CHANNEL
    assert "CertificateVerify" in proof.evidence
    at = run.messages[proof.at]
    assert (at.sender, at.name) == (NAME, "Finished")


def test_the_proofs_of_tls_1_2_name_the_message_that_was_signed(root, strict_bank, alice_credential):
    run = tls.handshake(tls.Client("alice", root.certificate, alice_credential, version="1.2"), strict_bank, NAME)
    of_server, of_client = run.proofs
    assert "ServerKeyExchange" in of_server.evidence
    assert "CertificateVerify" in of_client.evidence
    assert of_client.identity == "alice"
    assert [(run.messages[p.at].sender, run.messages[p.at].name) for p in run.proofs] == [
        (NAME, "Finished"),
        ("alice", "Finished"),
    ]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("flaw", flaws.SERVERS)
def test_a_client_refuses_a_flawed_server(root, flaw, version):
    make, text, alert = flaws.SERVERS[flaw]
    run = tls.handshake(tls.Client("alice", root.certificate, version=version), tls.Server(NAME, make(root)), NAME)
    assert run.failure.by == "alice"
    assert text in run.failure.reason
    assert run.messages[run.failure.at].name in ("Certificate", "ServerHelloDone")
    assert run.failure.learned_by == NAME
    assert run.messages[run.failure.learned_at].name == f"Alert {alert}"
    assert run.direction() is Direction.NONE


def test_a_client_that_trusts_nobody_refuses_everybody(bank):
    run = tls.handshake(tls.Client("alice", None), bank, NAME)
    assert "unable to get local issuer certificate" in run.failure.reason


def test_a_wrong_ip_address(root):
    server = tls.Server("127.0.0.1", root.issue_server("127.0.0.1"))
    assert tls.handshake(tls.Client("alice", root.certificate), server, "127.0.0.1").failure is None
    run = tls.handshake(tls.Client("alice", root.certificate), server, "127.0.0.2")
    assert "IP address mismatch, certificate is not valid for '127.0.0.2'" in run.failure.reason


def test_revocation_is_noticed_only_where_it_is_checked(root):
    credential = root.issue_server(NAME)
    server = tls.Server(NAME, credential)
    assert tls.handshake(tls.Client("alice", root.certificate), server, NAME).failure is None
    stale = root.crl(last_update=datetime.now(UTC) - 30 * flaws.DAY)
    for crls, text, alert in (
        ([root.crl(credential)], "certificate revoked", "certificate_revoked"),
        ([], "unable to get certificate CRL", "unknown_ca"),
        ([stale], "CRL has expired", "certificate_expired"),
    ):
        alice = tls.Client("alice", root.certificate)
        alice.check_revocation(*crls)
        run = tls.handshake(alice, server, NAME)
        assert text in run.failure.reason
        assert run.messages[run.failure.learned_at].name == f"Alert {alert}"
    checked = tls.Client("alice", root.certificate)
    checked.check_revocation(root.crl())
    assert tls.handshake(checked, server, NAME).failure is None


def test_strict_verification_wants_an_authority_key_identifier(root):
    server = tls.Server(NAME, root.issue_server(NAME, authority_key_identifier=False))
    alice = tls.Client("alice", root.certificate)
    assert tls.handshake(alice, server, NAME).failure is None
    alice.context.verify_flags |= ssl.VERIFY_X509_STRICT  # on by default since Python 3.13's create_default_context
    run = tls.handshake(alice, server, NAME)
    assert "Missing Authority Key Identifier" in run.failure.reason
    assert run.messages[run.failure.learned_at].name == "Alert certificate_unknown"


# What is wrong, the server's text, and the alert that the client gets in TLS 1.3 and in TLS 1.2.
REFUSED_CLIENTS = {
    "no certificate": (
        lambda r: None,
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "certificate_required",
        "handshake_failure",
    ),
    "another CA": (
        lambda r: pki.new_root("Other Root").issue_client("alice@bank.example"),
        "unable to get local issuer certificate",
        "unknown_ca",
        "unknown_ca",
    ),
    "a web server's certificate": (
        lambda r: r.issue_server("alice.example"),
        "certificate purpose",
        "unsupported_certificate",
        "unsupported_certificate",
    ),
    "expired": (
        lambda r: r.issue_client("alice@bank.example", **flaws.long_ago()),
        "certificate has expired",
        "certificate_expired",
        "certificate_expired",
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", REFUSED_CLIENTS)
def test_a_server_refuses_a_client_and_in_tls_1_3_the_client_learns_late(root, strict_bank, flaw):
    make, text, alert, _ = REFUSED_CLIENTS[flaw]
    run = tls.handshake(tls.Client("alice", root.certificate, make(root)), strict_bank, NAME)
    assert run.failure.by == NAME
    assert text in run.failure.reason
    assert run.failure.learned_by == "alice"
    learned = run.messages[run.failure.learned_at]
    assert (learned.sender, learned.name) == (NAME, f"Alert {alert}")
    # Alice's own handshake had succeeded: she has her proof of the bank, and had sent her Finished before.
    assert "its own handshake had already succeeded" in learned.note
    assert "→ Finished *" in lines(run)[: run.failure.learned_at]
    assert run.direction() is Direction.ONE_WAY
    assert run.factors_of("alice") == frozenset()


@pytest.mark.parametrize("flaw", REFUSED_CLIENTS)
def test_in_tls_1_2_the_client_learns_within_its_handshake(root, strict_bank, flaw):
    make, text, _, alert = REFUSED_CLIENTS[flaw]
    run = tls.handshake(tls.Client("alice", root.certificate, make(root), version="1.2"), strict_bank, NAME)
    assert text in run.failure.reason
    learned = run.messages[run.failure.learned_at]
    assert learned.name == f"Alert {alert}"
    assert "already succeeded" not in learned.note
    assert run.direction() is Direction.NONE


def test_a_client_without_a_certificate_sends_an_empty_list(root, strict_bank):
    run = tls.handshake(tls.Client("alice", root.certificate), strict_bank, NAME)
    (certificate,) = [m for m in run.messages if (m.sender, m.name) == ("alice", "Certificate")]
    assert certificate.note == "an empty list: alice has no certificate"
    (finished,) = [m for m in run.messages if (m.sender, m.name) == ("alice", "Finished")]
    assert finished.note == f"{NAME} never read this"


def test_one_client_and_one_server_can_hold_two_sessions_at_once(root, bank):
    alice = tls.Client("alice", root.certificate)
    first, second = tls.Session(alice, bank, NAME), tls.Session(alice, bank, NAME)
    assert first.send(first.client, b"one", "one")[1] == b"one"
    assert second.send(second.client, b"two", "two")[1] == b"two"
    assert lines(first.exchange())[-1] == "→ one *"
    assert lines(second.exchange())[-1] == "→ two *"


def test_two_sessions_of_the_same_two_are_not_one(root, bank, strict_bank, alice_credential):
    """RFC 3748's case: two one-way runs in opposite directions."""
    first = tls.handshake(tls.Client("alice", root.certificate), bank, NAME)
    careless = tls.Client("alice", root.certificate, alice_credential, check_name=False)
    second = tls.handshake(careless, strict_bank, NAME)
    moved = [replace(proof, at=proof.at + len(first.messages)) for proof in second.proofs]
    both = Exchange("both", first.parties, first.messages + second.messages, (*first.proofs, *moved))
    assert [run.direction() for run in (first, second, both)] == [
        Direction.ONE_WAY,
        Direction.ONE_WAY,
        Direction.TWO_ONE_WAYS,
    ]
    assert both.direction(definition=SAME_SESSION) is Direction.TWO_ONE_WAYS


def test_the_note_on_the_first_message_is_what_the_server_heard(root, bank):
    heard = []
    bank.context.sni_callback = lambda _connection, name, _context: heard.append(name)
    try:
        runs = [tls.handshake(tls.Client("alice", root.certificate), bank, name) for name in (NAME, "127.0.0.1")]
    finally:
        bank.context.sni_callback = None
    assert heard == [NAME, None]
    assert [run.messages[0].note for run in runs] == [f"asks for {NAME}", ""]


def test_letter_case_makes_no_stranger(root, bank):
    run = tls.handshake(tls.Client("alice", root.certificate), bank, "BANK.example")
    assert "In truth" not in str(run)
    assert "authenticated to alice" in run.summary()


def test_nothing_is_sent_where_the_handshake_failed(root, bank):
    session = tls.Session(tls.Client("alice", root.certificate), bank, "shop.example")
    with pytest.raises(ValueError, match="the handshake failed"):
        session.send(session.client, b"x", "x")


def test_two_runs_look_the_same(root, bank):
    runs = [tls.handshake(tls.Client("alice", root.certificate), bank, NAME)._repr_html_() for _ in range(3)]
    assert len(set(runs)) == 1


def test_the_key_is_written_encrypted_to_a_private_file_and_deleted(root, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    real = ssl.SSLContext.load_cert_chain

    def look(context, path, password):
        mode = stat.S_IMODE(Path(path).stat().st_mode)
        seen.append((mode, Path(path).read_text()))
        return real(context, path, password=password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    tls.Server(NAME, root.issue_server(NAME))
    ((mode, text),) = seen
    assert os.name == "nt" or mode == 0o600
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert list(tmp_path.iterdir()) == []


def test_a_python_without_the_message_callback_gets_a_sentence(root, monkeypatch):
    monkeypatch.delattr(ssl.SSLContext, "_msg_callback")
    with pytest.raises(CourseError, match=r"ssl module of this Python \(CPython 3\.\d+.*cannot report the messages"):
        tls.Client("alice", root.certificate)


def test_import_is_quick_enough_to_be_the_first_line_of_a_lesson():
    """Not the time, which a slow day changes, but what costs it: nothing of Jupyter is imported."""
    code = (
        "import sys, helpers.protocols.tls; print({'IPython', 'ipywidgets', 'yaml', 'jsonschema'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )
