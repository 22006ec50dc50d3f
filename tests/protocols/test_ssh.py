"""SSH with both ends in this Python: each kind of login, what it proved, who refused, and that nothing stays behind."""

import asyncio
import gc
import http.server
import logging
import secrets
import socket
import struct
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import asyncssh
import pytest
from event_loop import run_coroutine

from helpers.display.error import CourseError
from helpers.exchange import INTERLOCKED, SAME_SESSION, Binding, Direction, Factor
from helpers.protocols import otp, ssh
from helpers.trust.host_keys import KnownHosts
from helpers.trust.ssh_keys import HostKey

HOST = "server.example"
HOST_KEY, OTHER_KEY, ALICE_KEY, CA = (ssh.new_key() for _ in range(4))
OTP_KEY = secrets.token_bytes(20)
PASSWORD = "correct horse"
FACTORS = {"publickey": Factor.POSSESSION, "password": Factor.KNOWLEDGE, "keyboard-interactive": Factor.POSSESSION}


def listed(key, marker="", names=HOST):
    return KnownHosts.parse(f"{marker} {names} {ssh.public_line(key)}".strip())


def client(known=None, checking="yes", **evidence):
    return ssh.Client(
        "alice", listed(HOST_KEY) if known is None else known, checking, **(evidence or {"key": ALICE_KEY})
    )


def server(*methods, **more):
    # Each server has users of its own: a one-time code is used up.
    users = ssh.Users().add("alice", ALICE_KEY, PASSWORD, OTP_KEY)
    return ssh.Server(HOST, HOST_KEY, users, methods or ("publickey",), **more)


def run(client, server):
    return run_coroutine(ssh.log_in(client, server, "A login"))


def names(exchange):
    return [message.name for message in exchange.messages]


# The server's side of the question: is it the right one?

BEGINNING = ["KEXINIT", "KEXINIT", "KEX_ECDH_INIT", "KEX_ECDH_REPLY"]
KEYS = ["NEWKEYS", "NEWKEYS", "SERVICE_REQUEST", "SERVICE_ACCEPT", "USERAUTH_REQUEST none", "USERAUTH_FAILURE"]
PUBLICKEY = ["USERAUTH_REQUEST publickey", "USERAUTH_PK_OK", "USERAUTH_REQUEST publickey", "USERAUTH_SUCCESS"]


def test_a_known_host_and_a_key_are_mutual_in_one_session():
    exchange = run(client(), server())
    assert names(exchange) == BEGINNING + KEYS + PUBLICKEY
    assert exchange.direction() is Direction.MUTUAL
    host, user = exchange.proofs
    assert (host.prover, host.verifier, host.identity, host.layer) == (HOST, "alice", HOST, "SSH transport")
    assert (user.prover, user.verifier, user.identity, user.layer) == ("alice", HOST, "alice", "SSH user")
    assert host.session == user.session == user.inside
    assert host.binding is user.binding is Binding.CHANNEL
    # The proofs are complete where the two signatures are.
    assert exchange.messages[host.at].name == "KEX_ECDH_REPLY"
    assert exchange.messages[user.at].note == "the key, and a signature made with it"


def test_what_can_be_read_on_the_way_ends_with_each_ends_newkeys():
    exchange = run(client(), server())
    assert [message.inside is not None for message in exchange.messages] == [False] * 6 + [True] * 8


REFUSED_HOST = {
    "an unknown host, for yes": (KnownHosts.parse(""), "yes", "The list has no key for server.example"),
    "a changed key, for yes": (listed(OTHER_KEY), "yes", "The list has another key for this name"),
    "a changed key, for accept-new": (listed(OTHER_KEY), "accept-new", "The list has another key for this name"),
    "a revoked key, for accept-new": (listed(HOST_KEY, "@revoked", "*"), "accept-new", "must not be believed any more"),
}


