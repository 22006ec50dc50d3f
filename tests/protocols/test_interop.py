"""Our client meets servers of other programs, and each end says with its own words what was wrong."""

import itertools
import re
import ssl
from datetime import UTC, datetime

import flaws
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from flaws import DAY, NAME

from helpers import programs
from helpers.exchange import Factor
from helpers.protocols import http, meeting, tls
from helpers.running import wait_until
from helpers.trust import pki

OPENSSL, NODE = pytest.mark.needs("openssl"), pytest.mark.needs("node")


def s_server(credential, *options, trust=None):
    """The real server. It shows a page that says what it knows of its client."""
    files = {"server.pem": credential.key_pem() + credential.chain_pem()}
    arguments = ["s_server", "-accept", "127.0.0.1:{port}", "-www", "-key", "server.pem", "-cert", "server.pem"]
    arguments += ["-cert_chain", "server.pem"] if credential.intermediates else []
    if trust:
        files["trust.pem"] = trust.public_bytes(Encoding.PEM)
        arguments += ["-Verify", "3", "-verify_return_error", "-CAfile", "trust.pem", "-no-CApath", "-no-CAstore"]
    return programs.run("openssl", *arguments, *options, ready="ACCEPT", files=files)


# It asks for no certificate, and its page says what it knows of its client.
NODE_SERVER = """
const pem = require("fs").readFileSync("server.pem");
const server = require("https").createServer({key: pem, cert: pem}, ({socket}, response) => {
  response.setHeader("Connection", "close");
  response.end(`${socket.getProtocol()}, authorized: ${socket.authorized}, ${JSON.stringify(socket.getPeerCertificate())}`);
});
server.on("tlsClientError", error => console.log(error.code));
server.listen(process.argv[1], "127.0.0.1", () => console.log("it listens"));
"""


def node(credential):
    files = {"server.pem": credential.key_pem() + credential.chain_pem()}
    return programs.run("node", "-e", NODE_SERVER, "{port}", ready="it listens", files=files)


# The table of refusals: what the server shows, what our client says, and the alert that the real server reads.
SERVERS = {
    **flaws.SERVERS,
    "wrong address": (
        lambda r: r.issue_server("127.0.0.2"),
        "IP address mismatch, certificate is not valid for '127.0.0.1'",
        "bad_certificate",
    ),
    "copied": (lambda r: pki.copied(r.issue_server(NAME).certificate), "BAD_SIGNATURE", "decrypt_error"),
    "revoked": (lambda r: r.issue_server(NAME), "certificate revoked", "certificate_revoked"),
    "no list": (lambda r: r.issue_server(NAME), "unable to get certificate CRL", "unknown_ca"),
    "stale list": (lambda r: r.issue_server(NAME), "CRL has expired", "certificate_expired"),
    "no authority key identifier": (
        lambda r: r.issue_server(NAME, authority_key_identifier=False),
        "Missing Authority Key Identifier",
        "certificate_unknown",
    ),
}


def our_client(root, flaw, shown, version):
    """Alice. She looks for what is wrong here, where a client does so only when it is told to."""
    alice = tls.Client("alice", root.certificate, version=version)
    if flaw == "revoked":
        alice.check_revocation(root.crl(shown))
    elif flaw == "no list":
        alice.check_revocation()
    elif flaw == "stale list":
        alice.check_revocation(root.crl(last_update=datetime.now(UTC) - 30 * DAY))
    elif flaw == "no authority key identifier":
        alice.context.verify_flags |= ssl.VERIFY_X509_STRICT
    return alice


def meetings():
    """Every server with every flaw, over both versions. Without --long, over TLS 1.3 and with Node once."""
    for flaw, (start, mark), version in itertools.product(SERVERS, ((s_server, OPENSSL), (node, NODE)), ("1.2", "1.3")):
        stays = version == "1.3" and (start is s_server or flaw == "expired")
        yield pytest.param(flaw, start, version, marks=[mark] if stays else [mark, pytest.mark.long])


