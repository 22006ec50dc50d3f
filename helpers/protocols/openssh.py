"""SSH with OpenSSH's own programs: `ssh`, `sshd`, `ssh-keyscan` and `ssh-keygen`, and what they say.

    with sshd(server) as running:
        print(visit(alice, server.party, running.port, account=own_account()).said)
    run = log_in(alice, server)   # an Exchange, as ssh.log_in gives it

Servers and clients are those of ssh.py. All runs on loopback, and nothing of the learner's own is used: no settings, no
keys, no agent, no list of known hosts. That is said with options, because `ssh` finds one's home in the user database.
"""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from helpers import programs
from helpers.display.error import CourseError
from helpers.display.table import Table
from helpers.exchange import Exchange
from helpers.protocols import openssh_log
from helpers.protocols.ssh import PATIENCE, Client, Server, public_line
from helpers.protocols.ssh_leg import Leg
from helpers.protocols.transcript import Transcript
from helpers.running import Running, wait_until
from helpers.trust.host_keys import KnownHosts

# One way to exchange keys for all, as in ssh.py. Since OpenSSH 10.1 the client warns of it, because a quantum computer
# could read what was recorded. Older ones do not know that option.
_KEY_EXCHANGE = ("KexAlgorithms=curve25519-sha256", "IgnoreUnknown=WarnWeakCrypto", "WarnWeakCrypto=no")


# The server.


@contextmanager
def sshd(server: Server, user: str | None = None) -> Iterator[Running]:
    """The real `sshd` with this server's host key, and its certificate, on a free port. It ends with the block.

    It lets in whoever has the key of one of the server's users, or only that of `user`. They all stand for the account
    that runs this notebook: whoever comes must ask for that name, `own_account()`. Unless root runs it, sshd can let in
    no other. No shell is started there, and no file of that account is read.

    Raises CourseError where sshd is missing, or the server wants more than a public key: sshd asks the system about
    passwords, and only root may.
    """
    if set(server.methods) != {"publickey"}:
        raise CourseError("Here, the real sshd can check public keys only. Leave out `methods`, or take ssh.log_in.")
    keys = server.users.keys(user)
    files = {"host_key": server.host_key.export_private_key(), "users_keys": "".join(f"{k}\n" for k in keys).encode()}
    options = [
        'HostKey="{folder}/host_key"',
        'AuthorizedKeysFile="{folder}/users_keys"',
        "AuthenticationMethods=publickey",
        "ListenAddress=127.0.0.1:{port}",
        "PidFile=none",
        "UsePAM=no",
        "StrictModes=no",  # it would look at the folders above its own
        # Once in, a client finds a service that waits for files, and that ends as soon as the client does.
        *("ForceCommand=internal-sftp", "PermitUserRC=no", "PermitTTY=no", "DisableForwarding=yes"),
        *("PrintMotd=no", "PrintLastLog=no", "LoginGraceTime=10", "LogLevel=DEBUG3"),
        _KEY_EXCHANGE[0],
    ]
    if server.certificate:
        files["certificate.pub"] = public_line(server.certificate).encode()
        options.append('HostCertificate="{folder}/certificate.pub"')
    arguments = ["-D", "-e", "-f", "/dev/null", *_options(options)]
    with programs.run("sshd", *arguments, ready="Server listening on", files=files) as running:
        yield running


def own_account() -> str:
    """The account that runs this notebook: the one name that an `sshd` of it lets in. CourseError if it has no name."""
    import pwd  # not on Windows

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise CourseError("ssh and sshd need an account with a name, and this notebook runs without one.") from None


def _options(options) -> list[str]:
    return [word for option in options for word in ("-o", option)]


# The client.

# What stands for a person here: `ssh` runs it to ask. It writes down the question, and what a terminal would show of
# the answer. Each of these lines gets a mark: a server chooses some of the words, and they must not pass for ssh's own.
_ASKED = b"""#!/bin/sh
printf '%s\\0' "$1" >> asked
case "$1" in
*"(yes/no"* | *"'yes', 'no'"*)
  # Asked once more, she says no.
  test -e answered && echo no > answer
  touch answered
  shown=$(cat answer) reply=answer ;;
*"assword: ") shown= reply=password ;;
*) shown= reply=code ;;
esac
printf '%s\\n' "$1$shown" | sed 's/^/asked: /' >> log
cat $reply
"""


