"""One TLS connection while it runs: its messages, what each end verified, and who refused.

    with Session(alice, bank, "bank.example") as session:
        session.send(session.client, b"hello", name="a greeting")

The messages are those that OpenSSL reported while it sent and read them. How the bytes travel is the wire's affair
(wires.py); an end that belongs to another program is a `Stranger`.
"""

import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography import x509

from helpers.display.error import error_text
from helpers.exchange import Binding, Exchange, Factor, Failure, Proof
from helpers.protocols import wires
from helpers.protocols.tls_messages import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLOSE_NOTIFY,
    HANDSHAKE,
    HEADER,
    certificates,
    message_name,
)
from helpers.protocols.transcript import Sent, Transcript, session_label
from helpers.trust.names import is_ip_address
from helpers.trust.pki import common_name

# So long a client of TLS 1.3 waits for the first word of a server of which it knows nothing. Then it speaks itself.
A_MOMENT = 1.0  # seconds
MOST_RECEIVED = 1024 * 1024  # bytes, at once


@dataclass(frozen=True)
class Stranger:
    """An end that belongs to another program. We know who it is only because we have started it ourselves."""

    party: str


@dataclass
class _End:
    """One end of a connection while it runs. `object` is None for a stranger's: nobody here sees what it does."""

    party: str
    object: ssl.SSLObject | None
    outer_type: int = HANDSHAKE  # of the record that it wrote last
    changed_cipher: bool = False  # TLS 1.2: it has sent ChangeCipherSpec
    complete: bool = False  # its own handshake has succeeded
    error: OSError | None = None
    early: bytes = b""  # what a stranger said before it was asked
    last_read: int = 0  # index of the message that it read last
    waiting: deque[int] = field(default_factory=deque)  # indexes of the messages that were sent to it and not yet read

    @property
    def encrypts(self) -> bool:
        # RFC 8446, section 5.2: "The outer opaque_type field of a TLSCiphertext record is always set to the value 23
        # (application_data)". TLS 1.2 leaves the type readable and encrypts all that follows its ChangeCipherSpec.
        return self.outer_type == APPLICATION_DATA or self.changed_cipher


