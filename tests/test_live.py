"""A site is looked at, judged twice and explained; whatever the server does, what comes of it is a report or a sentence."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import connection, programs
from helpers.connection import (
    BrokenHandshake,
    CannotConnect,
    ClientCertificate,
    HandshakeRefused,
    HungUp,
    NoInternet,
    NoSuchHost,
    NotAHostName,
    NotTLS,
    SiteError,
    TimedOut,
    TLSTooOld,
    TooMuch,
)
from helpers.display.error import CourseError
from helpers.live import check_site, check_steps, host_name
from helpers.protocols import tls, tls_messages
from helpers.protocols.site import Site
from helpers.trust import pki, zoo

NAME = "bank.example"
ZOO = zoo.servers(NAME)


def check(port, root, host=NAME, **more):
    return check_site(host, roots=[root], connect_to=("127.0.0.1", port), **more)


# Real servers, each with eight faults. What our checks say first, and the number that OpenSSL gives to its reason.

FAULTS = {
    "expired": ("expired", 10),
    "not yet valid": ("not_yet_valid", 9),
    "wrong host": ("hostname_mismatch", 62),
    "self-signed": ("untrusted_issuer", 18),
    "untrusted root": ("untrusted_issuer", 20),
    "missing intermediate": ("untrusted_issuer", 20),
    "wrong usage": ("eku", 26),
    "common name only": ("no_san", 0),
}


def files(credential):
    """The key and the chain, as these servers want to have them."""
    key = credential.key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    leaf, *others = (c.public_bytes(Encoding.PEM) for c in (credential.certificate, *credential.intermediates))
    return {"key.pem": key, "leaf.pem": leaf, "others.pem": b"".join(others)}


@contextlib.contextmanager
def running(program, *arguments, ready, credential):
    """A real server, and its port."""
    if not programs.find(program):
        pytest.skip(f"there is no {program} on this machine")
    with programs.run(program, *arguments, ready=ready, files=files(credential)) as server:
        yield server.port


def s_server(credential, *options):
    chain = ("-cert_chain", "others.pem") if credential.intermediates else ()
    arguments = ("-accept", "127.0.0.1:{port}", "-www", "-key", "key.pem", "-cert", "leaf.pem", *chain, *options)
    return running("openssl", "s_server", *arguments, ready="ACCEPT", credential=credential)


NODE = """
const read = name => require("fs").readFileSync(name);
const [port, wanted] = process.argv.slice(1);
require("https").createServer(
  {key: read("key.pem"), cert: read("leaf.pem") + read("others.pem"), requestCert: wanted !== undefined},
  (_request, response) => response.end("hello")
).listen(port, "127.0.0.1", () => console.log("it listens"));
"""


def node(credential, *options):
    return running("node", "-e", NODE, "{port}", *options, ready="it listens", credential=credential)


@pytest.mark.parametrize("fault", FAULTS)
def test_openssl_as_server_with_a_fault(fault):
    with s_server(ZOO[fault].credential) as port:
        assert_explained(check(port, ZOO[fault].root), fault)


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[] if fault == "expired" else [pytest.mark.long]) for fault in FAULTS]
)
def test_node_as_server_with_a_fault(fault):
    with node(ZOO[fault].credential) as port:
        assert_explained(check(port, ZOO[fault].root), fault)


def assert_explained(report, fault):
    reason, code = FAULTS[fault]
    assert report.report.failed[0] == reason
    assert (report.openssl.by, report.openssl.ok, report.openssl.code) == ("OpenSSL", code == 0, code)
    assert report.chain == chain_of(ZOO[fault])
    # Only where the two disagree is there a sentence about it.
    assert ("They disagree" in str(report)) == (fault == "common name only")
    if fault == "common name only":
        assert "OpenSSL takes the common name where the alternative names hold no DNS name." in str(report)


def chain_of(specimen):
    return (specimen.credential.certificate, *specimen.credential.intermediates)


def test_good_servers():
    good = ZOO["good"]
    for start in (s_server, node):
        with start(good.credential) as port:
            report = check(port, good.root)
        assert report.report.ok
        assert report.openssl.ok
        assert report.chain == chain_of(good)
        assert (report.host, report.port, report.version) == (NAME, 443, "TLS 1.3")
        assert report.cipher.startswith("TLS_")
        assert report.seen.client_certificate is ClientCertificate.NOT_ASKED


@pytest.mark.parametrize("specimen", [s for s in ZOO.values() if not s.crls], ids=lambda s: s.name)
def test_the_whole_zoo_on_our_own_site(specimen):
    with Site(tls.Server(NAME, specimen.credential)) as site:
        report = check(site.port, specimen.root, host=specimen.wanted)
    assert report.report.failed[:1] == ((specimen.reason,) if specimen.reason else ())
    assert report.openssl.ok is not None
    assert ("They disagree" in str(report)) == (report.openssl.ok != report.report.ok)


# What is seen.


def site_for(credential, version="1.3", **options):
    server = tls.Server(NAME, credential, **options)
    server.context.maximum_version = tls.VERSIONS[version]
    return Site(server)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_chain_is_seen_as_it_was_sent(root, version):
    sent = root.issue_intermediate("Between").issue_server(NAME)
    sent = pki.Credential(sent.certificate, sent.key, (*sent.intermediates, root.certificate))  # one more than needed
    with site_for(sent, version) as site:
        report = check(site.port, root.certificate)
    assert report.chain == (sent.certificate, *sent.intermediates)
    assert report.version == f"TLS {version}"
    assert ("Certificates sent", "3") in report.tables()[1].rows
    assert [pki.common_name(c) for c in report.report.path] == [NAME, "Between", "Lab Root CA"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("optional", "wanted"), [(True, ClientCertificate.ASKED), (False, ClientCertificate.DEMANDED)])
def test_a_server_that_wants_a_client_certificate(root, version, optional, wanted):
    credential = root.issue_server(NAME)
    began = time.monotonic()
    with site_for(credential, version, trust=root.certificate, certificate_optional=optional) as site:
        report = check(site.port, root.certificate)
    assert time.monotonic() - began < connection.GRACE  # the server says what it wants, and nobody needs to wait
    assert report.report.ok
    assert report.openssl.ok
    assert report.seen.client_certificate is wanted
    assert wanted.value in str(report)


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_server_that_leaves_because_it_gets_no_client_certificate(root, goodbye):
    """Some end the connection without an alert that says why."""
    server = tls.Server(NAME, root.issue_server(NAME), trust=root.certificate, certificate_optional=True)
    server.context.num_tickets = 0

    def leave(plain):
        with server.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as secure:
            secure.report = lambda *_event: None
            secure.do_handshake()
            if goodbye:
                secure.unwrap()

    with speaking(leave) as port:
        assert check(port, root.certificate).seen.client_certificate is ClientCertificate.DEMANDED


def test_a_server_that_asks_and_then_waits(root, monkeypatch):
    monkeypatch.setattr(connection, "GRACE", 0.1)
    server = tls.Server(NAME, root.issue_server(NAME), trust=root.certificate, certificate_optional=True)
    server.context.num_tickets = 0  # nothing says that it goes on
    with Site(server) as site:
        assert check(site.port, root.certificate).seen.client_certificate is ClientCertificate.ASKED


def test_node_as_server_that_demands_a_client_certificate(root):
    with node(root.issue_server(NAME), "one") as port:
        report = check(port, root.certificate)
    assert report.seen.client_certificate is ClientCertificate.DEMANDED
    assert report.openssl.ok


def test_openssl_as_server_that_wants_a_client_certificate(root):
    for option, version, wanted in (
        ("-verify", "-tls1_3", ClientCertificate.ASKED),
        ("-Verify", "-tls1_3", ClientCertificate.DEMANDED),
        ("-verify", "-tls1_2", ClientCertificate.ASKED),
        ("-Verify", "-tls1_2", ClientCertificate.DEMANDED),
    ):
        with s_server(root.issue_server(NAME), option, "1", version) as port:
            report = check(port, root.certificate)
        assert report.seen.client_certificate is wanted
        assert report.openssl.ok


def test_a_bad_certificate_is_explained_although_the_server_wants_one_of_us(root):
    for version in ("1.2", "1.3"):
        with site_for(ZOO["expired"].credential, version, trust=root.certificate) as site:
            report = check(site.port, ZOO["expired"].root)
        assert report.report.failed == ("expired",)
        assert report.openssl.code == 10
        assert report.seen.client_certificate is ClientCertificate.DEMANDED


def test_nothing_is_sent_after_the_handshake(root):
    heard = []
    server = tls.Server(NAME, root.issue_server(NAME))
    server.context.num_tickets = 0  # nothing is left unread, so the connection ends in an orderly way

    def listen(plain):
        with server.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as secure:
            secure.report = lambda *_event: None
            secure.do_handshake()
            said = secure.recv(100)
            secure.unwrap()  # raises where the client has not said goodbye
            heard.append(said)

    with speaking(listen) as port:
        check(port, root.certificate)
    assert heard == [b"", b""]


def test_an_address_instead_of_a_name():
    specimen = ZOO["wrong address"]
    with site_for(specimen.credential) as site:
        report = check_site("127.0.0.1", site.port, roots=[specimen.root])
        assert report.report.failed == ("hostname_mismatch",)
    root = pki.new_root("Lab Root CA")
    with site_for(root.issue_server("127.0.0.1")) as site:
        report = check_site("127.0.0.1", site.port, roots=[root.certificate])
        assert report.report.ok
        assert report.openssl.ok


def test_a_name_that_the_resolver_knows(root):
    """It may know two addresses, ::1 first, where this site does not listen."""
    with site_for(root.issue_server("localhost")) as site:
        assert check_site("localhost", site.port, roots=[root.certificate]).report.ok


def test_an_internationalised_name(root):
    heard = []
    server = tls.Server(NAME, root.issue_server("xn--bcher-kva.example"))
    server.context.sni_callback = lambda _connection, name, _context: heard.append(name)
    with Site(server) as site:
        report = check(site.port, root.certificate, host="Bücher.example")
    assert report.host == "xn--bcher-kva.example"
    assert report.report.ok
    assert report.openssl.ok
    assert set(heard) == {"xn--bcher-kva.example"}
    assert ("Its name, as people write it", "bücher.example") in report.tables()[1].rows


# Whom is trusted?


def test_roots_can_be_given_in_three_forms(root):
    certificate = root.certificate
    with site_for(root.issue_server(NAME)) as site:
        for given in (certificate, certificate.public_bytes(Encoding.DER), certificate.public_bytes(Encoding.PEM)):
            report = check(site.port, given)
            assert report.report.ok
            assert report.openssl.ok
            assert report.roots_from == "the roots that were given"
        nobody = check_site(NAME, roots=[], connect_to=("127.0.0.1", site.port))
    assert nobody.report.failed == ("untrusted_issuer",)
    assert nobody.openssl.code == 20


def test_without_roots_the_systems_trust_store_decides(root, tmp_path, monkeypatch):
    between = root.issue_intermediate("Between")
    with site_for(between.issue_server(NAME)) as site:
        here = {"connect_to": ("127.0.0.1", site.port)}
        report = check_site(NAME, **here)
        assert report.roots_from == "this system's list"
        assert report.report.failed == ("untrusted_issuer",)
        assert report.openssl.code == 20
        # A system that trusts the lab's root, and that lists an intermediate as well: OpenSSL reads this variable.
        listed = b"".join(one.certificate.public_bytes(Encoding.PEM) for one in (between, root))
        (tmp_path / "listed.pem").write_bytes(listed)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "listed.pem"))
        report = check_site(NAME, **here)
        assert report.report.ok
        assert report.openssl.ok
        assert report.report.path[-1] == root.certificate


def test_where_python_cannot_read_the_systems_trust_store_mozillas_list_stands_in(root, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with site_for(root.issue_server(NAME)) as site:
        report = check_site(NAME, connect_to=("127.0.0.1", site.port))
    assert report.roots_from == "Mozilla's list (package certifi)"
    assert ("This course", "✘ refused", "untrusted issuer", report.roots_from) in report.tables()[0].rows
    assert report.tables()[0].rows[1][3] == "this system's list"
    assert report.report.failed == ("untrusted_issuer",)


@pytest.mark.parametrize("roots", [b"bytes", "root.pem", ["root.pem"], [b"no certificate"], 5, [None]])
def test_roots_that_are_none(roots):
    with pytest.raises(SiteError, match="roots is a list of certificates"):
        check_site(NAME, roots=roots, connect_to=("127.0.0.1", 1))


def test_a_single_root_gets_a_sentence(root):
    for single in (root.certificate, root):
        with pytest.raises(SiteError, match=r"such as \[root.certificate\]"):
            check_site(NAME, roots=single)


# The two connections.


def in_turn(*servers):
    """Answers as another server each time; None closes at once."""
    left = list(servers)

    def talk(plain):
        if server := left.pop(0):
            with server.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as secure:
                secure.report = lambda *_event: None
                secure.do_handshake()
                secure.recv(1)

    return speaking(talk)


def test_two_connections_that_see_two_chains(root, bank):
    other = tls.Server(NAME, root.issue_server("shop.example"))
    for first, second, ours, theirs in ((bank, other, True, False), (other, bank, False, True)):
        with in_turn(first, second) as port:
            report = check(port, root.certificate)
        assert (report.report.ok, report.openssl.ok) == (ours, theirs)
        assert "The two connections were shown two different chains, perhaps by two servers." in str(report)


def test_nothing_is_called_accepted_that_one_of_the_two_does_not_accept(root, bank):
    def summary(*servers):
        with in_turn(*servers) as port:
            return check(port, root.certificate).summary

    other = tls.Server(NAME, root.issue_server("shop.example"))
    assert summary(bank, bank) == "✔ accepted by both verifiers"
    assert summary(other, other).startswith(
        "✘ refused by both verifiers (this course: hostname mismatch; OpenSSL: Host"
    )
    refused = "OpenSSL refused (Hostname mismatch, certificate is not valid for 'bank.example'.)"
    assert summary(bank, other) == f"! do not rely on it: this course accepted, {refused}"
    assert summary(other, bank) == "! do not rely on it: this course refused (hostname mismatch), OpenSSL accepted"
    assert summary(bank, None) == "! do not rely on it: this course accepted, OpenSSL came to no verdict"


@pytest.mark.parametrize("timeout", [0, -1, 61, "5", None, float("nan")])
def test_what_is_no_timeout(timeout):
    with pytest.raises(SiteError, match="A timeout is a number of seconds, up to 60"):
        check_site(NAME, roots=[], timeout=timeout)


def test_a_server_that_answers_only_once(root, bank):
    with in_turn(bank, None) as port:
        report = check(port, root.certificate)
    assert report.report.ok
    assert report.openssl.ok is None
    assert "– no verdict" in str(report)
    assert "closed the connection at once" in report.openssl.text
    assert "disagree" not in str(report)


_contacted = None


def _listen_in(event, arguments):
    if _contacted is not None and event in (
        "socket.connect",
        "socket.getaddrinfo",
        "socket.sendto",
        "socket.gethostbyname",
    ):
        _contacted.append((event, arguments[1] if event == "socket.connect" else arguments[:2]))


sys.addaudithook(_listen_in)


@pytest.fixture
def contacted():
    """What this process asks the network for, told by Python itself."""
    global _contacted
    _contacted = []
    yield _contacted
    _contacted = None


def test_nobody_but_the_host_is_contacted(root, contacted):
    with site_for(root.issue_server("localhost")) as site:
        check(site.port, root.certificate)
        assert contacted == [("socket.connect", ("127.0.0.1", site.port))] * 2
        contacted.clear()
        check_site(NAME, connect_to=("127.0.0.1", site.port))  # with the system's trust store
        assert contacted == [("socket.connect", ("127.0.0.1", site.port))] * 2
        contacted.clear()
        check_site("localhost", site.port, roots=[root.certificate])
    assert contacted.pop(0) == ("socket.getaddrinfo", ("localhost", site.port))
    assert {event for event, _ in contacted} == {"socket.connect"}
    assert {address for _, address in contacted} <= {("127.0.0.1", site.port), ("::1", site.port)}


def test_the_steps_are_told_one_by_one(root):
    with site_for(root.issue_server("localhost")) as site:
        *steps, report = check_steps("localhost", site.port, roots=[root.certificate])
        assert steps == ["looking up", "connecting", "handshake", "verifying"]
        assert report.report.ok
        *steps, _ = check_steps(NAME, roots=[], connect_to=("127.0.0.1", site.port))
        assert steps == ["connecting", "handshake", "verifying"]
        telling = check_steps(NAME, roots=[], connect_to=("127.0.0.1", site.port))
        assert next(telling) == "connecting"
        telling.close()  # whoever waits may stop waiting


# What goes wrong: each is a sentence.


@contextlib.contextmanager
def speaking(talk):
    """A server that calls `talk` with each connection, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        ended = threading.Event()

        def serve():
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    plain, _ = listener.accept()
                    with plain:
                        plain.settimeout(2)
                        talk(plain)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def says(data, then_wait=True):
    def talk(plain):
        plain.sendall(data)
        while then_wait and plain.recv(4096):
            pass

    return talk


