"""Connects to a server and sees what it shows in the TLS handshake. Each step has a limit on time, and on bytes.

    addresses = look_up("bank.example", 443, timeout=5)
    with Connection("bank.example", 443, addresses, timeout=5) as connection:
        seen = connection.shake_hands(context)

As in `protocols.tls`, the bytes go through two buffers in memory, and we carry them. So no server can hold us: not one
that sends a byte a minute, and not one that never stops sending. Whatever goes wrong is a `SiteError`: a sentence.
"""

import contextlib
import errno
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from helpers.display.error import CourseError, error_text
from helpers.display.text import visible
from helpers.protocols.tls import watched
from helpers.protocols.tls_messages import ALERT, HANDSHAKE, certificates, message_name

MOST_BYTES = 256 * 1024  # read from a server in one handshake
MOST_CERTIFICATES = 32  # read from a chain
GRACE = 1.0  # seconds in which a server may object to a client without a certificate

Address = tuple[str, int]  # an IP address and a port


class SiteError(CourseError):
    """A site that cannot be checked, and why."""


class NotAHostName(SiteError):
    """This is no host name, or it is more than one."""


class NoSuchHost(SiteError):
    """The name has no address."""


class NoInternet(SiteError):
    """This computer has no way out, or no name server that answers."""


class CannotConnect(SiteError):
    """The connection was refused, or cannot be made."""


class TimedOut(SiteError):
    """The host took too long."""


class HungUp(SiteError):
    """The host closed the connection before the handshake was complete."""


class NotTLS(SiteError):
    """Something listens there, but it speaks another protocol."""


class TLSTooOld(SiteError):
    """The host offers only versions of TLS that nobody should use any more."""


class HandshakeRefused(SiteError):
    """The server ended the handshake, and said so with an alert."""


class BrokenHandshake(SiteError):
    """The handshake went wrong, and no alert says why."""


class TooMuch(SiteError):
    """The server sent more than anybody needs for a handshake."""


