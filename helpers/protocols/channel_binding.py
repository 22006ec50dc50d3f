"""Channel binding: a login that is good in one TLS connection only, the one in which it was made (RFC 5056, RFC 9266).

    log_in("alice", key, bank, trust=root.certificate)
    log_in("alice", key, bank, trust=root.certificate, through=relay)

Both ends of a TLS connection can *export* the same secret bytes from it, and nobody else can. Python's `ssl` offers
only `tls-unique`, which is not defined for TLS 1.3. So these connections are made with pyOpenSSL.

The login itself is a lab protocol, made for this lesson: a keyed hash of those bytes. A real one is SCRAM-SHA-256-PLUS
(RFC 7677). It binds a password in this way.
"""

import contextlib
import hmac
from dataclasses import dataclass

from cryptography import x509
from OpenSSL import SSL

from helpers.exchange import Binding, Exchange, Factor, Failure, Message, Proof
from helpers.protocols.transcript import session_label
from helpers.trust.pki import Credential
from helpers.trust.verify import verify_chain

# RFC 9266, section 2: the label, and how many bytes are exported. "Zero-length string" is the context.
LABEL, LENGTH, CONTEXT = b"EXPORTER-Channel-Binding", 32, b""


@dataclass(frozen=True)
class Host:
    """A server under its own name, with its certificate."""

    party: str
    credential: Credential


class Channel:
    """A TLS 1.3 connection in memory. The client has checked the host's certificate for the name `host.party`.

    Raises ValueError where that certificate is refused.
    """

    def __init__(self, client: str, host: Host, trust: x509.Certificate) -> None:
        self.parties = (client, host.party)
        self.label = session_label("TLS", client, host.party)
        self.client = _end(SSL.TLS_CLIENT_METHOD)
        self.client.set_connect_state()
        self.client.set_tlsext_host_name(host.party.encode())
        self.server = _end(SSL.TLS_SERVER_METHOD, host.credential)
        self.server.set_accept_state()
        for _ in range(2):  # ClientHello, the server's part; Finished
            for end, other in ((self.client, self.server), (self.server, self.client)):
                _handshake(end)
                _carry(end, other)
        # pyOpenSSL checks no name by itself. So this course's own checks judge the certificate.
        leaf, *between = self.client.get_peer_cert_chain(as_cryptography=True)
        if not verify_chain(leaf, between, [trust], name=host.party):
            raise ValueError(f"the certificate of {host.party} was refused")

    def send(self, sender: SSL.Connection, data: bytes) -> bytes:
        """Send `data` to the other end, and give what was received there."""
        receiver = self.server if sender is self.client else self.client
        sender.send(data)
        _carry(sender, receiver)
        return receiver.recv(4096)


def exported(end: SSL.Connection) -> bytes:
    """The channel binding `tls-exporter` of one end: 32 bytes, the same at both ends of a connection."""
    return end.export_keying_material(LABEL, LENGTH, CONTEXT)


def bound_answer(key: bytes, end: SSL.Connection) -> bytes:
    """What the user sends: a keyed hash of what is exported at this end."""
    return hmac.digest(key, exported(end), "sha256")


def log_in(user: str, key: bytes, host: Host, trust: x509.Certificate, through: Host | None = None) -> Exchange:
    """`user` proves to `host` that they have `key`. With `through`, a relay: it passes on what the user sends."""
    front = Channel(user, through or host, trust)
    channels = [front, Channel(through.party, host, trust)] if through else [front]
    messages = [Message(*channel.parties, "TLS handshake") for channel in channels]
    proofs = [_of_server(channel, at) for at, channel in enumerate(channels)]
    answer = bound_answer(key, front.client)
    for channel in channels:
        answer = channel.send(channel.client, answer)
        note = "a keyed hash of what was exported from this connection" if channel is front else "passed on"
        messages.append(Message(*channel.parties, "bound login", note, channel.label))
    channel, at = channels[-1], len(messages) - 1
    failure = None
    # The bank computes it from its own end. That is the same connection as the user's, or it is not.
    if hmac.compare_digest(answer, bound_answer(key, channel.server)):
        sender = channel.parties[0]
        proofs.append(_of_user(channel, sender, user, at))
    else:
        failure = Failure(host.party, "the login does not belong to this connection", at)
    parties = dict.fromkeys(name for channel in channels for name in channel.parties)
    title = f"{user} logs in, bound to the channel" + (f", through {through.party}" if through else "")
    return Exchange(title, tuple(parties), tuple(messages), tuple(proofs), failure)


def _of_server(channel: Channel, at: int) -> Proof:
    client, server = channel.parties
    evidence = f"a certificate that {client} trusts, and a signature with its key"
    factors = frozenset({Factor.POSSESSION})
    return Proof(server, client, server, evidence, factors, "TLS", channel.label, None, Binding.CHANNEL, at)


def _of_user(channel: Channel, sender: str, user: str, at: int) -> Proof:
    evidence = "a keyed hash of what only the two ends of this connection can export"
    factors = frozenset({Factor.POSSESSION})
    server = channel.parties[1]
    # Bound to the same session as the server's proof. That makes it mutual by the strict test.
    return Proof(
        sender, server, user, evidence, factors, "application", channel.label, channel.label, Binding.CHANNEL, at
    )


def _end(method: int, credential: Credential | None = None) -> SSL.Connection:
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    if credential:
        context.use_certificate(credential.certificate)
        context.use_privatekey(credential.key)
        for certificate in credential.intermediates:
            context.add_extra_chain_cert(certificate)
    return SSL.Connection(context, None)


def _handshake(end: SSL.Connection) -> None:
    with contextlib.suppress(SSL.WantReadError):
        end.do_handshake()


def _carry(sender: SSL.Connection, receiver: SSL.Connection) -> None:
    with contextlib.suppress(SSL.WantReadError):  # it has written nothing
        receiver.bio_write(sender.bio_read(64 * 1024))