def assert_sentence(kind, words, port, timeout=1.0):
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        check_site(NAME, roots=[], connect_to=("127.0.0.1", port), timeout=timeout)
    assert time.monotonic() - began < timeout + 1
    assert caught.type is kind
    sentence = str(caught.value)
    assert words in sentence
    assert NAME in sentence
    assert "Traceback" not in sentence
    assert sentence.isprintable()
    assert isinstance(caught.value, CourseError)


def test_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert_sentence(CannotConnect, "bank.example (port 443) refused the connection.", port)


def test_a_host_that_does_not_answer():
    """A server that lets nobody in: its queue is full, and so the system is silent to who knocks."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        assert_sentence(TimedOut, "did not answer within 0.3 s", listener.getsockname()[1], timeout=0.3)


def test_a_silent_server():
    with speaking(says(b"")) as port:
        assert_sentence(TimedOut, "took the connection, and then said nothing for 0.3 s", port, timeout=0.3)


def test_a_dripping_server():
    def drip(plain):
        for byte in b"\x16\x03\x03\x40\x00" + bytes(16_000):
            plain.sendall(bytes([byte]))
            time.sleep(0.0005)  # each byte comes in time, and all of them would take long

    with speaking(drip) as port:
        assert_sentence(TimedOut, "began the handshake, and did not complete it within 0.3 s", port, timeout=0.3)


def test_a_server_that_never_stops_sending():
    def flood(plain):
        while True:
            plain.sendall(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00" * 1000)

    with speaking(flood) as port:
        assert_sentence(BrokenHandshake, "The handshake with bank.example (port 443) failed: [SSL", port)


def test_no_more_is_read_than_a_handshake_needs(root, monkeypatch):
    monkeypatch.setattr(connection, "MOST_BYTES", 1024)
    leaf = root.issue_intermediate("Between").issue_server(NAME)
    with site_for(pki.Credential(leaf.certificate, leaf.key, leaf.intermediates * 9)) as site:
        assert_sentence(TooMuch, "sent more than 1 KiB", site.port)


@pytest.mark.parametrize(("count", "words"), [(40, "a chain of 41 certificates"), (400, "far too long a chain")])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_chain_absurdly_long(root, count, words, version):
    leaf = root.issue_intermediate("Between").issue_server(NAME)
    with site_for(pki.Credential(leaf.certificate, leaf.key, leaf.intermediates * count), version) as site:
        assert_sentence(TooMuch, words, site.port)


GREETINGS = {
    b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n": "speaks plain HTTP and not TLS. It began with: HTTP/1.1 400 Bad Request",
    b"SSH-2.0-OpenSSH_9.2\r\n": "speaks SSH and not TLS. It began with: SSH-2.0-OpenSSH_9.2",
    b"220 mail.bank.example ESMTP\r\n": "speaks a mail or file transfer protocol (SMTP or FTP) and not TLS.",
    b"\0\x1b[31m\xff\xfe": "does not speak TLS. It began with: \\x00\\x1b[31m\\xff\\xfe",
    b"\x16\x04 not quite": "does not speak TLS.",
}


@pytest.mark.parametrize("greeting", GREETINGS)
def test_another_protocol(greeting):
    with speaking(says(greeting)) as port:
        assert_sentence(NotTLS, GREETINGS[greeting], port)


def test_a_real_web_server_without_tls():
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            port = int(server.stdout.readline().split("port ")[1].split()[0])
            assert_sentence(NotTLS, "speaks plain HTTP", port)
        finally:
            server.kill()


def test_garbage_in_a_record():
    with speaking(says(b"\x16\x03\x03\x00\x10" + bytes(range(16)))) as port:
        assert_sentence(BrokenHandshake, "The handshake with bank.example (port 443) failed: [SSL", port)


def test_a_server_that_closes_at_once():
    with speaking(says(b"", then_wait=False)) as port:
        assert_sentence(HungUp, "closed the connection at once", port)


def test_a_server_that_closes_in_the_middle(root):
    def hang_up(plain):
        plain.recv(4096)
        plain.sendall(b"\x16\x03\x03\x01\x00 the beginning")
        plain.shutdown(socket.SHUT_WR)
        plain.recv(4096)

    with speaking(hang_up) as port:
        assert_sentence(HungUp, "in the middle of the handshake", port)


def test_a_server_that_resets_the_connection():
    def reset(plain):
        plain.recv(1)  # the rest stays unread, and so closing resets

    with speaking(reset) as port:
        assert_sentence(HungUp, "closed the connection at once", port)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_tls_too_old(root, version):
    with s_server(root.issue_server(NAME), version, "-cipher", "ALL:@SECLEVEL=0") as port:
        assert_sentence(TLSTooOld, "offers neither TLS 1.2 nor TLS 1.3. RFC 8996 forbids", port)


def test_tls_too_old_and_the_server_just_answers_with_it():
    # A ServerHello of TLS 1.1 (RFC 4346, section 7.4.1.3): version, random, no session id, a suite, no compression.
    hello = b"\x03\x02" + bytes(32) + b"\x00" + b"\xc0\x13" + b"\x00"
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    with speaking(says(b"\x16\x03\x02" + len(message).to_bytes(2, "big") + message)) as port:
        assert_sentence(TLSTooOld, "offers neither TLS 1.2 nor TLS 1.3.", port)


def test_a_server_that_refuses_the_handshake(root):
    with s_server(root.issue_server(NAME), "-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0") as port:
        assert_sentence(HandshakeRefused, "with the alert handshake_failure. Nothing that we offered", port)


def test_a_server_that_has_no_such_name(root):
    server = tls.Server(NAME, root.issue_server(NAME))
    server.context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with Site(server) as site:
        assert_sentence(HandshakeRefused, "with the alert unrecognized_name. It knows no site of this name.", site.port)


SWAPPED = {
    "the bank's": "failed: [SSL: BAD_SIGNATURE] bad signature. The server did not prove that it has the key",
    "garbage": "showed a certificate that cannot be read.",
}


@pytest.mark.parametrize("certificate", SWAPPED)
def test_a_certificate_swapped_on_the_way_gets_no_report(root, certificate):
    """Somebody shows the bank's certificate, and has only a key of their own. In TLS 1.2 the message can be changed."""

    def der(credential):
        return credential.certificate.public_bytes(Encoding.DER)

    own = root.issue_server(NAME)
    shown = b"\x30" * len(der(own))
    while certificate == "the bank's" and len(shown := der(root.issue_server(NAME))) != len(der(own)):
        pass  # the lengths of ECDSA signatures differ, and here they must not

    def swap(plain):
        with socket.create_connection(("127.0.0.1", site.port)) as behind:
            behind.sendall(plain.recv(8192))
            flight = behind.recv(16384)
            assert der(own) in flight
            plain.sendall(flight.replace(der(own), shown))
            plain.recv(4096)

    with site_for(own, "1.2") as site, speaking(swap) as port:
        assert_sentence(BrokenHandshake, SWAPPED[certificate], port)


