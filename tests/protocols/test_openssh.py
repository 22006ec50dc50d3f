"""OpenSSH's own `ssh`, `sshd`, `ssh-keyscan` and `ssh-keygen`: what they say case by case, and what is made of it."""

import os
import pwd
import re
import socket
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from event_loop import run_coroutine

from helpers.display.error import CourseError
from helpers.exchange import Direction
from helpers.protocols import openssh, openssh_log, ssh
from helpers.protocols.ssh_leg import Leg
from helpers.protocols.transcript import Transcript
from helpers.running import wait_until
from helpers.trust.host_keys import KnownHosts
from helpers.trust.ssh_keys import HostKey

pytestmark = pytest.mark.needs("ssh", "sshd", "ssh-keyscan", "ssh-keygen")

HOST = "server.example"
HOST_KEY, OTHER_KEY, ALICE_KEY, BOB_KEY, CA = (ssh.new_key() for _ in range(5))
FINGERPRINT = HostKey.parse(ssh.public_line(HOST_KEY)).fingerprint()
USERS = ssh.Users().add("alice", ALICE_KEY, "correct horse").add("bob", BOB_KEY)
SERVER = ssh.Server(HOST, HOST_KEY, USERS)
SERVERS = {
    "plain": SERVER,
    "certified": replace(SERVER, certificate=ssh.host_certificate(CA, HOST_KEY, HOST)),
    "certified for another": replace(SERVER, certificate=ssh.host_certificate(CA, HOST_KEY, "other.example")),
    "expired": replace(SERVER, certificate=ssh.host_certificate(CA, HOST_KEY, HOST, valid=timedelta(seconds=-1))),
}


def listed(key, names=HOST, marker=""):
    return f"{marker} {names} {ssh.public_line(key)}".strip()


LISTS = {
    "nothing": "",
    "the host": listed(HOST_KEY),
    "another key": listed(OTHER_KEY),
    "the key, revoked": listed(HOST_KEY, "*", "@revoked"),
    "the CA": listed(CA, "*.example", "@cert-authority"),
    "the CA, revoked": listed(CA, "*", "@revoked"),
}


def alice(known="the host", checking="yes", key=ALICE_KEY, **more):
    return ssh.Client("alice", KnownHosts.parse(LISTS[known]), checking, key, **more)


@pytest.fixture(scope="module")
def visit():
    """Visit a server of this name. Each is started once."""
    running = {}

    def visit(client, name="plain", **more):
        if name not in running:
            started = openssh.sshd(SERVERS[name])
            running[name] = started.__enter__(), started
        return openssh.visit(client, HOST, running[name][0].port, account=openssh.own_account(), **more)

    yield visit
    for _, started in running.values():
        started.__exit__(None, None, None)


# What a person reads.