@pytest.mark.parametrize("name", REFUSED_HOST)
def test_a_client_refuses_a_host(name):
    known, checking, reason = REFUSED_HOST[name]
    before = str(known)
    exchange = run(client(known, checking), server())
    assert names(exchange) == [*BEGINNING, "NEWKEYS", "DISCONNECT"]
    assert exchange.proofs == ()
    assert (exchange.failure.by, exchange.failure.learned_by) == ("alice", HOST)
    assert reason in exchange.failure.reason
    assert exchange.refused_at() == "KEX_ECDH_REPLY"
    assert exchange.messages[exchange.failure.learned_at].name == "DISCONNECT"
    assert str(known) == before


@pytest.mark.parametrize("checking", ["accept-new", "no"])
def test_a_new_key_is_taken_without_proof_and_counts_from_then_on(checking):
    known = KnownHosts.parse("")
    first = run(client(known, checking), server())
    assert first.direction() is Direction.ONE_WAY
    assert [proof.prover for proof in first.proofs] == ["alice"]
    assert str(known) == f"{HOST} {ssh.public_line(HOST_KEY)}"
    assert run(client(known), server()).direction() is Direction.MUTUAL


@pytest.mark.parametrize("known", [listed(OTHER_KEY), listed(HOST_KEY, "@revoked", "*")], ids=["changed", "revoked"])
def test_without_checking_a_key_still_logs_in_and_a_secret_is_not_shown(known):
    exchange = run(client(known, "no"), server())
    assert exchange.failure is None
    assert exchange.direction() is Direction.ONE_WAY
    for method, evidence in (
        ("password", {"password": PASSWORD}),
        ("keyboard-interactive", {"code": lambda: "123456"}),
    ):
        exchange = run(client(known, "no", **evidence), server(method))
        assert exchange.proofs == ()
        assert (exchange.failure.by, exchange.refused_at()) == ("alice", "USERAUTH_FAILURE")
        assert "USERAUTH_REQUEST " + method not in names(exchange)


def test_a_host_certificate_needs_one_line_for_all_hosts():
    known = listed(CA, "@cert-authority", "*.example")
    exchange = run(client(known), server(certificate=ssh.host_certificate(CA, HOST_KEY, HOST)))
    assert exchange.direction() is Direction.MUTUAL
    assert exchange.proofs[0].evidence == "a signature with the host key that a known CA vouches for"


BAD_CERTIFICATES = {
    "this name does not stand in it, only other.example": ssh.host_certificate(CA, HOST_KEY, "other.example"),
    "it has expired": ssh.host_certificate(CA, HOST_KEY, HOST, valid=timedelta(seconds=-1)),
    "Its CA is not in the list": ssh.host_certificate(OTHER_KEY, HOST_KEY, HOST),
}


@pytest.mark.parametrize("reason", BAD_CERTIFICATES)
def test_a_bad_host_certificate_counts_as_the_plain_key(reason):
    """As OpenSSH does it: test_openssh.py has the same with the real `ssh`."""

    def visit(lines, checking):
        known = KnownHosts.parse(f"@cert-authority *.example {ssh.public_line(CA)}\n{lines}")
        return run(client(known, checking), server(certificate=BAD_CERTIFICATES[reason])), str(known)

    refused, left = visit("", "yes")
    assert (refused.failure.by, refused.proofs) == ("alice", ())
    assert reason in refused.failure.reason
    assert HOST not in left
    first, left = visit("", "accept-new")
    assert first.direction() is Direction.ONE_WAY
    assert f"{HOST} {ssh.public_line(HOST_KEY)}" in left
    known, _ = visit(f"{HOST} {ssh.public_line(HOST_KEY)}", "yes")
    assert known.direction() is Direction.MUTUAL
    changed, _ = visit(f"{HOST} {ssh.public_line(OTHER_KEY)}", "accept-new")
    assert changed.failure.by == "alice"


# The user's side.

