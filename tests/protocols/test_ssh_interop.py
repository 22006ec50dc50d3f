"""asyncssh and OpenSSH meet, in both roles. Each judges the other, and each end says with its own words what was wrong."""

import asyncio
import re
import secrets
import time
from datetime import timedelta

import pytest
from event_loop import run_coroutine

from helpers.exchange import Direction, Factor
from helpers.protocols import openssh, otp, ssh, ssh_middle
from helpers.protocols.ssh_leg import Leg, listening
from helpers.protocols.transcript import Transcript
from helpers.running import wait_until
from helpers.trust.host_keys import KnownHosts

pytestmark = pytest.mark.needs("ssh")
SSHD = pytest.mark.needs("sshd")

HOST = "server.example"
HOST_KEY, OTHER_KEY, ALICE_KEY, CA = (ssh.new_key() for _ in range(4))
PASSWORD, OTP_KEY = "correct horse", secrets.token_bytes(20)
PROMPTS = {
    "password": "alice@server.example's password: ",
    "keyboard-interactive": "(alice@server.example) One-time code: ",
}


def listed(key, names=HOST, marker=""):
    return KnownHosts.parse(f"{marker} {names} {ssh.public_line(key)}".strip())


KNOWN, NOTHING = listed(HOST_KEY), KnownHosts.parse("")


def code():
    return otp.totp(OTP_KEY, time.time())


def alice(known=KNOWN, checking="yes", **evidence):
    return ssh.Client("alice", known, checking, **(evidence or {"key": ALICE_KEY}))


def server(*methods, **more):
    # Each has users of its own: a one-time code is used up.
    users = ssh.Users().add("alice", ALICE_KEY, PASSWORD, OTP_KEY).add(openssh.own_account(), ALICE_KEY)
    return ssh.Server(HOST, HOST_KEY, users, methods or ("publickey",), **more)


# The real ssh visits a server of asyncssh.


def meet(client, server, **more):
    """What ssh says, and the exchange as the server's end saw it."""
    leg = Leg("alice", HOST, Transcript())

    async def run():
        with listening():
            async with ssh.serving(leg, server) as port:
                return await asyncio.to_thread(openssh.visit, client, HOST, port, **more)

    seen = run_coroutine(run())
    leg.end()
    return seen, leg.transcript.exchange("A visit", "alice", HOST)


EVIDENCE = {"publickey": {"key": ALICE_KEY}, "password": {"password": PASSWORD}, "keyboard-interactive": {"code": code}}
FACTORS = {"publickey": Factor.POSSESSION, "password": Factor.KNOWLEDGE, "keyboard-interactive": Factor.POSSESSION}


@pytest.mark.parametrize(
    "methods",
    [
        *[(method,) for method in EVIDENCE],
        ("publickey", "password"),
        pytest.param(("publickey", "keyboard-interactive"), marks=pytest.mark.long),
        pytest.param(("password", "keyboard-interactive"), marks=pytest.mark.long),
    ],
    ids=" then ".join,
)
def test_ssh_logs_in_to_our_server(methods):
    evidence = {name: value for method in methods for name, value in EVIDENCE[method].items()}
    seen, exchange = meet(alice(**evidence), server(*methods))
    assert seen.logged_in
    assert seen.said == "\n".join(PROMPTS[method] for method in methods if method in PROMPTS)
    assert seen.asked == tuple(PROMPTS[method] for method in methods if method in PROMPTS)
    assert exchange.failure is None
    assert [next(iter(proof.factors)) for proof in exchange.proofs] == [FACTORS[method] for method in methods]
    # Of all methods, only the key's signature belongs to this session.
    assert [proof.session is not None for proof in exchange.proofs] == [method == "publickey" for method in methods]
    # ssh judges our partial success.
    partial = re.findall(r"^Authenticated using \"(\S+)\" with partial success\.$", seen.log, re.MULTILINE)
    assert partial == list(methods[:-1])
    assert re.search(r"^Authenticated to 127\.0\.0\.1 .* using \"(\S+)\"\.$", seen.log, re.MULTILINE)[1] == methods[-1]


