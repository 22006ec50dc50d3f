"""The real openssl, curl and node visit a site of the lab, and say what they make of its certificate or it of theirs."""

import contextlib
import itertools
import re
import socket
import ssl
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers import programs
from helpers.display.error import CourseError, error_text
from helpers.exchange import Factor
from helpers.protocols import clients, tls
from helpers.protocols.site import Site
from helpers.running import wait_until
from helpers.trust import pki, zoo

NEEDED = pytest.mark.needs("openssl", "curl", "node")
EVERY = [clients.openssl, clients.curl, clients.node]
VERSIONS = ["1.2", "1.3"]
SERVERS = zoo.servers()
NAME = "bank.example"
PAGE = "This is bank.example."


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """The private folder, with the client's key in it, is gone when the client has ended."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.glob("course-*")) == []


def bank(credential, version="1.3", **options):
    server = tls.Server(NAME, credential, **options)
    server.context.maximum_version = tls.VERSIONS[version]
    return server


def visit(server, client, *wanted):
    """What the client says of the site, and what the site has seen of it."""
    with Site(server) as site:
        said = client(site, *wanted)
        assert wait_until(lambda: site.visits, 5)
    (seen,) = site.visits
    return plain(said), seen


def plain(said):
    """The same for the versions of curl, and of OpenSSL, which since 3.5 has two errors for a wrong signature."""
    said = re.sub(r"(TLS connect error: )?error:\w+:[^:]+::", "", said)
    return said.replace("target ipv4 address", "target hostname").replace("provider signature failure", "bad signature")


def copied(credential):
    return pki.copied(credential.certificate, *credential.intermediates)


def names(seen):
    return [message.name for message in seen.messages]


# What they make of the site's certificate


def usual(number, words, code, alert):
    """openssl says the number and the words, curl the words, and node has a code for it."""
    code = code if ": " in code else f"{code}: {words}"
    return f"{number} ({words})", f"curl: (60) SSL certificate problem: {words}", code, alert


# What openssl, curl and node say, and the alert that openssl and curl send.
SAID = {
    "expired": usual(10, "certificate has expired", "CERT_HAS_EXPIRED", "certificate_expired"),
    "not yet valid": usual(9, "certificate is not yet valid", "CERT_NOT_YET_VALID", "bad_certificate"),
    "self-signed": usual(18, "self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT", "unknown_ca"),
    "untrusted root": usual(20, "unable to get local issuer certificate", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unknown_ca"),
    "missing intermediate": usual(
        20,
        "unable to get local issuer certificate",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate",
        "unknown_ca",
    ),
    "wrong host": (
        "62 (hostname mismatch)",
        "curl: (60) SSL: no alternative certificate subject name matches target hostname 'bank.example'",
        "ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames: "
        "Host: bank.example. is not in the cert's altnames: DNS:shop.example",
        "bad_certificate",
    ),
    "wrong address": (
        "64 (IP address mismatch)",
        "curl: (60) SSL: no alternative certificate subject name matches target hostname '127.0.0.1'",
        "ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames: "
        "IP: 127.0.0.1 is not in the cert's list: 127.0.0.2",
        "bad_certificate",
    ),
    "wrong usage": usual(26, "unsuitable certificate purpose", "INVALID_PURPOSE", "unsupported_certificate"),
    # OpenSSL finds two errors here. Node does not stop at the first one, and says the last.
    "issued by a leaf": usual(79, "invalid CA certificate", "INVALID_PURPOSE: unsuitable certificate purpose", "unknown_ca"),
    "copied": ("bad signature", "curl: (35) bad signature", "EPROTO: write EPROTO bad signature", "decrypt_error"),
    "revoked": usual(23, "certificate revoked", "CERT_REVOKED", "certificate_revoked"),
    "list of another CA": usual(3, "unable to get certificate CRL", "UNABLE_TO_GET_CRL", "unknown_ca"),
    "stale list": usual(12, "CRL has expired", "CRL_HAS_EXPIRED", "certificate_expired"),
    "no authority key identifier": ("85 (Missing Authority Key Identifier)", None, None, "certificate_unknown"),
}  # fmt: skip

# Where a program looks for a flaw only when it is told to: its options.
LIST = {
    clients.openssl: ["-CRL", "crl.pem", "-crl_check"],
    clients.curl: ["--crlfile", "crl.pem"],
    clients.node: ["crl.pem"],
}
TOLD_TO = {
    "wrong address": {clients.openssl: ["-verify_ip", "127.0.0.1"]},
    "no authority key identifier": {clients.openssl: ["-x509_strict"]},
    **dict.fromkeys(("revoked", "list of another CA", "stale list"), LIST),
}
NODE_WITH_A_LIST = """
const read = require("fs").readFileSync;
const [port, servername, list] = process.argv.slice(1);
const options = {host: "127.0.0.1", port, servername, ca: read("root.pem"), crl: read(list)};
require("https").get(options, response => response.pipe(process.stdout)).on("error", error => {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
});
"""


def told_to(client, options, crls=()):
    """The client with these options, for which helpers.protocols.clients has no parameter."""

    def ask(site, host, root):
        arguments = {
            clients.openssl: ["s_client", "-connect", f"127.0.0.1:{site.port}", "-CAfile", "root.pem", "-no-CApath", "-no-CAstore", "-verify_return_error", "-quiet", *options],
            clients.curl: ["-q", "-sS", "--resolve", f"{host}:{site.port}:127.0.0.1", f"https://{host}:{site.port}", "--cacert", "root.pem", *options],
            clients.node: ["-e", NODE_WITH_A_LIST, str(site.port), host, *options],
        }[client]  # fmt: skip
        files = {"root.pem": root.public_bytes(Encoding.PEM)}
        files["crl.pem"] = b"".join(crl.public_bytes(Encoding.PEM) for crl in crls)
        request = f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
        result = programs.run_to_end(client.__name__, *arguments, files=files, input=request)
        error = re.search(r"^(verify error|curl|[A-Z_]+):.*$", result.errors, re.MULTILINE)
        said = error[0] if error else result.output.splitlines()[-1]
        return error_text(re.sub(r"verify error:num=(\d+):(.*)", r"\1 (\2)", said))

    return ask


def heard(seen):
    """How it ended for the site: the alert that it read, "closed" in the middle of the handshake, or nothing wrong."""
    if seen.failure is None:
        return ""
    assert seen.failure.by == "visitor"
    alert = "closed" if "EOF" in seen.failure.reason else seen.heard_as()
    assert alert == "closed" or f"alert {alert.replace('_', ' ')}" in seen.failure.reason
    return alert


def to_hear(name, client, version, alert):
    """What the site should hear of a refusal."""
    # curl compares the name itself, when its handshake is complete, and then it just leaves.
    if client is clients.curl and name in ("wrong host", "wrong address"):
        return ""
    if client is not clients.node:
        return alert
    # Node judges the certificate when its handshake is complete, too. Then it closes, without an alert. In TLS 1.3 its
    # Finished has not been sent by then. In TLS 1.2 the client's comes first. (A signature is OpenSSL's affair, but
    # Node does not send OpenSSL's alert either.)
    return "closed" if version == "1.3" or name == "copied" else ""


def site_with(name, root):
    """What a site shows with this flaw, what its visitor wants and trusts, and the revocation lists that it has."""
    if TOLD_TO.get(name) is LIST:  # not from the zoo, where a chain has two lists
        credential, month_ago = root.issue_server(NAME), datetime.now(UTC) - timedelta(days=30)
        lists = {
            "revoked": root.crl(credential),
            "list of another CA": pki.new_root("Another Root CA").crl(),
            "stale list": root.crl(last_update=month_ago),
        }
        return credential, NAME, root.certificate, [lists[name]]
    one = SERVERS["good" if name == "copied" else name]
    return copied(one.credential) if name == "copied" else one.credential, one.wanted, one.root, []


# One certificate for each way in which they find a flaw: the chain, the name, the signature, the list.
A_FEW = ("expired", "wrong host", "copied", "revoked")


def row(name, client, version, few=A_FEW):
    """Without --long: openssl over TLS 1.3, and what a few can show of the others."""
    stays = version == "1.3" and (client is clients.openssl or name in few)
    return pytest.param(name, client, version, marks=[] if stays else [pytest.mark.long])


# To Node the version makes no difference. What the site hears then, a few can show.
REFUSALS = [
    row(name, client, version)
    for name, said in SAID.items()
    for client in EVERY
    for version in VERSIONS
    if said[EVERY.index(client)] and (client is not clients.node or version == "1.3" or name in ("expired", "wrong host", "copied"))
]  # fmt: skip


@NEEDED
@pytest.mark.parametrize(("name", "client", "version"), REFUSALS)
def test_a_refused_site_hears_of_it_or_not(name, client, version, root):
    *said, alert = SAID[name]
    credential, wanted, trusted, lists = site_with(name, root)
    options = TOLD_TO.get(name, {}).get(client)
    asking = told_to(client, options, lists) if options else client
    told, seen = visit(bank(credential, version), asking, wanted, trusted)
    assert told == said[EVERY.index(client)]
    assert heard(seen) == to_hear(name, client, version, alert)
    # A site that heard nothing has no reason to think that anything was wrong: the visitor has completed the handshake.
    assert (("visitor", "Finished") in [(m.sender, m.name) for m in seen.messages]) == (heard(seen) == "")
    assert not any(one.startswith("GET") for one in names(seen))
    assert ("ServerHelloDone" in names(seen)) == (version == "1.2")


@NEEDED
@pytest.mark.parametrize("client", EVERY)
@pytest.mark.parametrize(
    "name",
    [
        "common name only",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("revoked", "no authority key identifier")),
    ],
)
def test_flaws_that_none_of_them_finds_by_itself(name, client):
    shown = SERVERS[name]
    told, seen = visit(bank(shown.credential), client, shown.wanted, shown.root)
    assert told == ("0 (ok)" if client is clients.openssl else PAGE)
    assert seen.failure is None
    assert names(seen)[-2:] == ["GET /", "200 OK"]


@NEEDED
@pytest.mark.parametrize("client", EVERY)
def test_with_a_list_that_does_not_name_it_they_accept(client, root):
    asking = told_to(client, LIST[client], [root.crl(root.issue_server(NAME))])
    told, seen = visit(bank(root.issue_server(NAME)), asking, NAME, root.certificate)
    assert told == PAGE
    assert seen.failure is None


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("name", "options"), [(NAME, ["-x509_strict"]), ("127.0.0.1", ["-verify_ip", "127.0.0.1"])])
def test_with_the_other_options_openssl_accepts_what_is_good(name, options, root):
    told, seen = visit(bank(root.issue_server(name)), told_to(clients.openssl, options), name, root.certificate)
    assert told == PAGE
    assert seen.failure is None


@NEEDED
def test_they_trust_the_given_root_and_no_other():
    good, other = SERVERS["good"], zoo.servers()["good"].root
    with Site(tls.Server(good.wanted, good.credential)) as site:
        assert clients.openssl(site, good.wanted, other).startswith("20 (unable to get local issuer")
        assert "unable to get local issuer certificate" in clients.curl(site, good.wanted, other)
        stranger = pki.new_root("Another Root CA").certificate
        assert clients.node(site, good.wanted, stranger).startswith("UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ")


@NEEDED
@pytest.mark.parametrize("client", EVERY)
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
# Over TLS 1.2 it hears of it in the middle of its handshake, and always.
TOLD = {
    (clients.openssl, "1.2"): "{alert}",
    (clients.openssl, "1.3"): "{alert}",
    (clients.curl, "1.2"): r"curl: \(35\) {alert}",
    (clients.curl, "1.3"): r"curl: \(56\) OpenSSL SSL_read: {alert}, errno 0",
    (clients.node, "1.2"): "EPROTO: write EPROTO {alert}",
    (clients.node, "1.3"): "ERR_SSL_{code}: {alert}",
}
# What the site says, at which message, and the alerts that it sends. The first is another one over TLS 1.2.
ALERTS = {
    "none": ("peer did not return a certificate", "Certificate", "tlsv13 alert certificate required"),
    "another CA": ("unable to get local issuer certificate", "Certificate", "tlsv1 alert unknown ca"),
    "self-signed": ("self-signed certificate", "Certificate", "tlsv1 alert unknown ca"),
    "expired": ("certificate has expired", "Certificate", "ssl/tls alert certificate expired"),
    "for a server": ("unsuitable certificate purpose", "Certificate", "ssl/tls alert unsupported certificate"),
    "copied": ("bad signature", "CertificateVerify", "tlsv1 alert decrypt error"),
}
NONE_IN_1_2 = "ssl/tls alert handshake failure"


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
        "copied": copied(root.issue_client("alice@bank.example")),
    }


def refusal(client, alert, version="1.3"):
    code = alert.upper().replace(" ", "_")
    told = TOLD[client, version].format(alert=re.escape(alert), code=re.escape(code))
    return told if version == "1.2" else f"{told}|{ENDED[client]}"


@NEEDED
@pytest.mark.parametrize(
    ("name", "client", "version"),
    [row(*one, few=("none", "another CA")) for one in itertools.product(ALERTS, EVERY, VERSIONS)],
)
def test_a_refused_client_says_why(name, client, version, shown, root):
    reason, at, alert = ALERTS[name]
    alert = NONE_IN_1_2 if (name, version) == ("none", "1.2") else alert
    expected = refusal(client, alert, version)
    if (name, client, version) == ("expired", clients.curl, "1.2"):
        # The same words and the same number as where curl itself refuses a site.
        expected = r"curl: \(60\) SSL certificate verification failed"
    server = bank(root.issue_server(NAME), version, trust=root.certificate)
    said, seen = visit(server, client, NAME, root.certificate, shown[name])
    assert re.fullmatch(expected, said)
    assert seen.failure.by == NAME
    assert seen.failure.reason.endswith(reason)
    assert names(seen)[seen.failure.at] == at
    assert names(seen)[-1] == f"Alert {alert.partition(' alert ')[2].replace(' ', '_')}"
    assert ("ServerHelloDone" in names(seen)) == (version == "1.2")
    assert seen.proofs == ()


@pytest.mark.needs("openssl", "curl")
@pytest.mark.parametrize("client", [clients.openssl, clients.curl])
def test_the_alert_can_be_read(client, strict_bank, root):
    told = TOLD[client, "1.3"].format(alert=ALERTS["none"][-1])
    with Site(strict_bank) as site:  # twenty, because the end of the connection may come first, though it seldom does
        assert any(re.fullmatch(told, plain(client(site, NAME, root.certificate))) for _ in range(20))


@NEEDED
@pytest.mark.parametrize("client", EVERY)
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
        assert re.fullmatch(refusal(client, ALERTS["none"][-1]), plain(client(site, NAME, root.certificate)))


@NEEDED
@pytest.mark.parametrize("client", EVERY)
@pytest.mark.parametrize(("version", "optional"), [("1.2", False), ("1.3", False), ("1.3", True)])
def test_a_good_certificate_is_shown_with_its_chain(version, optional, client, root):
    server = bank(root.issue_server(NAME), version, trust=root.certificate, certificate_optional=optional)
    alice = root.issue_intermediate("Lab Intermediate CA").issue_client("alice@bank.example")
    said, seen = visit(server, client, NAME, root.certificate, alice)
    assert said == ALICE
    assert seen.failure is None
    assert (seen.seen_by, seen.factors_of("visitor", NAME)) == (NAME, {Factor.POSSESSION})
    assert [proof.identity for proof in seen.proofs] == ["alice"]
    assert ("ServerHelloDone" in names(seen)) == (version == "1.2")


@NEEDED
@pytest.mark.parametrize("client", EVERY)
@pytest.mark.parametrize("version", VERSIONS)
def test_who_is_not_asked_shows_nothing(version, client, root):
    server = bank(root.issue_server(NAME), version)
    said, seen = visit(server, client, NAME, root.certificate, root.issue_client("alice@bank.example"))
    assert said == PAGE
    assert (seen.failure, seen.proofs) == (None, ())
    assert "CertificateRequest" not in names(seen)
    assert names(seen).count("Certificate") == 1
    assert ("ServerHelloDone" in names(seen)) == (version == "1.2")


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
