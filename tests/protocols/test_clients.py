"""The real openssl, curl and node visit a site of the lab, and say what they make of its certificate or it of theirs."""

import contextlib
import re
import socket
import ssl
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers import programs
from helpers.display.error import CourseError
from helpers.protocols import clients, tls
from helpers.protocols.site import Site
from helpers.trust import pki, zoo

NEEDED = pytest.mark.needs("openssl", "curl", "node")
SERVERS = zoo.servers()
PAGE = "This is bank.example."
SAID = {
    "good": ("0 (ok)", PAGE, PAGE),
    "expired": ("10 (certificate has expired)", "certificate has expired", "CERT_HAS_EXPIRED: certificate has expired"),
    "self-signed": (
        "18 (self-signed certificate)",
        "self-signed certificate",
        "DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate",
    ),
    "missing intermediate": (
        "20 (unable to get local issuer certificate)",
        "unable to get local issuer certificate",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate",
    ),
    "wrong usage": (
        "26 (unsuitable certificate purpose)",
        "unsuitable certificate purpose",
        "INVALID_PURPOSE: unsuitable certificate purpose",
    ),
    "wrong host": (
        "62 (hostname mismatch)",
        "bank.example",
        "ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames: "
        "Host: bank.example. is not in the cert's altnames: DNS:shop.example",
    ),
    "common name only": ("0 (ok)", PAGE, PAGE),
    "revoked": ("0 (ok)", PAGE, PAGE),
}


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """The private folder, with the client's key in it, is gone when the client has ended."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.glob("course-*")) == []


# What they make of the site's certificate


@NEEDED
@pytest.mark.parametrize("name", SAID)
def test_what_they_say(name):
    specimen, (openssl, curl, node) = SERVERS[name], SAID[name]
    with Site(tls.Server(specimen.wanted, specimen.credential)) as site:
        assert clients.openssl(site, specimen.wanted, specimen.root) == openssl
        assert curl in clients.curl(site, specimen.wanted, specimen.root)
        assert clients.node(site, specimen.wanted, specimen.root) == node


@NEEDED
def test_they_trust_the_given_root_and_no_other():
    good, other = SERVERS["good"], zoo.servers()["good"].root
    with Site(tls.Server(good.wanted, good.credential)) as site:
        assert clients.openssl(site, good.wanted, other).startswith("20 (unable to get local issuer")
        assert "unable to get local issuer certificate" in clients.curl(site, good.wanted, other)
        stranger = pki.new_root("Another Root CA").certificate
        assert clients.node(site, good.wanted, stranger).startswith("UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ")


@pytest.mark.needs("curl", "node")
def test_a_host_may_be_an_address():
    specimen = SERVERS["wrong address"]
    with Site(tls.Server(specimen.wanted, specimen.credential)) as site:
        assert clients.curl(site, specimen.wanted, specimen.root).startswith("curl: (60) SSL: no alternative")
        assert clients.node(site, specimen.wanted, specimen.root).endswith(
            "IP: 127.0.0.1 is not in the cert's list: 127.0.0.2"
        )


@NEEDED
@pytest.mark.parametrize("client", [clients.openssl, clients.curl, clients.node])
def test_what_a_site_says_is_made_visible(client, root):
    server = tls.Server("bank\u202e\x1b.example", root.issue_server("bank.example"))
    with Site(server) as site:
        page = client(site, "bank.example", root.certificate, root.issue_client("alice@bank.example"))
        assert page == "This is bank\\u202e\\x1b.example."


@contextlib.contextmanager
def serving(serve):
    """A site on a port of its own, where `serve` has the one connection that comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: serve(listener.accept()[0]))
        thread.start()
        yield SimpleNamespace(port=listener.getsockname()[1])
        thread.join()


@pytest.fixture
def context(root, tmp_path):
    """What a server of Python's own needs."""
    bank = root.issue_server("bank.example")
    (tmp_path / "bank.pem").write_bytes(bank.key_pem() + bank.chain_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "bank.pem")
    return context


@pytest.mark.needs("curl", "node")
@pytest.mark.parametrize(
    ("client", "error"), [(clients.curl, r"curl: \((18|56)\) .+"), (clients.node, "ECONNRESET: aborted")]
)
def test_half_a_page_is_no_page(client, error, context, root):
    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nThis is")

    with serving(serve) as site:
        assert re.fullmatch(error, client(site, "bank.example", root.certificate))


# What the site makes of their certificate

ALICE = "This is bank.example. You are alice."
# Over TLS 1.3 a client hears of it when its own handshake is complete. It has sent its request, and the site has closed
# the connection with that request unread: so a client may meet the end of the connection before it reads the alert.
ENDED = {
    clients.openssl: r"unexpected eof while reading|(read|write):errno=\d+",
    clients.curl: r"curl: \(52\) Empty reply from server|curl: \((55|56)\) (Recv|Send) failure: .+",
    clients.node: r"ECONNRESET: .+|EPIPE: .+",
}
TOLD = {
    clients.openssl: "{alert}",
    clients.curl: r"curl: \(56\) OpenSSL SSL_read: error:\w+:SSL routines::{alert}, errno 0",
    clients.node: "ERR_SSL_{code}: {alert}",
}
ALERTS = {
    "none": "tlsv13 alert certificate required",
    "another CA": "tlsv1 alert unknown ca",
    "self-signed": "tlsv1 alert unknown ca",
    "expired": "ssl/tls alert certificate expired",
    "for a server": "ssl/tls alert unsupported certificate",
    "copied": "tlsv1 alert decrypt error",
}


