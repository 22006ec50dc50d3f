"""What `ssh -vvv` and `sshd` at LogLevel DEBUG3 write, read again: which messages they sent, and what they believed.

Each of them tells of every message that it sends or receives ("debug3: send packet: type 50"), and in between what it
makes of it. Where they say nothing, nothing is concluded.
"""

import re
from collections import deque
from dataclasses import dataclass

from helpers.display.error import CourseError
from helpers.protocols import ssh_messages
from helpers.protocols.ssh_leg import Leg
from helpers.protocols.ssh_messages import DISCONNECT, FAILURE, REQUEST, SUCCESS
from helpers.trust.host_keys import CHANGED, MATCH, MATCH_CA, REVOKED, UNKNOWN, HostKeyVerdict
from helpers.trust.ssh_wire import string

# What a person who did not ask for a log does not see.
_DEBUG = re.compile(r"debug\d: |OpenSSH_|Authenticated (to|using) |Transferred: |Bytes per second: |  #\d+ ")
_LEFT_OUT = re.compile(
    # The servers of ssh.py have no shell, and say so when the login is over.
    r"channel 0: open failed: "
    # Debian's ssh adds to its warning how to delete the line at once. Others don't.
    r"|  remove with:|  ssh-keygen -f "
)
# Versions differ in wording: 8.9 leaves out a full stop, and 10.6 has a colon instead of another one.
_WORDINGS = (
    (re.compile(r"(not known by any other names)$", re.MULTILINE), r"\1."),
    (re.compile(r"(key fingerprint is): (\S+)$", re.MULTILINE), r"\1 \2."),
)


def ordinary(text: str) -> str:
    """What `ssh` writes without -vvv, the same on all systems."""
    lines = [line for line in text.split("\n") if not _DEBUG.match(line) and not _LEFT_OUT.match(line)]
    text = "\n".join(line.removeprefix("asked: ") for line in lines).strip("\n")
    for pattern, replacement in _WORDINGS:
        text = pattern.sub(replacement, text)
    return text


@dataclass
class _Packet:
    """A message as one end tells of it. The last three stand in a request to log in, or in a refusal of one."""

    received: bool
    number: int
    method: str = ""
    signed: bool = False
    others: str = ""  # the methods that can be tried

    def payload(self, user: str) -> bytes:
        """The message, as far as it is known, in the form in which the other runs of SSH give it to a `Leg`."""
        parts = {
            REQUEST: b"".join(string(text.encode()) for text in (user, "ssh-connection", self.method)),
            FAILURE: string(self.others.encode()) + b"\0",
            DISCONNECT: bytes(4) + string(b""),
        }
        return bytes([self.number]) + parts.get(self.number, b"") + bytes([self.signed]) + string(b"") * 3


_PACKET = re.compile(r"debug3: (send|receive) packet: type (\d+)")


def _packets(log: str) -> list[_Packet]:
    """The messages that matter for authentication, up to the one that ends the login."""
    packets: list[_Packet] = []
    # RFC 4252, section 5.2: the method "none" asks which methods can be tried. Both programs begin with it.
    method, may_sign = "none", False
    for line in log.splitlines():
        if found := _PACKET.match(line):
            packet = _Packet(found[1] == "receive", int(found[2]))
            if packet.number not in ssh_messages.KNOWN:
                continue
            if packet.number == REQUEST:
                # Between two OpenSSHs, a signed request is of their own kind publickey-hostbound-v00@openssh.com, and
                # covers the host key as well. They too call the method publickey.
                packet.method, packet.signed = method, may_sign
            packets.append(packet)
            may_sign = method == "publickey" and packet.number == ssh_messages.ANSWER
            if packet.number == SUCCESS:
                break
        elif found := re.match(r"debug1: Next authentication method: (.*)", line):
            method = found[1]
        elif found := re.match(r"debug1: Authentications that can continue: (.*)", line):
            packets[-1].others = found[1]
    return packets


def is_whole(client_log: str, server_log: str) -> bool:
    """Whether the server has written of all that the client has written of. The client may be the first to end."""
    client, server = _packets(client_log), _packets(server_log)
    sent = len([packet for packet in client if not packet.received])
    received = len(client) - sent
    return sent <= sum(packet.received for packet in server) and received <= sum(not p.received for p in server)


def replay(leg: Leg, user: str, client_log: str, server_log: str) -> None:
    """Tell `leg` what its two ends wrote, in an order in which it can have happened.

    Raises CourseError where sshd lets nobody in at this account: then the login says nothing about the user.
    """
    if closed := re.search(r"^User \S+ (not allowed because .*)$", server_log, re.MULTILINE):
        raise CourseError(f"sshd refuses the account that runs this notebook: {closed[1]}. Take ssh.log_in instead.")
    leg.verdict = _verdict(leg.server, client_log)
    # That it let the user in, the server says itself.
    leg.judges_users = "\nAccepted publickey for " in server_log
    logs = {leg.server: deque(_packets(server_log)), leg.client: deque(_packets(client_log))}
    # What the server's messages say, stands in the client's log: that one read them.
    read = deque(packet for packet in logs[leg.client] if packet.received)
    underway = dict.fromkeys(logs, 0)  # by receiver
    moved = True
    while moved:
        moved = False
        for party, other in ((leg.server, leg.client), (leg.client, leg.server)):
            # An end goes on until it waits for a message that was not sent yet.
            while logs[party] and (not logs[party][0].received or underway[party]):
                packet, moved = logs[party].popleft(), True
                underway[party if packet.received else other] += -1 if packet.received else 1
                if party == leg.server and not packet.received and read:
                    packet = _Packet(False, packet.number, others=read.popleft().others)
                leg.said(party, packet.received, packet.payload(user))
    leg.end()


def _verdict(host: str, log: str) -> HostKeyVerdict:
    """What `ssh` said of the host key, and its last sentence before it gave up."""
    value = UNKNOWN
    for line in log.splitlines():
        if found := re.match(r"debug1: Host '.*' is known and matches the \S+ host (key|certificate)\.$", line):
            value = MATCH_CA if found[1] == "certificate" else MATCH
        elif "No matching CA found. Retry with plain key" in line:
            value = UNKNOWN  # the certificate did not count
        elif "REMOTE HOST IDENTIFICATION HAS CHANGED" in line:
            value = CHANGED
        elif "REVOKED HOST KEY DETECTED" in line:
            value = REVOKED
    reason = ordinary(log).partition("\nHost key verification failed.")[0].rpartition("\n")[2]
    return HostKeyVerdict(value, reason, None, host, ())