def test_a_server_that_asks_for_a_certificate_and_closes_in_the_middle_has_proved_nothing(root):
    def cut(plain):
        with socket.create_connection(("127.0.0.1", site.port)) as behind:
            behind.sendall(plain.recv(8192))
            plain.sendall(behind.recv(16384)[:-1])
            plain.shutdown(socket.SHUT_WR)
            plain.recv(4096)

    with site_for(root.issue_server(NAME), "1.2", trust=root.certificate) as site, speaking(cut) as port:
        assert_sentence(HungUp, "in the middle of the handshake", port)


# No such host, no internet.


def the_resolver_says(monkeypatch, code):
    def fail(*_arguments, **_options):
        raise socket.gaierror(code, "what it says differs")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


@pytest.mark.parametrize("code", ["EAI_NONAME", "EAI_NODATA", "EAI_FAIL"])
def test_no_such_host(monkeypatch, code):
    the_resolver_says(monkeypatch, getattr(socket, code, socket.EAI_NONAME))
    with pytest.raises(NoSuchHost, match=r"No host with the name nosuch.example was found. Is it spelled right\?"):
        check_site("nosuch.example", roots=[])


def test_the_real_resolver_on_a_name_that_nobody_may_have():
    """RFC 6761, section 6.4, reserves .invalid. Without a network the resolver says something else."""
    with pytest.raises((NoSuchHost, NoInternet), match=r"nosuch.invalid.*Without the internet you can check the lab's"):
        check_site("nosuch.invalid", roots=[], timeout=1)