# What a computer says that has no network, or none of this kind (IPv6).
_NO_WAY = (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
NO_INTERNET = "Without the internet you can check the lab's own sites."


def look_up(host: str, port: int, timeout: float) -> list[Address]:
    """The addresses of a host. The system's own resolver is asked, in a thread, since it knows no time limit."""
    answer: list = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answer.append(error)

    asking = threading.Thread(target=ask, daemon=True)  # where it hangs, it keeps no kernel alive
    asking.start()
    asking.join(timeout)
    if not answer:
        raise NoInternet(
            f"Nobody could say within {timeout:g} s which address {host} has. Is this computer online? {NO_INTERNET}"
        )
    (found,) = answer
    if isinstance(found, OSError):
        raise _no_address(host, found)
    # The same address can come more than once. A dict keeps the order, in which the resolver put the best one first.
    return list(dict.fromkeys(address[:2] for *_, address in found))


def _no_address(host: str, error: OSError) -> SiteError:
    if error.errno == socket.EAI_AGAIN:
        return NoInternet(f"No name server could say which address {host} has. Is this computer online? {NO_INTERNET}")
    return NoSuchHost(
        f"No host with the name {host} was found. Is it spelled right? If other names fail as well, this computer may"
        f" be offline. {NO_INTERNET}"
    )


def _dial(address: Address, seconds: float) -> socket.socket:
    plain = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        plain.settimeout(seconds)
        plain.connect(address)  # socket.create_connection would ask the resolver, and an IP address needs none
    except BaseException:  # an interrupt by the learner, too
        plain.close()
        raise
    return plain


class ClientCertificate(Enum):
    """What the server wanted of us, who have no certificate."""

    NOT_ASKED = "not asked for"
    ASKED = "asked for, but not demanded"
    DEMANDED = "demanded: without one the server hangs up"


@dataclass
class Seen:
    """What one handshake showed. `chain` are the certificates as they came, as DER bytes, the server's own first.

    `refused` is OpenSSL's reason to refuse the certificate, or None. `complete` is false where the server ended the
    handshake, although we had accepted it, because we have no certificate.
    """

    version: str
    cipher: str
    chain: tuple[bytes, ...]
    client_certificate: ClientCertificate
    complete: bool = False
    refused: ssl.SSLCertVerificationError | None = None


class Connection:
    """A TCP connection to the first of the `addresses` that answers, for one handshake. A with-block closes it."""

    def __init__(self, host: str, port: int, addresses: Sequence[Address], timeout: float) -> None:
        self.host, self.timeout = host, timeout
        self.where = f"{host} (port {port})"
        self.socket, self.address = self._connect(addresses)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_exception) -> None:
        self.socket.close()

    def _connect(self, addresses: Sequence[Address]) -> tuple[socket.socket, Address]:
        self.deadline = time.monotonic() + self.timeout
        failed: list[OSError] = []
        for number, address in enumerate(addresses):
            # An address that is silent uses up only its share of the time that is left.
            share = self._left() / (len(addresses) - number)
            try:
                return _dial(address, share), address
            except OSError as error:
                failed.append(error)
        # A network without IPv6 says "unreachable" to each IPv6 address. Another answer tells more.
        raise self._not_connected(next((error for error in failed if error.errno not in _NO_WAY), failed[0]))

    def _left(self) -> float:
        """The time until the deadline. Never 0: to a socket that would mean not to wait at all."""
        return max(self.deadline - time.monotonic(), 0.001)

    def shake_hands(self, context: ssl.SSLContext) -> Seen:
        """Run the handshake, and close TLS again without having sent a word. `context` begins to report its messages.

        Raises a SiteError where the server has not shown and proved its certificate. Where OpenSSL refuses the
        certificate, or the server wants one of us, that is no error but a part of what was seen.
        """
        self.deadline = time.monotonic() + self.timeout
        self.start, self.count = b"", 0  # the first bytes that came, and how many came
        self.received: dict[str, tuple[int, bytes]] = {}  # the messages that came: version and content
        self.sent: set[str] = set()  # the names of those that we have sent
        # A context of `truststore` keeps the real one inside. A connection knows it, and that is the one to watch.
        watched(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=self.host).context)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=self.host)
        self.tls.report = self._note
        try:
            while not self._through(self.tls.do_handshake):
                self._receive()
        except ssl.SSLCertVerificationError as error:
            return self._seen(refused=error)
        except (ssl.SSLError, SiteError) as error:
            # Our Finished is on its way: we have accepted the server's certificate, and the signature with its key.
            # A server that had asked for a certificate, and hangs up now, does so because it has got none (TLS 1.2).
            if self._asked and "Finished" in self.sent and (self._alert or isinstance(error, HungUp)):
                return self._seen(ClientCertificate.DEMANDED)
            raise error if isinstance(error, SiteError) else self._broken(error) from None
        # A handshake of TLS 1.2 is complete only when the server agrees to it. In TLS 1.3 it may still object.
        wanted = self._wait_for_objection() if self._asked and self.tls.version() == "TLSv1.3" else None
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()  # writes close_notify, and would then wait for the server's
        self._send()
        return self._seen(wanted, complete=True)

    def _note(self, direction: str, version: int, content_type: int, data: bytes) -> None:
        if content_type not in (HANDSHAKE, ALERT):
            return
        name = message_name(content_type, data)
        if direction == "write":
            self.sent.add(name)
        else:
            self.received.setdefault(name, (version, bytes(data)))

    @property
    def _asked(self) -> bool:
        return "CertificateRequest" in self.received

    def _wait_for_objection(self) -> ClientCertificate:
        # RFC 8446, section E.1.2: a client "cannot be sure whether the server afterwards considers the client to be
        # authenticated". It learns that from what the server sends next. A new ticket means that the server goes on.
        self.deadline = min(self.deadline, time.monotonic() + GRACE)
        try:
            while not self._through(self.tls.read) and "NewSessionTicket" not in self.received:
                self._receive()
        except HungUp:
            return ClientCertificate.DEMANDED
        except (ssl.SSLError, SiteError):
            pass  # an alert came, or the server waits for us to speak, as servers do
        return ClientCertificate.DEMANDED if self._alert else ClientCertificate.ASKED

    @property
    def _alert(self) -> str:
        """The name of the last alert that came. Before the fatal one there may have been a warning."""
        alerts = [name.removeprefix("Alert ") for name in self.received if name.startswith("Alert ")]
        return alerts[-1] if alerts else ""

    def _through(self, action) -> bool:
        """Do `action`, and send what it writes. False where it needs more from the server first."""
        try:
            action()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._send()
        return True

    def _send(self) -> None:
        self.socket.settimeout(self._left())
        # Who has hung up cannot be written to. What it said before can still be read, and tells more.
        with contextlib.suppress(OSError):
            self.socket.sendall(self.outgoing.read())

    def _receive(self) -> None:
        if time.monotonic() > self.deadline:
            raise self._late()
        self.socket.settimeout(self._left())
        try:
            received = self.socket.recv(16 * 1024)
        except TimeoutError:
            raise self._late() from None
        except OSError:  # it was reset
            received = b""
        if not received:
            raise self._hung_up()
        self.start = (self.start + received)[:64]
        self.count += len(received)
        # Garbage may look like the beginning of a long record, and OpenSSL would wait for the rest of it.
        if not _looks_like_tls(self.start):
            raise self._not_tls()
        if self.count > MOST_BYTES:
            raise TooMuch(f"{self.where} sent more than {MOST_BYTES // 1024} KiB and no complete handshake. We left.")
        self.incoming.write(received)

    def _seen(self, wanted: ClientCertificate | None = None, **more) -> Seen:
        version, message = self.received.get("Certificate", (0, b""))
        chain = certificates(message, version)
        if len(chain) > MOST_CERTIFICATES:
            raise TooMuch(
                f"{self.where} sent a chain of {len(chain)} certificates. We read {MOST_CERTIFICATES} of them at most."
            )
        if wanted is None:
            wanted = ClientCertificate.ASKED if self._asked else ClientCertificate.NOT_ASKED
        name = "TLS 1.3" if version == ssl.TLSVersion.TLSv1_3 else "TLS 1.2"
        return Seen(name, (self.tls.cipher() or ("",))[0], chain, wanted, **more)

    # What went wrong, in a sentence.

    def _not_connected(self, error: OSError) -> SiteError:
        if isinstance(error, ConnectionRefusedError):
            return CannotConnect(
                f"{self.where} refused the connection. Most often nothing listens there then. Is the port right?"
            )
        if isinstance(error, TimeoutError):
            return TimedOut(
                f"{self.where} did not answer within {self.timeout:g} s. It may be off, or behind a firewall."
            )
        if error.errno in _NO_WAY:
            return NoInternet(
                f"No way leads from here to {self.where}: {error_text(error)}. Is this computer online? {NO_INTERNET}"
            )
        return CannotConnect(f"No connection to {self.where}: {error_text(error)}.")

    def _late(self) -> SiteError:
        if not self.count:
            return TimedOut(
                f"{self.where} took the connection, and then said nothing for {self.timeout:g} s. Is it a TLS server?"
            )
        return TimedOut(f"{self.where} began the handshake, and did not complete it within {self.timeout:g} s.")

    def _hung_up(self) -> SiteError:
        if not self.count:
            return HungUp(
                f"{self.where} closed the connection at once. It may speak another protocol, or let nobody in."
            )
        return HungUp(f"{self.where} closed the connection in the middle of the handshake.")

    def _not_tls(self) -> SiteError:
        begin = visible(self.start.split(b"\n")[0][:40].decode("ascii", "backslashreplace").strip())
        for sign, protocol in _OTHER_PROTOCOLS.items():
            if self.start.upper().startswith(sign):
                return NotTLS(f"{self.where} speaks {protocol} and not TLS. It began with: {begin}")
        return NotTLS(f"{self.where} does not speak TLS. It began with: {begin}")

    def _broken(self, error: ssl.SSLError) -> SiteError:
        if self._alert == "protocol_version" or error.reason == "UNSUPPORTED_PROTOCOL":
            return TLSTooOld(
                f"{self.where} offers neither TLS 1.2 nor TLS 1.3. RFC 8996 forbids what came before: TLS 1.0 and 1.1."
            )
        if self._alert:
            said = f"the alert {self._alert}.{_HINTS.get(self._alert, '')}"
            return HandshakeRefused(f"{self.where} refused the handshake with {said}")
        if error.reason == "EXCESSIVE_MESSAGE_SIZE":
            return TooMuch(f"{self.where} sent a message that no handshake needs: far too long a chain, for example.")
        # OpenSSL says only "ASN1 lib", the name of its part that reads certificates.
        if "Certificate" in self.received and "ASN1" in str(error):
            return BrokenHandshake(
                f"{self.where} showed a certificate that cannot be read. So nothing more is said of it."
            )
        hint = _HINTS.get(error.reason, "")
        return BrokenHandshake(f"The handshake with {self.where} failed: {error_text(error)}.{hint}")


# What two alerts (RFC 8446, section 6.2) and an error of OpenSSL mean.
_HINTS = {
    "handshake_failure": " Nothing that we offered is acceptable to it.",
    "unrecognized_name": " It knows no site of this name.",
    "BAD_SIGNATURE": " The server did not prove that it has the key of the certificate that it shows.",
}

_OTHER_PROTOCOLS = {
    b"HTTP/": "plain HTTP",
    b"<": "plain HTTP, most likely,",
    b"SSH-": "SSH",
    b"220": "a mail or file transfer protocol (SMTP or FTP)",
    b"+OK": "the mail protocol POP3",
    b"* OK": "the mail protocol IMAP",
}


def _looks_like_tls(start: bytes) -> bool:
    # RFC 8446, section 5.1: a record begins with its type and a version. A server begins with a handshake message or an
    # alert, and the first byte of the version is 3.
    return start[:1] in (bytes([HANDSHAKE]), bytes([ALERT])) and start[1:2] in (b"", b"\x03")
