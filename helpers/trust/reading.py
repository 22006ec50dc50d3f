"""A certificate, read: what stands in it, or why it cannot be read.

The library `cryptography` does the reading. It reads late: a certificate can look fine until somebody asks for its
names. So everything that the checks need is asked for here, once, and what cannot be read becomes a `Problem`.
"""

import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from helpers.display.text import short
from helpers.trust.der import BIT_STRING, CONTEXT_3, OBJECT_IDENTIFIER, SEQUENCE, content, elements
from helpers.trust.report import Problem

# In DER: an empty list, and the names of two extensions (RFC 5280, sections 4.2.1.12 and 4.2.1.10).
EMPTY_LIST, EXTENDED_KEY_USAGE, NAME_CONSTRAINTS = b"\x30\x00", b"\x55\x1d\x25", b"\x55\x1d\x1e"
# UTF8String, NumericString, PrintableString, TeletexString, IA5String, UniversalString, BMPString; and BIT STRING for
# the one attribute that is none (x500UniqueIdentifier).
STRINGS = {0x0C, 0x12, 0x13, 0x14, 0x16, 0x1C, 0x1E, BIT_STRING}


@dataclass(frozen=True, eq=False)
class Reading:
    """`problem` is None where all could be read. Without a `certificate`, not even its outer form could be read.

    `begins` and `ends` are timezone-aware. `key` is the public key, or None where the library cannot read it.
    """

    certificate: x509.Certificate | None
    problem: Problem | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    serial_number: int = 0
    key: object = None
    extensions: dict[type | x509.ObjectIdentifier, x509.Extension] = field(default_factory=dict)
    # What was found out about others below it (constraints.py), so that it need not be found out again.
    found: dict["Reading", Problem | None] = field(default_factory=dict, repr=False)

    def get(self, kind: type):
        """The value of an extension, or None where the certificate has none of this kind."""
        extension = self.extensions.get(kind)
        return extension.value if extension else None

    @property
    def is_ca(self) -> bool:
        """Whether basic constraints say that it may vouch for others (RFC 5280, section 4.2.1.9)."""
        constraints = self.get(x509.BasicConstraints)
        return bool(constraints and constraints.ca)

    @property
    def self_issued(self) -> bool:
        # RFC 5280, section 6.1: "A certificate is self-issued if the same DN appears in the subject and issuer fields".
        return comparable(self.certificate.subject) == comparable(self.certificate.issuer)


def read(given: x509.Certificate | bytes) -> Reading:
    """Read a certificate, given as such or as PEM or DER bytes. Nothing that the bytes hold makes this raise."""
    with warnings.catch_warnings():
        # The library warns of what it will refuse one day, such as a serial number of 0. The checks speak of that.
        warnings.simplefilter("ignore")
        try:
            certificate = given if isinstance(given, x509.Certificate) else _load(given)
        except Exception as error:
            return Reading(None, Problem("malformed", f"These bytes are no certificate: {said(error)}."))
        try:
            return _read(certificate)
        except Exception as error:
            return Reading(certificate, Problem("malformed", f"It cannot be read: {said(error)}."))


def _load(given: bytes) -> x509.Certificate:
    given = bytes(given)
    # DER begins with the tag of a SEQUENCE. What looks like PEM further inside was put there by whoever made it.
    if given[:1] == bytes([SEQUENCE]):
        return x509.load_der_x509_certificate(given)
    if (count := given.count(b"-----BEGIN CERTIFICATE-----")) > 1:
        raise ValueError(f"there are {count} in one, and here belongs a single one")
    return x509.load_pem_x509_certificate(given)


def _read(certificate: x509.Certificate) -> Reading:
    _ = certificate.subject, certificate.issuer, certificate.version  # only to see whether they can be read
    begins = _date(lambda: certificate.not_valid_before_utc)
    ends = _date(lambda: certificate.not_valid_after_utc)
    tbs = certificate.tbs_certificate_bytes
    problem = _mismatched_algorithms(certificate, tbs) or _odd_signature(certificate) or _odd_names(tbs)
    try:
        key = certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            problem = problem or _unnamed_curve(key, tbs)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    extensions: dict[type | x509.ObjectIdentifier, x509.Extension] = {}
    try:
        for extension in certificate.extensions:
            # Extensions that the library does not know share one class. So their identifiers tell them apart.
            kind = type(extension.value)
            extensions[extension.oid if kind is x509.UnrecognizedExtension else kind] = extension
        if x509.NameConstraints in extensions:
            problem = problem or _bounded(tbs)
    except Exception as error:
        problem = problem or _unreadable_extensions(tbs, error)
    return Reading(certificate, problem, begins, ends, certificate.serial_number, key, extensions)


