"""A real site's certificate, over the network: what it shows, and whether to believe it.

    check_site("bank.example", roots=[root.certificate], connect_to=("127.0.0.1", site.port))

Two connections are made, to this host and to no other. The first one only looks: it takes any certificate, so that
there is something to see. The second one asks OpenSSL for its verdict. After the handshake nothing is sent but the word
that ends TLS. (Without `roots`, macOS and Windows give the second verdict themselves, and may fetch more for it.)
"""

import ipaddress
import platform
import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import certifi
import truststore
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from helpers.connection import Address, Connection, NotAHostName, Seen, SiteError, look_up
from helpers.display.error import error_text
from helpers.display.table import Table
from helpers.display.text import duration, visible
from helpers.trust.anatomy import lifetime, names
from helpers.trust.names import LooksLikeAnAddress, dns_name, is_ip_address
from helpers.trust.pki import common_name
from helpers.trust.reading import Reading, read
from helpers.trust.report import Report
from helpers.trust.verify import verify_chain

DAY = timedelta(days=1)

# The Baseline Requirements for public CAs (ballot SC081): the longest lifetime in days, by the date of issue.
LIFETIMES = {
    398: "if issued before 15 March 2026",
    200: "if issued since then",
    100: "from 15 March 2027",
    47: "from 15 March 2029",
}

# Where the roots come from.
GIVEN = "the roots that were given"
SYSTEM = "this system's list"
MOZILLA = "Mozilla's list (package certifi)"


def check_site(
    host: str,
    port: int = 443,
    *,
    roots: Iterable[x509.Certificate | bytes] | None = None,
    connect_to: Address | None = None,
    timeout: float = 5,
) -> "SiteReport":
    """Connect to `host`, and check the certificate that it shows.

    `roots` are the certificates to trust: objects of `cryptography`, PEM or DER bytes. Without them, those that this
    system trusts. `connect_to` is an IP address and a port to connect to instead: then no name is looked up. `timeout`
    is in seconds, for each step: to look the name up, to connect, to shake hands.

    Raises a `SiteError` with a sentence where there is no certificate to check. Without `roots`, on macOS and Windows,
    the second verdict is the system's own, and the system may contact others for it.
    """
    *_steps, report = check_steps(host, port, roots=roots, connect_to=connect_to, timeout=timeout)
    return report


def check_steps(
    host: str, port: int = 443, *, roots=None, connect_to=None, timeout: float = 5
) -> Iterator["str | SiteReport"]:
    """The same, for who shows how far it is: gives the name of each step before it begins, and at last the report."""
    name = host_name(host)
    _check_port(port)
    _check_timeout(timeout)
    trusted, roots_from = _system_roots() if roots is None else (_given(roots), GIVEN)
    if connect_to is not None:
        addresses = [_given_address(connect_to)]
    elif is_ip_address(name):
        addresses = [(name, port)]
    else:
        yield "looking up"
        addresses = look_up(name, port, timeout)
    yield "connecting"
    with Connection(name, port, addresses, timeout) as connection:
        yield "handshake"
        seen = connection.shake_hands(_looking())
    yield "verifying"
    judge = _judge(None if roots is None else trusted)
    openssl, chain = _verdict(judge, name, port, connection.address, timeout)
    leaf, *others = seen.chain
    report = verify_chain(leaf, others, trusted, name=name)
    yield SiteReport(name, port, seen, report, openssl, roots_from, changed=chain not in ((), seen.chain))


# What was meant?


def host_name(text: str) -> str:
    """The host name as DNS and certificates spell it: in ASCII, "xn--..." for other letters. IP addresses stay.

    Raises NotAHostName where the text is more than a host name (it says which host was meant), or none.
    """
    if not isinstance(text, str) or not text.strip():
        raise NotAHostName('The host name is missing. It is a text, such as "bank.example".')
    meant, port = _take_apart(text)
    if not meant:
        raise NotAHostName(f"There is no host name in “{visible(text.strip()[:60])}”. Write one, such as bank.example.")
    name = _encoded(meant)
    if meant != text:
        where = f", and the port {port} on its own" if port else ""
        raise NotAHostName(f"Only the host name, please: {meant}{where}")
    return name


def _take_apart(text: str) -> tuple[str, str]:
    """The host and the port in what somebody has copied from somewhere: "https://bank.example:8443/login"."""
    rest = re.sub(r"^\s*([a-z][a-z0-9+.-]*:)?//+", "", text, flags=re.IGNORECASE)
    rest = "".join(re.split(r"[/?#\\]", rest)[0].split()).rpartition("@")[2]
    # RFC 3986, section 3.2.2: in a URL an IPv6 address stands in brackets. Its own colons are no sign of a port.
    if match := re.fullmatch(r"\[(.*)\](?::(\d*))?|([^:]*):(\d*)", rest):
        return (match[1] or match[3] or "").rstrip("."), match[2] or match[4] or ""
    return rest.rstrip("."), ""


