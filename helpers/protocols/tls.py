"""The two ends of a TLS connection, and a real handshake between them.

    client = tls.Client("alice", trust=root.certificate)
    server = tls.Server("bank.example", root.issue_server("bank.example"))
    tls.handshake(client, server, name="bank.example")

Both ends are Python's own `ssl` (OpenSSL). They write into two buffers in memory, so that nothing depends on ports or
timing; with `wire=wires.loopback` a real TCP connection lies between them. What happens then: tls_session.py.
"""

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from helpers.exchange import Exchange
from helpers.protocols import wires
from helpers.protocols.tls_messages import watch
from helpers.protocols.tls_session import Session
from helpers.trust.pki import Credential

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


def handshake(client: Client, server: Server, name: str, title: str = "", wire=wires.Memory) -> Exchange:
    """Connect `client` to a `server` that should be `name`, and let each end read once. A refusal does not raise."""
    with Session(client, server, name, wire) as session:
        return session.exchange(title)


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
    pem = credential.key_pem(password) + credential.chain_pem()
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
