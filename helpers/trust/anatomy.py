"""What stands in a certificate, and the picture of a chain."""

import itertools

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from helpers.display.chain import Box, ChainPicture
from helpers.display.table import Table
from helpers.trust.reading import Reading, read
from helpers.trust.report import Report
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
        ("Validity", f"{(reading.ends - reading.begins).days} days", "From when to when the issuer vouches"),
        ("Public key", _key(reading.key), "The owner proves to have the private half"),
        ("Basic constraints", _constraints(reading), "May it vouch for others?"),
        ("Key usage", _key_usage(reading), "What the key may do"),
        ("Extended key usage", _usages(reading), "For whom it is good"),
        ("Signature", _algorithm(reading.certificate), "The issuer's, over all of the above"),
    ]
    return Table("What stands in the certificate", ("Field", "Value", "What it is for"), rows)


def names(reading: Reading) -> list[str]:
    """The subject alternative names as text."""
    found = reading.get(x509.SubjectAlternativeName) or ()
    return [_name(one.value) if isinstance(one, x509.DirectoryName) else str(one.value) for one in found]


def picture(report: Report) -> ChainPicture:
    """The chain of a report: the root on top, as far as the chain leads."""
    readings = [read(one) for one in reversed(report.path)]
    trusted = next((check.state == "passed" for check in report.checks if check.name == "Trusted root"), False)
    boxes = [_box(reading, "trusted" if trusted and reading is readings[0] else "plain") for reading in readings]
    if readings and not trusted:
        missing = _short(readings[0].certificate.issuer)
        if readings[0].self_issued:
            boxes[0] = _box(readings[0], "missing", "signed itself, and nobody here trusts it")
        else:
            why = "is here, but its key did not sign" if "bad_signature" in report.failed else "is not here"
            boxes.insert(0, Box(missing, why, "missing"))
    linked = [Box(box.title, box.text, box.kind, _link(above)) for above, box in itertools.pairwise(boxes)]
    return ChainPicture("Who vouches for whom", (*boxes[:1], *linked))


def _link(above: Box) -> str:
    return "should have signed" if above.kind == "missing" and "signed itself" not in above.text else "signed"


def _box(reading: Reading, kind: str, text: str = "") -> Box:
    constraints = reading.get(x509.BasicConstraints)
    what = "a CA" if constraints and constraints.ca else f"for {', '.join(names(reading)) or 'nobody by name'}"
    if kind == "trusted":
        what = "a CA that is trusted here" if what == "a CA" else f"{what}, trusted here"
    return Box(_short(reading.certificate.subject), text or what, kind)


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
    constraints = reading.get(x509.BasicConstraints)
    if not (constraints and constraints.ca):
        return "no CA"
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