def _date(ask) -> datetime:
    try:
        return ask()
    except ValueError as error:
        if "year 0 " not in str(error):
            raise
        # A certificate may hold the year 0. Python's calendar begins with the year 1.
        return datetime.min.replace(tzinfo=UTC)


def _unreadable_extensions(tbs: bytes, error: Exception) -> Problem:
    # RFC 5280, section 4.2.1.12: "ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId".
    if (EXTENDED_KEY_USAGE, EMPTY_LIST) in _raw_extensions(tbs):
        return Problem("eku", "Its extended key usage is an empty list, so it allows no use at all.")
    return Problem("malformed", f"Its extensions cannot be read: {said(error)}.")


def _mismatched_algorithms(certificate: x509.Certificate, tbs: bytes) -> Problem | None:
    # RFC 5280, section 4.1.1.2, of signatureAlgorithm: "This field MUST contain the same algorithm identifier as the
    # signature field in the sequence tbsCertificate". The outer one is not signed.
    inside = next(whole for tag, _, whole in elements(content(tbs)) if tag == SEQUENCE)
    _, (_, _, outside), _ = elements(content(certificate.public_bytes(Encoding.DER)))
    if inside != outside:
        return Problem("malformed", "It names two different signature algorithms, one inside and one outside.")
    return None


def _odd_signature(certificate: x509.Certificate) -> Problem | None:
    # ITU-T X.690, section 8.6.2.2: the first byte of a BIT STRING counts the unused bits at its end. A signature is
    # whole bytes. With another count, one bit of it could be changed and nobody would notice.
    *_, (_, signature, _) = elements(content(certificate.public_bytes(Encoding.DER)))
    return Problem("malformed", "Its signature is no whole number of bytes.") if signature[:1] != b"\0" else None


def _odd_names(tbs: bytes) -> Problem | None:
    """RFC 5280, section 4.1.2.4: a DirectoryString is one of five kinds of strings. The others are older ones."""
    lists = [content for tag, content, _ in elements(content(tbs)) if tag == SEQUENCE]
    for name in (lists[1], lists[3]):  # issuer and subject
        for _, relative, _ in elements(name):
            for _, attribute, _ in elements(relative):
                if [tag for tag, _, _ in elements(attribute)][1] not in STRINGS:
                    return Problem("malformed", "A part of a name in it is no text.")
    return None


def _bounded(tbs: bytes) -> Problem | None:
    # RFC 5280, section 4.2.1.10: "the minimum MUST be zero, and maximum MUST be absent", or else "the application MUST
    # either process these fields or reject the certificate." The library skips them.
    for name, value in _raw_extensions(tbs):
        if name == NAME_CONSTRAINTS:
            for _, subtrees, _ in elements(content(value)):
                if any(len(list(elements(subtree))) > 1 for _, subtree, _ in elements(subtrees)):
                    return Problem("name_constraints", "A name constraint in it has a minimum or a maximum.")
    return None


def _unnamed_curve(key: ec.EllipticCurvePublicKey, tbs: bytes) -> Problem | None:
    # RFC 5480, section 2.1.1: "implicitCurve and specifiedCurve MUST NOT be used in PKIX." A curve is given by its
    # name: whoever may write down a curve of their own can choose a weak one.
    lists = [content for tag, content, _ in elements(content(tbs)) if tag == SEQUENCE]
    algorithm = content(lists[4])  # after signature, issuer, validity and subject comes the key: what it is for
    parameters = [tag for tag, _, _ in elements(algorithm)][1:]
    if parameters != [OBJECT_IDENTIFIER]:
        return Problem("malformed", "Its key does not name its curve, but writes down one of its own.")
    return None


def _raw_extensions(tbs: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The object identifier and the value of each extension, as DER, also of those that the library cannot read."""
    for tag, tagged, _ in elements(content(tbs)):
        if tag == CONTEXT_3:
            for _, extension, _ in elements(content(tagged)):
                parts = [part for _, part, _ in elements(extension)]
                yield parts[0], parts[-1]


def shown(name: x509.Name) -> str:
    """A name in a certificate, for people."""
    return short(name.rfc4514_string())


def comparable(name: x509.Name) -> tuple:
    """RFC 5280, section 7.1: names are compared without case, and runs of spaces count as one."""
    return tuple(
        frozenset((attribute.oid, _prepared(attribute.value)) for attribute in relative) for relative in name.rdns
    )


def _prepared(value: str | bytes) -> str | bytes:
    return value if isinstance(value, bytes) else " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def said(error: Exception) -> str:
    """The library's own words, on one line and without its full stop."""
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
