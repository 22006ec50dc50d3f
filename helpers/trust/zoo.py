"""A zoo of certificate chains: one that is good, and others that each have exactly one flaw.

    animals = zoo.servers()
    animals["expired"].verify()

All are made anew in memory, with keys of their own. None expires while nobody looks, as the stored ones of other
collections do.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, ObjectIdentifier

from helpers.trust import pki
from helpers.trust.der import BIT_STRING, SEQUENCE, element, elements
from helpers.trust.report import Report
from helpers.trust.verify import verify_chain

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
DAY = timedelta(days=1)
# RFC 5612 reserves the number 32473 for examples. So nobody knows this extension.
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00")


@dataclass(frozen=True)
class Specimen:
    """One chain. `reason` is why it must be refused (out of report.REASONS), or None for the good one.

    `credential` is what its `holder` has and shows. `root` is what the verifier trusts, `wanted` the name that it asks
    for, and `crls` the revocation lists that it has.
    """

    name: str
    flaw: str
    reason: str | None
    credential: pki.Credential
    root: x509.Certificate
    wanted: str | None
    purpose: str
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    holder: str = ""  # who really shows it, where that is not the one in the certificate

    def verify(self) -> Report:
        """What the checks of this course say of it, now."""
        shown = self.credential
        wanted = {"name": self.wanted, "purpose": self.purpose, "crls": self.crls}
        return verify_chain(shown.certificate, shown.intermediates, [self.root], **wanted)


def servers(host: str = "bank.example") -> dict[str, Specimen]:
    """Chains for a server that should be `host`, by their names: the good one first."""
    keeper = _Keeper("server", host, x509.DNSName(host))
    return {specimen.name: specimen for specimen in (*keeper.specimens(), *_only_for_servers(keeper))}


def clients(email: str = "alice@bank.example") -> dict[str, Specimen]:
    """Chains for a person that should be `email`, by their names: the good one first."""
    return {specimen.name: specimen for specimen in _Keeper("client", email, x509.RFC822Name(email)).specimens()}


class _Keeper:
    """Makes the specimens that servers and clients both have. `name` is the one that a good leaf bears."""

    def __init__(self, purpose: str, wanted: str, name: x509.GeneralName) -> None:
        self.purpose, self.wanted, self.names = purpose, wanted, [name]
        self.usage, self.other = (SERVER, CLIENT) if purpose == "server" else (CLIENT, SERVER)
        self.root = pki.new_root("Zoo Root CA")
        self.ca = self.root.issue_intermediate("Zoo Intermediate CA")

    def leaf(self, issuer: pki.Credential | None = None, **content) -> pki.Credential:
        """The good leaf, but for what `content` says."""
        usual = {"alternative_names": self.names, "usages": [self.usage]}
        return (issuer or self.ca).issue(self.wanted, **{**usual, **content})

    def authority(self, issuer: pki.Credential | None = None, **content) -> pki.Credential:
        """The good intermediate CA, but for what `content` says."""
        usual = {"ca": True, "usages": [SERVER, CLIENT], "lifetime": pki.CA_LIFETIME}
        return (issuer or self.root).issue("Zoo Intermediate CA", **{**usual, **content})

    def specimen(self, name: str, flaw: str, reason: str | None, credential: pki.Credential, **more) -> Specimen:
        usual = {"root": self.root.certificate, "wanted": self.wanted, "purpose": self.purpose}
        return Specimen(name, flaw, reason, credential, **{**usual, **more})

    def specimens(self) -> list[Specimen]:
        return [self.specimen("good", "Nothing is wrong with it.", None, self.leaf()), *self.dates(), *self.trust(),
                *self.authorities(), *self.uses(), *self.contents(), *self.revocation()]  # fmt: skip

    def dates(self) -> list[Specimen]:
        now = datetime.now(UTC)
        return [
            self.specimen(
                "expired", "It ended yesterday.", "expired", self.leaf(not_before=now - 31 * DAY, lifetime=30 * DAY)
            ),
            self.specimen("not yet valid", "It begins tomorrow.", "not_yet_valid", self.leaf(not_before=now + DAY)),
            self.specimen(
                "expired CA",
                "The intermediate CA's certificate ended yesterday.",
                "expired",
                self.leaf(self.authority(not_before=now - 31 * DAY, lifetime=30 * DAY)),
            ),
        ]

    def trust(self) -> list[Specimen]:
        alone = pki.new_self_signed(self.wanted, alternative_names=self.names, usages=[self.usage])
        stranger = pki.new_root("Unknown Root CA")
        namesake = pki.new_root("Zoo Root CA")
        good = self.leaf()
        return [
            self.specimen("self-signed", "It vouches for itself.", "untrusted_issuer", alone),
            self.specimen(
                "untrusted root",
                "Its chain is complete, but nobody here trusts the root.",
                "untrusted_issuer",
                self.leaf(stranger.issue_intermediate("Unknown Intermediate CA")),
            ),
            self.specimen(
                "missing intermediate",
                "The root is trusted. The certificate between was not sent along.",
                "untrusted_issuer",
                replace(good, intermediates=()),
            ),
            self.specimen(
                "namesake of the root",
                "Its root has the name of the trusted one, and another key.",
                "bad_signature",
                self.leaf(namesake),
            ),
            self.specimen(
                "changed",
                "One bit of its signature is not as the CA made it.",
                "bad_signature",
                replace(good, certificate=_with_changed_signature(good.certificate)),
            ),
            self.specimen(
                "long chain", "Nine CAs lie between it and the root.", "chain_too_long", self.leaf(self._long_chain())
            ),
        ]

    def _long_chain(self) -> pki.Credential:
        issuer = self.root
        for number in range(1, 10):
            issuer = issuer.issue(f"Zoo CA {number}", ca=True, lifetime=pki.CA_LIFETIME)
        return issuer

    def authorities(self) -> list[Specimen]:
        # Each has one flaw. So the leaf that signs may do so by its key usage, and a real one would not even have that.
        signing = pki.key_may("digital_signature", "key_cert_sign")
        issuing_leaf = self.leaf(self.root, key_usage=signing)
        below = self.ca.issue_intermediate("Zoo CA below")
        return [
            self.specimen(
                "issued by a leaf",
                "An ordinary certificate signed it, not a CA's.",
                "not_a_ca",
                self.leaf(issuing_leaf),
            ),
            self.specimen(
                "path length",
                "The intermediate CA may have no CA below it, and has one.",
                "pathlen",
                self.leaf(below),
            ),
            self.specimen(
                "CA as leaf",
                f"It is the certificate of a CA, used as that of a {self.purpose}.",
                "leaf_is_ca",
                self.leaf(ca=True, key_usage=signing),
            ),
            self.specimen(
                "CA that may not sign",
                "The key of the intermediate CA may sign lists, but no certificates.",
                "key_usage",
                self.leaf(self.authority(key_usage=pki.key_may("crl_sign"))),
            ),
            self.specimen(
                "name constraint",
                "The intermediate CA may vouch for other names only.",
                "name_constraints",
                self.leaf(self.authority(more=((_names_of_others(self.names), True),))),
            ),
        ]

    def uses(self) -> list[Specimen]:
        other = "client" if self.purpose == "server" else "server"
        return [
            self.specimen("wrong usage", f"It was issued for a {other}.", "eku", self.leaf(usages=[self.other])),
            self.specimen(
                "CA for others",
                f"The intermediate CA may issue for a {other} only.",
                "eku",
                self.leaf(self.authority(usages=[self.other])),
            ),
            self.specimen(
                "wrong key usage",
                "Its key may sign nothing in a handshake.",
                "key_usage",
                self.leaf(key_usage=pki.key_may("content_commitment")),
            ),
        ]

    def contents(self) -> list[Specimen]:
        # Such a short key is made in a moment. It is used here only to be refused.
        weak = rsa.generate_private_key(65537, 1024)
        garbage = x509.UnrecognizedExtension(ExtensionOID.AUTHORITY_INFORMATION_ACCESS, b"not DER")
        old = _signed_with_sha1(self.leaf(), self.ca.key)
        return [
            self.specimen(
                "unknown critical extension",
                "It holds an extension that nobody knows, marked “critical”.",
                "critical_extension",
                self.leaf(more=((UNKNOWN, True),)),
            ),
            self.specimen("weak key", "Its RSA key has 1024 bits.", "weak_key", self.leaf(key=weak)),
            self.specimen("weak signature", "The CA signed it with SHA-1.", "weak_signature", old),
            self.specimen(
                "no authority key identifier",
                "It does not say which key of the CA signed it.",
                "profile",
                self.leaf(authority_key_identifier=False),
            ),
            self.specimen(
                "garbage inside",
                "Where it should say how to find the issuer's certificate, there are bytes without a meaning.",
                "malformed",
                self.leaf(more=((garbage, False),)),
            ),
        ]

    def revocation(self) -> list[Specimen]:
        taken_back, kept = self.leaf(), self.leaf()
        old_list = self.ca.crl(last_update=datetime.now(UTC) - 30 * DAY)
        return [
            self.specimen(
                "revoked",
                "The CA has taken it back, and its list says so.",
                "revoked",
                taken_back,
                crls=(self.ca.crl(taken_back),),
                holder="a thief",
            ),
            self.specimen(
                "stale list", "The newest list is three weeks too old.", "crl_problem", kept, crls=(old_list,)
            ),
            self.specimen(
                "list of another CA",
                "A list is there, but it is not from the CA that issued it.",
                "crl_problem",
                kept,
                crls=(pki.new_root("Unknown Root CA").crl(),),
            ),
        ]


def _only_for_servers(keeper: _Keeper) -> list[Specimen]:
    host = keeper.wanted

    def named(name: str, flaw: str, reason: str, names: list | None, wanted: str = host) -> Specimen:
        return keeper.specimen(name, flaw, reason, keeper.leaf(alternative_names=names), wanted=wanted)

    deep, parent = f"www.login.{host}", host.partition(".")[2]
    return [
        named(
            "wrong host", "It is genuine, and for shop.example.", "hostname_mismatch", [x509.DNSName("shop.example")]
        ),
        named("common name only", "Its name stands only in the common name.", "no_san", None),
        named(
            "wrong address",
            "It is for 127.0.0.2. The client asked for 127.0.0.1.",
            "hostname_mismatch",
            [x509.IPAddress(ip_address("127.0.0.2"))],
            wanted="127.0.0.1",
        ),
        named(
            "wildcard too deep",
            f"*.{host} covers one label. The client asked for {deep}.",
            "hostname_mismatch",
            [x509.DNSName(f"*.{host}")],
            wanted=deep,
        ),
        named(
            "wildcard on the public part",
            f"*.{parent} would cover all sites under .{parent}.",
            "hostname_mismatch",
            [x509.DNSName(f"*.{parent}")],
        ),
    ]


def _names_of_others(names: list[x509.GeneralName]) -> x509.NameConstraints:
    return x509.NameConstraints(permitted_subtrees=[type(names[0])("shop.example")], excluded_subtrees=None)


def _with_changed_signature(certificate: x509.Certificate) -> x509.Certificate:
    der = bytearray(certificate.public_bytes(Encoding.DER))
    der[-1] ^= 1  # the signature is the last thing in a certificate
    return x509.load_der_x509_certificate(bytes(der))


def _signed_with_sha1(credential: pki.Credential, issuer_key: ec.EllipticCurvePrivateKey) -> pki.Credential:
    """The same certificate with another signature. The library makes none with SHA-1 any more, and rightly so."""
    algorithm = element(SEQUENCE, bytes.fromhex("06072a8648ce3d0401"))  # ecdsa-with-SHA1, RFC 3279, section 2.2.3
    ((_, content, _),) = elements(credential.certificate.tbs_certificate_bytes)
    parts = [whole for _, _, whole in elements(content)]
    # RFC 5280, section 4.1: version, serial number, and then the algorithm of the signature.
    tbs = element(SEQUENCE, *parts[:2], algorithm, *parts[3:])
    signature = issuer_key.sign(tbs, ec.ECDSA(hashes.SHA1()))
    der = element(SEQUENCE, tbs + algorithm + element(BIT_STRING, b"\0", signature))  # a BIT STRING with no unused bits
    return replace(credential, certificate=x509.load_der_x509_certificate(der))
