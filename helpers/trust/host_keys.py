"""How do you know that you reached the right server? The list of known host keys, read as OpenSSH's client reads it.

    known = KnownHosts.parse(Path("known_hosts").read_bytes())
    verdict = known.check("server.example", 22, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...")
    verdict.value  # "match", "match-ca", "changed", "unknown" or "revoked"

sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, says what stands in a line: perhaps a marker, the names, the kind of the key, the
key, perhaps a comment. Where the manual says nothing, this does what OpenSSH 9 does; the tests ask the real `ssh`.
"""

import binascii
import hmac
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.display.table import Table
from helpers.display.text import short, visible
from helpers.trust.ssh_keys import HostKey, UnreadableKey, as_bytes, is_kind

MATCH, MATCH_CA, CHANGED, UNKNOWN, REVOKED = "match", "match-ca", "changed", "unknown", "revoked"
SIGNS = {MATCH: "✔", MATCH_CA: "✔", CHANGED: "✘", UNKNOWN: "?", REVOKED: "✘"}
PORT = 22
_CA, _REVOKED = "@cert-authority", "@revoked"
_LINES = "sshd(8), SSH_KNOWN_HOSTS FILE FORMAT"


@dataclass(frozen=True)
class Line:
    """A line of the list. `number` counts from 1, `marker` is "", "@cert-authority" or "@revoked"."""

    number: int
    marker: str
    content: bytes
    rest: bytes  # what stands behind the names: the kind, the key, perhaps a comment

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    @property
    def words(self) -> tuple[bytes, bytes]:
        """The kind and the key, as they stand there."""
        kind, _, rest = self.rest.replace(b"\t", b" ").partition(b" ")
        return kind, rest.lstrip(b" ").partition(b" ")[0]

    @property
    def key(self) -> HostKey | None:
        """The key in this line. None where it can't be read: OpenSSH's client skips such a line."""
        kind, encoded = self.words
        try:
            return HostKey.read(kind, encoded.translate(None, b"\r\v\f"))
        except UnreadableKey:
            return None


@dataclass(frozen=True)
class Step:
    """One step on the way to the verdict: what was looked at, what was found, and where the rule stands."""

    what: str
    found: str
    source: str


@dataclass(frozen=True)
class HostKeyVerdict:
    """What the list says of the key that a host has shown. `line` is the number of the line that decided, or None.

    It has five values, so it is neither true nor false: testing it raises TypeError.
    """

    value: str
    reason: str
    line: int | None
    host: str
    steps: tuple[Step, ...]

    def __bool__(self) -> bool:
        raise TypeError("a verdict is neither true nor false: compare its .value with the word that you want")

    def _table(self) -> Table:
        rows = [(step.what, step.found, step.source) for step in self.steps]
        caption = f"{self.host}: {SIGNS[self.value]} {self.value}. {self.reason}"
        return Table(caption, ("Looked at", "Found", "Source"), rows)

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


