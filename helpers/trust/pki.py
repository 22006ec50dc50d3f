"""A small certificate authority: a root, intermediates, and certificates for servers and clients.

    root = pki.new_root("Lab Root CA")
    bank = root.issue_server("bank.example")
    alice = root.issue_client("alice@bank.example")

Everything lives in memory. Nothing here writes a file.
"""

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

# A CA lives for years, a leaf for weeks: the CA/Browser Forum allows a web server's certificate 200 days at most.
CA_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=30)
# Clocks differ. A certificate that began an hour ago is valid for a peer whose clock is a little late, too.
CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Credential:
    """A private key, the certificate for its public key, and what a peer needs to link that to a root.

    `intermediates` are the CA certificates between this one and the root, nearest first, without the root.
    Any credential can sign certificates, also one that may not: whether a signature counts is for the verifier to say.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = ()

    def key_pem(self, password: bytes | None = None) -> bytes:
        """The private key as PEM (PKCS #8), encrypted where a password is given."""
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)

    def chain_pem(self) -> bytes:
        """The certificate and then its intermediates as PEM, in the order in which TLS sends them."""
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (self.certificate, *self.intermediates))

    def issue_intermediate(self, name: str) -> "Credential":
        """A CA below this one. It may issue leaves, but no further CA (path length 0)."""
        # An intermediate says in its extended key usage what its leaves may be used for.
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self.issue(name, usages=usages, lifetime=CA_LIFETIME, ca=True, path_length=0)

    def issue_server(
        self,
        *names: str,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        not_before: datetime | None = None,
        lifetime: timedelta = LEAF_LIFETIME,
        authority_key_identifier: bool = True,
    ) -> "Credential":
        """A certificate for a server with these DNS names or IP addresses.

        The options make certificates with a flaw, for lessons on what goes wrong. `not_before` is timezone-aware;
        without it the certificate is valid since an hour ago. Raises ValueError without a name.
        """
        if not names:
            raise ValueError("a server certificate needs at least one name")
        return self.issue(
            names[0],
            alternative_names=[general_name(name) for name in names],
            usages=[usage],
            not_before=not_before,
            lifetime=lifetime,
            authority_key_identifier=authority_key_identifier,
        )

    def issue_client(
        self, email: str, *, not_before: datetime | None = None, lifetime: timedelta = LEAF_LIFETIME
    ) -> "Credential":
        """A certificate for a person. Its common name is the part of the e-mail address before the @."""
        return self.issue(
            email.partition("@")[0],
            alternative_names=[x509.RFC822Name(email)],
            usages=[ExtendedKeyUsageOID.CLIENT_AUTH],
            not_before=not_before,
            lifetime=lifetime,
        )

    def issue(self, name: str, *, key=None, **content) -> "Credential":
        """A certificate with any `content` that `certificate` takes, also one that no good CA would issue.

        `key` is the private key that it is for; without it, a new one is made.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        made = certificate(name, key, self.certificate.subject, self.key, **content)
        above = () if _is_self_signed(self.certificate) else (self.certificate, *self.intermediates)
        return Credential(made, key, above)

    def crl(self, *revoked: "Credential", last_update: datetime | None = None) -> x509.CertificateRevocationList:
        """This CA's signed list of the certificates that it takes back (RFC 5280, section 5), good for seven days."""
        begins = last_update or datetime.now(UTC) - CLOCK_SKEW
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(begins)
            .next_update(begins + timedelta(days=7))
            # RFC 5280, section 5.2: "Conforming CRL issuers are REQUIRED to include the authority key identifier
            # (Section 5.2.1) and the CRL number (Section 5.2.3) extensions in all CRLs issued."
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(int(begins.timestamp())), critical=False)
        )
        for credential in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(credential.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(begins).build())
        return builder.sign(self.key, hashes.SHA256())


def new_root(name: str) -> Credential:
    """A root CA. It signs its own certificate, so nothing vouches for it: whoever trusts it has chosen to."""
    # No extended key usage: the CA/Browser Forum's Baseline Requirements (section 7.1.2.1) forbid it in a root.
    return new_self_signed(name, lifetime=CA_LIFETIME, ca=True)


def new_self_signed_server(name: str) -> Credential:
    """A server certificate that nobody but the server itself vouches for."""
    usages = [ExtendedKeyUsageOID.SERVER_AUTH]
    return new_self_signed(name, alternative_names=[general_name(name)], usages=usages)


def new_self_signed(name: str, **content) -> Credential:
    """A certificate that signs itself. `content` is what `certificate` takes."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Credential(certificate(name, key, subject(name), key, **content), key)


class CopiedCertificate(Credential):
    """What a thief has who copied a certificate, and not its key. It signs with a key of his own, so wrongly.

    A well-meaning program does not load such a pair ("key values mismatch"). A thief's program does what he likes. So
    this key claims to have the public half that stands in the certificate: OpenSSL compares only the public halves.
    """

    def key_pem(self, password: bytes | None = None) -> bytes:
        own, claimed = (
            key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
            for key in (self.key.public_key(), self.certificate.public_key())
        )
        # RFC 5915, section 3: an EC private key may carry its public half with it.
        der = self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # Not encrypted, whatever the password: nobody needs to be kept from a key that belongs to nothing.
        return ssl.DER_cert_to_PEM_cert(der.replace(own, claimed)).replace("CERTIFICATE", "PRIVATE KEY").encode()


def copied(certificate: x509.Certificate, *intermediates: x509.Certificate) -> Credential:
    """The certificate of somebody else, as anybody can copy it. Raises ValueError where its key is not EC P-256."""
    key = certificate.public_key()
    if not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"):
        raise ValueError("only a certificate for an EC key on the curve P-256 can be copied here")
    return CopiedCertificate(certificate, ec.generate_private_key(ec.SECP256R1()), intermediates)


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name, or an empty string where it has none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _is_self_signed(certificate: x509.Certificate) -> bool:
    # Two CAs may have the same name, so the name does not tell. The signature does.
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError):
        return False
    return True


def certificate(
    name: str,
    key,
    issuer: x509.Name,
    issuer_key,
    *,
    lifetime: timedelta = LEAF_LIFETIME,
    not_before: datetime | None = None,
    alternative_names: list[x509.GeneralName] | None = None,
    usages: list[ObjectIdentifier] | None = None,
    ca: bool = False,
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = None,
    authority_key_identifier: bool = True,
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> x509.Certificate:
    """The certificate for the public half of `key`, signed with `issuer_key`.

    `key_usage` is what fits a CA or a leaf, unless given. `more` are further extensions, each with whether it is
    critical. `not_before` is timezone-aware.
    """
    begins = not_before or datetime.now(UTC) - CLOCK_SKEW
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        # RFC 5280, section 4.1.2.5: from notBefore "through notAfter, inclusive". So the last second counts.
        .not_valid_after(begins + lifetime - timedelta(seconds=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(
            key_usage or key_may(*(["key_cert_sign", "crl_sign"] if ca else ["digital_signature"])), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if authority_key_identifier:
        # RFC 5280, section 4.2.1.1: it "MUST be included in all certificates generated by conforming CAs to facilitate
        # certification path construction." The contexts that Python 3.13 and later make with create_default_context
        # refuse a leaf without it.
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if alternative_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def key_may(*uses: str) -> x509.KeyUsage:
    """What a key may do (RFC 5280, section 4.2.1.3). A CA's signs certificates and lists, a leaf's signs handshakes."""
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{use: use in uses for use in every})


def subject(name: str) -> x509.Name:
    # RFC 5280, appendix A: ub-common-name is 64. The whole name stands in the subject alternative name.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
