"""Certificates with bytes changed, cut off or put in: none makes the verifier raise, and none slips through.

2,000 of them in plain pytest, 100,000 with --long. All come from a seed.
"""

import random
import time
import warnings

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto

from helpers.trust import zoo
from helpers.trust.verify import verify_chain

QUICK, LONG = 2_000, 100_000
# A name in a certificate that was changed can still be the name asked for, and a root's signature is nobody's to verify.
# So a few are accepted. OpenSSL must be able to read those, too.


def chains():
    """(DER certificates from the leaf to the root, name, purpose), with each kind of extension and key."""
    wanted = ("good", "name constraint", "weak key", "unknown critical extension", "path length", "wrong address")
    for specimen in (*zoo.servers().values(), *zoo.clients().values()):
        if specimen.name in wanted:
            shown = (specimen.credential.certificate, *specimen.credential.intermediates, specimen.root)
            yield [one.public_bytes(Encoding.DER) for one in shown], specimen.wanted, specimen.purpose


def mutated(der, rng):
    """One to three changes: a bit, a byte, a length, a cut, bytes put in, or a piece moved."""
    data = bytearray(der)
    for _ in range(rng.choice((1, 1, 2, 3))):
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
        if not data:
            break
    return bytes(data)


def test_a_changed_certificate_is_reported_and_never_raises(request, record_property):
    count = LONG if request.config.getoption("--long") else QUICK
    rng = random.Random(2026)
    originals = list(chains())
    slowest, accepted = 0.0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(count):
            chain, name, purpose = rng.choice(originals)
            chain = list(chain)
            at = rng.randrange(len(chain))
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
    assert accepted < count / 100
    print(f"{count} changed certificates, {accepted} accepted, the slowest took {slowest * 1000:.1f} ms")


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
