"""What may stand in a certificate: RFC 5280's profile, and keys and signatures that are strong enough.

RFC 5280, section 6.1, "RECOMMENDS against including such checks" of the profile in a verifier. The Baseline
Requirements want public CAs to keep it, and strict verifiers do check it. So this course does, as a check of its own.
"""

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtensionOID

from helpers.display.text import short
from helpers.trust.names import is_dns_name
from helpers.trust.reading import Reading, shown
from helpers.trust.report import Problem

# The extensions that these checks process, or that allow no more and no less than they would without being processed:
# policies restrict nothing as long as the verifier asks for none (RFC 5280, section 6.1.1 (c) and (f)).
PROCESSED = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.INHIBIT_ANY_POLICY,
}

# RFC 5280: for each of these, conforming CAs MUST mark it as critical (True) or as non-critical (False).
CRITICAL = {
    x509.AuthorityKeyIdentifier: (False, "4.2.1.1"),
    x509.SubjectKeyIdentifier: (False, "4.2.1.2"),
    x509.PolicyConstraints: (True, "4.2.1.11"),
    x509.InhibitAnyPolicy: (True, "4.2.1.14"),
    x509.AuthorityInformationAccess: (False, "4.2.2.1"),
    x509.SubjectInformationAccess: (False, "4.2.2.2"),
}

# CA/Browser Forum Baseline Requirements, section 6.1.5: RSA from 2048 bits, and these three curves. RFC 8410 adds the
# Edwards curves, which the web's rules do not allow yet, but which are strong.
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
WEAK_HASHES = (hashes.MD5, hashes.SHA1)


def critical_extensions(chain: Sequence[Reading]) -> Iterator[Problem]:
    # RFC 5280, section 4.2: a verifier "MUST reject the certificate if it encounters a critical extension it does not
    # recognize or a critical extension that contains information that it cannot process."
    for reading in chain:
        for extension in reading.extensions.values():
            if extension.critical and extension.oid not in PROCESSED and not _profile_forbids(extension):
                text = (
                    f"Extension {extension.oid.dotted_string} of {_whose(reading, chain)} is critical and unknown here."
                )
                yield Problem("critical_extension", text)


def _profile_forbids(extension: x509.Extension) -> bool:
    """A known extension that must not be critical: that is the profile's to say."""
    return CRITICAL.get(type(extension.value), (True, ""))[0] is False


def strength(chain: Sequence[Reading], trusted: bool) -> Iterator[Problem]:
    """Weak keys of all, and weak signatures of all but a trusted root: nobody relies on what a root says of itself."""
    for reading in chain:
        if problem := _weak_key(reading.key):
            yield Problem("weak_key", f"The key of {_whose(reading, chain)} {problem}.")
        algorithm = None if trusted and reading is chain[-1] else _signature_hash(reading.certificate)
        if isinstance(algorithm, WEAK_HASHES):
            text = f"The signature on {_whose(reading, chain)} uses {algorithm.name.upper()}, which can be forged."
            yield Problem("weak_signature", text)


