"""Chains for the tests, and two judges beside our own checks: `openssl verify` and the verifier of `cryptography`."""

import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID, ObjectIdentifier

from helpers.trust import pki
from helpers.trust.der import element as der
from helpers.trust.der import elements
from helpers.trust.verify import verify_chain

HOST = "bank.example"
# RFC 5612 reserves the number 32473 for examples.
UNKNOWN = ObjectIdentifier("1.3.6.1.4.1.32473.1")
# RFC 5280, section 4.1: what a certificate says, in this order.
PARTS = ("version", "serial", "algorithm", "issuer", "validity", "subject", "key", "extensions")


def leaf(issuer: pki.Credential, name: str = HOST, **content) -> pki.Credential:
    """A good leaf for `name`, but for what `content` says."""
    return issuer.issue(name, **{"alternative_names": [x509.DNSName(HOST)], **content})


def authority(issuer: pki.Credential, name: str = "Test CA", **content) -> pki.Credential:
    return issuer.issue(name, **{"ca": True, "lifetime": pki.CA_LIFETIME, **content})


def ours(credential: pki.Credential, root: pki.Credential, *, name: str | None = HOST, **asked):
    return verify_chain(credential.certificate, credential.intermediates, [root.certificate], name=name, **asked)


def openssl(credential: pki.Credential, root: pki.Credential, *options: str, crls=()) -> str:
    """What `openssl verify` has against it. An empty text: nothing."""
    program = shutil.which("openssl")
    if not program:
        pytest.skip("there is no openssl on this machine")
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "root": [root.certificate],
            "between": credential.intermediates,
            "leaf": [credential.certificate],
            "crl": crls,
        }
        for name, content in files.items():
            (Path(folder) / name).write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in content))
        with_crls = ["-crl_check", "-CRLfile", "crl"] if crls else []
        with_others = ["-untrusted", "between"] if credential.intermediates else []
        command = [program, "verify", *options, *with_crls, "-CAfile", "root", *with_others, "leaf"]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if said.returncode == 0 else said.stderr or said.stdout or "refused"


def openssl_server(credential: pki.Credential, root: pki.Credential, name: str = HOST, *options: str) -> str:
    """The same, asked for the name and the purpose of a server."""
    return openssl(credential, root, "-purpose", "sslserver", "-verify_hostname", name, *options)


def library(credential: pki.Credential, root: pki.Credential, name: str = HOST) -> str:
    """What the verifier of `cryptography` has against it as the server `name`. An empty text: nothing."""
    policy = verification.PolicyBuilder().store(verification.Store([root.certificate]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = pki.general_name(name)
            policy.build_server_verifier(wanted).verify(credential.certificate, list(credential.intermediates))
        except (verification.VerificationError, ValueError) as error:
            return str(error)
    return ""


def raw(oid: ObjectIdentifier, value: bytes, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    """An extension from bytes, also from such as the library would not write."""
    return x509.UnrecognizedExtension(oid, value), critical


def rebuilt(certificate: x509.Certificate, issuer_key, /, *, outer_algorithm: bytes = b"", **parts: bytes) -> bytes:
    """The certificate with other `parts`, each as DER (empty: left out), signed anew. Shows what no library writes."""
    ((_, content, _),) = elements(certificate.tbs_certificate_bytes)
    old = dict(zip(PARTS, (whole for _, _, whole in elements(content)), strict=True))
    new = old | parts
    tbs = der(0x30, *(new[name] for name in PARTS))
    signature = issuer_key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der(0x30, tbs, outer_algorithm or new["algorithm"], der(0x03, b"\0", signature))


def changed(credential: pki.Credential, issuer: pki.Credential, /, **parts: bytes) -> pki.Credential:
    """The same as a credential."""
    with warnings.catch_warnings():  # the library warns of some of what it will refuse one day
        warnings.simplefilter("ignore")
        certificate = x509.load_der_x509_certificate(rebuilt(credential.certificate, issuer.key, **parts))
    return pki.Credential(certificate, credential.key, credential.intermediates)


def extensions_of(certificate: x509.Certificate) -> dict[bytes, bytes]:
    """Its extensions as DER, by their object identifier as DER."""
    ((_, content, _),) = elements(certificate.tbs_certificate_bytes)
    ((_, rows, _),) = elements(list(elements(content))[-1][1])
    return {next(elements(row))[2]: whole for _, row, whole in elements(rows)}


def extension(oid: ObjectIdentifier, value: bytes, critical: bool = False) -> dict[bytes, bytes]:
    """One more for such a dictionary."""
    name = identifier(oid)
    return {name: der(0x30, name, b"\1\1\xff" if critical else b"", der(0x04, value))}


def identifier(oid: ObjectIdentifier) -> bytes:
    """An object identifier as DER: the library writes it into a name, deep inside."""
    element = x509.Name([x509.NameAttribute(oid, "x")]).public_bytes()
    for _ in range(3):
        element = next(elements(element))[1]
    return next(elements(element))[2]


def with_extensions(
    credential: pki.Credential, issuer: pki.Credential, extensions: dict[bytes, bytes]
) -> pki.Credential:
    return changed(credential, issuer, extensions=der(0xA3, der(0x30, *extensions.values())))


def distinguished(**attributes: str) -> x509.Name:
    """distinguished(O="Bank", CN="Alice")"""
    kinds = {"O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "CN": NameOID.COMMON_NAME,
             "E": NameOID.EMAIL_ADDRESS}  # fmt: skip
    return x509.Name([x509.NameAttribute(kinds[kind], value) for kind, value in attributes.items()])