LOGINS = {
    ("publickey",): ({"key": ALICE_KEY}, Direction.MUTUAL),
    ("password",): ({"password": PASSWORD}, Direction.TWO_ONE_WAYS),
    ("keyboard-interactive",): ({"code": otp.authenticator_app(OTP_KEY)}, Direction.TWO_ONE_WAYS),
    ("publickey", "password"): ({"key": ALICE_KEY, "password": PASSWORD}, Direction.MUTUAL),
    ("password", "keyboard-interactive"): (
        {"password": PASSWORD, "code": otp.authenticator_app(OTP_KEY)},
        Direction.TWO_ONE_WAYS,
    ),
}


@pytest.mark.parametrize("methods", LOGINS, ids=" then ".join)
def test_the_way_to_log_in_decides_direction_and_factors(methods):
    evidence, direction = LOGINS[methods]
    exchange = run(client(**evidence), server(*methods))
    assert exchange.failure is None
    assert exchange.direction(definition=INTERLOCKED) is direction
    assert exchange.direction(definition=SAME_SESSION) is Direction.MUTUAL
    assert exchange.factors_of("alice") == {FACTORS[method] for method in methods}
    # Only a signature is bound to the session. What is handed over is bound to nothing.
    for method, proof in zip(methods, exchange.proofs[1:], strict=True):
        assert (proof.session is not None) == (method == "publickey") == (proof.binding is Binding.CHANNEL)
        assert proof.inside is not None


