"""The real programs that some lessons use: which of them this machine has, how to get the others, how to run them.

    with programs.run("openssl", "s_server", "-accept", "127.0.0.1:{port}", ..., ready="ACCEPT") as server:
        result = programs.run_to_end("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}")

They run on loopback, each in a private temporary folder, and never longer than the kernel (running.py, supervisor.py).
"""

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from helpers.display.error import CourseError
from helpers.display.table import Table
from helpers.display.text import visible
from helpers.running import Running, supervised, wait_until

# Debian keeps servers in /usr/sbin, which is not on an ordinary user's PATH.
_MORE_PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
# Run by root, Debian's sshd wants this folder, which is there only while Debian's own service runs.
_SSHD_FOLDER = Path("/run/sshd")
_OPENSSL_ON_MACOS = os.pathsep.join(("/opt/homebrew/opt/openssl@3/bin", "/usr/local/opt/openssl@3/bin"))


@dataclass(frozen=True)
class Program:
    """`adds` says what a lesson can do with it. The last three say how to get it, or why it cannot be had."""

    name: str
    adds: str
    debian: str
    macos: str
    windows: str


PROGRAMS = (
    Program(
        "openssl",
        "A second TLS client and server, to check ours against.",
        "sudo apt install openssl",
        "brew install openssl@3",
        "winget install ShiningLight.OpenSSL.Light",
    ),
    Program(
        "curl",
        "A client that many people use, and its error messages.",
        "sudo apt install curl",
        "comes with macOS",
        "comes with Windows",
    ),
    Program(
        "ssh",
        "The real SSH client: first use, changed host keys.",
        "sudo apt install openssh-client",
        "comes with macOS",
        "comes with Windows (optional feature “OpenSSH Client”)",
    ),
    Program(
        "ssh-keyscan",
        "Asks a server which host keys it has.",
        "sudo apt install openssh-client",
        "comes with macOS",
        "comes with Windows (optional feature “OpenSSH Client”)",
    ),
    Program(
        "ssh-keygen",
        "Fingerprints and pictures of keys, to check ours against.",
        "sudo apt install openssh-client",
        "comes with macOS",
        "comes with Windows (optional feature “OpenSSH Client”)",
    ),
    Program(
        "sshd",
        "The real SSH server.",
        "sudo apt install openssh-server (starts a server; sudo systemctl disable --now ssh stops it)",
        "comes with macOS",
        "optional feature “OpenSSH Server”",
    ),
    Program(
        "node",
        "Mutual TLS in Node.js.",
        "sudo apt install nodejs",
        "brew install node",
        "winget install OpenJS.NodeJS.LTS",
    ),
    Program(
        "oathtool",
        "Computes one-time codes, for a second opinion.",
        "sudo apt install oathtool",
        "brew install oath-toolkit",
        "not available: use WSL or Binder",
    ),
    Program(
        "hostapd",
        "An authentication server for 802.1X.",
        "sudo apt install hostapd",
        "not available: use Binder",
        "not available: use WSL or Binder",
    ),
    Program(
        "eapol_test",
        "A device that asks to join a network with 802.1X.",
        "sudo apt install eapoltest",
        "not available: use Binder",
        "not available: use WSL or Binder",
    ),
)


def find(name: str) -> Path | None:
    """Where the program is, or None. Looks along PATH, and then where Debian keeps servers.

    An sshd that would not start is none.
    """
    return None if name == "sshd" and _sshd_lacks_its_folder() else _look_for(name)


def _look_for(name: str) -> Path | None:
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_PLACES))
    if name == "openssl" and sys.platform == "darwin":
        places = _OPENSSL_ON_MACOS  # the one that macOS has on its PATH is LibreSSL
    found = shutil.which(name, path=places)
    return Path(found) if found else None


def _sshd_lacks_its_folder() -> bool:
    return Path("/etc/debian_version").exists() and os.geteuid() == 0 and not _SSHD_FOLDER.is_dir()


def table(found: dict[str, bool] | None = None) -> Table:
    """The programs and how to get them. `found` says of each whether it is here; without it that column is missing."""
    here = {} if found is None else {name: "✔ yes" if is_here else "✘ no" for name, is_here in found.items()}
    rows = [(p.name, *([here[p.name]] if here else []), p.adds, p.debian, p.macos, p.windows) for p in PROGRAMS]
    headers = ("Program", *(["Here?"] if here else []), "What it adds", "Debian, Ubuntu", "macOS", "Windows")
    return Table("Programs that some lessons use. None is needed to begin.", headers, rows)