def _encoded(meant: str) -> str:
    if is_ip_address(meant):
        return str(ipaddress.ip_address(meant))
    try:
        name = dns_name(meant[:300])  # what is too long stays too long, and takes no time
        shown_name(name)  # a label that begins with "xn--" must stand for something
    except LooksLikeAnAddress:
        raise NotAHostName(
            f"“{visible(meant)}” looks like an IP address, and is none. One looks like 192.0.2.1 or 2001:db8::1."
        ) from None
    except ValueError:
        raise NotAHostName(
            f"“{visible(meant[:60])}” is no host name. Between its dots stand letters, digits and hyphens, at most 63,"
            " with no hyphen at the beginning or the end."
        ) from None
    return name


def _check_port(port: int) -> None:
    if not isinstance(port, int) or not 0 < port < 65536:
        raise SiteError(f"A port is a whole number from 1 to 65535. {visible(repr(port)[:40])} is none.")


def _check_timeout(timeout: float) -> None:
    if not isinstance(timeout, int | float) or not 0 < timeout <= 60:
        raise SiteError(f"A timeout is a number of seconds, up to 60. {visible(repr(timeout)[:40])} is none.")


def _given_address(connect_to: Address) -> Address:
    match connect_to:
        case (str(address), port) if is_ip_address(address):
            _check_port(port)
            return address, port
    raise SiteError('connect_to is an IP address and a port, such as ("127.0.0.1", 8443).')


def shown_name(name: str) -> str:
    """The name as people write it, where that is another form."""
    if "xn--" not in name:
        return name
    import idna  # only here: its tables take a while to load

    return idna.decode(name)


# Who says what?


@dataclass(frozen=True)
class Verdict:
    """What another verifier says. `ok` is None where it came to no verdict. `code` is OpenSSL's number of the error."""

    by: str
    ok: bool | None
    code: int | None
    text: str