def _signature_hash(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return certificate.signature_hash_algorithm
    except Exception:  # an algorithm that the library does not know: it could not verify it either
        return None


def _weak_key(key) -> str:
    match key:
        case rsa.RSAPublicKey() if key.key_size < 2048:
            return f"has only {key.key_size} bits, and RSA needs 2048"
        # The same section: "the modulus size, in bits, is evenly divisible by 8".
        case rsa.RSAPublicKey() if key.key_size % 8:
            return f"has {key.key_size} bits, which is no whole number of bytes"
        case ec.EllipticCurvePublicKey() if not isinstance(key.curve, CURVES):
            return f"lies on the curve {key.curve.name}, which the web's rules do not allow"
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return ""
    return "is of a kind that the web's rules do not allow"


def profile(chain: Sequence[Reading], trusted: bool, purpose: str | None) -> Iterator[Problem]:
    """Rules of RFC 5280's certificate profile that have no reason of their own."""
    for reading in chain:
        whose = _whose(reading, chain)
        for kind, extension in reading.extensions.items():
            must, section = CRITICAL.get(kind, (extension.critical, ""))
            if extension.critical != must:
                should = "must" if must else "must not"
                text = f"{kind.__name__} of {whose} {should} be critical (RFC 5280, section {section})."
                yield Problem("profile", text)
        # A trusted root is a name and a key that were chosen by hand (RFC 5280, section 6.1.1 (d)). Real trust stores
        # have old roots that keep less of the profile: with serial number 0, or without a key identifier.
        rules = _of_a_root(reading) if trusted and reading is chain[-1] else _of_an_issued_one(reading)
        for text in rules:
            yield Problem("profile", f"{whose[0].upper()}{whose[1:]} {text}.")
    yield from _of_the_leaf(chain[0], purpose)


def _of_a_root(reading: Reading) -> Iterator[str]:
    authority = reading.get(x509.AuthorityKeyIdentifier)
    subject = reading.get(x509.SubjectKeyIdentifier)
    if reading.self_issued and authority and subject and authority.key_identifier != subject.digest:
        yield "signed itself, but does not name its own key as the one that did (authority key identifier)"


def _of_an_issued_one(reading: Reading) -> Iterator[str]:
    certificate = reading.certificate
    # RFC 5280, section 4.1.2.1: "When extensions are used, as expected in this profile, version MUST be 3".
    if certificate.version is not x509.Version.v3:
        yield "is not of version 3"
    # RFC 5280, section 4.1.2.2: a positive integer, and "conforming CAs MUST NOT use serialNumber values longer than 20
    # octets".
    if not 0 < reading.serial_number < 1 << 159:
        yield "has a serial number that is not positive, or longer than 20 bytes"
    # RFC 5280, section 4.1.2.4: "The issuer field MUST contain a non-empty distinguished name (DN)."
    if not list(certificate.issuer):
        yield "does not name its issuer"
    authority = reading.get(x509.AuthorityKeyIdentifier)
    # RFC 5280, section 4.2.1.1: the keyIdentifier "MUST be included in all certificates generated by conforming CAs to
    # facilitate certification path construction." One that signed itself may leave it out.
    if not reading.self_issued and (authority is None or authority.key_identifier is None):
        yield "has no authority key identifier"
    # RFC 5280, section 4.2.1.2: the subject key identifier "MUST appear in all conforming CA certificates".
    if reading.is_ca and reading.get(x509.SubjectKeyIdentifier) is None:
        yield "is a CA's and has no subject key identifier"
    # RFC 5280, section 4.2.1.3: conforming CAs "MUST include this extension in certificates that contain public keys
    # that are used to validate digital signatures on other public key certificates or CRLs."
    if reading.is_ca and reading.get(x509.KeyUsage) is None:
        yield "is a CA's and has no key usage"
    # RFC 5280, section 4.2.1.9, of a CA's basic constraints: "MUST mark the extension as critical".
    if reading.is_ca and not reading.extensions[x509.BasicConstraints].critical:
        yield "is a CA's, and its basic constraints are not critical"


def _of_the_leaf(leaf: Reading, purpose: str | None) -> Iterator[Problem]:
    names = leaf.extensions.get(x509.SubjectAlternativeName)
    empty = not list(leaf.certificate.subject)
    # RFC 5280, section 4.2.1.6: with an empty subject, the alternative names must be critical.
    if names and empty and not names.critical:
        yield Problem("profile", "The subject alternative name is not critical, although the subject is empty.")
    # With a subject, they should not be. For servers, the Baseline Requirements, section 7.1.2.7.12, say: must not.
    if names and not empty and names.critical and purpose == "server":
        yield Problem("profile", "The subject alternative name is critical, although there is a subject.")
    if names is None and empty:
        yield Problem("profile", "It names nobody: no subject, and no subject alternative name.")
    for name in names.value.get_values_for_type(x509.DNSName) if names else ():
        # RFC 5280, section 4.2.1.6: "The name MUST be in the "preferred name syntax"": letters, digits and hyphens. A
        # name that nothing can match (RFC 9525, section 6.3) is not this rule's to judge.
        host = name.removeprefix("*.")
        if host.isascii() and "*" not in host and not is_dns_name(host):
            yield Problem("profile", f"“{short(name)}” is no DNS name by the rules.")


def _whose(reading: Reading, chain: Sequence[Reading]) -> str:
    if reading is chain[0]:
        return "the certificate itself"
    return f"the issuer “{shown(reading.certificate.subject)}”"
