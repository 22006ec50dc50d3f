"""The same handshakes over real TCP connections: nothing is flaky, and nothing is left behind."""

import contextlib
import gc
import os
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from helpers.protocols import http, meeting, tls, wires
from helpers.protocols.login import Accounts, log_in
from helpers.protocols.site import Site
from helpers.protocols.tls_session import Session, Stranger
from helpers.trust import pki

NAME = "bank.example"


@pytest.fixture(scope="module")
def cases(root, bank, strict_bank):
    """Each is a client and a server: accepted, refused by the client, refused by the server late and early."""
    stranger = pki.new_root("Other Root").issue_client("alice@bank.example")
    mine = root.issue_client("alice@bank.example")
    return {
        "one-way": (tls.Client("alice", root.certificate), bank),
        "mutual": (tls.Client("alice", root.certificate, mine), strict_bank),
        "mutual in 1.2": (tls.Client("alice", root.certificate, mine, version="1.2"), strict_bank),
        "no certificate": (tls.Client("alice", root.certificate), strict_bank),
        "no certificate in 1.2": (tls.Client("alice", root.certificate, version="1.2"), strict_bank),
        "another CA": (tls.Client("alice", root.certificate, stranger), strict_bank),
        "a copied certificate": (tls.Client("alice", root.certificate, pki.copied(mine.certificate)), strict_bank),
        "nobody trusted": (tls.Client("alice", None), bank),
    }


def test_a_tcp_connection_changes_nothing(cases):
    for client, server in cases.values():
        in_memory = tls.handshake(client, server, NAME)
        assert str(tls.handshake(client, server, NAME, wire=wires.loopback)) == str(in_memory)


def open_files():
    return sorted(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else []


def test_200_handshakes_in_a_row(cases, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    expected = {name: str(tls.handshake(*ends, NAME)) for name, ends in cases.items()}
    gc.collect()
    threads, files = threading.active_count(), len(open_files())
    for number in range(200):
        name = list(cases)[number % len(cases)]
        assert str(tls.handshake(*cases[name], NAME, wire=wires.loopback)) == expected[name], (number, name)
    assert threading.active_count() == threads
    assert len(open_files()) == files
    assert list(tmp_path.iterdir()) == []


def test_200_visits_to_a_site(root, strict_bank, cases):
    """Here the two ends run in threads of their own, and each sees its own end only."""
    gc.collect()
    threads, files = threading.active_count(), len(open_files())
    mutual, late = cases["mutual"][0], cases["no certificate"][0]
    with Site(strict_bank, visitor="alice") as site:
        for number in range(200):
            client = late if number % 2 else mutual
            with Session(client, Stranger(NAME), NAME, wires.to_port(site.port)) as session:
                if session.established:
                    session.send(session.client, http.request("GET", NAME, "/"), "GET /")
                    answer = session.receive(session.client, http.is_whole)
                    assert http.answer(answer) == ("200 OK", "This is bank.example. You are alice.")
                run = session.exchange()
            assert (run.failure is None) == (client is mutual), (number, str(run))
            if client is late:
                assert "certificate required" in run.failure.reason
                assert "its own handshake had already succeeded" in run.messages[run.failure.learned_at].note
    assert len(site.visits) == 200
    assert sum(visit.failure is None for visit in site.visits) == 100
    assert threading.active_count() == threads
    assert len(open_files()) == files


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 300_000])
def test_what_is_sent_arrives_whole(root, bank, size):
    data = os.urandom(size)
    for wire in (wires.Memory, wires.loopback):
        with Session(tls.Client("alice", root.certificate), bank, NAME, wire) as session:
            assert session.send(session.client, data, "much")[1] == data
            assert session.send(session.server, data, "much")[1] == data


def test_a_login_over_tcp(root, bank):
    accounts = Accounts().add("alice", "correct horse")
    arguments = (tls.Client("alice", root.certificate), bank, NAME, accounts, "alice", "correct horse")
    assert str(log_in(*arguments, wire=wires.loopback)) == str(log_in(*arguments))


def test_it_listens_on_this_computer_only_and_only_for_one(root, bank, monkeypatch):
    listened = []
    real = socket.create_server

    def create_server(address, **more):
        listened.append(real(address, **more))
        return listened[0]

    monkeypatch.setattr(socket, "create_server", create_server)
    tls.handshake(tls.Client("alice", root.certificate), bank, NAME, wire=wires.loopback)
    (listener,) = listened
    assert listener.fileno() == -1  # closed

    # Somebody else calls first: we talk to the one whose address we know.
    strangers = []

    def crowded(address, **more):
        listener = real(address, **more)
        strangers.append(socket.create_connection(listener.getsockname()))
        return listener

    monkeypatch.setattr(socket, "create_server", crowded)
    run = tls.handshake(tls.Client("alice", root.certificate), bank, NAME, wire=wires.loopback)
    assert run.failure is None
    strangers[0].settimeout(5)
    assert strangers[0].recv(1) == b""
    strangers[0].close()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\x00\x40"])