@dataclass(frozen=True)
class Visit:
    """What came of it. `said` is what a person would have read on the terminal, with the questions and the answers.

    It is the same for every port and account. The passwords and codes that were typed are not in it, nor the command
    with which Debian's ssh would delete a changed key at once. `asked` are the questions. `known_hosts` is the list as
    `ssh` left it. `log` is all that `ssh -vvv` wrote.
    """

    said: str
    logged_in: bool
    asked: tuple[str, ...]
    known_hosts: KnownHosts = field(repr=False)
    log: str = field(repr=False)


def visit(client: Client, host: str, port: int, *, answer: str | None = None, account: str = "") -> Visit:
    """The real `ssh` of this client visits the server at a port of 127.0.0.1, which is to be `host` at port 22.

    It works on a copy of the client's list. With an `answer` ("yes", "no" or a fingerprint) it does what it does by
    itself: where the host is unknown, it asks. Without one, `client.checking` says what it does.

    `account` is the name to log in with where it must be one of this machine's (`sshd`). Raises CourseError where ssh
    is missing or does not end. Where the server runs in this Python, call it so that both can run:
    `await asyncio.to_thread(visit, alice, "server.example", port)`.
    """
    user = client.login_name
    files = {
        "known_hosts": bytes(client.known_hosts),
        "ask": _ASKED,
        "answer": f"{answer}\n".encode(),
        "password": f"{client.password}\n".encode(),
        "code": f"{client.code() if client.code else ''}\n".encode(),  # it is good for half a minute
        **({"key": client.key.export_private_key()} if client.key else {}),
    }
    can_show = {"publickey": client.key, "keyboard-interactive": client.code, "password": client.password}
    options = [
        f"StrictHostKeyChecking={client.checking if answer is None else 'ask'}",
        "UserKnownHostsFile=known_hosts",
        "GlobalKnownHostsFile=none",
        "UpdateHostKeys=no",
        f"IdentityFile={'key' if client.key else 'none'}",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        f"PreferredAuthentications={','.join(method for method in can_show if can_show[method]) or 'none'}",
        "NumberOfPasswordPrompts=1",
        f"HostKeyAlias={host}",  # the name stands in no DNS, and in the list without a port
        *_KEY_EXCHANGE,
    ]
    # Its own words go into a file. What the server wants to be shown, such as a greeting, does not.
    arguments = ["-F", "none", "-vvv", "-E", "log", "-T", *_options(options), "-p", str(port), "-l", account or user]
    result = programs.run_to_end(
        "ssh",
        *arguments,
        "127.0.0.1",
        "true",
        files=files,
        environment={"SSH_ASKPASS": "./ask", "SSH_ASKPASS_REQUIRE": "force"},
        keep=("known_hosts", "asked", "log"),
        timeout=PATIENCE,
    )
    # Where it did not come so far as to open its log, its error stands where errors stand.
    log = result.files.get("log", result.errors.encode()).decode(errors="replace").replace("\r", "")
    asked = result.files.get("asked", b"").decode(errors="replace").split("\0")[:-1]

    def shown(text: str) -> str:
        text = openssh_log.ordinary(text)
        text = text.replace(f"[127.0.0.1]:{port}", "127.0.0.1").replace(f"127.0.0.1 port {port}", "127.0.0.1 port 22")
        return text.replace(f"{account or user}@127.0.0.1", f"{user}@{host}")

    return Visit(
        shown(log),
        "\nAuthenticated to " in log,
        tuple(map(shown, asked)),
        KnownHosts.parse(result.files["known_hosts"]),
        log,
    )


# Both.