class KnownHosts:
    """The list, in memory. Nothing here ever writes a file."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    @classmethod
    def parse(cls, text: str | bytes) -> "KnownHosts":
        """Take the text of a known_hosts file. Never raises: a line that can't be read is skipped when it is met."""
        lines = as_bytes(text).split(b"\n")
        # What stands behind the last line break is no line.
        return cls(lines if lines[-1] else lines[:-1])

    @classmethod
    def read(cls, path: str | Path) -> "KnownHosts":
        """Read a file, such as "~/.ssh/known_hosts". Raises OSError where that fails."""
        return cls.parse(Path(path).expanduser().read_bytes())

    def add(self, host: str, port: int, key: str, *, salt: bytes | None = None) -> None:
        """Append the line that `ssh` writes when somebody accepts this key. Raises UnreadableKey.

        With `salt`, 20 random bytes, it is the line for HashKnownHosts=yes, which does not tell the host's name.
        """
        names = as_bytes(lookup_name(host, port))
        self._lines.append((_hashed(names, salt) if salt else names) + f" {HostKey.parse(key)}".encode())

    def __bytes__(self) -> bytes:
        return b"".join(line + b"\n" for line in self._lines)

    def __str__(self) -> str:
        return bytes(self).decode(errors="replace").removesuffix("\n")

    def has_keys(self) -> bool:
        """Whether there is any line with a key that can be read."""
        splits = (_split(content) for content in self._lines)
        return any(Line(0, "", b"", rest).key for marker, names, rest in splits if names and marker is not None)

    # Which lines are about this host?

    def find(self, host: str, port: int = PORT) -> tuple[Line, ...]:
        """The lines with this name, as `ssh-keygen -F` finds them for the name as `lookup_name` gives it.

        It passes over a line with no known kind of key, but does not look at the key itself.
        """
        lines = self._find(as_bytes(lookup_name(host, port)))
        return tuple(line for line in lines if is_kind(line.words[0]) and line.words[1][:1] not in (b"", b"#"))

    def _find(self, name: bytes) -> Iterator[Line]:
        lowered = name.lower()
        for number, content in enumerate(self._lines, start=1):
            # A list may have very many hashed lines, and each costs a hash. So this comes first, and does nothing else.
            if content[:3] == b"|1|":
                if _is_hash_of(name, content):
                    yield Line(number, "", content, _WORD.match(content)[2])
                continue
            marker, names, rest = _split(content)
            if names and marker is not None and _names_match(name, lowered, names):
                yield Line(number, marker, content, rest)

    # And what do they say of this key?

    def check(self, host: str, port: int, key: str | bytes, *, at: datetime | None = None) -> HostKeyVerdict:
        """What OpenSSH's client says when `host` shows `key` at this port: a public key line, or a host certificate.

        `at` is when (certificates have dates); now, if it is left out. Raises UnreadableKey for a key that can't be
        read, also where the signature in a certificate is wrong: such a connection ends before any list is asked.
        Raises ValueError for a time without a time zone.
        """
        if at is not None and at.utcoffset() is None:
            raise ValueError("`at` needs a time zone: datetime(2026, 11, 24, tzinfo=UTC)")
        name = lookup_name(host)
        search = _Search(self, as_bytes(name), (at or datetime.now(UTC)).timestamp())
        value, reason, line = search.decide(HostKey.parse(key), port)
        return HostKeyVerdict(value, reason, line, lookup_name(host, port), tuple(search.steps))


def lookup_name(host: str, port: int = PORT) -> str:
    """The name under which a host stands in the list: in small letters, and with its port unless that is 22.

    (OpenSSH also knows the interfaces of the computer, and writes `fe80::1%1` with the name of the first one.)

    >>> lookup_name("Server.Example"), lookup_name("server.example", 2222), lookup_name("0:0::1")
    ('server.example', '[server.example]:2222', '::1')
    """
    name = host.translate(_SMALL)
    # An address can be written in several ways. OpenSSH takes the usual one.
    if ":" in name:
        address, zone, scope = name.partition("%")
        with suppress(OSError, UnicodeError):
            name = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address)) + zone + scope
    elif re.fullmatch(r"[\da-fx.]*\d[\da-fx.]*", name):
        with suppress(OSError, UnicodeError):
            name = socket.inet_ntoa(socket.inet_aton(name))
    return name if port in (0, PORT) else f"[{name}]:{port}"


_SMALL = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}


