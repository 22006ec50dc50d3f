"""What stands in a certificate, and the picture of a chain."""

from collections.abc import Iterable
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from helpers.display.chain import Box, ChainPicture
from helpers.display.table import Table
from helpers.display.text import duration
from helpers.trust.names import presented
from helpers.trust.reading import Reading, read
from helpers.trust.report import PASSED, Report
from helpers.trust.verify import Given

USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "server",
    ExtendedKeyUsageOID.CLIENT_AUTH: "client",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anything",
}


def describe(certificate: Given) -> Table:
    """The fields that matter for a verifier, and what each is for. Raises ValueError where it cannot be read.

    What differs from certificate to certificate and tells a reader nothing is left out: serial number, key, signature.
    """
    reading = read(certificate)
    if reading.problem:
        raise ValueError(reading.problem.text)
    rows = [
        ("Subject", _name(reading.certificate.subject), "Whom it is about"),
        ("Subject alternative name", ", ".join(names(reading)) or "none", "The names that count"),
        ("Issuer", _name(reading.certificate.issuer), "Who vouches for it, and signed it"),
        ("Validity", duration(lifetime(reading)), "From when to when the issuer vouches"),
        ("Public key", _key(reading.key), "The owner can prove to have the private half"),
        ("Basic constraints", _constraints(reading), "May it vouch for others?"),
        ("Key usage", _key_usage(reading), "What the key may do"),
        ("Extended key usage", _usages(reading), "What the certificate is for: a server, a client?"),
        ("Signature", _algorithm(reading.certificate), "The issuer's, over all of the above"),
    ]
    return Table("What stands in the certificate", ("Field", "Value", "What it is for"), rows)


def names(reading: Reading) -> list[str]:
    """The subject alternative names as text; each but DNS names and IP addresses with its kind."""
    found = map(presented, reading.get(x509.SubjectAlternativeName) or ())
    return [value if kind in ("DNS name", "IP address") else f"{kind} {value}" for kind, value in found]


def lifetime(reading: Reading) -> timedelta:
    """How long it is valid. RFC 5280, section 4.1.2.5: from notBefore "through notAfter, inclusive"."""
    return reading.ends - reading.begins + timedelta(seconds=1)


def picture(report: Report, roots: Iterable[Given] = ()) -> ChainPicture:
    """The chain of a report: the root on top, as far as the chain leads.

    `roots` are those that the verifier trusts. Where the chain leads to none of them, the picture shows the gap.
    """
    readings = [read(one) for one in reversed(report.path)]
    trusted = next((check.state == PASSED for check in report.checks if check.name == "Trusted root"), False)
    if not readings or trusted:
        return _pictured([], "", readings, trusted)
    trust_store = ", ".join(_short(read(one).certificate.subject) for one in roots)
    above, link = [], ""
    if trust_store and "bad_signature" not in report.failed:
        above, link = [Box(trust_store, "in the trust store", "trusted")], "✘ nothing leads from here to the next"
    if not readings[0].self_issued:
        why = "is not here: neither sent along nor trusted"
        if "bad_signature" in report.failed:
            why = "is here, but its key did not sign"
        if "chain_too_long" in report.failed:
            why = "not looked at: the chain is too long"
        above.append(Box(_short(readings[0].certificate.issuer), why, "missing", link))
        link = "should have signed"
    return _pictured(above, link, readings, trusted)


def _pictured(above: list[Box], link: str, readings: list[Reading], trusted: bool) -> ChainPicture:
    """The certificates that were found, below the boxes `above`. `link` is between the two."""
    boxes = above[:]
    for reading in readings:
        kind, text = "plain", _what(reading)
        if reading is readings[0] and trusted:
            kind, text = "trusted", f"{text}, in the trust store"
        elif reading is readings[0] and reading.self_issued:
            kind, text = "missing", "names itself as its issuer, and is not trusted here"
        boxes.append(Box(_short(reading.certificate.subject), text, kind, link if reading is readings[0] else "signed"))
    return ChainPicture("Who vouches for whom", boxes)


def _what(reading: Reading) -> str:
    return "a CA" if reading.is_ca else f"a certificate for {', '.join(names(reading)) or 'no name'}"


def _short(name: x509.Name) -> str:
    """The common name where there is one."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else _name(name)


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "(empty)"


def _key(key) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"elliptic curve {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey") if key else "cannot be read"


def _constraints(reading: Reading) -> str:
    if not reading.is_ca:
        return "no CA"
    constraints = reading.get(x509.BasicConstraints)
    return "a CA" if constraints.path_length is None else f"a CA, with at most {constraints.path_length} CAs below it"


def _key_usage(reading: Reading) -> str:
    usage = reading.get(x509.KeyUsage)
    if usage is None:
        return "not limited"
    flags = (
        "digital_signature",
        "key_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "content_commitment",
    )
    return ", ".join(flag.replace("_", " ") for flag in flags if getattr(usage, flag)) or "nothing of these"


def _usages(reading: Reading) -> str:
    usages = reading.get(x509.ExtendedKeyUsage)
    if usages is None:
        return "not limited"
    return ", ".join(USAGES.get(usage, usage.dotted_string) for usage in usages)


def _algorithm(certificate: x509.Certificate) -> str:
    # The library keeps the algorithm's name for itself, but its repr shows it.
    return (
        getattr(certificate.signature_algorithm_oid, "_name", "") or certificate.signature_algorithm_oid.dotted_string
    )
