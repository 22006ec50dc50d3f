"""The public key of a host, or its certificate: one line of text, read as OpenSSH reads it.

    key = HostKey.parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... server.example")
    key.fingerprint()  # "SHA256:...": short enough to compare, and nobody can make another key for it
    key.randomart()    # the same as a picture

Between the name of the kind and the comment stands the key itself in Base64. RFC 4253, section 6.6, gives the parts of
RSA and DSA keys; RFC 5656, section 3.1, those of ECDSA; RFC 8709, section 4, those of Ed25519; and OpenSSH's
PROTOCOL.u2f those of security keys. A certificate has more parts (PROTOCOL.certkeys).
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from helpers.display.error import CourseError
from helpers.display.text import short, visible
from helpers.trust.ssh_wire import Fields, Malformed, string, without_nul


class UnreadableKey(CourseError):
    """This text is no public key and no certificate that SSH could use. The message says why."""


class _Kind(NamedTuple):
    short_name: str  # as OpenSSH shows it
    parts: str  # what its fields hold: "s" bytes, "n" a number, "c" the curve's name, "p" a point on that curve
    bits: int = 0  # 0: the size is that of the first number, or for RSA of the second one


_CURVES = {b"nistp256": ec.SECP256R1(), b"nistp384": ec.SECP384R1(), b"nistp521": ec.SECP521R1()}
_HASH_OF_CURVE = {b"nistp256": hashes.SHA256(), b"nistp384": hashes.SHA384(), b"nistp521": hashes.SHA512()}
_KINDS = {
    b"ssh-ed25519": _Kind("ED25519", "s", 256),
    b"ecdsa-sha2-nistp256": _Kind("ECDSA", "cp", 256),
    b"ecdsa-sha2-nistp384": _Kind("ECDSA", "cp", 384),
    b"ecdsa-sha2-nistp521": _Kind("ECDSA", "cp", 521),
    b"ssh-rsa": _Kind("RSA", "nn"),
    b"ssh-dss": _Kind("DSA", "nnnn"),  # OpenSSH reads these up to version 9, and no longer in version 10
    b"sk-ssh-ed25519@openssh.com": _Kind("ED25519-SK", "ss", 256),
    b"sk-ecdsa-sha2-nistp256@openssh.com": _Kind("ECDSA-SK", "cps", 256),
}
_CERTIFICATE = b"-cert-v01@openssh.com"
# RSA keys have several kinds of signatures. A line may begin with the name of one of these as well.
_RSA_SIGNATURES = (b"rsa-sha2-256", b"rsa-sha2-512")
SHORTEST_RSA = 1024  # bits. OpenSSH does not read a shorter key.
_MOST_PRINCIPALS = 256
# ssh_config(5), CASignatureAlgorithms, has no "ssh-rsa" (which is RSA with SHA-1) and no "ssh-dss" among its defaults.
_ALLOWED_FOR_CA = {
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"sk-ssh-ed25519@openssh.com",
    b"sk-ecdsa-sha2-nistp256@openssh.com",
    b"rsa-sha2-256",
    b"rsa-sha2-512",
}
USER, HOST = 1, 2


@dataclass(frozen=True)
class Certificate:
    """What a CA says of a key: for which names, from when to when (Unix times). Its signature was verified."""

    use: int  # USER or HOST
    principals: tuple[bytes, ...]  # for a host: its names
    valid_after: int
    valid_before: int
    critical: bytes  # options that a verifier must understand. For hosts none is defined.
    ca: "HostKey"
    signed_with: bytes  # the kind of the CA's signature

    def problem(self, host: bytes, now: float) -> str:
        """Why it does not vouch for this host at the Unix time `now`. Empty where it does."""
        if self.use != HOST:
            return "it is not for a host"
        # PROTOCOL.certkeys: valid where "valid after <= current time < valid before".
        if now < self.valid_after:
            return "it is not valid yet"
        if now >= self.valid_before:
            return "it has expired"
        # "As a special case, a zero-length "valid principals" field means the certificate is valid for any principal of
        # the specified type."
        if self.principals and host not in self.principals:
            names = short(", ".join(name.decode(errors="replace") for name in self.principals))
            return f"this name does not stand in it, only {visible(names)}"
        if self.critical:
            return "it has a critical option, and for hosts there is none"
        if self.signed_with not in _ALLOWED_FOR_CA:
            return f"its signature is of the old kind {self.signed_with.decode()}"
        return ""


@dataclass(frozen=True)
class HostKey:
    """`plain` are the bytes of the public key alone, `certificate` what a CA says of it, where the line holds one.

    Two keys are the same where their `plain` is.
    """

    type: str
    blob: bytes = field(repr=False)
    plain: bytes = field(repr=False)
    bits: int
    certificate: Certificate | None = None

    @classmethod
    def parse(cls, line: str | bytes) -> "HostKey":
        """Read "kind base64 comment", as in a file *.pub. Raises UnreadableKey.

        What `ssh-keyscan` writes has the host's name in front. That is passed over.
        """
        given = as_bytes(line)
        if b"PRIVATE KEY" in given:
            raise UnreadableKey("This is a private key. Never show it to anybody. What is wanted here ends in .pub.")
        words = given.split()
        if words[:1] and words[0].startswith(b"@"):
            raise UnreadableKey("This is a line of a list of known hosts. What is wanted here is a key alone.")
        if len(words) > 2 and not _kind_of(words[0]) and _kind_of(words[1]):
            del words[0]
        if len(words) < 2:
            raise UnreadableKey("A public key has at least two words: its kind, such as ssh-ed25519, and the key.")
        return cls.read(words[0], words[1])

    @classmethod
    def read(cls, kind: bytes, encoded: bytes) -> "HostKey":
        """Read the two words of a key. Raises UnreadableKey."""
        named = _kind_of(kind)
        if not named:
            raise UnreadableKey(f"“{_shown(kind)}” is no kind of key that SSH knows.")
        blob = _decoded(encoded)
        key = cls.from_blob(blob)
        if key.type.encode() != named:
            raise UnreadableKey(f"The line says {_shown(kind)}, but the key is of the kind {key.type}.")
        return key

    @classmethod
    def from_blob(cls, blob: bytes, may_be_certificate: bool = True) -> "HostKey":
        """Read the bytes of a key, as a server sends them. Raises UnreadableKey."""
        try:
            return cls._from_fields(blob, may_be_certificate)
        except Malformed as error:
            raise UnreadableKey(f"This key cannot be read: {error}.") from None

    @classmethod
    def _from_fields(cls, blob: bytes, may_be_certificate: bool) -> "HostKey":
        fields = Fields(blob)
        name = fields.text()
        is_certificate = name.endswith(_CERTIFICATE)
        base = _plain_kind(name.removesuffix(_CERTIFICATE), _CERTIFICATE * is_certificate)
        if base not in _KINDS or (is_certificate and not may_be_certificate):
            raise UnreadableKey(f"“{_shown(name)}” is no kind of key that can stand here.")
        if is_certificate:
            fields.string()  # a random number, so that a CA never signs bytes that somebody else has chosen alone
        plain, bits = _public_part(base, fields)
        certificate = _certificate(blob, fields) if is_certificate else None
        fields.end()
        return cls(name.decode(), blob, plain, bits, certificate)

    @property
    def without_certificate(self) -> "HostKey":
        return HostKey(Fields(self.plain).string().decode(), self.plain, self.plain, self.bits)

    @cached_property
    def short_type(self) -> str:
        """The kind as OpenSSH shows it to people, such as ED25519 or RSA."""
        return _KINDS[Fields(self.plain).string()].short_name

    def fingerprint(self, algorithm: str = "sha256") -> str:
        """The hash of the key as `ssh-keygen -l -E sha256` (or md5) writes it. Of a certificate: that of its key."""
        if algorithm == "md5":
            return "MD5:" + hashlib.md5(self.plain, usedforsecurity=False).digest().hex(":")
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.plain).digest()).decode().rstrip("=")

    def randomart(self) -> str:
        """The hash as a picture, as `ssh-keygen -lv` draws it: a walk over a board of 17 by 9 fields.

        Each byte of the SHA-256 hash gives four steps, from its lowest bits up: one bit for left or right, one for up
        or down. How often a field is visited chooses its sign; S is the start and E the end.
        """
        signs, width, height = " .o+=*BOX@%&#/^", 17, 9
        x, y = width // 2, height // 2
        visits: dict[tuple[int, int], int] = {}
        for byte in hashlib.sha256(self.plain).digest():
            for shift in (0, 2, 4, 6):
                x = min(max(x + (1 if byte >> shift & 1 else -1), 0), width - 1)
                y = min(max(y + (1 if byte >> shift & 2 else -1), 0), height - 1)
                visits[x, y] = visits.get((x, y), 0) + 1
        board = {place: signs[min(count, len(signs) - 1)] for place, count in visits.items()}
        board |= {(width // 2, height // 2): "S", (x, y): "E"}
        kind = self.short_type + "-CERT" * bool(self.certificate)
        title = f"[{kind} {self.bits}]"
        if len(title) > width:
            title = f"[{kind}]"[: width - 1]  # OpenSSH's buffer holds one sign less than the border
        rows = ("".join(board.get((x, y), " ") for x in range(width)) for y in range(height))
        lines = [_border(title, width), *(f"|{row}|" for row in rows), _border("[SHA256]", width)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


def as_bytes(text: str | bytes) -> bytes:
    """The bytes of a text. A file that is not UTF-8 may have been read with surrogateescape; what else there is that
    cannot be encoded stands there as `\\ud800`: no name has such letters."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace")