@pytest.fixture(scope="module")
def shown(root):
    """What a client may show that is no good."""
    client = [ExtendedKeyUsageOID.CLIENT_AUTH]
    month_ago = datetime.now(UTC) - timedelta(days=31)
    return {
        "none": None,
        "another CA": pki.new_root("Lab Root CA").issue_client("alice@bank.example"),
        "self-signed": pki.new_self_signed("alice", usages=client),
        "expired": root.issue_client("alice@bank.example", not_before=month_ago, lifetime=timedelta(days=30)),
        "for a server": root.issue_server("alice"),
        "copied": pki.copied(root.issue_client("alice@bank.example").certificate),
    }


def refusal(client, alert):
    code = alert.upper().replace(" ", "_")
    return f"{TOLD[client].format(alert=re.escape(alert), code=re.escape(code))}|{ENDED[client]}"


@NEEDED
@pytest.mark.parametrize("client", ENDED)
@pytest.mark.parametrize("name", ALERTS)
def test_a_refused_client_says_why(name, client, shown, strict_bank, root):
    with Site(strict_bank) as site:
        said = client(site, "bank.example", root.certificate, shown[name])
        assert re.fullmatch(refusal(client, ALERTS[name]), said)


@pytest.mark.needs("openssl", "curl")
@pytest.mark.parametrize("client", [clients.openssl, clients.curl])
def test_the_alert_can_be_read(client, strict_bank, root):
    told = TOLD[client].format(alert=ALERTS["none"])
    with Site(strict_bank) as site:  # twenty, because the end of the connection may come first, though it seldom does
        assert any(re.fullmatch(told, client(site, "bank.example", root.certificate)) for _ in range(20))


@NEEDED
@pytest.mark.parametrize("client", ENDED)
def test_they_wait_for_a_refusal_that_takes_its_time(client, context, root):
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def serve(connection):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_side=True)
        with connection:
            for _ in ("ClientHello", "the client's last messages"):
                incoming.write(connection.recv(16384))
                time.sleep(0.2)
                with contextlib.suppress(ssl.SSLError):  # it must wait for more, or it refuses
                    secure.do_handshake()
                connection.sendall(outgoing.read())

    with serving(serve) as site:
        assert re.fullmatch(refusal(client, ALERTS["none"]), client(site, "bank.example", root.certificate))


@NEEDED
@pytest.mark.parametrize("client", ENDED)
@pytest.mark.parametrize("optional", [False, True])
def test_a_good_certificate_is_shown_with_its_chain(optional, client, root):
    bank = root.issue_server("bank.example")
    server = tls.Server("bank.example", bank, trust=root.certificate, certificate_optional=optional)
    alice = root.issue_intermediate("Lab Intermediate CA").issue_client("alice@bank.example")
    with Site(server) as site:
        assert client(site, "bank.example", root.certificate, alice) == ALICE


@NEEDED
@pytest.mark.parametrize("client", ENDED)
def test_who_is_not_asked_shows_nothing(client, bank, root):
    with Site(bank) as site:
        assert client(site, "bank.example", root.certificate, root.issue_client("alice@bank.example")) == PAGE


@NEEDED
def test_without_a_certificate_a_site_may_go_on(root):
    bank = root.issue_server("bank.example")
    with Site(tls.Server("bank.example", bank, trust=root.certificate, certificate_optional=True)) as site:
        assert clients.openssl(site, "bank.example", root.certificate) == "0 (ok)"
        assert clients.curl(site, "bank.example", root.certificate) == PAGE
        assert clients.node(site, "bank.example", root.certificate) == PAGE


@NEEDED
def test_a_client_with_a_certificate_still_checks_the_site():
    expired = SERVERS["expired"]
    alice = pki.new_root("Any Root CA").issue_client("alice@bank.example")
    with Site(tls.Server("bank.example", expired.credential)) as site:
        assert clients.openssl(site, "bank.example", expired.root, alice) == "10 (certificate has expired)"
        assert "(60)" in clients.curl(site, "bank.example", expired.root, alice)
        assert clients.node(site, "bank.example", expired.root, alice).startswith("CERT_HAS_EXPIRED: ")


# What they write, read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ""),
        ("\n \n", ""),
        ("read:errno=104\n", "read:errno=104"),
        (
            "Connecting to 127.0.0.1\n40E7:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../a/b.c:1602:SSL alert number 48\n",
            "tlsv1 alert unknown ca",
        ),
        ("40E7:error:0A000410:SSL routines::sslv3 alert handshake failure:a.c:1:x", "ssl/tls alert handshake failure"),
        (
            "ERR_X: 80BC:error:0A00045C:SSL routines:f:tlsv13 alert certificate required:..\\a.c:9:z\n\n",
            "ERR_X: tlsv13 alert certificate required",
        ),
    ],
)
def test_of_an_openssl_error_only_the_reason_is_kept(written, read):
    assert clients.last_error(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ssl/tls alert bad certificate",
            "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE: ssl/tls alert bad certificate",
        ),
        (
            "DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca",
            "DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate",
        ),
        ("ECONNRESET: socket hang up", "ECONNRESET: socket hang up"),
    ],
)
def test_the_versions_of_node_say_the_same(written, read):
    assert clients.node_error(written) == read


def test_a_missing_program_is_a_sentence(monkeypatch):
    monkeypatch.setattr(programs, "find", lambda name: None)
    good = SERVERS["good"]
    with Site(tls.Server(good.wanted, good.credential)) as site:
        for client in (clients.openssl, clients.curl, clients.node):
            sentence = rf"This needs {client.__name__}, which is not on this machine\."
            with pytest.raises(CourseError, match=sentence):
                client(site, good.wanted, good.root)