def test_no_name_server_answers(monkeypatch):
    the_resolver_says(monkeypatch, socket.EAI_AGAIN)
    with pytest.raises(NoInternet, match=r"Is this computer online\? Without the internet you can check the lab's own"):
        check_site(NAME, roots=[])


def test_a_resolver_that_hangs(monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: done.wait(5))
    began = time.monotonic()
    with pytest.raises(NoInternet, match=r"Nobody could say within 0.2 s which address bank.example has"):
        check_site(NAME, roots=[], timeout=0.2)
    assert time.monotonic() - began < 2
    done.set()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says that no way leads to the broadcast address")
def test_no_way_to_the_network():
    with pytest.raises(NoInternet, match=r"No way leads from here to bank.example .*: Network is unreachable. Is this"):
        check_site(NAME, roots=[], connect_to=("255.255.255.255", 443))


def test_of_several_addresses_the_first_that_answers_is_taken(root):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()
    with site_for(root.issue_server(NAME)) as site:
        addresses = [("255.255.255.255", 443), closed, ("127.0.0.1", site.port)]
        with connection.Connection(NAME, 443, addresses, 1) as made:
            assert made.address == ("127.0.0.1", site.port)
    # And where none answers, the error that tells most is told.
    with pytest.raises(CannotConnect):
        connection.Connection(NAME, 443, addresses[:2], 1)