def _border(title: str, width: int) -> str:
    left = (width - len(title)) // 2
    return f"+{'-' * left}{title}{'-' * (width - left - len(title))}+"


def _kind_of(word: bytes) -> bytes:
    """The kind that this first word of a line stands for, or nothing."""
    base, certificate = (word.removesuffix(_CERTIFICATE), _CERTIFICATE) if word.endswith(_CERTIFICATE) else (word, b"")
    if base in _RSA_SIGNATURES:
        return b"ssh-rsa" + certificate
    return word if _plain_kind(base, certificate) in _KINDS else b""


def is_kind(word: bytes) -> bool:
    """Whether `ssh-keygen -F` takes this word for a kind of key. It knows the short names as well; `ssh` does not."""
    return bool(_kind_of(word)) or word.upper() in {kind.short_name.encode() for kind in _KINDS.values()}


def _plain_kind(base: bytes, certificate: bytes) -> bytes:
    # The certificate of a sk-ssh-ed25519@openssh.com is called sk-ssh-ed25519-cert-v01@openssh.com.
    return base + b"@openssh.com" * (bool(certificate) and base.startswith(b"sk-"))


def _shown(word: bytes) -> str:
    return visible(short(word.decode(errors="replace"), 40))


def _decoded(encoded: bytes) -> bytes:
    try:
        blob = binascii.a2b_base64(encoded)
    except binascii.Error:
        blob = b""
    # Only one way to write them counts: Python's decoder is more patient.
    if not blob or binascii.b2a_base64(blob, newline=False) != encoded:
        raise UnreadableKey("The long word is not well-formed Base64. Perhaps a part of it is missing.")
    return blob