# The lessons are written for this one and later ones.
_OLDEST_NODE = 18
# POSIX says it in the first words, Windows in the others.
_ADDRESS_IN_USE = re.compile("address already in use|only one usage of each socket address", re.IGNORECASE)
# Somebody else may take a port between the moment we choose it and the moment the server does. Then we choose again.
_PORTS_TO_TRY = 5


@contextmanager
def run(
    name: str, *arguments: str, ready: str, files: dict[str, bytes] | None = None, timeout: float = 10
) -> Iterator[Running]:
    """Start a server, and end it with the with-block: the program, what it started, and its folder.

    "{port}" in the arguments becomes a free port; tell the program to listen there on 127.0.0.1. "{folder}" becomes its
    working folder, for a program that leaves it. `files` (name to content) are put there, where this user alone can
    read them. `ready` is a text that the program writes when it listens. A connection would not do to find that out:
    the server would count it and write about it.

    Raises CourseError where the program is missing or too old, ends before it is ready, or is not ready after `timeout`
    seconds.
    """
    program = _installed(name)
    for _ in range(_PORTS_TO_TRY):
        port = _free_port()
        filled_in = [argument.replace("{port}", str(port)) for argument in arguments]
        with supervised(program, filled_in, files=files, port=port) as server:
            in_time = wait_until(lambda server=server: ready in server.log or server.status is not None, timeout)
            if not in_time:
                raise CourseError(f"{name} did not write “{ready}” within {timeout:g} seconds. {server.last_words()}")
            if server.status is None:
                yield server
                return
            if not _ADDRESS_IN_USE.search(server.log):
                ended = f"{name} ended before it was ready (exit status {server.status})."
                raise CourseError(f"{ended} {server.last_words()}")
    raise CourseError(f"{name} tried {_PORTS_TO_TRY} ports, and each was already in use. Run it again.")


@dataclass(frozen=True)
class Result:
    """What a program left that ran to its end: its exit status, and what it wrote to its two output streams.

    `files` are those that were to be kept, as they were then.
    """

    status: int
    output: str
    errors: str
    files: dict[str, bytes] = field(default_factory=dict)


def run_to_end(
    name: str,
    *arguments: str,
    files: dict[str, bytes] | None = None,
    input: bytes = b"",
    environment: dict[str, str] | None = None,
    keep: tuple[str, ...] = (),
    timeout: float = 10,
) -> Result:
    """Run a client to its end. `files` are as in `run`; one that begins with "#!" is a script that can be run.

    `input` is all that it can read on its standard input. `environment` is what it gets besides the little that every
    program gets. `keep` names files of its folder that are wanted when it has ended; one that is not there is left out.

    Raises CourseError where the program is missing or too old, or has not ended after `timeout` seconds.
    """
    return _run_to_end(_installed(name), arguments, files, input, environment, keep, timeout)


def _run_to_end(program: Path, arguments, files=None, given=b"", environment=None, keep=(), timeout=10.0) -> Result:
    with supervised(program, list(arguments), files=files, given=given, environment=environment) as client:
        if not wait_until(lambda: client.status is not None, timeout):
            raise CourseError(f"{program.stem} had not ended after {timeout:g} seconds. {client.last_words()}")
        kept = {name: (client.folder / name).read_bytes() for name in keep if (client.folder / name).exists()}
        return Result(client.status, client.log, client.errors, kept)


def _installed(name: str) -> Path:
    program = find(name)
    if program is None:
        raise CourseError(missing(name))
    if name == "node":
        version = _run_to_end(program, ["--version"]).output.strip()
        number = re.match(r"v(\d+)\.", version)
        if not number or int(number[1]) < _OLDEST_NODE:
            here = f"the one on this machine says it is “{visible(version)}”"
            raise CourseError(f"This needs node {_OLDEST_NODE} or newer, and {here}. nodejs.org has newer ones.")
    return program


def missing(name: str) -> str:
    """The sentence for a lesson whose program is not here, with how to get it on a system like this one."""
    if name == "sshd" and _look_for(name):
        return (
            f"This needs sshd. Here it runs for root only where there is a folder {_SSHD_FOLDER}: mkdir {_SSHD_FOLDER}"
        )
    system, column = {"darwin": ("macOS", "macos"), "win32": ("Windows", "windows")}.get(
        sys.platform, ("Debian or Ubuntu", "debian")
    )
    how = next(getattr(program, column) for program in PROGRAMS if program.name == name)
    return f"This needs {name}, which is not on this machine. On {system}: {how}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