def _looking() -> ssl.SSLContext:
    """For the first connection: it must see a bad certificate, too. Nothing is sent over it, so nothing is at risk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _judge(roots: list[x509.Certificate] | None) -> ssl.SSLContext:
    """For the second connection: a context verifies the chain and the name unless told otherwise."""
    context = (truststore.SSLContext if roots is None else ssl.SSLContext)(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for root in roots or ():
        context.load_verify_locations(cadata=root.public_bytes(Encoding.DER))
    return context


def _given(roots: Iterable[x509.Certificate | bytes]) -> list[x509.Certificate]:
    if isinstance(roots, bytes) or not isinstance(roots, Iterable):
        raise SiteError("roots is a list of certificates, such as [root.certificate].")
    found = [read(root).certificate for root in roots]
    if None in found:
        raise SiteError(f"roots is a list of certificates, and number {found.index(None) + 1} of it is none.")
    return found


def _system_roots() -> tuple[list[x509.Certificate], str]:
    if roots := _roots_in(None):
        return roots, SYSTEM
    # Python on macOS is not told which roots the system trusts.
    return _roots_in(certifi.where()), MOZILLA


def _roots_in(file: str | None) -> list[x509.Certificate]:
    """The roots in a file, or for None those of the system. Windows lists intermediates as well: they are left out."""
    found = map(read, ssl.create_default_context(cafile=file).get_ca_certs(binary_form=True))
    return [reading.certificate for reading in found if not reading.problem and reading.self_issued]


def _verdict(
    context: ssl.SSLContext, name: str, port: int, address: Address, timeout: float
) -> tuple[Verdict, tuple[bytes, ...]]:
    """The verdict, and the chain that it is about."""
    # On these two `truststore` asks the system, after the handshake. Elsewhere it leaves the judging to OpenSSL.
    asks_system = isinstance(context, truststore.SSLContext) and platform.system() in ("Darwin", "Windows")
    by = "The system" if asks_system else "OpenSSL"
    try:
        with Connection(name, port, [address], timeout) as connection:
            seen = connection.shake_hands(context)
    except SiteError as error:
        return Verdict(by, None, None, f"no verdict: {error}"), ()
    if seen.refused:
        verdict = Verdict(by, False, seen.refused.verify_code, error_text(seen.refused.verify_message))
    elif asks_system and not seen.complete:
        verdict = Verdict(by, None, None, "no verdict: the server hung up before the system was asked")
    else:
        verdict = Verdict(by, True, 0, "ok")
    return verdict, seen.chain


# What is to be seen?


@dataclass(frozen=True)
class SiteReport:
    """What a site showed, and what was found. `report` is ours (verify_chain), `openssl` the verdict of OpenSSL."""

    host: str
    port: int
    seen: Seen
    report: Report
    openssl: Verdict
    roots_from: str
    changed: bool = False  # the second connection was shown another chain

    @property
    def version(self) -> str:
        return self.seen.version

    @property
    def cipher(self) -> str:
        return self.seen.cipher

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates as the server sent them. What cannot be read as a certificate is left out."""
        return tuple(reading.certificate for reading in map(read, self.seen.chain) if reading.certificate)

    @property
    def summary(self) -> str:
        """Both verdicts in one line. "accepted" stands alone only where both say so."""
        if self.report.ok and self.openssl.ok:
            return "✔ accepted by both verifiers"
        if not self.report.ok and self.openssl.ok is False:
            reasons = f"this course: {self.report.reasons}; {self.openssl.by}: {self.openssl.text}"
            return f"✘ refused by both verifiers ({reasons})"
        ours = "accepted" if self.report.ok else f"refused ({self.report.reasons})"
        refused = f"refused ({self.openssl.text})"
        theirs = {True: "accepted", False: refused, None: "came to no verdict"}[self.openssl.ok]
        return f"! do not rely on it: this course {ours}, {self.openssl.by} {theirs}"

    def tables(self) -> tuple[Table, Table]:
        """The two verdicts, and what the site showed."""
        theirs_from = GIVEN if self.roots_from == GIVEN else SYSTEM
        rows = [
            ("This course", _VERDICTS[self.report.ok], self.report.reasons or "ok", self.roots_from),
            (self.openssl.by, _VERDICTS[self.openssl.ok], self.openssl.text, theirs_from),
        ]
        caption = " ".join((f"Two verdicts on {self.host}.", *self._remarks()))
        verdicts = Table(caption, ("Verifier", "Verdict", "Reason", "Trusts"), rows)
        return verdicts, Table(f"What {self.host} shows", ("What", "This site"), list(self._facts()))

    def _facts(self) -> Iterator[tuple[str, str]]:
        if (shown := shown_name(self.host)) != self.host:
            yield "Its name, as people write it", shown
        reading = read(self.seen.chain[0])
        if reading.problem:
            yield "Its certificate", reading.problem.text
        else:
            yield from _facts(reading)
        yield "Certificates sent", str(len(self.seen.chain))
        yield "TLS version", self.version
        yield "Cipher suite", self.cipher
        yield "Client certificate", self.seen.client_certificate.value
        yield "Taken back?", "our checks did not look that up"

    def _remarks(self) -> Iterator[str]:
        by, theirs, ours = self.openssl.by, self.openssl.ok, self.report.ok
        if self.changed:
            yield "The two connections were shown two different chains, perhaps by two servers."
        elif theirs is False and ours:
            yield f"They disagree: {by} refuses, for a reason that our checks do not share. Do not rely on this chain."
        elif theirs and not ours:
            yield f"They disagree: {by} accepts what our checks refuse. “All checks” says why they refuse."
            if self.report.failed == ("untrusted_issuer",):
                yield "The two may trust different roots, or one of them found an intermediate elsewhere."
            if set(self.report.failed) & {"no_san", "hostname_mismatch"}:
                # RFC 9525, section 2, forbids what OpenSSL does here unless it is told otherwise.
                yield "OpenSSL takes the common name where the alternative names hold no DNS name. RFC 9525 does not."

    def __str__(self) -> str:
        return "\n\n".join(map(str, (*self.tables(), self.report)))

    def _repr_html_(self) -> str:
        verdicts, facts = (table._repr_html_() for table in self.tables())
        checks = f"<details><summary>All checks</summary>\n{self.report._repr_html_()}\n</details>"
        return "\n".join((verdicts, facts, checks))

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


_VERDICTS = {True: "✔ accepted", False: "✘ refused", None: "– no verdict"}


def _facts(reading: Reading) -> Iterator[tuple[str, str]]:
    found = names(reading)
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    nothing = f"no subject alternative name; the common name is “{common_name(reading.certificate)}”"
    yield "Its certificate is for", ", ".join(found[:5]) + more if found else nothing
    yield "Issued by", reading.certificate.issuer.rfc4514_string()
    yield "Dates", _dates(reading.begins, reading.ends, datetime.now(UTC))
    lives = lifetime(reading)
    limits = ", ".join(f"{'✔' if lives <= days * DAY else '✘'} {days} days {when}" for days, when in LIFETIMES.items())
    yield "Lifetime", f"{'more than ' * bool(lives % DAY)}{duration(lives)}"
    yield "Within the limits for public CAs?", limits


def _dates(begins: datetime, ends: datetime, now: datetime) -> str:
    if now < begins:
        return f"begins in {duration(begins - now)}"
    if now > ends:
        return f"ended {duration(now - ends)} ago"
    return f"{duration(ends - now)} left"