# What learners paste.

PASTED = {
    "https://bank.example/login": "Only the host name, please: bank.example",
    "HTTPS://bank.example": "Only the host name, please: bank.example",
    "//bank.example/": "Only the host name, please: bank.example",
    "bank.example/login?x=1#top": "Only the host name, please: bank.example",
    "bank.example:8443": "Only the host name, please: bank.example, and the port 8443 on its own",
    "https://alice:secret@bank.example:8443/": "Only the host name, please: bank.example, and the port 8443 on its own",
    "alice@bank.example": "Only the host name, please: bank.example",
    " bank.example": "Only the host name, please: bank.example",
    "bank.example\n": "Only the host name, please: bank.example",
    "bank. example": "Only the host name, please: bank.example",
    "bank.example.": "Only the host name, please: bank.example",
    "https://bücher.example/": "Only the host name, please: bücher.example",
    "https://192.0.2.1/": "Only the host name, please: 192.0.2.1",
    "[::1]:443": "Only the host name, please: ::1, and the port 443 on its own",
    "[::1]": "Only the host name, please: ::1",
    "https://": "There is no host name in “https://”.",
    ":443": "There is no host name in “:443”.",
    "": "The host name is missing.",
    "   ": "The host name is missing.",
    None: "The host name is missing.",
    b"bank.example": "The host name is missing.",
    "bank..example": "“bank..example” is no host name.",
    "-bank.example": "“-bank.example” is no host name.",
    "bank!.example": "“bank!.example” is no host name.",
    "☃.example": "“☃.example” is no host name.",
    "xn--zzzzzz.example": "“xn--zzzzzz.example” is no host name.",
    "fe80::1%eth0": "“fe80::1%eth0” is no host name.",
    "a" * 64 + ".example": "is no host name.",
    "ä" * 100_000: "is no host name.",
    "127.1": "looks like an IP address, and is none.",
    "0x7f.0.0.1": "looks like an IP address, and is none.",
    "0x7f000001": "looks like an IP address, and is none.",
    "1.2.3.4.5": "looks like an IP address, and is none.",
    "010.0.0.1": "looks like an IP address, and is none.",
    "１２７.０.０.１": "looks like an IP address, and is none.",
    "bank\x1b[31m.example": "“bank\\x1b[31m.example” is no host name.",
    "\u202ebank.example": "is no host name.",
}


