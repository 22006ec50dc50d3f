"""A real Node.js server that asks for a certificate, in three tempers: what its clients hear, and what it noted."""

import contextlib
import re
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from helpers import programs
from helpers.display.error import CourseError
from helpers.protocols import clients, http, node, tls, wires
from helpers.protocols.node import Refusal, Visit
from helpers.protocols.tls_session import Session, Stranger
from helpers.running import wait_until
from helpers.trust import pki

HOST = "bank.example"
MISSING = "UNABLE_TO_GET_ISSUER_CERT"  # so Node says it where a client has shown no certificate
# What a client shows, and what is wrong with it in Node's words.
FLAWS = {
    "another CA": "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "for a server": "INVALID_PURPOSE",
    "expired": "CERT_HAS_EXPIRED",
    "self-signed": "DEPTH_ZERO_SELF_SIGNED_CERT",
}
VISITORS = [clients.openssl, clients.curl, clients.node]
# Node refuses a certificate by closing the connection, without an alert. (Windows and macOS have other numbers.)
ENDED = {
    clients.openssl: r"unexpected eof while reading|(read|write):errno=\d+",
    clients.curl: r"curl: \(52\) Empty reply from server|curl: \((55|56)\) .+",
    clients.node: r"ECONNRESET: .+|EPIPE: .+",
}


@pytest.fixture(scope="module")
def shown(root):
    month_ago = datetime.now(UTC) - timedelta(days=31)
    return {
        "none": None,
        "good": root.issue_client("alice@bank.example"),
        "with a chain": root.issue_intermediate("Lab Intermediate CA").issue_client("alice@bank.example"),
        "another CA": pki.new_root("Lab Root CA").issue_client("alice@bank.example"),
        "for a server": root.issue_server("alice"),
        "expired": root.issue_client("alice@bank.example", not_before=month_ago, lifetime=timedelta(days=30)),
        "self-signed": pki.new_self_signed("alice", usages=[ExtendedKeyUsageOID.CLIENT_AUTH]),
        "copied": pki.copied(root.issue_client("alice@bank.example").certificate),
    }


@pytest.fixture(scope="module")
def servers(root):
    """One server of each mode. They run while this module's tests do."""
    bank = root.issue_server(HOST)
    with contextlib.ExitStack() as running:
        yield {mode: running.enter_context(node.server(HOST, bank, root.certificate, mode)) for mode in node.MODES}


@pytest.fixture
def visited(servers, root):
    """Visit the server of this mode: what the client says, and what the server noted of this visit."""

    def visit(mode, client, credential):
        server = servers[mode]
        before = len(server.visits)
        said = client(server, HOST, root.certificate, credential)
        return said, server.visits[before:]

    return visit


def in_python(server, host, trust, credential):
    """What the course's own client says."""
    client = tls.Client("alice", trust, credential)
    with Session(client, Stranger(server.party), host, wires.to_port(server.port)) as session:
        if not session.established:
            return f"{session.failure.by}: {session.failure.reason}"
        session.send(session.client, http.request("GET", host, "/", Connection="close"), "GET /")
        received = session.receive(session.client, lambda received: received.endswith(b"\r\n0\r\n\r\n"))
        return received.decode().partition("\r\n\r\n")[2].split("\r\n")[1].strip()


# With every client


@pytest.mark.needs("node", "openssl", "curl")
@pytest.mark.parametrize("client", [*VISITORS, in_python])
@pytest.mark.parametrize("mode", node.MODES)
@pytest.mark.parametrize("name", ["good", pytest.param("with a chain", marks=pytest.mark.long)])
def test_a_good_certificate_is_greeted(name, mode, client, shown, visited):
    assert visited(mode, client, shown[name]) == ("Hello, alice.", (Visit(True, "alice", None),))


# Strict


@pytest.mark.needs("node", "openssl", "curl")
@pytest.mark.parametrize(
    "client", [clients.openssl, *(pytest.param(one, marks=pytest.mark.long) for one in (clients.curl, clients.node))]
)
@pytest.mark.parametrize("name", FLAWS)
def test_a_strict_server_ends_the_connection_and_keeps_the_reason_to_itself(name, client, shown, visited):
    said, noted = visited("strict", client, shown[name])
    assert re.fullmatch(ENDED[client], said)
    assert noted == (Refusal("ECONNRESET", FLAWS[name]),)


