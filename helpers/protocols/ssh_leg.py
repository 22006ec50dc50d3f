"""One SSH connection while it runs: what its ends say, message by message, and what that proves.

asyncssh tells Python's log of each message that it sends or receives. That is where the picture comes from: each end
says so itself, and what came encrypted is told in clear.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import asyncssh

from helpers.display.error import CourseError
from helpers.exchange import Binding, Factor, Failure, Proof
from helpers.protocols import ssh_messages
from helpers.protocols.transcript import Sent, Transcript, session_label
from helpers.trust.host_keys import CHANGED, MATCH, MATCH_CA, REVOKED, UNKNOWN, HostKeyVerdict
from helpers.trust.ssh_wire import Malformed

_FACTORS = {"password": Factor.KNOWLEDGE, "publickey": Factor.POSSESSION, "keyboard-interactive": Factor.POSSESSION}
_EVIDENCE = {
    "password": "a password, handed over",
    "publickey": "a signature with the user's key, over this session's id",
    "keyboard-interactive": "a one-time code, handed over",
}
_SERVER_EVIDENCE = {
    MATCH: "a signature with the host key that is in the list",
    MATCH_CA: "a signature with the host key that a known CA vouches for",
}


# What the host key is worth where the client goes on without a proof.
_NO_EVIDENCE = {
    UNKNOWN: "a host key that {client} cannot compare with anything, and takes",
    CHANGED: "another host key than in the list of {client}, who goes on all the same",
    REVOKED: "a host key that is revoked, and {client} goes on all the same",
}


class Leg:
    """The connection of `client` and `server`: two names of parties.

    `verdict` is what the client's list says of the host key, where a client of ours is at that end. `judges_users` is
    whether the server cares who logs in: a man in the middle does not.
    """

    def __init__(self, client: str, server: str, transcript: Transcript, judges_users: bool = True) -> None:
        self.client, self.server, self.transcript = client, server, transcript
        self.judges_users = judges_users
        self.label = session_label("SSH", client, server)
        self.verdict: HostKeyVerdict | None = None
        self.logged_in = False
        self.refusal: Failure | None = None  # the last one; after it, the client may still try something else
        self.signature: bytes | None = None  # the user's
        self.to_sign: bytes | None = None  # what the user's client had to sign
        self._underway: dict[str, list[Sent]] = {client: [], server: []}  # by sender: sent and not yet received
        self._encrypting: set[str] = set()
        # Where in the transcript: the host key, the last request to log in, and the list of what the server wants.
        self._reply: int | None = None
        self._request = self._wanted = 0
        self._heard: set[str] = set()  # the ends that speak in this Python
        self._asked = self._user = ""

    def said(self, party: str, received: bool, payload: bytes) -> None:
        """`party`, one of the ends, has sent this message or received it."""
        sender = self._other(party) if received else party
        self._heard.add(party)
        if received and self._underway[sender]:
            self._underway[sender].pop(0).read = True  # SSH runs over TCP, so messages come in the order of sending
            return
        message = ssh_messages.Read(payload, self._asked)
        if message.number == ssh_messages.DISCONNECT and self.logged_in:
            return  # it says goodbye
        inside = self.label if sender in self._encrypting else None
        note = message.note if self.transcript.explained or message.tells else ""
        sent = Sent(sender, self._other(sender), message.name, inside, note, received)
        at = self._add(sent)
        if not received:
            self._underway[sender].append(sent)
        self._conclude(message, sender, at)

    def _add(self, sent: Sent) -> int:
        messages = self.transcript.sent
        if sent.sender == self.client and messages and messages[-1].name == "KEXINIT" == sent.name:
            # RFC 4253, section 7.1: both ends send their KEXINIT without waiting, so which one is first is chance. The
            # picture begins with the client's.
            messages.insert(len(messages) - 1, sent)
            return len(messages) - 2
        return self.transcript.add(sent)

    def _other(self, party: str) -> str:
        return self.client if party == self.server else self.server

    def _conclude(self, message: ssh_messages.Read, sender: str, at: int) -> None:
        match message.number:
            case ssh_messages.KEX_ECDH_REPLY:
                self._reply = at
            case ssh_messages.NEWKEYS:
                self._encrypting.add(sender)
                # RFC 4253, section 8: the client "verifies that K_S really is the host key for S", and the signature.
                # Only then does it go on.
                if sender == self.client and self.verdict is not None:
                    self._go_on(self.verdict)
            case ssh_messages.REQUEST:
                self._request, self._user, self._asked = at, message.user, message.method
                self.signature = message.signature or self.signature
            case ssh_messages.INFO_RESPONSE:
                self._request = at
            case ssh_messages.SUCCESS:
                self.logged_in, self.refusal = True, None
                self._prove_user()
            case ssh_messages.FAILURE if message.partial:
                self._prove_user()
            case ssh_messages.FAILURE if self._asked != "none":
                reason = f"permission denied for {self._user} ({self._asked})"
                self.refusal = Failure(self.server, reason, self._request, self.client, at)
            case ssh_messages.FAILURE:
                self._wanted = at
            case ssh_messages.DISCONNECT if sender == self.client and self.client not in self._encrypting:
                reason = message.note if self.verdict is None else self.verdict.reason
                self.refusal = Failure(self.client, reason, self._reply or 0, self.server, at)

    def _go_on(self, verdict: HostKeyVerdict) -> None:
        if verdict.value not in _SERVER_EVIDENCE:
            self.transcript.sent[self._reply].note = _NO_EVIDENCE[verdict.value].format(client=self.client)
            return
        evidence, factors = _SERVER_EVIDENCE[verdict.value], frozenset({Factor.POSSESSION})
        self._prove(self.server, self.client, verdict.host, evidence, factors, "SSH transport", self._reply, True)

    def _prove_user(self) -> None:
        # What a server accepts, it says itself: with SUCCESS, or with a FAILURE that is called partial success.
        if self.judges_users and self._asked in _FACTORS:
            factors, bound = frozenset({_FACTORS[self._asked]}), self._asked == "publickey"
            evidence = _EVIDENCE[self._asked]
            self._prove(self.client, self.server, self._user, evidence, factors, "SSH user", self._request, bound)

    def _prove(self, prover, verifier, identity, evidence, factors, layer, at, bound) -> None:
        session = self.label if bound else None
        inside = None if layer == "SSH transport" else self.label
        binding = Binding.CHANNEL if bound else Binding.NONE
        proof = Proof(prover, verifier, identity, evidence, factors, layer, session, inside, binding, at)
        self.transcript.proofs.append(proof)

    def end(self) -> None:
        """The connection is over. Where the last word was a refusal, that is how it failed."""
        for sent in self.transcript.sent:
            # Of an end that is another program, only the other one can tell.
            sent.read |= {sent.sender, sent.receiver} == {self.client, self.server} and sent.receiver not in self._heard
        if self._reply is not None and self.client not in self._encrypting and self.refusal is None:
            # It goes away without a word, as OpenSSH does.
            reason = "I have seen the host key, and go away" if self.verdict is None else self.verdict.reason
            self.refusal = Failure(self.client, reason, self._reply)
        elif self._asked == "none" and not self.logged_in:
            # The client knows what is wanted, and goes away.
            distrusts = self.verdict is not None and self.verdict.value in (CHANGED, REVOKED)
            reason = "to such a host key I show no password" if distrusts else "I show nothing of what is wanted"
            self.refusal = Failure(self.client, reason, self._wanted)
        self.transcript.failure = self.transcript.failure or self.refusal


# Whose end is speaking? asyncio runs all that belongs to a connection in the context in which it was opened.
_speaker: ContextVar[tuple[Leg, str] | None] = ContextVar("speaker", default=None)


@contextmanager
def speaking(leg: Leg, party: str) -> Iterator[None]:
    """Connections that are opened in this block, or servers that are started, speak for this party of `leg`."""
    token = _speaker.set((leg, party))
    try:
        yield
    finally:
        _speaker.reset(token)


class _Tap(logging.Filter):
    """What our own ends say goes to their leg, and to nobody else: it holds passwords. Others are heard as before."""

    def __init__(self) -> None:
        super().__init__()
        self.runs, self._level, self._heard_from, self._detail = 0, logging.NOTSET, logging.NOTSET, 1

    def open(self) -> None:
        self.runs += 1
        if self.runs == 1:
            self._level, self._heard_from = _LOG.level, _LOG.getEffectiveLevel()
            self._detail = _ASYNCSSH._debug_level
            _LOG.addFilter(self)
            _LOG.setLevel(logging.DEBUG)
            asyncssh.set_debug_level(3)  # from here on, each message is told
            if not _LOG.isEnabledFor(logging.DEBUG):
                self.close()
                raise CourseError(
                    "These runs are heard in Python's log, and that is switched off (by logging.disable, or by a"
                    " configuration of it). Restart the kernel, and leave it on."
                )

    def close(self) -> None:
        self.runs -= 1
        if self.runs == 0:
            asyncssh.set_debug_level(self._detail)
            _LOG.setLevel(self._level)
            _LOG.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        packet, speaker = getattr(record, "packet", None), _speaker.get()
        if speaker is None:
            return record.levelno >= self._heard_from and (packet is None or self._detail == 3)
        if packet and packet[0] in ssh_messages.KNOWN:
            leg, party = speaker
            with suppress(Malformed):  # a message that is cut off: asyncssh judges it next
                leg.said(party, record.args[0] == "Received", packet)  # the other word is "Sent"
        return False


_LOG, _ASYNCSSH = logging.getLogger("asyncssh"), asyncssh.logging.logger
_TAP = _Tap()


@contextmanager
def listening() -> Iterator[None]:
    """Hear what asyncssh's ends say, while a run lasts."""
    _TAP.open()
    try:
        yield
    finally:
        _TAP.close()
