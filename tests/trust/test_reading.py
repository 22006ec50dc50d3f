"""Certificates that can only half be read: each is reported in a sentence, and none is accepted for it."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID
from trust.chains import (
    HOST,
    UNKNOWN,
    authority,
    changed,
    der,
    extensions_of,
    identifier,
    leaf,
    openssl,
    ours,
    raw,
    rebuilt,
)

from helpers.trust import pki
from helpers.trust.der import elements
from helpers.trust.reading import read
from helpers.trust.verify import verify_chain

UTF8, PRINTABLE, OCTETS, BITS, INTEGER = 0x0C, 0x13, 0x04, 0x03, 0x02
ZULU = der(0x17, b"360101000000Z")


def said(report):
    return " ".join(check.detail for check in report.checks if check.state == "failed")


def test_a_good_certificate_is_read_whole(root):
    bank = leaf(root)
    reading = read(bank.certificate)
    assert reading.problem is None
    assert (reading.begins, reading.ends) == (
        bank.certificate.not_valid_before_utc,
        bank.certificate.not_valid_after_utc,
    )
    assert reading.get(x509.BasicConstraints).ca is False
    assert reading.get(x509.NameConstraints) is None
    assert not reading.self_issued
    assert read(root.certificate).self_issued


def test_a_certificate_may_begin_in_the_year_0(root):
    long_ago = der(0x30, der(0x18, b"00000101000000Z"), ZULU)
    bank = changed(leaf(root), root, validity=long_ago)
    assert read(bank.certificate).begins == datetime.min.replace(tzinfo=UTC)
    assert ours(bank, root).ok
    ended = changed(leaf(root), root, validity=der(0x30, der(0x18, b"00000101000000Z"), der(0x18, b"00001231235959Z")))
    assert ours(ended, root).failed == ("expired",)


# RFC 5280, section 4.1.2.5: how a date is written.
@pytest.mark.parametrize(
    "date",
    [
        der(0x17, b"3601010000Z"),  # without seconds
        der(0x17, b"360101000000+0100"),
        der(0x18, b"20360101000000.5Z"),
        der(0x17, b"361301000000Z"),
        der(0x17, b"garbage"),
        der(0x04, b"360101000000Z"),
    ],
    ids=repr,
)
def test_a_date_that_is_none_makes_a_certificate_malformed(root, date):
    for validity in (der(0x30, date, ZULU), der(0x30, der(0x17, b"200101000000Z"), date)):
        report = verify_chain(
            rebuilt(leaf(root).certificate, root.key, validity=validity), [], [root.certificate], name=HOST
        )
        assert report.failed == ("malformed",)


def test_the_last_day_of_the_calendar_is_a_date(root):
    bank = changed(leaf(root), root, validity=der(0x30, der(0x17, b"200101000000Z"), der(0x18, b"99991231235959Z")))
    assert ours(bank, root).ok
    assert openssl(bank, root) == ""


def explicit_curve(public_key):
    """The key of P-256 with the curve written down instead of named (SEC 1, appendix C.2)."""
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    generator = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                              "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")  # fmt: skip
    field = der(0x30, bytes.fromhex("06072a8648ce3d0101"), der(INTEGER, b"\0" + p.to_bytes(32, "big")))
    curve = der(0x30, der(OCTETS, (p - 3).to_bytes(32, "big")), der(OCTETS, b.to_bytes(32, "big")))
    order = der(INTEGER, b"\0" + n.to_bytes(32, "big"))
    parameters = der(0x30, der(INTEGER, b"\1"), field, curve, der(OCTETS, generator), order, der(INTEGER, b"\1"))
    algorithm = der(0x30, bytes.fromhex("06072a8648ce3d0201"), parameters)
    return der(
        0x30, algorithm, der(BITS, b"\0" + public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    )


def test_a_key_must_name_its_curve(root):
    key = ec.generate_private_key(ec.SECP256R1())
    bank = changed(leaf(root, key=key), root, key=explicit_curve(key.public_key()))
    report = ours(bank, root)
    assert not report.ok
    assert set(report.failed) <= {"malformed", "weak_key"}
    assert "explicit" in openssl(bank, root, "-x509_strict")
    between = authority(root)
    odd = changed(between, root, key=explicit_curve(between.key.public_key()))
    assert not ours(leaf(odd), root).ok


SHA384 = der(0x30, bytes.fromhex("06082a8648ce3d040303"))
SHA256_AND_NULL = der(0x30, bytes.fromhex("06082a8648ce3d040302"), b"\5\0")


@pytest.mark.parametrize("outside", [SHA384, SHA256_AND_NULL], ids=["another hash", "more parameters"])
def test_the_algorithm_must_be_the_same_inside_and_outside(root, outside):
    bank = leaf(root)
    der_bytes = rebuilt(bank.certificate, root.key, outer_algorithm=outside)
    report = verify_chain(der_bytes, [], [root.certificate], name=HOST)
    assert report.failed == ("malformed",)
    if outside == SHA384:
        assert "two different signature algorithms" in said(report)


def test_an_empty_list_of_usages_allows_none(root):
    bank = leaf(root, more=(raw(ExtensionOID.EXTENDED_KEY_USAGE, der(0x30)),))
    assert ours(bank, root).failed == ("eku",)
    assert openssl(bank, root, "-purpose", "sslserver") != ""


UNREADABLE = {
    "garbage": raw(ExtensionOID.AUTHORITY_INFORMATION_ACCESS, b"garbage"),
    "no bytes": raw(ExtensionOID.CERTIFICATE_POLICIES, b""),
    "cut short": raw(ExtensionOID.CRL_DISTRIBUTION_POINTS, b"\x30\x05\x30"),
}


@pytest.mark.parametrize("extension", UNREADABLE.values(), ids=UNREADABLE)
def test_extensions_that_cannot_be_read_are_malformed(root, extension):
    report = ours(leaf(root, more=(extension,)), root)
    assert report.failed == ("malformed",)
    assert "Its extensions cannot be read" in said(report)


def test_an_extension_stands_only_once(root):
    rows = list(extensions_of(leaf(root).certificate).values())
    report = ours(changed(leaf(root), root, extensions=der(0xA3, der(0x30, *rows, rows[0]))), root)
    assert report.failed == ("malformed",)


def test_an_unreadable_issuer_is_named_in_the_report(root):
    between = authority(root, more=(raw(ExtensionOID.AUTHORITY_INFORMATION_ACCESS, b"garbage"),))
    report = ours(leaf(between), root)
    assert report.failed == ("malformed",)
    assert "The issuer “CN=Test CA”" in said(report)


def name_of(tag, value=b"bank.example"):
    return der(0x30, der(0x31, der(0x30, der(0x06, b"\x55\x04\x03"), der(tag, value))))


@pytest.mark.parametrize("tag", [OCTETS, BITS, INTEGER, 0x05, 0x17, 0x30], ids=hex)
def test_a_name_is_a_text(root, tag):
    # RFC 5280, section 4.1.2.4: a DirectoryString is one of five kinds of strings.
    odd = rebuilt(leaf(root).certificate, root.key, subject=name_of(tag))
    report = verify_chain(odd, [], [root.certificate], name=HOST)
    assert report.failed == ("malformed",)
    as_issuer = rebuilt(authority(root).certificate, root.key, subject=name_of(tag), issuer=name_of(tag))
    good = leaf(root)
    assert verify_chain(good.certificate, [as_issuer, odd], [as_issuer, root.certificate], name=HOST).ok


@pytest.mark.parametrize("tag", [UTF8, PRINTABLE, 0x14, 0x16, 0x1C, 0x1E], ids=hex)
def test_a_name_may_be_any_kind_of_string(root, tag):
    value = {0x1C: "bank.example".encode("utf-32-be"), 0x1E: "bank.example".encode("utf-16-be")}.get(
        tag, b"bank.example"
    )
    assert ours(changed(leaf(root), root, subject=name_of(tag, value)), root).ok


CUTS = [0, 1, 2, 3, 4, 5, 20, 100, -100, -20, -2, -1]


@pytest.mark.parametrize("cut", CUTS)
def test_a_certificate_that_is_cut_short_is_malformed(root, cut):
    whole = leaf(root).certificate.public_bytes(Encoding.DER)
    for given in (whole[:cut], whole + b"\0"):
        report = verify_chain(given, [], [root.certificate], name=HOST)
        assert report.failed == ("malformed",)
        assert read(given).certificate is None


def test_a_key_that_cannot_be_read_confirms_nothing(root):
    nonsense = der(0x30, der(0x30, identifier(UNKNOWN)), der(BITS, b"\0\4"))
    between = authority(root)
    bank = leaf(between)
    odd = pki.Credential(bank.certificate, bank.key, (changed(between, root, key=nonsense).certificate,))
    assert ours(odd, root).failed == ("bad_signature",)
    strange = changed(leaf(root), root, key=nonsense)
    assert ours(strange, root).failed == ("weak_key",)


def test_elements_reads_tags_lengths_and_contents():
    data = der(0x30, b"abc") + der(0x04, bytes(300)) + der(0x05)
    assert list(elements(data)) == [
        (0x30, b"abc", b"\x30\x03abc"), (0x04, bytes(300), b"\x04\x82\x01\x2c" + bytes(300)), (0x05, b"", b"\5\0")
    ]  # fmt: skip