class Session:
    """A TLS connection between `client` and `server`. Making one runs the handshake, and then each end's first read.

    `wire` is one of wires.py. With a `transcript`, the messages are added to those of another session. A with-block
    closes the wire. A refusal does not raise.
    """

    def __init__(self, client, server, name: str, wire=wires.Memory, transcript: Transcript | None = None) -> None:
        self.name = name
        self.label = session_label("TLS", client.party, server.party)
        self.transcript = transcript or Transcript()
        self.failure: Failure | None = None
        self.version = "TLS"  # until the first message tells
        self._wire = wire(client, server, name)
        self.client = _End(client.party, self._wire.client)
        self.server = _End(server.party, self._wire.server)
        for end in (self.client, self.server):
            end.last_read = max(len(self.transcript.sent) - 1, 0)
        self._ours = [end for end in (self.client, self.server) if end.object]
        self.checks_name = self.client.object is not None and client.context.check_hostname
        for end in self._ours:
            end.object.report = lambda *event, end=end: self._record(end, self._peer(end), *event)
        self._run_handshake()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_exception) -> None:
        self._wire.close()

    @property
    def established(self) -> bool:
        """Each end of ours has completed the handshake, and TLS is still up."""
        return all(end.complete and not end.error for end in self._ours)

    def _peer(self, end: _End) -> _End:
        return self.server if end is self.client else self.client

    # The messages.

    def _record(self, end: _End, peer: _End, direction: str, version: int, content_type: int, data: bytes) -> None:
        if content_type == ALERT and data[1] == CLOSE_NOTIFY:
            return  # it only says that this was all
        if direction == "write":
            self._written(end, peer, version, content_type, data)
            return
        if peer.object is None:  # nobody watches the other end: what it wrote is known when it is read
            self._written(peer, end, version, content_type, data)
        if content_type in (HANDSHAKE, ALERT):
            self._take(end)

    def _written(self, end: _End, peer: _End, version: int, content_type: int, data: bytes) -> None:
        if content_type == HEADER:
            end.outer_type = data[0]
            # A TLS 1.3 end sends this record as well, but it means nothing there (RFC 8446, section D.4).
            end.changed_cipher |= data[0] == CHANGE_CIPHER_SPEC and self.version == "TLS 1.2"
        elif content_type in (HANDSHAKE, ALERT):
            self.version = "TLS 1.3" if version == ssl.TLSVersion.TLSv1_3 else "TLS 1.2"
            self._add(end, peer, *self._describe(end, peer, content_type, data), content=bytes(data))

    def _add(self, end: _End, peer: _End, name: str, note: str, content: bytes = b"") -> int:
        sent = Sent(end.party, peer.party, name, self.label if end.encrypts else None, note, content=content)
        index = self.transcript.add(sent)
        peer.waiting.append(index)
        sent.read = peer.object is None  # whether a stranger read it, we cannot know
        return index

    def _take(self, end: _End) -> None:
        end.last_read = end.waiting.popleft()
        self.transcript.sent[end.last_read].read = True

    def _describe(self, end: _End, peer: _End, content_type: int, data: bytes) -> tuple[str, str]:
        """The message's name, and a note where the message matters for who is who."""
        name = message_name(content_type, data)
        if name == "ClientHello":
            # RFC 6066, section 3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"."
            return name, "" if not self.name or is_ip_address(self.name) else f"asks for {self.name}"
        notes = {
            "CertificateRequest": f"asks {peer.party} for a certificate",
            "Certificate": "a certificate is public: showing it proves nothing yet",
            "CertificateVerify": "a signature over the handshake so far: it must fit the key in the certificate",
            "ServerKeyExchange": "signed: the signature must fit the key in the certificate",
        }
        # RFC 8446, section 4.4.2: a client without a certificate "MUST send a Certificate message containing no
        # certificates". The message then ends in a list of length zero: three bytes, all 0.
        if name == "Certificate" and len(data) <= 8 and data.endswith(b"\0\0\0"):
            return name, f"an empty list: {end.party} has no certificate"
        return name, notes.get(name, "") if self.transcript.explained else ""

    # The handshake, and what it proved.

    def _run_handshake(self) -> None:
        running, before = self._ours, -1
        self._deadline = time.monotonic() + wires.PATIENCE
        while running:
            for end in running:
                self._try(end, end.object.do_handshake)
            running = [end for end in running if not end.complete and not end.error]
            now = len(self.transcript.sent)
            if now == before and not self._wait(*running):
                break
            before = now
        self._note_silence(running)
        self._note_proofs()
        # A TLS 1.3 client completes its handshake before the server has judged its certificate. It "cannot be sure
        # whether the server afterwards considers the client to be authenticated" (RFC 8446, section E.1.2):
        # a refusal reaches it with its first read. So it reads before it writes.
        for end in self._ours:
            if end.complete:
                self._first_read(end)

    def _wait(self, *ends: _End, at_most: float | None = None) -> bool:
        """Whether anything came for these ends, before the time is over that they have for all of it."""
        left = min(self._deadline - time.monotonic(), wires.PATIENCE if at_most is None else at_most)
        return left > 0 and self._wire.wait((end.object for end in ends), left)

    def _note_silence(self, waiting: list[_End]) -> None:
        """A stranger that says nothing more, or that says it too slowly, has let the handshake fail."""
        for end in waiting:
            if self._peer(end).object is None and self.transcript.sent:
                self.refuse(Failure(self._peer(end).party, "no answer", at=self._last_sent(end)))

    def _first_read(self, end: _End) -> None:
        seen = len(self.transcript.sent)
        while not end.error:
            end.early += self._try(end, end.object.read) or b""
            if self._peer(end).object:
                more = end.waiting and self._wait(end)
            else:
                # A server of somebody else: its first word may be a refusal. Not every one speaks before it is asked.
                first = end is self.client and self.version == "TLS 1.3" and len(self.transcript.sent) == seen
                more = first and not end.early and self._wait(end, at_most=A_MOMENT)
            if not more:
                return

    def _try(self, end: _End, action: Callable) -> bytes | None:
        """What `action` returns, if anything. None where it must wait for the other end, or where it failed."""
        try:
            result = action() or b""
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError as error:
            end.error = error
            self._note_failure(end)
            return None
        finally:
            self._wire.send(end.object)
        end.complete = True
        return result

    def _note_failure(self, end: _End) -> None:
        """Who fails first has refused. Who fails after that, or by a stranger's alert, has only been told so."""
        sent, peer = self.transcript.sent, self._peer(end)
        left = isinstance(end.error, ssl.SSLEOFError)
        if left and sent and sent[-1].sender == end.party and sent[-1].name.startswith("Alert"):
            # OpenSSL answers the end of a connection with an alert, into that connection. Nobody gets it.
            sent.pop()
            peer.waiting.pop()
        if left and peer.object is None and end is self.server and end.complete:
            return  # a client that leaves without a word has not refused: there are such programs
        reason = error_text(end.error)
        if left:
            reason = f"nothing. The connection just ended ({reason})"
        told = bool(sent) and sent[end.last_read].name.startswith("Alert")
        failure = self.failure
        if failure is None and peer.object is None and (told or left):
            failure = Failure(peer.party, reason, at=self._last_sent(end))
        elif failure is None:
            self.refuse(Failure(end.party, reason, at=end.last_read))
            return
        if told:
            late = "; its own handshake had already succeeded" if end.complete else ""
            sent[end.last_read].note = f"{end.party} reads: {reason}{late}"
            failure = replace(failure, learned_by=end.party, learned_at=end.last_read, late=end.complete)
        self.refuse(failure)

    def _last_sent(self, end: _End) -> int:
        """The last thing that a stranger got from us. What it was judging, we can only guess."""
        return max(self._sent_by(end).values(), default=0)

    def refuse(self, failure: Failure) -> None:
        """This session has failed. Where another one of the same transcript failed before, that stays the cause."""
        if self.transcript.failure is self.failure:
            self.transcript.failure = failure
        self.failure = failure

    def _note_proofs(self) -> None:
        """A proof is written only where the verifier's own OpenSSL says that it has checked it."""
        client, server = self.client, self.server
        # A client that checks no name knows that somebody holds a key, but not who: it has no proof of a server.
        if client.complete and self.checks_name:
            self.note_proof(server, client, self.name)
        # Whom a certificate stands for is the server's own decision: RFC 9525, section 1.4.2, puts client identities
        # out of its scope. This server takes the common name as the account, as PostgreSQL and etcd do.
        if name := self.name_of_client():
            self.note_proof(client, server, name)

    def shown_by_client(self) -> x509.Certificate | None:
        """The certificate of the client that our server has verified."""
        # `getpeercert` gives a certificate only where one was asked for, shown, and verified.
        shown = (
            self.server.object.getpeercert(binary_form=True) if self.server.object and self.server.complete else None
        )
        return x509.load_der_x509_certificate(shown) if shown else None

    def chain_of_client(self) -> tuple[x509.Certificate, ...]:
        """The whole chain that it has shown, its own certificate first. Empty where our server has verified none."""
        at = self._sent_by(self.client).get("Certificate") if self.shown_by_client() else None
        if at is None:
            return ()
        message = self.transcript.sent[at]
        chain = certificates(message.content, ssl.TLSVersion.TLSv1_3 if self.version == "TLS 1.3" else 0)
        return tuple(map(x509.load_der_x509_certificate, chain))

    def name_of_client(self) -> str:
        """The common name in that certificate. Empty where there is none."""
        shown = self.shown_by_client()
        return common_name(shown) if shown else ""

    def note_proof(self, prover: _End, verifier: _End, identity: str) -> None:
        """Note that `verifier` has checked certificate and signature of `prover`, and accepted it as `identity`."""
        of_prover = self._sent_by(prover)
        signed = next((name for name in ("CertificateVerify", "ServerKeyExchange") if name in of_prover), None)
        evidence = f"a certificate that {verifier.party} trusts, and a signature with its key ({signed})"
        if signed is None:
            # RFC 8446, section 2.2: a session that is taken up again rests on a secret of the earlier one, and nobody
            # signs anew.
            evidence = "a secret from an earlier session, in which it had shown a certificate"
        self.transcript.proofs.append(
            Proof(
                prover.party,
                verifier.party,
                identity,
                evidence,
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

    def _sent_by(self, end: _End) -> dict[str, int]:
        """The messages that this end has sent in this session: their names, and their indexes."""
        pair = end.party, self._peer(end).party
        return {sent.name: i for i, sent in enumerate(self.transcript.sent) if (sent.sender, sent.receiver) == pair}

    # What the two say to each other inside the session.

    def send(self, sender: _End, data: bytes, name: str, note: str = "") -> tuple[int, bytes]:
        """Send `data` to the other end. Gives the message's index, and the bytes as an end of ours read them.

        Raises ValueError where the handshake has failed: there is no session to send anything in.
        """
        if not self.established:
            raise ValueError("the handshake failed, so there is no session to send anything in")
        receiver = self._peer(sender)
        index = self._add(sender, receiver, name, note)
        pieces = [data[begin : begin + wires.MOST_BYTES] for begin in range(0, len(data), wires.MOST_BYTES)]
        received = b"".join(self._carry(sender, receiver, piece) for piece in pieces)
        if receiver.object:
            self._take(receiver)
        return index, received

    def _carry(self, sender: _End, receiver: _End, piece: bytes) -> bytes:
        sender.object.write(piece)
        self._wire.send(sender.object)
        return self.receive(receiver, lambda received: len(received) >= len(piece)) if receiver.object else b""

    def note_received(self, receiver: _End, name: str, note: str = "") -> int:
        """Put into the transcript what was received from a stranger, and give its index."""
        index = self._add(self._peer(receiver), receiver, name, note)
        self._take(receiver)
        return index

    def receive(self, end: _End, enough: Callable[[bytes], bool]) -> bytes:
        """What comes for `end`, until that is enough or too much, or nothing more comes. See `note_received`."""
        received, end.early = end.early, b""
        self._deadline = time.monotonic() + wires.PATIENCE
        while not enough(received) and len(received) < MOST_RECEIVED and not end.error:
            piece = self._try(end, lambda: end.object.read(wires.MOST_BYTES))
            if piece == b"":  # the other end has said that this was all
                break
            received += piece or b""
            if piece is None and not self._wait(end):
                break
        return received

    def say_goodbye(self, end: _End) -> None:
        """Tell a stranger that this was all (close_notify), and wait until it has said the same, or has left."""
        said = False
        while not said:
            try:
                end.object.unwrap()
                said = True
            except ssl.SSLWantReadError:
                self._wire.send(end.object)
                said = not self._wire.wait([end.object])
            except OSError:
                said = True  # it has left without a word
        self._wire.send(end.object)

    def exchange(self, title: str = "") -> Exchange:
        """All that was exchanged and proved so far."""
        title = title or f"{self.version}: {self.client.party} connects to {self.name}"
        seen_by = self._ours[0].party if len(self._ours) == 1 else None
        return self.transcript.exchange(title, self.client.party, self.server.party, seen_by=seen_by)