class _Search:
    """One question to the list, and the steps to its answer."""

    def __init__(self, known: KnownHosts, host: bytes, now: float) -> None:
        self._known, self._host, self._now = known, host, now
        self.steps: list[Step] = []

    def decide(self, key: HostKey, port: int) -> tuple[str, str, int | None]:
        """The value, the reason, and the line that decided. Follows check_host_key in OpenSSH's sshconnect.c."""
        name = lookup_name(self._host.decode(errors="surrogateescape"), port)
        lines = tuple(self._known._find(as_bytes(name)))
        self._note_names(name, lines)
        revoked = None
        passed_over = ""
        # A certificate that does not convince counts as the plain key that it is for.
        for shown in [key, key.without_certificate] if key.certificate else [key]:
            value, reason, line = self._compare(lines, shown, name)
            decision = value, f"{passed_over}{reason}", line
            if value in (MATCH, MATCH_CA, REVOKED):
                return decision
            passed_over = f"{reason} "
            # Where nothing is known of the port, OpenSSH tries the name without it: a server that moved to another
            # port is still known. There, another key is no alarm.
            if value == UNKNOWN and port not in (0, PORT):
                without_port = self.decide(shown, PORT)
                if without_port[0] in (MATCH, MATCH_CA):
                    return without_port
                revoked = revoked or (without_port if without_port[0] == REVOKED else None)
                if without_port[0] == CHANGED:
                    self._note("The line without a port", "– has another key, and that is no alarm", _LINES)
        # `ssh` warns of a key that is revoked without the port, and yet takes the port's own line, if there is one.
        return revoked if revoked and decision[0] == UNKNOWN else decision

    def _note_names(self, name: str, lines: tuple[Line, ...]) -> None:
        self._note(f"Lines for “{visible(short(name))}”", _numbers(lines) or "none", _LINES)

    def _note(self, what: str, found: str, source: str) -> None:
        step = Step(what, found, source)
        if step not in self.steps:  # a certificate is looked at twice: as it is, and as the key in it
            self.steps.append(step)

    def _compare(self, lines: tuple[Line, ...], key: HostKey, name: str) -> tuple[str, str, int | None]:
        entries = [(line, found) for line in lines if (found := line.key)]
        readable = {line.number for line, _ in entries}
        if skipped := [line for line in lines if line.number not in readable]:
            self._note("Keys that cannot be read", f"{_numbers(skipped)}: skipped", _LINES)
        return self._revoked(entries, key) or (
            self._certificate(entries, key) if key.certificate else self._plain(entries, key, name)
        )

    def _revoked(self, entries, key: HostKey):
        # sshd(8): such a key "is revoked and must not ever be accepted". So these lines are asked first.
        keys = {key.plain: "this key", **({key.certificate.ca.plain: "this CA"} if key.certificate else {})}
        for line, found in entries:
            if line.marker == _REVOKED and found.plain in keys:
                reason = f"Line {line.number} says that {keys[found.plain]} must not be believed any more."
                self._note("Revoked?", f"✘ yes, by line {line.number}", _LINES)
                return REVOKED, reason, line.number
        return None

    def _certificate(self, entries, key: HostKey):
        what, source = "The certificate", "OpenSSH, PROTOCOL.certkeys"
        for line, found in entries:
            if line.marker == _CA and found.plain == key.certificate.ca.plain:
                problem = key.certificate.problem(self._host, self._now)
                if not problem:
                    self._note(what, f"✔ signed by the CA in line {line.number}; name and dates are right", source)
                    reason = f"A CA in the list (line {line.number}) vouches for this key and this name."
                    return MATCH_CA, reason, line.number
                self._note(what, f"✘ signed by the CA in line {line.number}, but {problem}", source)
                return CHANGED, f"Its certificate does not count: {problem}.", line.number
        self._note(what, "– signed by a CA that is not in these lines", source)
        return UNKNOWN, "Its CA is not in the list.", None

    def _plain(self, entries, key: HostKey, name: str):
        fingerprint = f"{key.short_type} {key.fingerprint()}"
        others = []
        for line, found in entries:
            if line.marker:
                continue
            # A line may hold a certificate instead of a key. That is never the same as a key.
            if found.plain == key.plain and not found.certificate:
                self._note(f"The key {fingerprint}", f"✔ stands in line {line.number}", "RFC 4251, section 4.1")
                return MATCH, f"The list has this very key for this name (line {line.number}).", line.number
            others.append((line, found))
        if others:
            line, found = others[-1]
            other = f"{found.short_type} {found.fingerprint()}"
            self._note(f"The key {fingerprint}", f"✘ line {line.number} has {other}", "RFC 4251, section 4.1")
            reason = (
                f"The list has another key for this name (line {line.number}). The server may have a new key, or"
                " somebody may stand in the middle: find out which."
            )
            return CHANGED, reason, line.number
        self._note(f"The key {fingerprint}", "– no key to compare it with", "RFC 4251, section 4.1")
        return UNKNOWN, f"The list has no key for {visible(short(name))}, so nothing says whose key this is.", None


