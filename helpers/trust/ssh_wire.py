"""How SSH writes things down (RFC 4251, section 5). Keys, certificates and messages are made of these fields."""

import struct

_LONGEST_NUMBER = 2048  # bytes: as OpenSSH has it


class Malformed(ValueError):
    """The bytes do not hold what should stand there."""


class Fields:
    """The fields that stand in `content`, one after the other. Each method raises Malformed where that one does not."""

    def __init__(self, content: bytes) -> None:
        self._content, self.at = content, 0

    def take(self, length: int) -> bytes:
        taken = self._content[self.at : self.at + length]
        if len(taken) < length:
            raise Malformed("it ends too early, so perhaps a part of it is missing")
        self.at += length
        return taken

    def number(self, form: str) -> int:
        """A number of a fixed length: ">I" has 4 bytes, ">Q" has 8."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def boolean(self) -> bool:
        # "All non-zero values MUST be interpreted as TRUE".
        return self.take(1) != b"\0"

    def string(self) -> bytes:
        # "They are stored as a uint32 containing its length (number of bytes that follow) and zero (= empty string) or
        # more bytes that are the value of the string."
        return self.take(self.number(">I"))

    def text(self) -> bytes:
        """A string that is a text. A NUL ends a text in C, so OpenSSH takes it as the last byte, and nowhere else."""
        return without_nul(self.string())

    def mpint(self) -> int:
        # "Negative numbers have the value 1 as the most significant bit of the first byte of the data partition."
        content = self.string()
        if content[:1] >= b"\x80" or len(content) > _LONGEST_NUMBER + (content[:1] == b"\0"):
            raise Malformed("a number in it is negative or too long")
        return int.from_bytes(content)

    def strings(self) -> list[bytes]:
        """All that is left, as strings."""
        found = []
        while self.at < len(self._content):
            found.append(self.string())
        return found

    def end(self) -> None:
        if self.at < len(self._content):
            raise Malformed("something stands behind its end")


def without_nul(content: bytes) -> bytes:
    content = content.removesuffix(b"\0")
    if b"\0" in content:
        raise Malformed("a name in it has a NUL")
    return content


def string(content: bytes) -> bytes:
    """`content` written as a string."""
    return struct.pack(">I", len(content)) + content
