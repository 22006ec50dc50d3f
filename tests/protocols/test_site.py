"""The lab's own site: real clients get its page, and none of them can stop it."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import programs
from helpers.exchange import Factor
from helpers.protocols import meeting, tls
from helpers.protocols.site import Site

NAME = "bank.example"


@pytest.fixture
def site(bank):
    with Site(bank) as site:
        yield site


@contextlib.contextmanager
def connected(site, root):
    """A client of Python's own, with the handshake done."""
    context = ssl.create_default_context(cadata=root.certificate.public_bytes(Encoding.DER))
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as secure,
    ):
        yield secure


def page(secure):
    secure.sendall(b"GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n")
    return b"".join(iter(lambda: secure.recv(4096), b""))


def assert_still_there(site, root):
    with connected(site, root) as secure:
        assert page(secure).endswith(b"\r\n\r\nThis is bank.example.\n")


def test_curl_gets_the_page(site, root, tmp_path):
    curl = programs.find("curl")
    if not curl:
        pytest.skip("there is no curl on this machine")
    (tmp_path / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    there = f"{NAME}:{site.port}:127.0.0.1"
    options = ["--silent", "--show-error", "--include", "--cacert", tmp_path / "root.pem", "--resolve", there]
    command = [curl, *options, f"https://{NAME}:{site.port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    assert said.startswith("HTTP/1.1 200 OK\n")
    assert said.endswith("\n\nThis is bank.example.\n")


def test_several_clients_at_once(site, root):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(site, root)) for _ in range(4)]
        assert len({page(client) for client in reversed(clients)}) == 1


def test_a_client_that_refuses_the_certificate_does_not_stop_it(site, root):
    with socket.create_connection(("127.0.0.1", site.port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context(cafile=None, cadata=None).wrap_socket(plain, server_hostname="shop.example")
    assert_still_there(site, root)


@pytest.mark.parametrize("said", [b"", b"\x16", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 64])
def test_a_client_that_speaks_no_tls_does_not_stop_it(site, root, said):
    with socket.create_connection(("127.0.0.1", site.port)) as plain:
        plain.sendall(said)
        assert_still_there(site, root)


def test_a_client_that_resets_the_connection_does_not_stop_it(site, root):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", site.port)) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert_still_there(site, root)


def test_a_request_without_an_end_is_not_read_for_ever(site, root):
    with connected(site, root) as secure, contextlib.suppress(OSError):
        for _ in range(20):
            secure.sendall(b"x" * 4096)
        assert secure.recv(1) == b""
    assert_still_there(site, root)


def test_a_visit_ends_when_the_client_says_goodbye(site, root):
    before = threading.active_count()
    with connected(site, root) as secure:
        with contextlib.suppress(OSError):
            secure.unwrap()
        end = time.monotonic() + 1
        while threading.active_count() > before and time.monotonic() < end:
            time.sleep(0.01)
        assert threading.active_count() == before


def test_a_site_can_demand_a_client_certificate(root, strict_bank):
    with Site(strict_bank) as site, connected(site, root) as secure, pytest.raises(ssl.SSLError):
        secure.recv(1)


def test_it_ends_with_the_block_although_clients_hang(bank, root):
    before = set(threading.enumerate())
    with Site(bank) as site, contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=5))
        half = stack.enter_context(connected(site, root))
        half.sendall(b"GET / HTTP/1.1\r\n")
        assert_still_there(site, root)  # the two are served by now
        began = time.monotonic()
        site.__exit__()
        assert time.monotonic() - began < 1
        assert set(threading.enumerate()) == before
        assert silent.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", site.port))


def test_it_listens_on_this_computer_only(site):
    assert site._listener.getsockname()[0] == "127.0.0.1"


def test_it_does_not_outlive_the_kernel():
    code = """
import socket
from helpers.exchange import Factor
from helpers.protocols import meeting, tls
from helpers.protocols.site import Site
from helpers.trust import pki
site = Site(tls.Server("bank.example", pki.new_self_signed_server("bank.example")))
site.__enter__()  # and the block never ends
client = socket.create_connection(("127.0.0.1", site.port))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=4)


def test_the_server_of_a_site_can_still_be_used_in_memory(bank, root):
    """They share a context, which reports every message to the connection that it belongs to."""
    with Site(bank) as site:
        assert_still_there(site, root)
        assert tls.handshake(tls.Client("alice", root.certificate), bank, NAME).failure is None


def test_a_request_that_comes_together_with_the_end_of_the_handshake_is_not_lost(site, root):
    context = ssl.create_default_context(cadata=root.certificate.public_bytes(Encoding.DER))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as plain:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(16384))
        client.write(b"GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n")
        plain.sendall(outgoing.read())  # Finished and the request, at once
        answer = b""
        while not answer.endswith(b"This is bank.example.\n"):
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += client.read()
                continue
            incoming.write(plain.recv(16384))


def test_what_the_site_saw_of_its_visitors(root, strict_bank):
    with Site(strict_bank, visitor="alice") as site:
        for credential in (root.issue_client("alice@bank.example"), None):
            meeting.get(tls.Client("alice", root.certificate, credential), NAME, site.port)
        with socket.create_connection(("127.0.0.1", site.port)):
            pass  # it says nothing
    good, refused = site.visits
    assert (good.title, good.seen_by, good.failure) == ("alice visits bank.example", NAME, None)
    assert good.factors_of("alice", NAME) == {Factor.POSSESSION}
    assert [m.note for m in good.messages][-1] == "This is bank.example. You are alice."
    assert refused.failure.by == NAME
    assert refused.factors_of("alice") == set()


@pytest.mark.parametrize(
    "said", [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe \xff HTTP/1.1\r\n\r\n"]
)
def test_a_request_that_is_none_is_answered_and_noted_all_the_same(bank, root, said):
    with Site(bank) as site, connected(site, root) as secure:
        secure.sendall(said)
        assert b"This is bank.example." in b"".join(iter(lambda: secure.recv(4096), b""))
    assert len(site.visits) == 1