@pytest.mark.parametrize("pasted", PASTED, ids=lambda pasted: repr(pasted)[:30])
def test_what_is_no_host_name_gets_a_sentence(pasted, contacted):
    with pytest.raises(NotAHostName) as caught:
        check_site(pasted, roots=[])
    assert PASTED[pasted] in str(caught.value)
    assert str(caught.value).isprintable()
    assert contacted == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bank.example", "bank.example"),
        ("BANK.example", "bank.example"),
        ("localhost", "localhost"),
        ("r3---sn-x.example", "r3---sn-x.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),  # UTS 46, non-transitional: not fass.example
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bank。example", "bank.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
    ],
)
def test_what_is_a_host_name(text, name):
    assert host_name(text) == name


@pytest.mark.parametrize("port", [0, 65536, -1, "443", 443.0, None])
def test_what_is_no_port(port):
    with pytest.raises(SiteError, match="A port is a whole number from 1 to 65535"):
        check_site(NAME, port, roots=[])
    with pytest.raises(SiteError, match="A port is a whole number from 1 to 65535"):
        check_site(NAME, roots=[], connect_to=("127.0.0.1", port))


@pytest.mark.parametrize("there", ["127.0.0.1", ("localhost", 443), ("127.0.0.1",), 443, ()])
def test_what_is_nothing_to_connect_to(there):
    with pytest.raises(SiteError, match="connect_to is an IP address and a port"):
        check_site(NAME, roots=[], connect_to=there)


