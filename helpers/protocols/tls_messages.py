"""What OpenSSL reports of each message of a TLS connection, and the names of the messages."""

import platform
import ssl

from helpers.display.error import CourseError

# RFC 8446, section B.3 and RFC 5246, section 7.4: HandshakeType. The number is a message's first byte.
HANDSHAKE_TYPES = {
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
}


# RFC 8446, section B.2 (and RFC 5246, section 7.2): AlertDescription, those that speak of certificates or of failure.
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    90: "user_canceled",
    109: "missing_extension",
    112: "unrecognized_name",
    116: "certificate_required",
}

CLOSE_NOTIFY = 0  # no failure: the sender has nothing more to say (RFC 8446, section 6.1)

# RFC 8446, section B.1: ContentType. OpenSSL adds HEADER: the bytes before a record, just as they are on the wire.
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEADER = 20, 21, 22, 23, 0x100


def watch(context: ssl.SSLContext) -> None:
    """Have OpenSSL report each message of this context's connections to the `report` of the connection.

    The one place that uses `SSLContext._msg_callback`: it is private to Python's `ssl`, and the same since Python 3.8.
    """
    if "_msg_callback" not in vars(ssl.SSLContext):
        raise CourseError(
            f"The ssl module of this Python ({platform.python_implementation()} {platform.python_version()}) cannot"
            " report the messages of a handshake. Please run the course with CPython 3.11, 3.12 or 3.13."
        )

    def callback(connection, direction, version, content_type, _message_type, data):
        connection.report(direction, version, content_type, data)

    context._msg_callback = callback


def message_name(content_type: int, data: bytes) -> str:
    """The name of a handshake message or an alert, as the RFCs spell it."""
    if content_type == ALERT:
        # RFC 8446, section 6: an alert is two bytes, its level and its description.
        return f"Alert {ALERTS.get(data[1], data[1])}"
    return HANDSHAKE_TYPES.get(data[0], f"handshake message {data[0]}")


def certificates(message: bytes, version: int) -> tuple[bytes, ...]:
    """The certificates in a Certificate message, as DER bytes. A message that is cut short gives those that are whole.

    RFC 5246, section 7.4.2: a list, and before each certificate its length, both in three bytes.
    RFC 8446, section 4.4.2: before the list a context (its length in one byte), after each certificate its extensions
    (their length in two bytes).
    """
    at, extensions = 4, 0  # RFC 8446, section 4: type (one byte) and length (three) come first
    if version == ssl.TLSVersion.TLSv1_3:
        at, extensions = 5 + int.from_bytes(message[4:5]), 2
    at += 3  # the length of the list
    found = []
    while at + 3 < len(message):
        begin, end = at + 3, at + 3 + int.from_bytes(message[at : at + 3])
        if end > len(message):
            break
        found.append(message[begin:end])
        at = end + (extensions and extensions + int.from_bytes(message[end : end + extensions]))
    return tuple(found)
