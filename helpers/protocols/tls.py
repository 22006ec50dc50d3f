"""A real TLS handshake between two ends in this process, and what it proved.

    client = tls.Client("alice", trust=root.certificate)
    server = tls.Server("bank.example", root.issue_server("bank.example"))
    tls.handshake(client, server, name="bank.example")

Both ends are Python's own `ssl` (OpenSSL). They write into two buffers in memory instead of sockets, so that nothing
depends on ports or timing. The messages of the picture are those that OpenSSL reported while it sent and read them.
"""

import itertools
import os
import secrets
import ssl
import tempfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from helpers.display.error import error_text
from helpers.exchange import Binding, Exchange, Factor, Failure, Message, Proof
from helpers.protocols.tls_messages import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEADER,
    message_name,
    watch,
)
from helpers.trust.names import is_ip_address
from helpers.trust.pki import Credential, common_name

# OpenSSL 3.2 and later compresses certificates (RFC 8879) where it was built so. The message then has another name, and
# the lessons would look different from machine to machine. Python has no names for these two options.
NO_CERTIFICATE_COMPRESSION = (1 << 32 | 1 << 33) if ssl.OPENSSL_VERSION_INFO >= (3, 2) else 0

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Client:
    """One who connects. `party` is its true name, `trust` the certificate of the root CA that it believes, or None.

    A client with a `credential` shows it when the server asks. With `check_name` off it verifies the chain, but not
    whose certificate it is. `version` ("1.2" or "1.3") is the newest version that it offers.
    """

    def __init__(
        self,
        party: str,
        trust: x509.Certificate | None,
        credential: Credential | None = None,
        *,
        check_name: bool = True,
        version: str = "1.3",
    ) -> None:
        self.party = party
        # Such a context verifies the chain and the name, unless told otherwise.
        self.context = watched(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self.context.check_hostname = check_name
        self.context.maximum_version = VERSIONS[version]
        _trust(self.context, trust)
        if credential:
            _load(self.context, credential)

    def check_revocation(self, *crls: x509.CertificateRevocationList) -> None:
        """From now on refuse a server certificate that is on its issuer's list, or whose issuer's list is missing."""
        _check_revocation(self.context, crls)


class Server:
    """One who is connected to. `party` is its true name, `credential` what it shows.

    With `trust`, the certificate of a root CA, it asks clients for a certificate from that CA, and refuses one who has
    none. With `certificate_optional` it still asks, and goes on without.
    """

    def __init__(
        self,
        party: str,
        credential: Credential,
        trust: x509.Certificate | None = None,
        *,
        certificate_optional: bool = False,
    ) -> None:
        self.party = party
        self.context = watched(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        # A lab server shows what it is told to show, also a weak key. To refuse it is for the client.
        self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
        _load(self.context, credential)
        if trust:
            self.context.verify_mode = ssl.CERT_OPTIONAL if certificate_optional else ssl.CERT_REQUIRED
            _trust(self.context, trust)

    def check_revocation(self, *crls: x509.CertificateRevocationList) -> None:
        """The same for the certificates of clients."""
        _check_revocation(self.context, crls)


def handshake(client: Client, server: Server, name: str, title: str = "") -> Exchange:
    """Connect `client` to a `server` that should be `name`, and let each end read once. A refusal does not raise."""
    return Session(client, server, name).exchange(title)


def watched(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context. Each of its connections needs a `report`, which is called with every message sent or read."""
    context.options |= NO_CERTIFICATE_COMPRESSION
    watch(context)
    return context


def _trust(context: ssl.SSLContext, root: x509.Certificate | None) -> None:
    if root:
        context.load_verify_locations(cadata=root.public_bytes(serialization.Encoding.DER))


def _check_revocation(context: ssl.SSLContext, crls: Iterable[x509.CertificateRevocationList]) -> None:
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    for crl in crls:
        _with_private_file(crl.public_bytes(serialization.Encoding.PEM), context.load_verify_locations)


def _load(context: ssl.SSLContext, credential: Credential) -> None:
    """`ssl` reads keys from files only. So the key goes, encrypted under a random password, into a private file."""
    password = secrets.token_hex(16).encode()
    pem = credential.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    for certificate in (credential.certificate, *credential.intermediates):
        pem += certificate.public_bytes(serialization.Encoding.PEM)
    _with_private_file(pem, lambda path: context.load_cert_chain(path, password=password))


def _with_private_file(content: bytes, use) -> None:
    """`ssl` reads files only: call `use` with the path of one that holds `content`, and delete it at once.

    mkstemp makes it readable for this user alone; on Windows the rights of the user's temporary folder do that.
    """
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        use(path)
    finally:
        Path(path).unlink()


_numbers = itertools.count(1)


@dataclass
class _Sent:
    """A message that one end wrote. `read` turns true when the other end reads it."""

    sender: str
    receiver: str
    name: str
    encrypted: bool
    note: str = ""
    read: bool = False


@dataclass
class _End:
    """One end of a connection while it runs."""

    party: str
    object: ssl.SSLObject
    outer_type: int = HANDSHAKE  # of the record that it wrote last
    changed_cipher: bool = False  # TLS 1.2: it has sent ChangeCipherSpec
    complete: bool = False  # its own handshake has succeeded
    error: ssl.SSLError | None = None
    last_read: int = 0  # index of the message that it read last
    waiting: deque[int] = field(default_factory=deque)  # indexes of the messages that were sent to it and not yet read

    @property
    def encrypts(self) -> bool:
        # RFC 8446, section 5.2: "The outer opaque_type field of a TLSCiphertext record is always set to the value 23
        # (application_data)". TLS 1.2 leaves the type readable and encrypts all that follows its ChangeCipherSpec.
        return self.outer_type == APPLICATION_DATA or self.changed_cipher


class Session:
    """A TLS connection between `client` and `server`. Making one runs the handshake, and then each end's first read."""

    def __init__(self, client: Client, server: Server, name: str) -> None:
        self.name = name
        # Each session has a label of its own: two sessions between the same two are not one.
        self.label = f"TLS {client.party}–{server.party} #{next(_numbers)}"
        self.checks_name = client.context.check_hostname
        self.proofs: list[Proof] = []
        self.failure: Failure | None = None
        self._sent: list[_Sent] = []
        self._version = "TLS"  # until the first message tells
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = _End(client.party, client.context.wrap_bio(to_client, to_server, server_hostname=name))
        self.server = _End(server.party, server.context.wrap_bio(to_server, to_client, server_side=True))
        self.client.object.report = lambda *event: self._record(self.client, self.server, *event)
        self.server.object.report = lambda *event: self._record(self.server, self.client, *event)
        self._run_handshake()

    @property
    def established(self) -> bool:
        """Both ends have completed the handshake, and neither has refused."""
        return self.client.complete and self.server.complete and self.failure is None

    def _record(self, end: _End, peer: _End, direction: str, version: int, content_type: int, data: bytes) -> None:
        if direction == "read":
            if content_type in (HANDSHAKE, ALERT):
                self._take(end)
        elif content_type == HEADER:
            end.outer_type = data[0]
        elif content_type == CHANGE_CIPHER_SPEC:
            # A TLS 1.3 end sends this message as well, but it means nothing there (RFC 8446, section D.4).
            end.changed_cipher = version == ssl.TLSVersion.TLSv1_2
        elif content_type in (HANDSHAKE, ALERT):
            self._version = "TLS 1.3" if version == ssl.TLSVersion.TLSv1_3 else "TLS 1.2"
            self._add(end, peer, *self._describe(end, peer, content_type, data))

    def _add(self, end: _End, peer: _End, name: str, note: str) -> int:
        peer.waiting.append(len(self._sent))
        self._sent.append(_Sent(end.party, peer.party, name, end.encrypts, note))
        return len(self._sent) - 1

    def _take(self, end: _End) -> None:
        end.last_read = end.waiting.popleft()
        self._sent[end.last_read].read = True

    def _describe(self, end: _End, peer: _End, content_type: int, data: bytes) -> tuple[str, str]:
        """The message's name, and a note where the message matters for who is who."""
        name = message_name(content_type, data)
        notes = {
            # RFC 6066, section 3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"."
            "ClientHello": "" if is_ip_address(self.name) else f"asks for {self.name}",
            "CertificateRequest": f"asks {peer.party} for a certificate",
            "Certificate": "a certificate is public: showing it proves nothing yet",
            "CertificateVerify": "a signature over the handshake so far, by the key that belongs to the certificate",
            "ServerKeyExchange": "signed by the key that belongs to the certificate",
        }
        # RFC 8446, section 4.4.2: a client without a certificate "MUST send a Certificate message containing no
        # certificates". The message then ends in a list of length zero: three bytes, all 0.
        if name == "Certificate" and len(data) <= 8 and data.endswith(b"\0\0\0"):
            return name, f"an empty list: {end.party} has no certificate"
        return name, notes.get(name, "")

    def _run_handshake(self) -> None:
        before = -1
        while before != (before := len(self._sent) + self.client.complete + self.server.complete):
            for end in (self.client, self.server):
                if not end.complete and not end.error:
                    self._try(end, end.object.do_handshake)
        self._note_proofs()
        # A TLS 1.3 client completes its handshake before the server has judged its certificate. It "cannot be sure
        # whether the server afterwards considers the client to be authenticated" (RFC 8446, section E.1.2):
        # a refusal reaches it with its first read.
        for end in (self.client, self.server):
            if end.complete:
                self._try(end, end.object.read)

    def _try(self, end: _End, action) -> bytes:
        """What `action` returns. Nothing where it must wait for the other end, or where it failed."""
        try:
            result = action() or b""
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            end.error = error
            self._note_failure(end)
            return b""
        end.complete = True
        return result

    def _note_failure(self, end: _End) -> None:
        reason = error_text(end.error)
        if self.failure is None:  # who fails first has refused
            self.failure = Failure(end.party, reason, at=end.last_read)
            return
        if not self._sent[end.last_read].name.startswith("Alert"):
            return
        # The other one fails because it has read the alert.
        late = "; its own handshake had already succeeded" if end.complete else ""
        self._sent[end.last_read].note = f"{end.party} reads: {reason}{late}"
        self.failure = replace(self.failure, learned_by=end.party, learned_at=end.last_read)

    def _note_proofs(self) -> None:
        """A proof is written only where the verifier's own OpenSSL says that it has checked it."""
        client, server = self.client, self.server
        # A client that checks no name knows that somebody holds a key, but not who: it has no proof of a server.
        if client.complete and self.checks_name:
            self._note_proof(server, client, self.name)
        # `getpeercert` gives a certificate only where one was asked for, shown, and verified.
        # Whom it stands for is the server's own decision: RFC 9525, section 1.4.2, puts client identities out of its
        # scope. This server takes the common name as the account, as PostgreSQL and etcd do.
        if server.complete and (shown := server.object.getpeercert(binary_form=True)):
            self._note_proof(client, server, common_name(x509.load_der_x509_certificate(shown)))

    def _note_proof(self, prover: _End, verifier: _End, identity: str) -> None:
        of_prover = {sent.name: index for index, sent in enumerate(self._sent) if sent.sender == prover.party}
        signed = "CertificateVerify" if "CertificateVerify" in of_prover else "ServerKeyExchange"
        self.proofs.append(
            Proof(
                prover.party,
                verifier.party,
                identity,
                evidence=f"a certificate that {verifier.party} trusts, and a signature with its key ({signed})",
                factors=frozenset({Factor.POSSESSION}),
                layer="TLS",
                session=self.label,
                inside=None,
                binding=Binding.CHANNEL,
                # RFC 8446, section 2: Finished "provides key confirmation, binds the endpoint's identity to the
                # exchanged keys". The proof is complete there, not at the signature.
                at=of_prover["Finished"],
            )
        )

    # What the two say to each other inside the session.

    def send(self, sender: _End, data: bytes, name: str, note: str = "") -> tuple[int, bytes]:
        """Send `data` to the other end. Gives the message's index, and the bytes as the other end read them.

        Raises ValueError where the handshake has failed: there is no session to send anything in.
        """
        if not self.established:
            raise ValueError("the handshake failed, so there is no session to send anything in")
        receiver = self.server if sender is self.client else self.client
        sender.object.write(data)
        index = self._add(sender, receiver, name, note)
        # One read gives one record at most (16 KiB), and Python's own default is less.
        received = b"".join(iter(lambda: self._try(receiver, receiver.object.read), b""))
        self._take(receiver)
        return index, received

    def exchange(self, title: str = "") -> Exchange:
        """All that was exchanged and proved so far."""
        messages = [
            Message(
                sent.sender,
                sent.receiver,
                sent.name,
                sent.note if sent.read else f"{sent.receiver} never read this",
                self.label if sent.encrypted else None,
            )
            for sent in self._sent
        ]
        return Exchange(
            title or f"{self._version}: {self.client.party} connects to {self.name}",
            (self.client.party, self.server.party),
            tuple(messages),
            tuple(self.proofs),
            self.failure,
        )