ADDED = "Warning: Permanently added 'server.example' (ED25519) to the list of known hosts."
FAILED = "Host key verification failed."
UNKNOWN = "No ED25519 host key is known for server.example and you have requested strict checking."
QUESTION = f"""\
The authenticity of host 'server.example (127.0.0.1)' can't be established.
ED25519 key fingerprint is {FINGERPRINT}.
This key is not known by any other names.
Are you sure you want to continue connecting (yes/no/[fingerprint])? """
AGAIN = "Please type 'yes', 'no' or the fingerprint: "
CHANGED = f"""\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
{FINGERPRINT}.
Please contact your system administrator.
Add correct host key in known_hosts to get rid of this message.
Offending ED25519 key in known_hosts:1
"""
REVOKED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@       WARNING: REVOKED HOST KEY DETECTED!               @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
The ED25519 host key for server.example is marked as revoked.
This could mean that a stolen key is being used to
impersonate this host.
"""
CHANGED_STRICT = "Host key for server.example has changed and you have requested strict checking."
REVOKED_STRICT = "ED25519 host key for server.example was revoked and you have requested strict checking."
REVOKED_CA = REVOKED.replace("ED25519", "ED25519-CERT")
NO_SECRETS = """\
Password authentication is disabled to avoid man-in-the-middle attacks.
Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks."""

# (list, checking or answer, server): (what ssh says, whether she is logged in, whether the key is new in the list)
CASES = {
    ("nothing", "yes", "plain"): (f"{UNKNOWN}\n{FAILED}", False, False),
    ("nothing", "accept-new", "plain"): (ADDED, True, True),
    ("nothing", "no", "plain"): (ADDED, True, True),
    ("nothing", "answer yes", "plain"): (f"{QUESTION}yes\n{ADDED}", True, True),
    ("nothing", "answer no", "plain"): (f"{QUESTION}no\n{FAILED}", False, False),
    ("nothing", f"answer {FINGERPRINT}", "plain"): (f"{QUESTION}{FINGERPRINT}\n{ADDED}", True, True),
    ("nothing", "answer SHA256:wrong", "plain"): (f"{QUESTION}SHA256:wrong\n{AGAIN}no\n{FAILED}", False, False),
    ("the host", "yes", "plain"): ("", True, False),
    ("the host", "answer no", "plain"): ("", True, False),  # nobody was asked
    ("another key", "yes", "plain"): (f"{CHANGED}{CHANGED_STRICT}\n{FAILED}", False, False),
    ("another key", "accept-new", "plain"): (f"{CHANGED}{CHANGED_STRICT}\n{FAILED}", False, False),
    ("another key", "answer yes", "plain"): (f"{CHANGED}{CHANGED_STRICT}\n{FAILED}", False, False),
    ("another key", "no", "plain"): (f"{CHANGED}{NO_SECRETS}", True, False),
    ("the key, revoked", "accept-new", "plain"): (f"{REVOKED}{REVOKED_STRICT}\n{FAILED}", False, False),
    ("the key, revoked", "no", "plain"): (f"{REVOKED}{NO_SECRETS}", True, False),
    ("the CA", "yes", "plain"): (f"{UNKNOWN}\n{FAILED}", False, False),
    ("the CA", "yes", "certified"): ("", True, False),
    ("nothing", "accept-new", "certified"): (ADDED, True, True),  # the plain key
    ("the host", "yes", "certified"): ("", True, False),
    ("the CA", "yes", "certified for another"): (
        f"Certificate invalid: name is not a listed principal\n{UNKNOWN}\n{FAILED}", False, False),
    ("the CA", "yes", "expired"): (f"Certificate invalid: expired\n{UNKNOWN}\n{FAILED}", False, False),
    ("the CA, revoked", "yes", "certified"): (
        f"{REVOKED_CA}{REVOKED_STRICT.replace('ED25519', 'ED25519-CERT')}\n{FAILED}", False, False),
}  # fmt: skip


def visitor(known, checking):
    """A client, and the answer that is typed where it asks."""
    kind, _, answer = checking.partition(" ")
    return (alice(known), {"answer": answer}) if kind == "answer" else (alice(known, checking), {})


# What ssh says in these cases, it says in others as well.
LONG = {
    ("nothing", "no", "plain"),
    ("nothing", "answer no", "plain"),
    ("the host", "answer no", "plain"),
    ("another key", "accept-new", "plain"),
    ("another key", "answer yes", "plain"),
    ("the key, revoked", "no", "plain"),
    ("the CA", "yes", "plain"),
    ("nothing", "accept-new", "certified"),
    ("the host", "yes", "certified"),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=" | ".join(case), marks=[pytest.mark.long] if case in LONG else []) for case in CASES],
)
def test_what_ssh_says(case, visit):
    known, checking, server = case
    said, logged_in, is_new = CASES[case]
    client, answer = visitor(known, checking)
    seen = visit(client, server, **answer)
    assert seen.said == said
    assert seen.logged_in is logged_in
    assert seen.asked == tuple(question for question in (QUESTION, AGAIN) if question in said)
    # It works on a copy of the list.
    assert str(seen.known_hosts) == (listed(HOST_KEY) if is_new else LISTS[known])
    assert str(client.known_hosts) == LISTS[known]


@pytest.mark.parametrize(
    "case", [("nothing", "answer SHA256:wrong"), ("nothing", "accept-new"), ("another key", "no")], ids=" | ".join
)
def test_without_its_log_ssh_says_the_same(case, visit, monkeypatch):
    client, answer = visitor(*case)
    with_log = visit(client, **answer)
    run_to_end = openssh.programs.run_to_end

    def quietly(*arguments, **more):
        assert "-vvv" in arguments
        result = run_to_end(*(argument for argument in arguments if argument != "-vvv"), **more)
        assert "debug1" not in result.errors
        return result

    monkeypatch.setattr(openssh, "programs", SimpleNamespace(run_to_end=quietly))
    without = visit(client, **answer)
    assert without.said == with_log.said
    assert without.known_hosts.find(HOST) == with_log.known_hosts.find(HOST)


def test_what_ssh_says_depends_neither_on_the_port_nor_on_the_account(visit):
    with openssh.sshd(SERVER) as running:
        port, account = running.port, openssh.own_account()
        # She may log in under another name than her own.
        for client, name in ((alice(key=OTHER_KEY), "alice"), (alice(key=OTHER_KEY, user="al"), "al")):
            seen = openssh.visit(client, HOST, port, account=account)
            assert seen.said == f"{name}@server.example: Permission denied (publickey)."
            assert f"{account}@127.0.0.1: Permission denied" in seen.log
        client, answer = visitor("nothing", "answer no")
        seen = openssh.visit(client, HOST, port, account=account, **answer)
    assert f"[127.0.0.1]:{port}" in seen.log
    assert str(port) not in seen.said
    assert visit(client, **answer).said == seen.said


def test_nobody_there_is_said_with_the_usual_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        seen = openssh.visit(alice(), HOST, free.getsockname()[1])
    assert seen.said == "ssh: connect to host 127.0.0.1 port 22: Connection refused"
    assert not seen.logged_in


# Nothing of the learner's own.


def test_nothing_of_the_learners_own_is_read(visit):
    log = visit(alice("nothing", "accept-new")).log
    assert set(re.findall(r"identity file (\S+)", log)) <= {"key", "key-cert"}
    assert re.findall(r"Will attempt key: (\S+)", log) == ["key"]
    assert set(re.findall(r"load_hostkeys: fopen (\S+):", log)) <= {"none"}
    assert ".ssh" not in log
    assert pwd.getpwuid(os.getuid()).pw_dir + "/" not in log.replace(tempfile.gettempdir(), "")
    assert "/etc/ssh" not in log
    without_key = visit(alice(key=None)).log
    assert re.findall(r"(?:identity file|Will attempt key:|Trying private key:) (\S+)", without_key) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it finds processes in /proc")
def test_a_login_leaves_no_file_and_no_process(tmp_path, monkeypatch):
    # With a name that a shell, or a list of options, would take apart.
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def ours():
        return [
            p
            for p in Path("/proc").glob("[0-9]*")
            if str(folder).encode() in _read(p / "cmdline") + _read(p / "environ")
        ]

    with openssh.sshd(SERVER) as running:
        assert openssh.visit(alice(), HOST, running.port, account=openssh.own_account()).logged_in
        assert len(list(folder.iterdir())) == 1
        assert ours()
        for path in running.folder.iterdir():
            assert path.stat().st_mode & 0o777 == 0o600
    assert openssh.log_in(alice(), SERVER).direction() is Direction.MUTUAL
    assert list(folder.iterdir()) == []
    assert wait_until(lambda: not ours(), 2)


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


# The real server.


@pytest.mark.parametrize("methods", [("password",), ("publickey", "password"), ("keyboard-interactive",)])
def test_sshd_takes_public_keys_only(methods):
    with pytest.raises(CourseError, match="the real sshd can check public keys only"):
        openssh.log_in(alice(), replace(SERVER, methods=methods))


def test_sshd_lets_in_the_keys_of_its_users_or_of_one_of_them(visit):
    assert visit(alice(key=BOB_KEY)).logged_in
    assert not visit(alice(key=OTHER_KEY)).logged_in
    # All its users stand for one account. So where Alice logs in, only her key counts.
    exchange = openssh.log_in(alice(key=BOB_KEY), SERVER)
    assert exchange.failure.reason == "permission denied for alice (publickey)"
    assert openssh.log_in(replace(alice(key=BOB_KEY), user="bob"), SERVER).proofs[1].identity == "bob"


def test_an_account_without_a_name_is_a_sentence(monkeypatch):
    assert openssh.own_account() == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    with pytest.raises(
        CourseError, match=r"^ssh and sshd need an account with a name, and this notebook runs without one\.$"
    ):
        openssh.own_account()


# Both, as an exchange.


LOGINS = {
    "known": (alice(), "plain"),
    "unknown, yes": (alice("nothing"), "plain"),
    "unknown, accept-new": (alice("nothing", "accept-new"), "plain"),
    "changed, yes": (alice("another key"), "plain"),
    "changed, no": (alice("another key", "no"), "plain"),
    "revoked": (alice("the key, revoked", "accept-new"), "plain"),
    "host certificate": (alice("the CA"), "certified"),
    "host certificate for another name": (alice("the CA"), "certified for another"),
    "a wrong key": (alice(key=OTHER_KEY), "plain"),
    "no key": (alice(key=None), "plain"),
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_is_the_same_as_between_two_ends_of_asyncssh(name):
    client, server = LOGINS[name]
    real = openssh.log_in(client, SERVERS[server], "A login")
    # asyncssh's end takes new keys into the list.
    own = replace(client, known_hosts=KnownHosts.parse(str(client.known_hosts)))
    ours = run_coroutine(ssh.log_in(own, SERVERS[server], "A login"))
    if "DISCONNECT" in [message.name for message in ours.messages]:
        # ssh refuses a host without a word: it closes the connection.
        assert real.messages == ours.messages[:-1]
        assert (real.failure.by, real.failure.at, real.failure.learned_by) == ("alice", ours.failure.at, None)
    else:
        assert told(real.messages) == told(ours.messages)
        assert real.failure == ours.failure
    assert real.direction() is ours.direction()
    assert [replace(p, session=None, inside=None) for p in real.proofs] == [
        replace(p, session=None, inside=None) for p in ours.proofs
    ]
    assert (real.title, real.parties) == (ours.title, ours.parties)
    assert {session for proof in real.proofs for session in proof.sessions} <= {m.inside for m in real.messages}


def told(messages):
    return [replace(message, inside=message.inside is not None) for message in messages]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unknown, yes", UNKNOWN),
        ("changed, yes", CHANGED_STRICT),
        ("revoked", REVOKED_STRICT),
        ("host certificate for another name", UNKNOWN),
    ],
)
def test_a_refusal_is_told_in_the_words_of_ssh(name, reason):
    client, server = LOGINS[name]
    exchange = openssh.log_in(client, SERVERS[server])
    assert exchange.failure.reason == reason
    assert exchange.refused_at() == "KEX_ECDH_REPLY"
    assert exchange.title == "alice logs in to server.example"


def test_programs_that_do_not_come_to_speak_are_a_sentence(monkeypatch):
    monkeypatch.setattr(openssh, "_KEY_EXCHANGE", ("KexAlgorithms=curve25519-sha256", "NoSuchOption=yes"))
    with pytest.raises(CourseError) as caught:
        openssh.log_in(alice(), SERVER)
    assert str(caught.value) == (
        "ssh and sshd did not come to speak. ssh says: command-line: line 0: Bad configuration option: nosuchoption"
    )


@pytest.mark.parametrize("server", ["certified for another", "expired"])
def test_where_a_certificate_does_not_count_its_key_is_a_new_one(server):
    exchange = openssh.log_in(alice("the CA", "accept-new"), SERVERS[server])
    assert exchange.failure is None
    assert exchange.direction() is Direction.ONE_WAY
    assert [proof.prover for proof in exchange.proofs] == ["alice"]


def test_ssh_meets_sshd():
    seen = openssh.meet(alice("another key"), SERVER)
    assert seen.said == f"{CHANGED}{CHANGED_STRICT}\n{FAILED}"
    assert openssh.meet(alice("nothing"), SERVER, answer="no").said == f"{QUESTION}no\n{FAILED}"
    assert openssh.meet(alice(), SERVER).logged_in
    assert not openssh.meet(alice(key=BOB_KEY), SERVER).logged_in


def test_the_four_values_of_strict_host_key_checking():
    known = alice()
    table = openssh.compare_settings(known, SERVER, replace(SERVER, host_key=OTHER_KEY))
    new, wall = "adds the key, ✔ logs in with the key", "prints the wall, ✘ refuses"
    assert table.rows == [
        ("yes", "✘ refuses", wall),
        ("ask", f"asks, {new}", wall),
        ("accept-new", new, wall),
        ("no", new, "prints the wall, ✔ logs in with the key"),
    ]
    assert str(known.known_hosts) == LISTS["the host"]


def test_what_is_missing_is_said_line_by_line(monkeypatch):
    assert openssh.missing("ssh", "sshd") == ""
    monkeypatch.setattr(openssh.programs, "find", lambda name: None if name == "ssh" else Path(name))
    assert openssh.missing("ssh", "sshd") == openssh.programs.missing("ssh")
    monkeypatch.setattr(openssh.programs, "find", lambda name: None)
    assert openssh.missing("ssh", "sshd").splitlines() == [
        openssh.programs.missing("ssh"),
        openssh.programs.missing("sshd"),
    ]


# What is concluded from the two logs.


@pytest.fixture(scope="module")
def logs():
    """A login that went well: what both wrote."""
    with openssh.sshd(SERVER) as running:
        seen = openssh.visit(alice(), HOST, running.port, account=openssh.own_account())
        assert wait_until(lambda: openssh_log.is_whole(seen.log, running.log), 5)
        return seen.log, running.log


def replayed(client_log, server_log):
    leg = Leg("alice", HOST, Transcript())
    openssh_log.replay(leg, "alice", client_log, server_log)
    return leg.transcript.exchange("", "alice", HOST)


def without(log, words):
    lines = log.splitlines()
    left = [line for line in lines if words not in line]
    assert len(left) < len(lines)
    return "\n".join(left)


def test_a_host_has_proved_itself_only_where_ssh_says_that_it_knows_the_key(logs):
    client, server = logs
    assert [proof.prover for proof in replayed(client, server).proofs] == [HOST, "alice"]
    assert [proof.prover for proof in replayed(without(client, "is known and matches"), server).proofs] == ["alice"]


def test_a_user_has_proved_herself_only_where_sshd_says_so(logs):
    client, server = logs
    assert [proof.prover for proof in replayed(client, without(server, "Accepted publickey for")).proofs] == [HOST]


def test_what_an_end_never_received_is_said(logs):
    client, server = logs
    cut = client[: client.index("debug3: receive packet: type 21")]
    exchange = replayed(cut, server)
    notes = {(message.sender, message.name): message.note for message in exchange.messages}
    assert notes[HOST, "NEWKEYS"] == "alice never read this"
    assert notes["alice", "NEWKEYS"] == "from here on, this end encrypts"


def test_an_account_that_sshd_refuses_says_nothing_about_the_user(logs):
    client, server = logs
    closed = f"{server}\nUser nobody not allowed because account is locked\n"
    with pytest.raises(CourseError) as caught:
        replayed(client, closed)
    assert str(caught.value) == (
        "sshd refuses the account that runs this notebook: not allowed because account is locked."
        " Take ssh.log_in instead."
    )


def test_the_logs_are_whole_when_each_message_stands_in_both(logs):
    client, server = logs
    assert openssh_log.is_whole(client, server)
    for last in ("debug3: send packet: type 52", "debug3: send packet: type 31", "debug3: receive packet: type 30"):
        assert not openssh_log.is_whole(client, server[: server.index(last)])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (  # 8.9
            "This key is not known by any other names\nAre you sure",
            "This key is not known by any other names.\nAre you sure",
        ),
        (  # 10.6
            "ED25519 key fingerprint is: SHA256:abc\nThis key is not known by any other names.",
            "ED25519 key fingerprint is SHA256:abc.\nThis key is not known by any other names.",
        ),
        (  # Debian's
            'Offending ED25519 key in known_hosts:1\n  remove with:\n  ssh-keygen -f "known_hosts" -R "a"\nHost key',
            "Offending ED25519 key in known_hosts:1\nHost key",
        ),
    ],
)
def test_what_other_versions_write_is_made_the_same(written, shown):
    assert openssh_log.ordinary(written) == shown


# The two small ones.


def test_keyscan_gives_the_line_for_the_list(visit):
    with openssh.sshd(SERVER) as running:
        line = openssh.keyscan(HOST, running.port)
    assert line == listed(HOST_KEY)
    seen = visit(ssh.Client("alice", KnownHosts.parse(line), key=ALICE_KEY))
    assert (seen.said, seen.logged_in) == ("", True)


def test_keyscan_where_nobody_answers_is_a_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(CourseError, match=r"^ssh-keyscan got no Ed25519 key from there\.$"):
            openssh.keyscan(HOST, free.getsockname()[1])


def test_keygen_says_of_a_key_what_ours_does():
    line = f"{ssh.public_line(HOST_KEY)} a comment"
    key = HostKey.parse(line)
    first, *picture = openssh.keygen_fingerprint(line).splitlines()
    assert first == f"256 {key.fingerprint()} a comment (ED25519)"
    assert "\n".join(picture) == key.randomart()
    assert openssh.keygen_fingerprint(line, "md5").startswith(f"256 {key.fingerprint('md5')} a comment")


def test_keygen_finds_the_lines_that_ours_does():
    known = KnownHosts.parse(
        "\n".join((listed(OTHER_KEY, "a.example"), listed(HOST_KEY), "# a comment", LISTS["the CA"]))
    )
    assert openssh.keygen_find(str(known), HOST) == tuple(line.number for line in known.find(HOST)) == (2, 4)
    assert openssh.keygen_find(str(known), "b.org") == ()