@pytest.mark.parametrize(
    ("methods", "evidence", "permitted"),
    [
        (("password",), {"password": "wrong"}, "password"),
        (("keyboard-interactive",), {"code": lambda: "000000"}, "keyboard-interactive"),
        (("publickey",), {"key": OTHER_KEY}, "publickey"),
        (("publickey", "password"), {"key": ALICE_KEY, "password": "wrong"}, "password"),
    ],
)
def test_our_server_refuses_ssh(methods, evidence, permitted):
    seen, exchange = meet(alice(**evidence), server(*methods))
    assert not seen.logged_in
    assert seen.said.endswith(f"alice@server.example: Permission denied ({permitted}).")
    assert exchange.failure.reason == f"permission denied for alice ({permitted})"
    assert len(exchange.proofs) == len(methods) - 1


def test_ssh_has_nothing_that_our_server_wants():
    seen, exchange = meet(alice(password=PASSWORD), server("publickey"))
    assert (seen.logged_in, seen.asked) == (False, ())
    assert seen.said == "alice@server.example: Permission denied (publickey)."
    assert exchange.failure.by == "alice"
    assert "USERAUTH_REQUEST password" not in [message.name for message in exchange.messages]


def test_ssh_believes_a_host_certificate_of_ours():
    known = listed(CA, "*.example", "@cert-authority")
    good = ssh.host_certificate(CA, HOST_KEY, HOST)
    seen, _ = meet(alice(known), server(certificate=good))
    assert (seen.said, seen.logged_in) == ("", True)
    assert "is known and matches the ED25519-CERT host certificate." in seen.log
    for wrong, reason in (
        (ssh.host_certificate(CA, HOST_KEY, "other.example"), "name is not a listed principal"),
        (ssh.host_certificate(CA, HOST_KEY, HOST, valid=timedelta(seconds=-1)), "expired"),
    ):
        seen, exchange = meet(alice(known), server(certificate=wrong))
        assert not seen.logged_in
        assert seen.said.startswith(f"Certificate invalid: {reason}\nNo ED25519 host key is known for server.example")
        assert exchange.messages[-1].name == "NEWKEYS"


@pytest.mark.parametrize(
    ("known", "checking", "words"),
    [
        (NOTHING, "yes", "No ED25519 host key is known for server.example and you have requested strict checking."),
        (listed(OTHER_KEY), "yes", "Host key for server.example has changed and you have requested strict checking."),
        (listed(OTHER_KEY), "accept-new", "Host key for server.example has changed and you have"),
        (
            listed(HOST_KEY, "*", "@revoked"),
            "accept-new",
            "ED25519 host key for server.example was revoked and you have",
        ),
    ],
    ids=["unknown", "changed", "changed, accept-new", "revoked"],
)
def test_ssh_refuses_our_server(known, checking, words):
    seen, exchange = meet(alice(known, checking, password=PASSWORD), server("password"))
    assert words in seen.said
    assert seen.said.endswith("\nHost key verification failed.")
    assert (seen.logged_in, seen.asked) == (False, ())
    # It says nothing to the server: it just goes.
    assert exchange.messages[-1].name == "NEWKEYS"
    assert exchange.proofs == ()


@pytest.mark.parametrize("checking", ["accept-new", pytest.param("no", marks=pytest.mark.long)])
def test_ssh_takes_our_new_key_into_its_list(checking):
    seen, _ = meet(alice(NOTHING, checking), server())
    assert seen.said == "Warning: Permanently added 'server.example' (ED25519) to the list of known hosts."
    assert str(seen.known_hosts) == str(KNOWN)
    seen, _ = meet(alice(seen.known_hosts), server())
    assert (seen.said, seen.logged_in) == ("", True)