def _public_part(kind: bytes, fields: Fields) -> tuple[bytes, int]:
    """The public key's fields, written anew in the one right way, and its size in bits."""
    plain, bits, curve = string(kind), _KINDS[kind].bits, b""
    for part in _KINDS[kind].parts:
        if part == "n":
            number = fields.mpint()
            plain += string(number.to_bytes(number.bit_length() // 8 + 1) if number else b"")
            # DSA: p, q, g, y. RSA: e, n.
            bits = number.bit_length() if kind == b"ssh-rsa" else bits or number.bit_length()
            continue
        content = fields.text() if part == "c" else fields.string()
        plain += string(content)
        if part == "c":
            curve = content
            if not kind.removesuffix(b"@openssh.com").endswith(b"-" + curve):
                raise UnreadableKey("The key is on another curve than its kind says.")
        elif part == "p" and not _is_on_curve(content, curve):
            raise UnreadableKey("The key is no point on its curve.")
    if "ed25519" in kind.decode() and len(Fields(plain).strings()[1]) != 32:
        raise UnreadableKey("A key of this kind has 32 bytes, and this one does not.")
    if kind == b"ssh-rsa" and bits < SHORTEST_RSA:
        raise UnreadableKey(f"This RSA key has {bits} bits. OpenSSH reads none below {SHORTEST_RSA}.")
    return plain, bits


def _is_on_curve(point: bytes, curve: bytes) -> bool:
    if point[:1] != b"\x04":  # OpenSSH takes only points that are written with both coordinates
        return False
    try:
        numbers = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], point).public_numbers()
    except ValueError:
        return False
    # OpenSSH takes no point with a very small coordinate. No key has one by chance.
    return min(numbers.x.bit_length(), numbers.y.bit_length()) > _CURVES[curve].key_size // 2