@pytest.mark.parametrize(("flaw", "start", "version"), list(meetings()))
def test_our_client_refuses_a_real_server_and_that_reads_the_alert(root, flaw, start, version):
    make, reason, alert = SERVERS[flaw]
    shown = make(root)
    alice = our_client(root, flaw, shown, version)
    wanted = "127.0.0.1" if flaw == "wrong address" else NAME
    with start(shown) as server:
        run = meeting.get(alice, wanted, server.port)
        # s_server writes it in small letters. Node's code for it: ERR_SSL_ and the same words, in capitals.
        assert wait_until(lambda: f"alert {alert.replace('_', ' ')}\n" in words(server.log), 5), server.log
    assert run.failure.by == "alice"
    assert reason in run.failure.reason
    assert run.messages[-1].name == f"Alert {alert}"
    assert run.proofs == ()
    # The same as between two ends of ours.
    alone = tls.handshake(alice, tls.Server(NAME, shown), wanted)
    assert run.failure.reason == alone.failure.reason
    assert run.messages[run.failure.at].name == alone.messages[alone.failure.at].name


def words(log):
    """What a server wrote, in small letters. Of OpenSSL's lines, only up to the reason."""
    return re.sub(r":[^:\n]+:\d+:SSL alert number \d+", "", log).lower().replace("_", " ")


@OPENSSL
def test_an_ip_address_for_a_name(root):
    with s_server(root.issue_server("127.0.0.1")) as server:
        run = meeting.get(tls.Client("alice", root.certificate), "127.0.0.1", server.port)
    assert run.failure is None
    assert [proof.identity for proof in run.proofs] == ["127.0.0.1"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("start", "knows"),
    [
        pytest.param(s_server, "no client certificate available", marks=OPENSSL),
        pytest.param(node, "TLSv{version}, authorized: false, {{}}", marks=NODE),
    ],
)
def test_one_way(root, start, knows, version):
    with (
        start(root.issue_server(NAME)) as server,
        meeting.connect(tls.Client("alice", root.certificate, version=version), NAME, server.port) as session,
    ):
        session.send(session.client, http.request("GET", NAME, "/"), "GET /")
        page = session.receive(session.client, http.is_whole).decode()
        run = session.exchange()
    assert page.startswith("HTTP/1.")
    assert knows.format(version=version) in page
    assert run.failure is None
    assert run.factors_of(NAME, "alice") == {Factor.POSSESSION}
    assert run.factors_of("alice") == set()
    assert "CertificateRequest" not in [m.name for m in run.messages]
    assert [m.sender for m in run.messages if m.name == "Certificate"] == [NAME]


@OPENSSL
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_mutual(root, version):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"), version=version)
    with s_server(root.issue_server(NAME), trust=root.certificate) as server:
        run = meeting.get(alice, NAME, server.port)
    assert run.failure is None
    assert run.messages[-1].name.lower() == "200 ok"
    # The server prints whom it has verified, with the depth of the chain.
    assert re.search(r"depth=0 CN ?= ?alice", server.log)
    # Our end knows what it has verified itself, and not what the other one has.
    assert run.seen_by == "alice"
    assert [(proof.prover, proof.verifier, proof.identity) for proof in run.proofs] == [(NAME, "alice", NAME)]
    with pytest.raises(ValueError, match="seen from the end of alice alone"):
        run.direction()
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
        lambda r: r.issue_client("alice@bank.example", **flaws.long_ago()),
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


@OPENSSL
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("flaw", CLIENTS)
def test_a_real_server_refuses_our_client(root, flaw, version):
    make, said, in_1_3, in_1_2 = CLIENTS[flaw]
    with s_server(root.issue_server(NAME), trust=root.certificate) as server:
        run = meeting.get(tls.Client("alice", root.certificate, make(root), version=version), NAME, server.port)
        assert wait_until(lambda: any(part in server.log for part in said.split("|")), 5), server.log
    assert run.failure.by == NAME
    assert not any(m.name.startswith("GET") for m in run.messages)
    if version == "1.2":
        assert f"alert {in_1_2}" in run.failure.reason
        assert run.when_heard() == "within its handshake"
    # In TLS 1.3 the reset that follows can be faster than the alert: then our client reads the end alone.
    elif "EOF" not in run.failure.reason:
        assert f"alert {in_1_3}" in run.failure.reason
        assert run.when_heard() == "after its own handshake"


@OPENSSL
def test_in_1_3_the_alert_can_be_read(root):
    alice = tls.Client("alice", root.certificate)
    with s_server(root.issue_server(NAME), trust=root.certificate) as server:  # ten times, because it may be lost
        runs = (meeting.get(alice, NAME, server.port) for _ in range(10))
        assert any(run.when_heard() == "after its own handshake" for run in runs)