# How it looks.


def facts(credential, root):
    with site_for(credential) as site:
        report = check(site.port, root.certificate)
    return report, dict(report.tables()[1].rows)


def test_the_facts_of_a_certificate(root):
    names = [NAME, *(f"www{number}.bank.example" for number in range(9))]
    report, shown = facts(root.issue_server(*names, "192.0.2.1"), root)
    assert shown["Its certificate is for"] == ", ".join(names[:5]) + " and 6 more"
    assert shown["Issued by"] == "CN=Lab Root CA"
    assert shown["Dates"] == "29 days left"
    assert shown["TLS version"] == "TLS 1.3"
    assert "443" not in str(report)
    for text in (str(report), report._repr_html_()):
        assert text.index("Two verdicts") < text.index("Dates") < text.index("Certificate for bank.example")


def test_two_looks_are_the_same(root):
    credential = root.issue_server(NAME)
    assert len({facts(credential, root)[0]._repr_html_() for _ in range(2)}) == 1


def test_validity_in_words(root):
    days = timedelta(days=1)
    now = datetime.now(UTC)
    for begins, words in ((now - 60 * days, "ended 30 days ago"), (now + 10.5 * days, "begins in 10 days")):
        _, shown = facts(root.issue_server(NAME, not_before=begins, lifetime=30 * days), root)
        assert shown["Dates"] == words