def _certificate(blob: bytes, fields: Fields) -> Certificate:
    fields.number(">Q")  # the serial number
    use = fields.number(">I")
    if use not in (USER, HOST):
        raise UnreadableKey("This certificate is neither for a user nor for a host.")
    fields.text()  # the key ID: a name for people, such as those who read a log
    principals = tuple(without_nul(name) for name in Fields(fields.string()).strings())
    if len(principals) > _MOST_PRINCIPALS:
        raise UnreadableKey(f"This certificate has more than {_MOST_PRINCIPALS} names.")
    valid_after, valid_before = fields.number(">Q"), fields.number(">Q")
    critical, extensions = fields.string(), fields.string()
    for options in (critical, extensions):
        if len(Fields(options).strings()) % 2:
            raise UnreadableKey("The options in this certificate are broken: one has a name and no value.")
    fields.string()  # reserved
    ca = HostKey.from_blob(fields.string(), may_be_certificate=False)
    # PROTOCOL.certkeys: the signature is "computed over all preceding fields".
    signed = blob[: fields.at]
    signature = Fields(fields.string())
    kind, content = signature.string(), signature.string()
    if not _verifies(ca, kind, content, signature, signed):
        raise UnreadableKey("The CA's signature in this certificate is wrong.")
    return Certificate(use, principals, valid_after, valid_before, critical, ca, kind)


_RSA_HASHES = {b"ssh-rsa": hashes.SHA1(), b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}


def _verifies(ca: HostKey, kind: bytes, signature: bytes, rest: Fields, signed: bytes) -> bool:
    """Whether the CA's key confirms the signature. `rest` are the fields behind it, which security keys have."""
    parts = Fields(ca.plain).strings()
    of = parts[0]
    if of.startswith(b"sk-"):
        # PROTOCOL.u2f: a security key signs the hash of its application's name, its flags, its counter, and the hash of
        # the message.
        flags, counter = rest.number(">B"), rest.number(">I")
        application = hashlib.sha256(parts[-1]).digest()
        signed = application + struct.pack(">BI", flags, counter) + hashlib.sha256(signed).digest()
    rest.end()
    try:
        if of == b"ssh-rsa":
            key = rsa.RSAPublicNumbers(*(int.from_bytes(part) for part in parts[1:])).public_key()
            # Some leave out zeros at its beginning, and OpenSSH puts them back.
            signature = signature.rjust((key.key_size + 7) // 8, b"\0")
            key.verify(signature, signed, padding.PKCS1v15(), _RSA_HASHES[kind])
        elif kind != of:
            return False
        elif of == b"ssh-dss":
            return True  # not looked at: such a signature never counts, see _ALLOWED_FOR_CA
        elif of.endswith((b"ssh-ed25519", b"ssh-ed25519@openssh.com")):
            ed25519.Ed25519PublicKey.from_public_bytes(parts[1]).verify(signature, signed)
        else:
            numbers = Fields(signature)
            r, s = numbers.mpint(), numbers.mpint()
            numbers.end()
            key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[parts[1]], parts[2])
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_HASH_OF_CURVE[parts[1]]))
    except (InvalidSignature, KeyError, ValueError):  # Malformed is a ValueError
        return False
    return True
