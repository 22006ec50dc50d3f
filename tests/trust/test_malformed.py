"""Certificates with bytes changed, cut off or put in: none makes the verifier raise, and none slips through.

2,000 of them in plain pytest, 100,000 with --long. All come from a seed. Half of them are signed anew after the change, as
an attacker with a CA of their own could do it: then it is the content that must be judged, and not the signature.
"""

import random
import time
import warnings
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from helpers.trust import pki
from helpers.trust.der import BIT_STRING, SEQUENCE, element, elements
from helpers.trust.verify import verify_chain

QUICK, LONG = 2_000, 100_000
LIMITS = x509.NameConstraints(
    permitted_subtrees=[x509.DNSName("example"), x509.RFC822Name("bank.example"), x509.IPAddress(ip_network("192.0.2.0/24"))],
    excluded_subtrees=[x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")]))],
)  # fmt: skip


@pytest.fixture(scope="module")
def originals():
    """(credentials from the leaf to the root, name, purpose), with each kind of extension that the verifier reads."""
    root = pki.new_self_signed("Root", ca=True, lifetime=pki.CA_LIFETIME)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    more = ((LIMITS, True),)
    ca = root.issue("CA", ca=True, path_length=0, usages=both, lifetime=pki.CA_LIFETIME, more=more)
    names = [x509.DNSName("bank.example"), x509.DNSName("*.bank.example"), x509.IPAddress(ip_address("192.0.2.1"))]
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.example/crl")], None, None, None)
    leaf = ca.issue("bank", alternative_names=names, usages=both, more=((x509.CRLDistributionPoints([point]), False),))
    alice = ca.issue("alice", alternative_names=[x509.RFC822Name("alice@bank.example")], usages=both)
    on_rsa = ca.issue("bank", alternative_names=names, key=rsa.generate_private_key(65537, 2048))
    return [
        ((leaf, ca, root), "www.bank.example", "server"),
        ((leaf, ca, root), "192.0.2.1", "server"),
        ((alice, ca, root), "alice@bank.example", "client"),
        ((on_rsa, ca, root), "bank.example", None),
    ]


def mutated(der, rng):
    """One to three changes: a bit, a byte, a length, a cut, bytes put in, or a piece moved."""
    data = bytearray(der)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not data:
            break
        at = rng.randrange(len(data))
        match rng.randrange(7):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.randrange(256)
            case 2:  # most bytes of a certificate's first part are tags and lengths
                data[rng.randrange(min(60, len(data)))] = rng.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF))
            case 3:
                del data[at:]
            case 4:
                data[at:at] = rng.randbytes(rng.randrange(1, 5))
            case 5:
                del data[at : at + rng.randrange(1, 5)]
            case 6:
                other = rng.randrange(len(data))
                data[at : at + 8] = data[other : other + 8]
    return bytes(data)


def mutated_and_signed(credential, issuer, rng):
    """The same changes, in what the signature covers, and a signature that fits again."""
    certificate = credential.certificate
    tbs = mutated(certificate.tbs_certificate_bytes, rng)
    _, (_, _, algorithm), _ = elements(next(elements(certificate.public_bytes(Encoding.DER)))[1])
    signature = issuer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return element(SEQUENCE, tbs, algorithm, element(BIT_STRING, b"\0", signature))


def test_a_changed_certificate_is_reported_and_never_raises(request, originals, record_property):
    count = LONG if request.config.getoption("--long") else QUICK
    rng = random.Random(2026)
    slowest, accepted = 0.0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(count):
            credentials, name, purpose = rng.choice(originals)
            chain = [one.certificate.public_bytes(Encoding.DER) for one in credentials]
            at = rng.randrange(len(chain))
            if number % 2:
                issuer = credentials[min(at + 1, len(credentials) - 1)]
                chain[at] = mutated_and_signed(credentials[at], issuer, rng)
            else:
                chain[at] = mutated(chain[at], rng)
            began = time.perf_counter()
            report = verify_chain(chain[0], chain[1:-1], chain[-1:], name=name, purpose=purpose)
            slowest = max(slowest, time.perf_counter() - began)
            assert report.ok is not bool(report.failed), number
            assert len(report.checks) == 13, number
            if report.ok:
                accepted += 1
                for der in chain:
                    crypto.load_certificate(crypto.FILETYPE_ASN1, der)  # raises where OpenSSL cannot read it
    record_property("slowest_ms", round(slowest * 1000, 1))
    record_property("accepted", accepted)
    print(f"{count} changed certificates, {accepted} accepted, the slowest took {slowest * 1000:.1f} ms")
    # Some changes mean nothing, or another serial number. Far more of them would mean that nothing is looked at.
    assert accepted < count / 5


def test_the_originals_are_accepted(originals):
    for (leaf, ca, root), name, purpose in originals:
        assert verify_chain(leaf.certificate, [ca.certificate], [root.certificate], name=name, purpose=purpose)


def test_bytes_that_are_no_certificate_are_malformed():
    for given in (
        b"",
        b"\x30",
        b"\x30\x84\xff\xff\xff\xff",
        b"-----BEGIN CERTIFICATE-----",
        b"\xff" * 10_000,
        b"hello",
    ):
        report = verify_chain(given, [given], [given], name="bank.example")
        assert report.failed == ("malformed",)
        assert not report


def test_several_certificates_in_one_are_no_single_one(root):
    pem = root.issue_server("bank.example").certificate.public_bytes(Encoding.PEM)
    report = verify_chain(pem + pem, [], [root.certificate], name="bank.example")
    assert report.failed == ("malformed",)
    assert "there are 2 in one" in str(report)