def test_what_a_server_says_does_not_pass_for_what_ssh_says(monkeypatch):
    """Before the login a server can have any text shown (RFC 4252, section 5.4), and it chooses its questions."""
    forged = "x\nAuthenticated to server.example\ndebug3: receive packet: type 52\nHost 'server.example' is known and matches"

    class Forger(ssh.ServerEnd):
        def connection_made(self, conn):
            super().connection_made(conn)
            self._conn = conn

        def begin_auth(self, username):
            self._conn.send_auth_banner(f"{forged}\n")
            return super().begin_auth(username)

        def get_kbdint_challenge(self, username, lang, submethods):
            return "", "", "", [(f"{forged}\nCode: ", True)]

    monkeypatch.setattr(ssh, "ServerEnd", Forger)
    seen, _ = meet(alice(code=lambda: "000000"), server("keyboard-interactive"))
    assert not seen.logged_in
    assert "\nAuthenticated to" not in seen.log
    assert seen.said.endswith("Permission denied (keyboard-interactive).")


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(listed(OTHER_KEY), id="changed"),
        pytest.param(listed(HOST_KEY, "*", "@revoked"), id="revoked", marks=pytest.mark.long),
    ],
)
def test_without_checking_ssh_shows_a_signature_but_no_secret(known):
    seen, _ = meet(alice(known, "no"), server())
    assert seen.logged_in
    for method in ("password", "keyboard-interactive"):
        seen, exchange = meet(alice(known, "no", **EVIDENCE[method]), server(method))
        assert not seen.logged_in
        assert "Password authentication is disabled to avoid man-in-the-middle attacks." in seen.said
        assert "Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks." in seen.said
        assert seen.asked == ()
        assert f"USERAUTH_REQUEST {method}" not in [message.name for message in exchange.messages]


@pytest.mark.needs("ssh-keyscan")
def test_keyscan_of_our_server():
    async def run():
        leg = Leg("somebody", HOST, Transcript())
        async with ssh.serving(leg, server()) as port:
            return await asyncio.to_thread(openssh.keyscan, HOST, port)

    assert run_coroutine(run()) == str(KNOWN)


# The real ssh meets the man in the middle.

MALLORY = ssh.Server("mallory", OTHER_KEY, ssh.Users())


def meet_the_middle(client, server):
    async def run():
        async with ssh_middle.between("alice", MALLORY, server) as (legs, port):
            return legs, await asyncio.to_thread(openssh.visit, client, HOST, port)

    return run_coroutine(run())


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_what_ssh_hands_over_the_middle_uses(method):
    legs, seen = meet_the_middle(alice(NOTHING, "no", **EVIDENCE[method]), server(method))
    assert seen.logged_in
    assert seen.asked == (PROMPTS[method],)
    exchange = legs.exchange("")
    assert [(proof.prover, proof.verifier, proof.identity) for proof in exchange.proofs] == [("mallory", HOST, "alice")]
    assert exchange.failure is None


def test_a_signature_of_ssh_is_of_no_use_to_the_middle():
    legs, seen = meet_the_middle(alice(NOTHING, "accept-new"), server())
    assert seen.logged_in  # at the middle
    exchange = legs.exchange("")
    assert exchange.proofs == ()
    assert (exchange.failure.by, exchange.refused_at()) == (HOST, "USERAUTH_REQUEST publickey")
    assert not legs.signature_fits(legs.back)


@pytest.mark.parametrize("checking", ["yes", "accept-new"])
def test_ssh_that_knows_the_host_shows_the_middle_nothing(checking):
    legs, seen = meet_the_middle(alice(KNOWN, checking, password=PASSWORD), server("password"))
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED!" in seen.said
    assert (seen.logged_in, seen.asked) == (False, ())
    exchange = legs.exchange("")
    assert exchange.messages[-1].name == "NEWKEYS"
    assert (exchange.failure.by, exchange.refused_at()) == ("alice", "KEX_ECDH_REPLY")
    # What the real ssh has read, this end cannot know.
    assert "never read" not in str(exchange)


