"""What was sent, proved and refused so far, in one session or in several: the makings of an `Exchange`."""

import itertools
from dataclasses import dataclass, field

from helpers.exchange import Exchange, Failure, Message, Proof

_numbers = itertools.count(1)


def session_label(protocol: str, client: str, server: str) -> str:
    """A label for a new session. Each has its own: two sessions between the same two are not one."""
    return f"{protocol} {client}–{server} #{next(_numbers)}"


@dataclass
class Sent:
    """A message that was written. `read` turns true when the other end reads it; `content` are its bytes, if kept."""

    sender: str
    receiver: str
    name: str
    inside: str | None
    note: str = ""
    read: bool = False
    content: bytes = field(default=b"", repr=False)

    def message(self) -> Message:
        note = self.note if self.read else f"{self.receiver} never read this"
        return Message(self.sender, self.receiver, self.name, note, self.inside)


class Transcript:
    """Where two sessions write into one transcript (a relay has two), their messages stand in the order of the run.

    `explained` is whether the messages of a handshake get their notes. A longer story does without: its readers know
    them, and would lose sight of what happens.
    """

    def __init__(self, explained: bool = True) -> None:
        self.explained = explained
        self.sent: list[Sent] = []
        self.proofs: list[Proof] = []
        self.failure: Failure | None = None  # the first one: who refuses later does so because of it

    def add(self, message: Sent) -> int:
        """Add a message, and give its index."""
        self.sent.append(message)
        return len(self.sent) - 1

    def exchange(self, title: str, *parties: str, seen_by: str | None = None) -> Exchange:
        messages = tuple(sent.message() for sent in self.sent)
        return Exchange(title, parties, messages, tuple(self.proofs), self.failure, seen_by)
