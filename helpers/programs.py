"""The real programs that some lessons use: which of them this machine has, and how to get the others."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from helpers.display.table import Table

# Debian keeps servers in /usr/sbin, which is not on an ordinary user's PATH.
_MORE_PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")


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
        "brew install openssl",
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
    """Where the program is, or None. Looks along PATH, and then where Debian keeps servers."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_PLACES))
    found = shutil.which(name, path=places)
    return Path(found) if found else None


def table(found: dict[str, bool] | None = None) -> Table:
    """The programs and how to get them. `found` says of each whether it is here; without it that column is missing."""
    here = {} if found is None else {name: "✔ yes" if is_here else "✘ no" for name, is_here in found.items()}
    rows = [(p.name, *([here[p.name]] if here else []), p.adds, p.debian, p.macos, p.windows) for p in PROGRAMS]
    headers = ("Program", *(["Here?"] if here else []), "What it adds", "Debian, Ubuntu", "macOS", "Windows")
    return Table("Programs that some lessons use. None is needed to begin.", headers, rows)
