"""Channel binding: the same login is good in one connection, and for a relay it is worth nothing."""

import re
import secrets
import socket
import threading
import warnings

import pytest
from OpenSSL import SSL

from helpers import programs
from helpers.exchange import Binding, Direction
from helpers.protocols import channel_binding
from helpers.protocols.channel_binding import Channel, Host, exported, log_in
from helpers.trust import pki

KEY = secrets.token_bytes(32)


@pytest.fixture(scope="module")
def hosts(root):
    names = ("bank.example", "bank-login.example")
    return [Host(name, root.issue_server(name)) for name in names]


def test_both_ends_export_the_same_and_no_other_connection_does(root, hosts):
    one, other = (Channel("alice", hosts[0], root.certificate) for _ in range(2))
    assert exported(one.client) == exported(one.server)
    assert exported(one.client) != exported(other.client)
    assert len(exported(one.client)) == 32


@pytest.mark.needs("openssl")
def test_the_real_openssl_exports_the_same_bytes(root, hosts):
    """RFC 9266 has no test vector. So the judge is another program, at the other end of a real connection."""
    end = channel_binding._end(SSL.TLS_SERVER_METHOD, hosts[0].credential)
    found = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                secure = SSL.Connection(end.get_context(), connection)
                secure.set_accept_state()
                secure.do_handshake()
                found.append(exported(secure))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        export = ["-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"]
        said = programs.run_to_end("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *export).output
        thread.join()
    theirs = re.search(r"Keying material: ([0-9A-F]+)", said)[1]
    assert found == [bytes.fromhex(theirs)]


def test_a_bound_login_is_mutual_by_the_strict_test(root, hosts):
    run = log_in("alice", KEY, hosts[0], root.certificate)
    assert run.failure is None
    assert run.direction() is Direction.MUTUAL
    assert {proof.binding for proof in run.proofs} == {Binding.CHANNEL}


def test_through_a_relay_it_is_refused(root, hosts):
    bank, fake = hosts
    run = log_in("alice", KEY, bank, root.certificate, through=fake)
    assert (run.failure.by, run.failure.reason) == ("bank.example", "the login does not belong to this connection")
    assert run.factors_of("bank-login.example", "bank.example") == set()
    assert run.direction("alice", "bank-login.example") is Direction.ONE_WAY


def test_the_binding_decides_and_nothing_else(root, hosts, monkeypatch):
    """The same code with a constant in place of the binding: the relay passes."""
    monkeypatch.setattr(channel_binding, "exported", lambda end: b"the same for all")
    bank, fake = hosts
    run = log_in("alice", KEY, bank, root.certificate, through=fake)
    assert run.failure is None
    assert {p.identity for p in run.proofs if (p.prover, p.verifier) == (fake.party, bank.party)} == {"alice"}


def test_another_key_is_refused(root, hosts, monkeypatch):
    real = channel_binding.bound_answer
    keys = iter([secrets.token_bytes(32), KEY])
    monkeypatch.setattr(channel_binding, "bound_answer", lambda key, end: real(next(keys), end))
    assert log_in("alice", KEY, hosts[0], root.certificate).failure.by == "bank.example"


def test_a_host_with_a_certificate_for_another_name_gets_no_login(root, hosts):
    liar = Host("bank.example", hosts[1].credential)
    copied = Host("bank.example", pki.new_self_signed_server("bank.example"))
    for host in (liar, copied):
        with pytest.raises(ValueError, match=r"the certificate of bank\.example was refused"):
            log_in("alice", KEY, host, root.certificate)


def test_it_warns_of_nothing(root, hosts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_in("alice", KEY, hosts[0], root.certificate)
