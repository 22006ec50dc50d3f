"""Who vouches for whom: finds the ways from a certificate up to a root that is trusted.

A certificate names its issuer. Several certificates can bear that name: an old and a new one of the same CA, one that
was cross-signed by another root, and also one that somebody put there to mislead. So this is a search. It is bounded:
whoever sends the certificates must not be able to keep the verifier busy.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID, SignatureAlgorithmOID

from helpers.trust.reading import Reading, comparable, shown
from helpers.trust.report import Problem

MAX_INTERMEDIATES = 8
MAX_SIGNATURES = 100  # verified in one search
MAX_STEPS = 1000  # certificates looked at in one search

ECDSA = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA1,
    SignatureAlgorithmOID.ECDSA_WITH_SHA224,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
}


@dataclass(frozen=True)
class Path:
    """A chain, the leaf first. It ends at a trusted root, or `problem` says why it does not."""

    chain: tuple[Reading, ...]
    problem: Problem | None = None

    @property
    def trusted(self) -> bool:
        return self.problem is None


def paths(leaf: Reading, intermediates: Iterable[Reading], roots: Iterable[Reading]) -> Iterator[Path]:
    """All chains from `leaf` upwards, within the bounds: first those through the trusted roots."""
    search = _Search(intermediates, roots)
    # A leaf that was itself chosen to be trusted needs nobody to vouch for it: it is pinned.
    if search.is_root(leaf):
        yield Path((leaf,))
    yield from search.upwards((leaf,))


class _Search:
    def __init__(self, intermediates: Iterable[Reading], roots: Iterable[Reading]) -> None:
        self._steps = self._signatures = 0
        self._verified: dict[tuple[int, int], bool] = {}
        self._roots = {reading.certificate for reading in roots if reading.certificate}
        self._by_subject: dict[tuple, list[Reading]] = {}
        # RFC 5280, section 6: "The selection of a trust anchor is a matter of policy". Those that were selected come
        # first: that gives the shortest chains.
        for reading in (*roots, *intermediates):
            if subject := _subject(reading):
                self._by_subject.setdefault(subject, []).append(reading)

    def is_root(self, reading: Reading) -> bool:
        return reading.certificate in self._roots

    def upwards(self, chain: tuple[Reading, ...]) -> Iterator[Path]:
        child = chain[-1]
        issuer_name = comparable(child.certificate.issuer)
        used = {reading.certificate for reading in chain}
        named = [reading for reading in self._by_subject.get(issuer_name, ()) if reading.certificate not in used]
        confirmed = False
        for issuer in sorted(named, key=lambda reading: not _identifiers_match(child, reading)):
            self._steps += 1
            if self._signatures >= MAX_SIGNATURES or self._steps >= MAX_STEPS:
                yield Path(
                    chain, Problem("chain_too_long", "There are too many ways to try. This verifier stops here.")
                )
                return
            if not self._signed(child, issuer):
                continue
            confirmed = True
            if self.is_root(issuer):
                yield Path((*chain, issuer))
            elif len(chain) > MAX_INTERMEDIATES:
                text = f"More than {MAX_INTERMEDIATES} CA certificates lie between it and a root."
                yield Path(chain, Problem("chain_too_long", text))
            else:
                yield from self.upwards((*chain, issuer))
        if not confirmed:
            yield Path(chain, _dead_end(child, named))

    def _signed(self, child: Reading, issuer: Reading) -> bool:
        # RFC 5280, section 6.1.3 (a)(1): "The signature on the certificate can be verified using
        # working_public_key_algorithm, the working_public_key": the key of its issuer.
        link = id(child), id(issuer)
        if link not in self._verified:
            self._signatures += 1
            self._verified[link] = _may_verify(child, issuer) and _verify(child.certificate, issuer.key)
        return self._verified[link]


def _may_verify(child: Reading, issuer: Reading) -> bool:
    """A key can say in its identifier that it is for RSASSA-PSS only (RFC 4055, section 1.2)."""
    if issuer.key is None:
        return False
    only_pss = issuer.certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
    return not only_pss or child.certificate.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS


def _verify(certificate: x509.Certificate, key) -> bool:
    """Whether `key` made the signature. The certificate must name an algorithm that goes with this kind of key."""
    signed = certificate.signature, certificate.tbs_certificate_bytes
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(*signed, certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm)
            case ec.EllipticCurvePublicKey() if certificate.signature_algorithm_oid in ECDSA:
                key.verify(*signed, ec.ECDSA(certificate.signature_hash_algorithm))
            case dsa.DSAPublicKey():
                key.verify(*signed, certificate.signature_hash_algorithm)
            case ed25519.Ed25519PublicKey() if certificate.signature_algorithm_oid == SignatureAlgorithmOID.ED25519:
                key.verify(*signed)
            case ed448.Ed448PublicKey() if certificate.signature_algorithm_oid == SignatureAlgorithmOID.ED448:
                key.verify(*signed)
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _subject(reading: Reading) -> tuple | None:
    try:
        return reading.certificate and comparable(reading.certificate.subject)
    except Exception:  # the library reads a name when it is asked for it, and fails in several ways
        return None


def _identifiers_match(child: Reading, issuer: Reading) -> bool:
    """Two numbers in the certificates say which key signed. They only help to search: the signature decides."""
    authority = child.get(x509.AuthorityKeyIdentifier)
    subject = issuer.get(x509.SubjectKeyIdentifier)
    return bool(authority and subject and authority.key_identifier == subject.digest)


def _dead_end(child: Reading, named: list[Reading]) -> Problem:
    name = shown(child.certificate.issuer)
    if named:
        return Problem("bad_signature", f"“{name}” is here, but its key does not confirm the signature.")
    if child.self_issued:
        return Problem(
            "untrusted_issuer", f"It ends at “{name}”, which names itself as its issuer and is not trusted here."
        )
    return Problem("untrusted_issuer", f"Its issuer “{name}” is not here: neither sent along nor trusted.")