def log_in(client: Client, server: Server, title: str = "") -> Exchange:
    """The real `ssh` logs in to the real `sshd`. What they proved to each other is what their own logs say.

    Raises CourseError where one of them is missing or does not work, and as `sshd` does.
    """
    user = client.login_name
    transcript = Transcript()
    leg = Leg(client.party, server.party, transcript)
    with sshd(server, user) as running:
        visited = visit(client, server.party, running.port, account=own_account())
        wait_until(lambda: openssh_log.is_whole(visited.log, running.log), PATIENCE)
    openssh_log.replay(leg, user, visited.log, running.log)
    if not transcript.sent:
        raise CourseError(f"ssh and sshd did not come to speak. ssh says: {visited.said}")
    return transcript.exchange(title or f"{client.party} logs in to {server.party}", client.party, server.party)


def meet(client: Client, server: Server, answer: str | None = None) -> Visit:
    """The real `ssh` visits the real `sshd`. `answer` is as in `visit`. Raises CourseError as `log_in` does."""
    with sshd(server, client.login_name) as running:
        return visit(client, server.party, running.port, answer=answer, account=own_account())


def compare_settings(client: Client, server: Server, another: Server) -> Table:
    """What `ssh` does for each value of StrictHostKeyChecking, where the host is new, and where its key has changed.

    `client` knows `server`; `another` has the same name and another key. Raises CourseError as `log_in` does.
    """
    user = client.login_name

    def told(value: str, known: KnownHosts, port: int) -> str:
        # "ask" is what `visit` makes of an answer.
        answer, checking = ("yes", client.checking) if value == "ask" else (None, value)
        visitor = replace(client, checking=checking, known_hosts=known)
        return _told(visit(visitor, server.party, port, answer=answer, account=own_account()))

    values = ("yes", "ask", "accept-new", "no")
    # Eight visits one after the other would take seconds.
    with sshd(server, user) as one, sshd(another, user) as other, ThreadPoolExecutor(len(values)) as pool:
        new = pool.map(lambda value: told(value, KnownHosts.parse(""), one.port), values)
        changed = pool.map(lambda value: told(value, client.known_hosts, other.port), values)
        rows = list(zip(values, new, changed, strict=True))
    headers = ("Value", "The host is new", "The host has another key than in the list")
    return Table("What ssh does, by StrictHostKeyChecking", headers, rows)


def _told(visited: Visit) -> str:
    told = ["asks"] * bool(visited.asked) + ["prints the wall"] * ("HAS CHANGED" in visited.said)
    told += ["adds the key"] * ("Permanently added" in visited.said)
    return ", ".join([*told, "✔ logs in with the key" if visited.logged_in else "✘ refuses"])


def missing(*names: str) -> str:
    """The sentences for a lesson where one of these programs is not here. Empty where all are."""
    return "\n".join(programs.missing(name) for name in names if not programs.find(name))


# The two small ones.


def keyscan(host: str, port: int) -> str:
    """What `ssh-keyscan` writes of the server at a port of 127.0.0.1, as the line for `host` in a list of known hosts.

    Whoever answers there can say what he likes. Raises CourseError where nobody answers.
    """
    result = programs.run_to_end("ssh-keyscan", "-t", "ed25519", "-p", str(port), "127.0.0.1")
    lines = [line for line in result.output.splitlines() if not line.startswith("#")]
    if not lines:
        raise CourseError("ssh-keyscan got no Ed25519 key from there.")
    return f"{host} {lines[0].partition(' ')[2]}"


def keygen_fingerprint(line: str, algorithm: str = "sha256") -> str:
    """What `ssh-keygen -lv` writes of a public key: its size, fingerprint and comment, and the picture."""
    arguments = ["-l", "-v", "-E", algorithm, "-f", "key.pub"]
    return programs.run_to_end("ssh-keygen", *arguments, files={"key.pub": line.encode()}).output.strip()


def keygen_find(known_hosts: str, host: str) -> tuple[int, ...]:
    """The numbers of the lines that `ssh-keygen -F` finds for this name (or "[name]:port") in a list of known hosts."""
    arguments = ["-F", host, "-f", "known_hosts"]
    output = programs.run_to_end("ssh-keygen", *arguments, files={"known_hosts": f"{known_hosts}\n".encode()}).output
    return tuple(map(int, re.findall(r"^# Host .* found: line (\d+)", output, re.MULTILINE)))