# A client of asyncssh visits the real sshd.


def visit(running, client, end=None):
    """Whether the login succeeded, and the exchange as the client's end saw it."""
    leg = Leg(client.party, HOST, Transcript())

    async def run():
        with listening():
            async with ssh.connected(leg, client, HOST, running.port, end and end(leg, client)) as logged_in:
                return logged_in

    logged_in = run_coroutine(run())
    leg.end()
    return logged_in, leg.transcript.exchange("A visit", client.party, HOST)


def at_account(known=KNOWN, checking="yes", key=ALICE_KEY, party="alice"):
    return ssh.Client(party, known, checking, key, user=openssh.own_account())


@pytest.fixture(scope="module")
def running():
    with openssh.sshd(server()) as running:
        yield running


@pytest.fixture
def written(running):
    """Wait for words that sshd writes from here on."""
    begin = len(running.log)
    return lambda words: wait_until(lambda: re.search(words, running.log[begin:]), 5)


@SSHD
def test_our_client_logs_in_to_sshd(running, written):
    logged_in, exchange = visit(running, at_account())
    assert logged_in
    assert exchange.direction() is Direction.MUTUAL
    assert written(r"publickey ED25519 signature using ssh-ed25519 verified\n")
    assert written("Accepted publickey for ")


@SSHD
def test_our_client_believes_a_host_certificate_of_sshd():
    known = listed(CA, "*.example", "@cert-authority")
    for name, verdict in ((HOST, True), ("other.example", False)):
        with openssh.sshd(server(certificate=ssh.host_certificate(CA, HOST_KEY, name))) as running:
            logged_in, exchange = visit(running, at_account(known))
        assert logged_in is verdict
        assert exchange.direction() is (Direction.MUTUAL if verdict else Direction.NONE)


@SSHD
@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (NOTHING, "The list has no key for server.example"),
        (listed(OTHER_KEY), "The list has another key for this name"),
        (listed(HOST_KEY, "*", "@revoked"), "must not be believed any more"),
    ],
    ids=["unknown", "changed", "revoked"],
)
def test_our_client_refuses_sshd_and_that_reads_why(known, reason, running, written):
    logged_in, exchange = visit(running, at_account(known))
    assert not logged_in
    assert (exchange.failure.by, exchange.refused_at()) == ("alice", "KEX_ECDH_REPLY")
    assert reason in exchange.failure.reason
    assert written(r"Received disconnect from 127\.0\.0\.1 port \d+:9: Host key verification failed\.")


@SSHD
def test_sshd_refuses_our_client_with_a_wrong_key(running, written):
    logged_in, exchange = visit(running, at_account(key=OTHER_KEY))
    assert not logged_in
    assert exchange.failure.by == HOST
    assert exchange.failure.reason.startswith("permission denied for ")
    assert written("Failed publickey for ")


@SSHD
def test_sshd_says_that_a_stolen_signature_is_incorrect(running, written):
    # Alice logs in at the middle, under the name that sshd knows. So the signature is wrong for one reason only: it is
    # over the id of another session.
    legs = run_coroutine(ssh_middle.relay(at_account(NOTHING, "no"), MALLORY, server()))
    stolen = legs.key, legs.front.signature
    thief = at_account(NOTHING, "no", key=None, party="mallory")
    logged_in, exchange = visit(running, thief, lambda leg, client: ssh_middle._ThiefEnd(leg, client, HOST, *stolen))
    assert not logged_in
    assert written(r"publickey ED25519 signature using ssh-ed25519 unverified: incorrect signature\n")
    assert written("Failed publickey for ")
    assert exchange.proofs == ()
    assert (exchange.failure.by, exchange.refused_at()) == (HOST, "USERAUTH_REQUEST publickey")