@pytest.mark.needs("node", "openssl", "curl")
@pytest.mark.parametrize("client", VISITORS)
def test_a_strict_server_tells_a_client_that_shows_none(client, visited):
    said, noted = visited("strict", client, None)
    assert re.fullmatch(rf".*tlsv13 alert certificate required.*|{ENDED[client]}", said)
    assert noted == (Refusal("ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", None),)


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", ["none", *FLAWS])
def test_a_strict_server_refuses_the_courses_own_client(name, shown, visited):
    said, noted = visited("strict", in_python, shown[name])
    assert said.startswith("bank.example: ")
    assert [type(one) for one in noted] == [Refusal]


@pytest.mark.needs("node", "curl")
@pytest.mark.parametrize("mode", node.MODES)
def test_no_server_believes_a_copied_certificate(mode, shown, visited):
    said, noted = visited(mode, clients.curl, shown["copied"])
    assert re.fullmatch(rf".*tlsv1 alert decrypt error.*|{ENDED[clients.curl]}", said)
    (refusal,) = noted
    assert re.fullmatch(
        "ERR_SSL_(BAD_SIGNATURE|PROVIDER_SIGNATURE_FAILURE)", refusal.code
    )  # the second since OpenSSL 3.5
    assert refusal.why is None


# Careless and mended


@pytest.mark.needs("node", "curl")
@pytest.mark.parametrize("name", FLAWS)
def test_a_careless_server_greets_whoever_the_certificate_names(name, shown, visited):
    said, noted = visited("careless", clients.curl, shown[name])
    assert said == "Hello, alice."
    assert noted == (Visit(False, "alice", FLAWS[name]),)


@pytest.mark.needs("node", "curl")
@pytest.mark.parametrize("name", FLAWS)
def test_a_mended_server_looks_whether_the_certificate_is_good(name, shown, visited):
    said, noted = visited("mended", clients.curl, shown[name])
    assert said == f"Sorry, I do not know you: {FLAWS[name]}."
    assert noted == (Visit(False, "alice", FLAWS[name]),)


@pytest.mark.needs("node", "curl")
def test_without_a_certificate_the_careless_and_the_mended_server_answer(visited):
    noted = (Visit(False, None, MISSING),)
    assert visited("careless", clients.curl, None) == ("Hello, undefined.", noted)
    assert visited("mended", clients.curl, None) == ("Sorry, I do not know you: no certificate.", noted)


@pytest.mark.needs("node", "curl")
@pytest.mark.parametrize(("mode", "status"), [("careless", "200"), ("mended", "403")])
def test_the_status_says_it_too(mode, status, servers, root):
    files = {"root.pem": root.certificate.public_bytes(Encoding.PEM)}
    arguments = ["-q", "-s", "-o", "page", "-w", "%{http_code}", "--cacert", "root.pem"]
    address = f"{HOST}:{servers[mode].port}"
    result = programs.run_to_end(
        "curl", *arguments, "--resolve", f"{address}:127.0.0.1", f"https://{address}/", files=files
    )
    assert result.output == status


@pytest.mark.needs("node")
@pytest.mark.parametrize(
    ("mode", "page"), [("careless", "Hello, undefined."), ("mended", "Sorry, I do not know you: ")]
)
def test_a_resumed_session_without_a_certificate_is_no_way_in(mode, page, servers, root):
    """Node says of such a client that it is authorized (nodejs/node #35317). A later Node may not."""
    context = ssl.create_default_context(cadata=root.certificate.public_bytes(Encoding.PEM).decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def ask(session=None):
        with (
            socket.create_connection(("127.0.0.1", servers[mode].port), timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=HOST, session=session) as secure,
        ):
            secure.sendall(http.request("GET", HOST, "/"))
            answer = b"".join(iter(lambda: secure.recv(4096), b""))
            return answer.decode(), secure.session, secure.session_reused

    _, session, resumed = ask()
    assert not resumed
    answer, _, resumed = ask(session)
    assert resumed
    assert page in answer
    assert servers[mode].visits[-1].name is None


# Names in certificates


@pytest.mark.needs("node", "curl")
def test_a_forged_name_forges_no_line(visited):
    name = 'eve\n{"authorized":true,"name":"alice"}\u2028\u202e"<b>'
    forged = pki.new_self_signed(name, usages=[ExtendedKeyUsageOID.CLIENT_AUTH])
    said, noted = visited("careless", clients.curl, forged)
    assert noted == (Visit(False, name, "DEPTH_ZERO_SELF_SIGNED_CERT"),)
    assert said.isprintable()
    assert said.startswith('Hello, eve {"authorized"')


@pytest.mark.needs("node", "curl")
@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ([(NameOID.COMMON_NAME, "alice"), (NameOID.COMMON_NAME, "bob")], "alice, bob"),
        ([(NameOID.ORGANIZATION_NAME, "Lab")], None),
    ],
)
def test_a_certificate_may_have_several_common_names_or_none(subject, name, root, visited, monkeypatch):
    attributes = [x509.NameAttribute(kind, value) for kind, value in subject]
    monkeypatch.setattr(pki, "subject", lambda _name: x509.Name(attributes))
    said, noted = visited("mended", clients.curl, root.issue_client("alice@bank.example"))
    assert said.startswith("Hello, ")
    assert noted == (Visit(True, name, None),)