WRONG = {
    "another key": (("publickey",), {"key": OTHER_KEY}, "permission denied for alice (publickey)"),
    "a wrong password": (("password",), {"password": "wrong"}, "permission denied for alice (password)"),
    "a wrong code": (("keyboard-interactive",), {"code": lambda: "12345"}, "permission denied for alice (keyboard-interactive)"),
    "a key, and then a wrong password": (("publickey", "password"), {"key": ALICE_KEY, "password": "wrong"}, "permission denied for alice (password)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_server_refuses_a_user(name):
    methods, evidence, reason = WRONG[name]
    exchange = run(client(**evidence), server(*methods))
    assert (exchange.failure.by, exchange.failure.reason, exchange.failure.learned_by) == (HOST, reason, "alice")
    assert exchange.messages[exchange.failure.learned_at].name == "USERAUTH_FAILURE"
    # What was right before stands.
    assert len(exchange.proofs) == len(methods)


def test_a_code_is_used_up():
    same = server("keyboard-interactive")
    code = otp.authenticator_app(OTP_KEY)()
    assert run(client(code=lambda: code), same).failure is None
    assert run(client(code=lambda: code), same).failure.by == HOST


def test_who_changes_the_name_in_between_begins_anew():
    """RFC 4252, section 5. With mallory's key and alice's password, nobody is alice."""

    class Changing(ssh.ClientEnd):
        def connection_made(self, conn):
            super().connection_made(conn)
            self._conn = conn

        def password_auth_requested(self):
            self._conn._username = "alice"
            return super().password_auth_requested()

    users = ssh.Users().add("alice", ALICE_KEY, PASSWORD).add("mallory", OTHER_KEY, "another")
    both = ssh.Server(HOST, HOST_KEY, users, ("publickey", "password"))
    mallory = ssh.Client("mallory", listed(HOST_KEY), key=OTHER_KEY, password=PASSWORD)

    async def visit():
        leg = ssh.Leg("mallory", HOST, ssh.Transcript())
        end = Changing(leg, mallory, HOST)
        with ssh.listening():
            async with ssh.serving(leg, both) as port, ssh.connected(leg, mallory, HOST, port, end) as logged_in:
                return logged_in, leg

    logged_in, leg = run_coroutine(visit())
    assert not logged_in
    assert [proof.identity for proof in leg.transcript.proofs if proof.prover == "mallory"] == ["mallory"]


def test_a_key_of_a_kind_that_nobody_knows_is_refused():
    unusual = asyncssh.generate_private_key("ssh-ed448")
    assert run(client(key=unusual), server()).failure.reason == "permission denied for alice (publickey)"


@pytest.mark.parametrize("methods", [(), ("pubkey",), ("publickey", "hostbased")])
def test_a_server_that_wants_what_there_is_not_is_refused(methods):
    with pytest.raises(ValueError, match="there is no such method"):
        ssh.Server(HOST, HOST_KEY, ssh.Users(), methods)


def test_an_unknown_user_is_refused():
    stranger = ssh.Client("mallory", listed(HOST_KEY), key=ALICE_KEY)
    assert run(stranger, server()).failure.reason == "permission denied for mallory (publickey)"


def test_a_setting_that_ssh_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"checking is “yes”, “accept-new” or “no” .*, not 'maybe'"):
        client(checking="maybe")


# How it runs.


def test_it_runs_in_a_live_event_loop_many_times_at_once():
    async def several():
        return await asyncio.gather(*(ssh.log_in(client(), server(), "A login") for _ in range(8)))

    pictures = {str(exchange) for exchange in run_coroutine(several())}
    assert len(pictures) == 1


def test_the_picture_is_the_same_every_time_and_nothing_stays_behind(request):
    times = 50 if request.config.getoption("--long") else 10

    async def many():
        pictures = {str(await ssh.log_in(client(), server(), "A login")) for _ in range(times)}
        await asyncio.sleep(0)
        return pictures, [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    threads = set(threading.enumerate())
    pictures, tasks = run_coroutine(many())
    gc.collect()  # an unclosed socket would now warn, and a warning is an error here
    assert (len(pictures), tasks, set(threading.enumerate()) - threads) == (1, [], set())


def test_a_server_that_says_nothing_does_not_hang_a_login(monkeypatch):
    monkeypatch.setattr(ssh, "PATIENCE", 0.3)

    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(CourseError, match=r"not ended after 0\.3 seconds"),
    ):
        run_coroutine(connect(silent.getsockname()[1]))


def test_a_server_that_speaks_no_ssh_is_told():
    with http_server() as port, pytest.raises(CourseError, match="The connection ended before the login did: "):
        run_coroutine(connect(port))
    with pytest.raises(CourseError, match=r"Connect call failed \(.127\.0\.0\.1"):
        run_coroutine(connect(port))


def packet(content):
    """A message in the clear (RFC 4253, section 6): its length, that of the padding, the content, the padding."""
    padding = 8 - (len(content) + 5) % 8 + 8
    return struct.pack(">IB", len(content) + padding + 1, padding) + content + bytes(padding)


BROKEN = {
    "a message that is cut off": bytes([1]),
    "a host key that is cut off": bytes([31, 0, 0, 0, 99]),
    "a refusal before its time": bytes([51, 0, 0, 0, 2, 0xFF, 0xFE, 0]),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_server_that_sends_broken_messages_gives_a_sentence(content):
    async def visit():
        async def answer(reader, writer):
            writer.write(b"SSH-2.0-Broken\r\n" + packet(content))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            with ssh.listening():
                await connect(server.sockets[0].getsockname()[1])

    with pytest.raises(CourseError, match="The connection ended before the login did: "):
        run_coroutine(visit())


def test_a_visitor_who_says_nothing_does_not_hold_up_the_end():
    async def visit():
        leg = ssh.Leg("alice", HOST, ssh.Transcript())
        async with ssh.serving(leg, server()) as port:
            silent = socket.create_connection(("127.0.0.1", port))
            await asyncio.sleep(0.05)
        with silent:
            return time.monotonic()

    began = time.monotonic()
    run_coroutine(visit())
    assert time.monotonic() - began < ssh.PATIENCE / 2


async def connect(port):
    leg = ssh.Leg("alice", HOST, ssh.Transcript())
    async with ssh.connected(leg, client(), HOST, port):
        pass


@contextmanager
def http_server():
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    yield server.server_port
    thread.join()
    server.server_close()


def test_a_client_that_always_answers_does_not_loop():
    """asyncssh asks its client for an answer until it gets none."""
    assert run(client(code=lambda: "000000"), server("keyboard-interactive")).failure.by == HOST


def test_the_log_of_others_is_left_as_it_was(caplog):
    """A learner's own log hears nothing of these runs, which hold passwords, and all of theirs."""
    own, heard = logging.getLogger("asyncssh"), []
    handler = logging.Handler()
    handler.emit = heard.append
    own.addHandler(handler)
    own.setLevel(logging.INFO)
    asyncssh.set_debug_level(2)
    try:
        with caplog.at_level(logging.DEBUG), ssh.listening():
            run(client(password=PASSWORD), server("password"))
            own.info("one of theirs")
            own.debug("too detailed for them")
        assert [record.getMessage() for record in heard] == ["one of theirs"]
        assert [r.getMessage() for r in caplog.records if r.name.startswith("asyncssh")] == ["one of theirs"]
        assert (own.level, own.propagate, own.handlers, own.filters) == (logging.INFO, True, [handler], [])
        assert asyncssh.logging.logger._debug_level == 2
    finally:
        asyncssh.set_debug_level(1)
        own.setLevel(logging.NOTSET)
        own.removeHandler(handler)


def test_a_log_that_is_switched_off_is_told():
    """Without it there would be a picture without messages, which says that nobody authenticated."""
    logging.disable(logging.CRITICAL)
    try:
        with pytest.raises(CourseError, match="heard in Python's log, and that is switched off"):
            run(client(), server())
    finally:
        logging.disable(logging.NOTSET)
    assert logging.getLogger("asyncssh").filters == []
    assert run(client(), server()).failure is None


def test_a_server_is_there_for_one_connection():
    async def visit():
        leg, second = ssh.Leg("alice", HOST, ssh.Transcript()), ssh.Leg("alice", HOST, ssh.Transcript())
        async with ssh.serving(leg, server()) as port:
            async with ssh.connected(leg, client(), HOST, port) as logged_in:
                assert logged_in
            async with ssh.connected(second, client(), HOST, port):
                pass

    with pytest.raises(CourseError, match="The connection ended before the login did"):
        run_coroutine(visit())


def test_nothing_of_the_learners_own_is_read(monkeypatch, tmp_path):
    """A key, an agent and settings lie where asyncssh would look for them."""
    folder = tmp_path / ".ssh"
    folder.mkdir()
    ALICE_KEY.write_private_key(folder / "id_ed25519")
    (folder / "config").write_text("User mallory\n")
    (folder / "ca-bundle.crt").write_text("no certificate: who reads this fails")
    (folder / "known_hosts").write_text(f"{HOST} {ssh.public_line(HOST_KEY)}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    without = ssh.Client("alice", listed(HOST_KEY))
    assert run(without, server()).failure.by == "alice"
    assert run(client(KnownHosts.parse("")), server()).failure.by == "alice"


def test_secrets_are_not_shown():
    text = repr(client(password=PASSWORD, key=ALICE_KEY)) + repr(server())
    assert PASSWORD not in text
    assert "asyncssh" not in text


def test_a_lab_key_is_the_same_for_everybody():
    line = ssh.public_line(ssh.lab_key("server.example"))
    assert line == ssh.public_line(ssh.lab_key("server.example")) != ssh.public_line(ssh.lab_key("mallory"))
    assert HostKey.parse(line).fingerprint() == "SHA256:VwFh9cU+OBl7ux0ruR7RcD7Kb8DUQOP/QAPsTnFkYis"


def test_a_certificate_is_one_line_as_well():
    line = ssh.public_line(ssh.host_certificate(CA, HOST_KEY, HOST))
    assert line.startswith("ssh-ed25519-cert-v01@openssh.com AAAA")
    assert asyncssh.import_certificate(line).principals == [HOST]
