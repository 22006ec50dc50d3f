"""The host key checker: the learner pastes a known_hosts list and a key, and sees what `ssh` would decide."""

import os
import re
from html import escape
from pathlib import Path

import traitlets

from helpers.display.error import CourseError
from helpers.display.text import as_html, short, visible
from helpers.protocols.ssh import host_certificate, new_key, public_line
from helpers.trust.host_keys import PORT, SIGNS, HostKeyVerdict, KnownHosts
from helpers.trust.ssh_keys import HostKey, is_kind
from helpers.widgets.acting import ActingWidget, script

HOST = "server.example"
LONGEST = 1_000_000  # characters in a field. The view sends one more at most, so that one can tell.
TOO_LONG = (
    f"That is too much text: a field takes {LONGEST:,} characters. To get only the lines for one host, type"
    " ssh-keygen -F and its name in a terminal."
)
# How a file with a private key begins, as text (OpenSSH, PEM, ssh.com, PuTTY) and where only its Base64 was copied.
# The view looks for it as well: what it finds is not even sent to the kernel.
PRIVATE_KEY = r"BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-\d|b3BlbnNzaC1rZXktdj"
REFUSED = (
    "This is your private key: never paste it anywhere. The field wants the public key, from the file whose name ends"
    " in .pub. The field was emptied."
)


class HostKeyChecker(ActingWidget):
    """Checks a pasted key against a pasted list. It has examples, for somebody who has neither at hand.

    `said`: {"message": sentence, "html": what was found}, and {"fields": {name: text}} where the view shall fill some.
    """

    _esm = script("host_key_checker.js")
    _css = Path(__file__).with_name("host_key_checker.css")
    examples = traitlets.List().tag(sync=True)
    longest = traitlets.Int(LONGEST).tag(sync=True)
    private_key = traitlets.Unicode(PRIVATE_KEY).tag(sync=True)
    refused = traitlets.Unicode(REFUSED).tag(sync=True)

    def __init__(self) -> None:
        text = "Run this cell to check a host key against a known_hosts list: paste both, or choose an example."
        super().__init__(
            {
                "check": lambda content: _checked(content["fields"]),
                "try": lambda content: _tried(content["example"]),
            },
            examples=list(EXAMPLES),
            fallback_html=f"<p><em>{as_html(text)}</em></p>",
            fallback_text=text,
        )


class _Problem(CourseError):
    """What is in the fields can't be checked. The message says what to do."""


def _tried(example: str) -> dict:
    known_hosts, key = EXAMPLES[example]()
    fields = {"known_hosts": known_hosts, "host": HOST, "port": str(PORT), "key": key}
    return {**_checked(fields), "fields": fields}


def _checked(fields: dict[str, str]) -> dict:
    if private := [name for name, text in fields.items() if re.search(PRIVATE_KEY, text)]:
        return {"message": REFUSED, "html": "", "fields": dict.fromkeys(private, "")}
    try:
        if any(len(text) > LONGEST for text in fields.values()):
            raise _Problem(TOO_LONG)
        if not fields["known_hosts"].strip():
            raise _Problem("Paste a known_hosts list first. With an empty list, the key of every host is unknown.")
        known = KnownHosts.parse(fields["known_hosts"])
        if not known.has_keys():
            raise _Problem("No line of this list can be read. A line has a name, a kind of key, and the key.")
        host, port, line = _host(fields["host"]), _port(fields["port"]), _key_line(fields["key"])
        verdict = known.check(host, port, line)
    except CourseError as error:  # an UnreadableKey, too
        return {"message": str(error), "html": ""}
    message = f"{visible(verdict.host)}: {SIGNS[verdict.value]} {verdict.value}. {verdict.reason}"
    key = HostKey.parse(line)
    in_front = "" if is_kind(line.split()[0].encode()) else "<p>(The name in front of the key was not looked at.)</p>"
    return {"message": message, "html": _html(verdict, key) + in_front}


def _host(text: str) -> str:
    host = text.strip()
    if not host:
        raise _Problem("Type the name of the host first.")
    # People paste what they type after "ssh". An IPv6 address has colons of its own.
    if re.search(r"[@/\s\[\]]|^[^:]*:\d*$", host) or len(host) > 255:
        raise _Problem(
            f"Only the name of the host or its address, please: “{visible(short(host))}” has more in it. The port has"
            " a field of its own."
        )
    return host


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text.strip()) or int(text) > 65535:
        raise _Problem("The port is a number from 1 to 65535. SSH's own is 22.")
    return int(text)


def _key_line(text: str) -> str:
    # ssh-keyscan writes comments between its lines.
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise _Problem("Paste the host's public key first, or choose an example.")
    if re.match(r"\s*(SHA256:|MD5:|(\d+ )?([0-9a-f]{2}:){15}|\d+ (SHA256|MD5):)", lines[0]):
        raise _Problem(
            "This is a fingerprint, a hash of the key. Paste the key itself: from a file that ends in .pub, or as"
            " ssh-keyscan prints it."
        )
    if len(lines) > 1:
        raise _Problem(
            f"Here are {len(lines)} lines, and a key is one line without a break in it. If these are several keys,"
            " leave the one to check."
        )
    return lines[0]


def _html(verdict: HostKeyVerdict, key: HostKey) -> str:
    of = "the key in the certificate" if key.certificate else "the key"
    return (
        f"{verdict._repr_html_()}\n<p><b>Fingerprint of {of}:</b> <code>{as_html(key.fingerprint())}</code></p>\n"
        "<p>The same as a picture (randomart):</p>\n"
        f'<pre role="img" aria-label="Randomart">{escape(key.randomart())}</pre>'
    )


# The examples. Each gives a list and the key that the host shows. Their keys are made when they are asked for.


def _list_of(key: str, *, hashed: bool = False) -> str:
    """A list with a line for the host, and one for another host before it."""
    known = KnownHosts.parse("")
    for host, listed in (("other.example", public_line(new_key())), (HOST, key)):
        known.add(host, PORT, listed, salt=os.urandom(20) if hashed else None)
    return f"{known}\n"


def _known() -> tuple[str, str]:
    key = public_line(new_key())
    return _list_of(key), key


def _changed() -> tuple[str, str]:
    return _list_of(public_line(new_key())), public_line(new_key())


def _certificate() -> tuple[str, str]:
    ca, key = new_key(), new_key()
    return f"@cert-authority *.example {public_line(ca)}\n", public_line(host_certificate(ca, key, HOST))


def _hashed() -> tuple[str, str]:
    key = public_line(new_key())
    return _list_of(key, hashed=True), key


def _revoked() -> tuple[str, str]:
    key = public_line(new_key())
    return f"{_list_of(key)}@revoked * {key}\n", key


EXAMPLES = {
    "known host": _known,
    "changed key": _changed,
    "host certificate": _certificate,
    "hashed name": _hashed,
    "revoked key": _revoked,
}