def test_a_server_that_speaks_no_tls_or_leaves_is_a_refusal(root, said):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(said)
            connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = tls.Client("alice", root.certificate)
        with Session(client, Stranger(NAME), NAME, wires.to_port(listener.getsockname()[1])) as session:
            run = session.exchange()
        thread.join()
    assert not session.established
    assert run.failure.by == ("alice" if said.startswith(b"HTTP") else NAME)
    assert ("WRONG_VERSION_NUMBER" if said.startswith(b"HTTP") else "EOF occurred") in run.failure.reason
    assert run.seen_by == "alice"


def test_a_silent_server_is_left_after_a_while(root, monkeypatch):
    monkeypatch.setattr(wires, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = wires.to_port(listener.getsockname()[1])
        with Session(tls.Client("alice", root.certificate), Stranger(NAME), NAME, wire) as session:
            assert not session.established
            run = session.exchange()
    assert [message.name for message in run.messages] == ["ClientHello"]
    assert (run.failure.by, run.failure.reason) == (NAME, "no answer")


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", "a\0b"])
@pytest.mark.parametrize("where", ["loopback", "to a port"])
def test_a_name_that_cannot_be_one_leaves_no_socket_open(root, bank, name, where):
    gc.collect()
    files = len(open_files())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = wires.loopback if where == "loopback" else wires.to_port(listener.getsockname()[1])
        with pytest.raises((ValueError, TypeError)):
            Session(tls.Client("alice", root.certificate), bank, name, wire)
    assert len(open_files()) == files


def test_more_than_a_thousand_open_files_are_no_obstacle(root, bank):
    resource = pytest.importorskip("resource")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1200:
        pytest.skip("this system allows fewer open files")
    with contextlib.ExitStack() as stack:
        for _ in range(1030):
            stack.enter_context(Path(os.devnull).open("rb"))
        run = tls.handshake(tls.Client("alice", root.certificate), bank, NAME, wire=wires.loopback)
    assert run.failure is None


@contextlib.contextmanager
def answering(say):
    """A server that does `say(secure, connection)` once a client has completed the handshake."""
    root = pki.new_root("Root")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls._load(context, root.issue_server(NAME))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                say(secure)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield tls.Client("alice", root.certificate), listener.getsockname()[1]
        thread.join(10)


def test_a_flood_is_cut():
    def flood(secure):
        secure.recv(4096)
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        for _ in range(64):
            secure.sendall(b"x" * 65536)

    with answering(flood) as (alice, port):
        run = meeting.get(alice, NAME, port)
    assert run.messages[-1].name == "200 OK"
    assert run.messages[-1].note.endswith("(cut short)")


def test_half_a_page_is_no_page():
    def half(secure):
        secure.recv(4096)
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")

    with answering(half) as (alice, port):
        assert meeting.get(alice, NAME, port).messages[-1].note == "hel (cut short)"


def test_who_answers_too_slowly_is_left_after_the_same_time(monkeypatch):
    monkeypatch.setattr(wires, "PATIENCE", 0.5)

    def dribble(secure):
        secure.recv(4096)
        for _ in range(40):
            secure.sendall(b"H")
            time.sleep(0.1)

    with answering(dribble) as (alice, port):
        began = time.monotonic()
        meeting.get(alice, NAME, port)
        assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_that_is_taken_up_again_has_no_new_signature(root, strict_bank, version):
    context = ssl.create_default_context(cadata=root.certificate.public_bytes(Encoding.DER))
    context.maximum_version = tls.VERSIONS[version]
    tls._load(context, root.issue_client("alice@bank.example"))
    session = None
    with Site(strict_bank, visitor="alice") as site:
        for _ in range(2):
            plain = socket.create_connection(("127.0.0.1", site.port), timeout=5)
            with context.wrap_socket(plain, server_hostname=NAME, session=session) as secure:
                secure.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while secure.recv(4096):
                    pass
                session = secure.session
                reused = secure.session_reused
    assert reused
    first, again = site.visits
    ((proof,), (other,)) = first.proofs, again.proofs
    assert "CertificateVerify" in proof.evidence
    assert other.evidence == "a secret from an earlier session, in which it had shown a certificate"
    assert "Certificate" not in [message.name for message in again.messages]