@pytest.mark.parametrize("days", [47, 100, 200, 398])
def test_lifetimes_are_judged_to_the_second(root, days):
    """RFC 5280 counts both ends, so the longest certificate of 47 days ends a second before 47 days are over."""

    def judged(lifetime):
        _, shown = facts(root.issue_server(NAME, lifetime=lifetime), root)
        limits = shown["Within the limits for public CAs?"].split(", ")
        return shown["Lifetime"], {int(limit.split()[1]): limit.startswith("✔") for limit in limits}

    lifetime, fits = judged(timedelta(days=days))
    assert lifetime == f"{days} days"
    assert fits == {limit: days <= limit for limit in (47, 100, 200, 398)}
    lifetime, fits = judged(timedelta(days=days, seconds=1))
    assert lifetime == f"more than {days} days"
    assert fits == {limit: days < limit for limit in (47, 100, 200, 398)}


def test_texts_from_a_certificate_are_escaped():
    evil = pki.new_root("<img src=x onerror=alert(1)>\u202eAC")
    report, _ = facts(evil.issue_server(NAME), evil)
    html = report._repr_html_()
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "\u202e" not in html + str(report)


def test_a_certificate_that_can_be_read_only_in_part():
    report, shown = facts(ZOO["garbage inside"].credential, ZOO["garbage inside"].credential)
    assert report.report.failed == ("malformed",)
    assert "cannot be read" in shown["Its certificate"]


# The bytes of the Certificate message.


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_message_that_is_cut_gives_the_whole_certificates(version):
    extensions = b"\x00\x02xy" if version == "1.3" else b""
    entries = [len(der).to_bytes(3, "big") + der + extensions for der in (b"first", b"second")]
    body = b"".join(entries)
    message = b"\x0b???" + (b"\x03ctx" if version == "1.3" else b"") + len(body).to_bytes(3, "big") + body
    found = [tls_messages.certificates(message[:cut], tls.VERSIONS[version]) for cut in range(len(message) + 1)]
    assert found[-1] == (b"first", b"second")
    assert set(found) == {(), (b"first",), (b"first", b"second")}
    assert found == sorted(found)
