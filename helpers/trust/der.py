"""DER, the form in which certificates are written: elements in elements, each with a tag and a length.

Just enough of it to see what the library does not show (ITU-T X.690, section 8.1).
"""

from collections.abc import Iterator

# The tags of a text of bits, of a name such as an extension's, of a list, and of a certificate's extensions.
BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, CONTEXT_3 = 0x03, 0x06, 0x30, 0xA3


def elements(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The elements of DER data: tag, content, and both with the length between them (ITU-T X.690, section 8.1)."""
    at = 0
    while at < len(data):
        tag, length, begin = data[at], data[at + 1], at + 2
        if length & 0x80:  # a long one: the low bits tell how many bytes hold the length
            begin += length & 0x7F
            length = int.from_bytes(data[at + 2 : begin])
        yield tag, data[begin : begin + length], data[at : begin + length]
        at = begin + length


def element(tag: int, *parts: bytes) -> bytes:
    """The way back: one element with these parts as its content."""
    inside = b"".join(parts)
    if len(inside) < 0x80:
        return bytes([tag, len(inside)]) + inside
    length = len(inside).to_bytes((len(inside).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + inside


def content(whole: bytes) -> bytes:
    """What is inside of the first element."""
    return next(elements(whole))[1]