def _numbers(lines: Sequence[Line]) -> str:
    listed = ", ".join(f"line {line.number}{f' ({line.marker})' if line.marker else ''}" for line in lines[:9])
    return f"{listed}{f' and {len(lines) - 9} more' if len(lines) > 9 else ''}"


# The names in a line: hashed, or patterns.


def _hashed(name: bytes, salt: bytes) -> bytes:
    """The name as HashKnownHosts writes it: 20 random bytes, and with them as the key the HMAC of the name."""
    encoded = (binascii.b2a_base64(part, newline=False) for part in (salt, hmac.digest(salt, name, "sha1")))
    return b"|1|" + b"|".join(encoded)


def _is_hash_of(name: bytes, content: bytes) -> bool:
    """Whether a line begins with the hash of this name. Salt and hash have 28 letters each, and nothing else counts."""
    try:
        salt = binascii.a2b_base64(content[3:31])
    except binascii.Error:
        return False
    if binascii.b2a_base64(hmac.digest(salt, name, "sha1"), newline=False) != content[32:60]:
        return False
    # Almost no line comes this far.
    return _hashed(name, salt) == content[:60] and content[60:61] in (b" ", b"\t", b"\0", b"")


def _split(content: bytes) -> tuple[str | None, bytes, bytes]:
    """The marker ("" for none, None for a wrong one), the names, and the rest of a line. A comment has no names."""
    content = content.lstrip(b" \t")
    marker: str | None = ""
    if content[:1] == b"@":
        # A marker ends at a space, or at a tab if there is no space.
        before_nul = content.partition(b"\0")[0]
        word = before_nul.partition(b" " if b" " in before_nul else b"\t")[0]
        marker, content = word.decode(errors="replace"), content[len(word) :].lstrip(b" \t")
        if marker not in (_CA, _REVOKED) or content[:1] == b"@":
            marker = None
    if content[:1] in (b"", b"\0") or (content[:1] == b"#" and marker == ""):
        return "", b"", b""
    names, rest = _WORD.match(content).groups()
    return marker, names, rest


# OpenSSH is written in C, where a NUL ends a text. So one behind the names is as good as a space, and a second one ends
# the line.
_WORD = re.compile(rb"([^ \t\0]*)[ \t\0]?[ \t]*([^\0]*)")
_PATTERN = re.compile(rb"(!?)([^,]+)")
_LONGEST_PATTERN = 1023  # bytes. OpenSSH then takes the whole line for one that does not match.


def _names_match(name: bytes, lowered: bytes, names: bytes) -> bool:
    """Whether a name fits the names of a line: separated by commas, `*` and `?` for anything, `!` for "but not"."""
    if names[:1] == b"|":
        return _is_hash_of(name, names)
    found = False
    for one in _PATTERN.finditer(names.lower()):  # not all at once: somebody may make a line of millions
        negated, pattern = one.groups()
        if len(pattern) >= _LONGEST_PATTERN:
            return False
        if _fits(lowered, pattern):
            # sshd(8): "if the host name matches a negated pattern, it is not accepted (by that line) even if it matched
            # another pattern on the line".
            if negated:
                return False
            found = True
    return found


def _fits(name: bytes, pattern: bytes) -> bool:
    """Whether the whole name fits one pattern. The time is at most the product of both lengths."""
    if b"*" not in pattern and b"?" not in pattern:
        return name == pattern
    at = in_pattern = 0
    star = resume = -1
    while at < len(name):
        sign = pattern[in_pattern : in_pattern + 1]
        if sign == b"*":
            # It may stand for nothing. Where that leads nowhere, it takes one more letter.
            star, resume, in_pattern = in_pattern, at, in_pattern + 1
        elif sign == b"?" or sign == name[at : at + 1]:
            at, in_pattern = at + 1, in_pattern + 1
        elif star >= 0:
            resume += 1
            at, in_pattern = resume, star + 1
        else:
            return False
    return not pattern[in_pattern:].strip(b"*")
