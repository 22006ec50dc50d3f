"""Our client meets servers of other programs, and each end says with its own words what was wrong."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers import programs
from helpers.exchange import Direction
from helpers.protocols import meeting, tls
from helpers.running import wait_until
from helpers.trust import pki

NAME = "bank.example"
DAY = timedelta(days=1)
LONG_AGO = {"not_before": datetime.now(UTC) - 60 * DAY, "lifetime": 30 * DAY}

pytestmark = pytest.mark.needs("openssl")


def s_server(credential, *options, trust=None):
    """The real server. It shows a page that says what it knows of its client."""
    files = {"server.pem": credential.key_pem() + credential.chain_pem()}
    arguments = ["s_server", "-accept", "127.0.0.1:{port}", "-www", "-key", "server.pem", "-cert", "server.pem"]
    arguments += ["-cert_chain", "server.pem"] if credential.intermediates else []
    if trust:
        files["trust.pem"] = trust.public_bytes(Encoding.PEM)
        arguments += ["-Verify", "3", "-verify_return_error", "-CAfile", "trust.pem", "-no-CApath", "-no-CAstore"]
    return programs.run("openssl", *arguments, *options, ready="ACCEPT", files=files)


def without_chain(credential):
    return pki.Credential(credential.certificate, credential.key)


def issued_by_a_leaf(root):
    leaf = root.issue_server("leaf.example")
    below = leaf.issue_server(NAME)
    return pki.Credential(below.certificate, below.key, (leaf.certificate,))


def crl_of(root, *revoked, **more):
    def check(client):
        client.check_revocation(*([root.crl(*revoked, **more)] if revoked or more else []))

    return check


# The table of refusals: what the server shows, what our client says, and the alert that the real server reads.
SERVERS = {
    "expired": (lambda r: r.issue_server(NAME, **LONG_AGO), "certificate has expired", "certificate expired"),
    "not yet valid": (
        lambda r: r.issue_server(NAME, not_before=datetime.now(UTC) + 30 * DAY),
        "certificate is not yet valid",
        "bad certificate",
    ),
    "self-signed": (lambda r: pki.new_self_signed_server(NAME), "self-signed certificate", "unknown ca"),
    "untrusted CA": (
        lambda r: pki.new_root("Other").issue_server(NAME),
        "unable to get local issuer certificate",
        "unknown ca",
    ),
    "missing intermediate": (
        lambda r: without_chain(r.issue_intermediate("Between").issue_server(NAME)),
        "unable to get local issuer certificate",
        "unknown ca",
    ),
    "wrong host": (
        lambda r: r.issue_server("shop.example"),
        "Hostname mismatch, certificate is not valid for 'bank.example'",
        "bad certificate",
    ),
    "wrong usage": (
        lambda r: r.issue_server(NAME, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
        "unsuitable certificate purpose",
        "unsupported certificate",
    ),
    "issued by a leaf": (issued_by_a_leaf, "invalid CA certificate", "unknown ca"),
    "copied": (lambda r: pki.copied(r.issue_server(NAME).certificate), "BAD_SIGNATURE", "decrypt error"),
}  # fmt: skip


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("flaw", SERVERS)
def test_our_client_refuses_a_real_server_and_that_reads_the_alert(root, flaw, version):
    make, reason, alert = SERVERS[flaw]
    with s_server(make(root)) as server:
        run = meeting.get(tls.Client("alice", root.certificate, version=version), NAME, server.port)
        assert wait_until(lambda: "alert" in server.log, 5), server.log
    assert run.failure.by == "alice"
    assert reason in run.failure.reason
    assert f"alert {alert}" in server.log
    # The same as between two ends of ours.
    alone = tls.handshake(tls.Client("alice", root.certificate, version=version), tls.Server(NAME, make(root)), NAME)
    assert run.failure.reason == alone.failure.reason
    assert run.messages[run.failure.at].name == alone.messages[alone.failure.at].name


@pytest.mark.parametrize(
    ("name", "reason"),
    [("127.0.0.1", None), ("127.0.0.2", "IP address mismatch, certificate is not valid for '127.0.0.2'")],
)
def test_an_ip_address_for_a_name(root, name, reason):
    with s_server(root.issue_server("127.0.0.1")) as server:
        run = meeting.get(tls.Client("alice", root.certificate), name, server.port)
    assert (run.failure and run.failure.by) == (reason and "alice")
    assert reason is None or reason in run.failure.reason


def test_revocation(root):
    credential = root.issue_server(NAME)
    stale = {"last_update": datetime.now(UTC) - 30 * DAY}
    for crls, reason, alert in (
        ([root.crl(credential)], "certificate revoked", "certificate revoked"),
        ([], "unable to get certificate CRL", "unknown ca"),
        ([root.crl(**stale)], "CRL has expired", "certificate expired"),
    ):
        alice = tls.Client("alice", root.certificate)
        alice.check_revocation(*crls)
        with s_server(credential) as server:
            run = meeting.get(alice, NAME, server.port)
            assert wait_until(lambda server=server, alert=alert: f"alert {alert}" in server.log, 5), server.log
        assert reason in run.failure.reason


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_one_way(root, version):
    with s_server(root.issue_server(NAME)) as server:
        run = meeting.get(tls.Client("alice", root.certificate, version=version), NAME, server.port)
    assert run.failure is None
    assert run.direction() is Direction.ONE_WAY
    assert (run.messages[-1].receiver, run.messages[-1].name.lower()) == ("alice", "200 ok")
    assert "no client certificate available" in run.messages[-1].note or "CertificateRequest" not in str(run)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_mutual(root, version):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"), version=version)
    with s_server(root.issue_server(NAME), trust=root.certificate) as server:
        run = meeting.get(alice, NAME, server.port)
    assert run.failure is None
    assert run.messages[-1].name.lower() == "200 ok"
    # The server prints whom it has verified, with the depth of the chain.
    assert re.search(r"depth=0 CN ?= ?alice", server.log)
    # Between two ends of ours, the same messages in the same order. (s_server sends as many tickets, too.)
    strict = tls.Server(NAME, root.issue_server(NAME), trust=root.certificate)
    ours = tls.handshake(alice, strict, NAME)
    assert [
        (m.sender, m.name, m.inside is None) for m in run.messages if "GET" not in m.name and "200" not in m.name
    ] == [(m.sender, m.name, m.inside is None) for m in ours.messages]


# What our client shows, what the real server says, and the alert that our client reads in TLS 1.3 and in TLS 1.2.
CLIENTS = {
    "no certificate": (
        lambda r: None,
        "peer did not return a certificate",
        "certificate required",
        "handshake failure",
    ),
    "another CA": (
        lambda r: pki.new_root("Other").issue_client("alice@bank.example"),
        "verify error:num=20:unable to get local issuer certificate",
        "unknown ca",
        "unknown ca",
    ),
    "a web server's": (
        lambda r: r.issue_server("alice.example"),
        "verify error:num=26:unsuitable certificate purpose|verify error:num=26:unsupported certificate purpose",
        "unsupported certificate",
        "unsupported certificate",
    ),
    "expired": (
        lambda r: r.issue_client("alice@bank.example", **LONG_AGO),
        "verify error:num=10:certificate has expired",
        "certificate expired",
        "certificate expired",
    ),
    "copied": (
        lambda r: pki.copied(r.issue_client("alice@bank.example").certificate),
        "bad signature",
        "decrypt error",
        "decrypt error",
    ),
}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("flaw", CLIENTS)
def test_a_real_server_refuses_our_client(root, flaw, version):
    make, words, in_1_3, in_1_2 = CLIENTS[flaw]
    with s_server(root.issue_server(NAME), trust=root.certificate) as server:
        run = meeting.get(tls.Client("alice", root.certificate, make(root), version=version), NAME, server.port)
        assert wait_until(lambda: any(part in server.log for part in words.split("|")), 5), server.log
    assert run.failure.by == NAME
    # The reset that follows can be faster than the alert: then our client reads the end alone.
    alert = in_1_3 if version == "1.3" else in_1_2
    assert f"alert {alert}" in run.failure.reason or "EOF" in run.failure.reason
    assert not any(m.name.startswith("GET") for m in run.messages)
    if run.failure.learned_at is not None:
        late = "its own handshake had already succeeded" in run.messages[run.failure.learned_at].note
        assert late == (version == "1.3")