# Clients that refuse, or that speak no TLS


@pytest.mark.needs("node", "openssl", "curl", "node")
@pytest.mark.parametrize(
    ("client", "said"),
    [
        (clients.openssl, "19 (self-signed certificate in certificate chain)"),
        (clients.curl, "curl: (60) SSL certificate problem: self-signed certificate in certificate chain"),
        (clients.node, "SELF_SIGNED_CERT_IN_CHAIN: self-signed certificate in certificate chain"),
    ],
)
def test_a_client_that_refuses_the_server_asks_for_nothing(client, said, servers, shown):
    server = servers["careless"]
    before = len(server.visits)
    assert client(server, HOST, pki.new_root("Unknown Root CA").certificate, shown["good"]) == said
    noted = server.visits[before:]
    # openssl and curl say why (an alert). Node leaves without a word, and then its handshake may have been complete.
    assert noted == (Refusal("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", None),) or client is clients.node
    assert all(isinstance(one, Refusal) for one in noted)


@pytest.mark.needs("node", "openssl")
def test_the_renamed_alerts_have_one_name(servers, root):
    server = servers["careless"]
    before = len(server.visits)
    assert clients.openssl(server, "shop.example", root.certificate) == "62 (hostname mismatch)"
    assert server.visits[before:] == (Refusal("ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", None),)


@pytest.mark.needs("node", "curl")
def test_a_server_goes_on_after_clients_that_speak_no_tls(servers, shown, root):
    server = servers["strict"]
    before = len(server.visits)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n")
        assert connection.recv(100) == b""
    socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    assert wait_until(lambda: len(server.visits) == before + 2, 5)  # nobody knows when the server notices the second
    assert set(server.visits[before:]) == {Refusal("ERR_SSL_HTTP_REQUEST", None), Refusal("ECONNRESET", None)}
    assert clients.curl(server, HOST, root.certificate, shown["good"]) == "Hello, alice."


@pytest.mark.needs("node")
def test_a_client_that_says_nothing_is_not_waited_for_long(servers, monkeypatch):
    server = servers["careless"]
    before = len(server.visits)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        assert wait_until(lambda: not server._has_judged_all(), 5)
        began = time.monotonic()
        monkeypatch.setattr(node, "PATIENCE", 0.2)
        assert len(server.visits) == before
        assert 0.2 <= time.monotonic() - began < 5
    assert wait_until(lambda: server.visits[before:] == (Refusal("ECONNRESET", None),), 5)


@pytest.mark.needs("node")
def test_each_client_is_judged_once(servers):
    """So `visits` waits for neither more nor fewer than have come. All tests above have visited these servers."""
    for server in servers.values():
        assert server._has_judged_all()
        noted = server._noted()
        secure = noted.count({"event": "secureConnection"})
        assert noted.count({"event": "connection"}) == secure + sum("refused" in facts for facts in noted)


# The server itself


@pytest.mark.needs("node", "curl")
def test_what_was_noted_can_be_read_when_the_server_has_ended(root, shown):
    with node.server(HOST, root.issue_server(HOST), root.certificate, "strict") as server:
        assert server.visits == ()
        assert server.party == HOST
        clients.curl(server, HOST, root.certificate, shown["good"])
    assert server.visits == (Visit(True, "alice", None),)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_the_script_is_short_enough_to_be_read():
    lines = node.script().splitlines()
    assert len(lines) <= 35
    assert max(map(len, lines)) <= 120
    assert "rejectUnauthorized" in node.script()


def test_another_mode_is_an_error(root):
    with (
        pytest.raises(ValueError, match="the mode is one of strict, careless, mended, and not 'kind'"),
        node.server(HOST, root.issue_server(HOST), root.certificate, "kind"),
    ):
        pass


def test_without_node_a_sentence_says_so(root, monkeypatch):
    monkeypatch.setattr(programs, "find", lambda name: None)
    with (
        pytest.raises(CourseError, match=r"This needs node, which is not on this machine\."),
        node.server(HOST, root.issue_server(HOST), root.certificate, "strict"),
    ):
        pass
