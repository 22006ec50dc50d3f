"""Which lists of a CA (CRLs) can be believed, and what they say of a certificate. `openssl verify -crl_check` judges."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from trust.chains import HOST, UNKNOWN, authority, der, leaf, openssl, ours, raw

from helpers.trust import pki
from helpers.trust.der import elements
from helpers.trust.verify import verify_chain

DAY = timedelta(days=1)
R = x509.ReasonFlags


@pytest.fixture(scope="module")
def bank(root):
    return leaf(root)


def crl(ca, *entries, key=None, issuer=None, begins=None, lifetime=7 * DAY, number=True, more=()):
    """A list that is good, but for what is said. An entry is a credential, or one with extensions of the entry."""
    begins = begins or datetime.now(UTC) - pki.CLOCK_SKEW
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer or ca.certificate.subject)
    builder = builder.last_update(begins).next_update(begins + lifetime)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if number:
        builder = builder.add_extension(x509.CRLNumber(7), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    for credential, *extensions in (entry if isinstance(entry, tuple) else (entry,) for entry in entries):
        serial = credential if isinstance(credential, int) else credential.certificate.serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(begins)
        for extension, critical in extensions:
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key or ca.key, hashes.SHA256())


def scope(name=None, **said):
    """An issuing distribution point: for which certificates a list is."""
    nothing = dict.fromkeys(
        ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs"), False
    )
    full_name = [x509.UniformResourceIdentifier(name)] if name else None
    values = {"full_name": full_name, "relative_name": None, "only_some_reasons": None, **nothing, **said}
    return x509.IssuingDistributionPoint(**values), True


def found_at(name):
    """A certificate whose list stands at this address."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(name)], None, None, None)
    return ((x509.CRLDistributionPoints([point]), False),)


def judge(bank, root, lists, reason, openssl_accepts=None):
    """Our reason must be `reason`, and OpenSSL's verdict the same, unless the test says what it is."""
    assert ours(bank, root, crls=lists).failed == ((reason,) if reason else ())
    assert (openssl(bank, root, crls=lists) == "") is (openssl_accepts if openssl_accepts is not None else not reason)


def test_a_certificate_that_is_not_on_the_list_is_accepted(root, bank):
    judge(bank, root, [crl(root)], None)
    judge(bank, root, [crl(root, 12345)], None)
    assert ours(bank, root, crls=[crl(root)]).checks[-1].detail == "It is not on the revocation list of its issuer."


REASONS = [None, *(reason for reason in R if reason is not R.remove_from_crl)]


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_a_certificate_on_the_list_is_revoked_for_whatever_reason(root, bank, reason):
    entry = (bank, (x509.CRLReason(reason), False)) if reason else (bank,)
    judge(bank, root, [crl(root, 12345, entry)], "revoked")


def test_an_entry_that_is_to_be_removed_takes_nothing_back(root, bank):
    # RFC 5280, section 6.3.3 (k): "If (cert_status is removeFromCRL), then set cert_status to UNREVOKED."
    judge(bank, root, [crl(root, (bank, (x509.CRLReason(R.remove_from_crl), False)))], None)


def test_the_bytes_of_a_list_will_do(root, bank):
    for encoding in (Encoding.PEM, Encoding.DER):
        assert ours(bank, root, crls=[root.crl(bank).public_bytes(encoding)]).failed == ("revoked",)


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"-----BEGIN X509 CRL-----", b"0\x80", None, 7, "text"], ids=repr)
def test_bytes_that_are_no_list_cover_nobody(root, bank, garbage):
    assert ours(bank, root, crls=[garbage]).failed == ("crl_problem",)
    assert ours(bank, root, crls=[garbage, root.crl()]).ok
    assert ours(bank, root, crls=[garbage, root.crl(bank)]).failed == ("revoked",)


def test_a_list_of_another_ca_covers_nobody_here(root, bank):
    judge(bank, root, [pki.new_root("Other").crl(bank)], "crl_problem")
    judge(bank, root, [pki.new_root("Other").crl(bank), root.crl()], None)


def test_the_signature_must_be_that_of_the_issuers_key(root, bank):
    stranger = pki.new_root("Lab Root CA")
    judge(bank, root, [crl(root, key=stranger.key)], "crl_problem")
    # Nobody else can take it back, either.
    judge(bank, root, [crl(root, bank, key=stranger.key), root.crl()], None, openssl_accepts=False)


def test_a_changed_list_is_not_believed(root, bank):
    whole = bytearray(root.crl(bank).public_bytes(Encoding.DER))
    at = bytes(whole).index(bank.certificate.serial_number.to_bytes(20, "big").lstrip(b"\0"))
    whole[at + 3] ^= 1
    judge(bank, root, [x509.load_der_x509_crl(bytes(whole))], "crl_problem")


def test_the_issuer_must_be_allowed_to_sign_lists():
    silent = pki.new_self_signed(
        "Silent Root", ca=True, lifetime=pki.CA_LIFETIME, key_usage=pki.key_may("key_cert_sign")
    )
    judge(leaf(silent), silent, [silent.crl()], "crl_problem")


def test_a_list_is_good_from_its_date_to_that_of_the_next(root, bank):
    judge(bank, root, [crl(root, begins=datetime.now(UTC) - 30 * DAY)], "crl_problem")
    judge(bank, root, [crl(root, begins=datetime.now(UTC) + DAY)], "crl_problem")
    for lists in ([root.crl(), crl(root, begins=datetime.now(UTC) - 30 * DAY)],):
        judge(bank, root, lists, None)
        judge(bank, root, lists[::-1], None)


def test_the_last_second_of_a_list_counts(root, bank):
    good = root.crl()
    last = good.next_update_utc
    assert ours(bank, root, crls=[good], at=last).ok
    assert ours(bank, root, crls=[good], at=last + timedelta(seconds=0.9)).ok
    assert ours(bank, root, crls=[good], at=last + timedelta(seconds=1)).failed == ("crl_problem",)


def test_a_list_has_a_number_that_is_not_critical(root, bank):
    # RFC 5280, section 5.2.3, asks it of the CA. OpenSSL does not look.
    judge(bank, root, [crl(root, number=False)], "crl_problem", openssl_accepts=True)
    critical = crl(root, number=False, more=((x509.CRLNumber(7), True),))
    assert ours(bank, root, crls=[critical]).failed == ("crl_problem",)


def test_an_unknown_critical_extension_makes_a_list_unusable(root, bank):
    judge(bank, root, [crl(root, more=(raw(UNKNOWN, b"\5\0", True),))], "crl_problem")
    judge(bank, root, [crl(root, more=(raw(UNKNOWN, b"\5\0"),))], None)


def test_an_unknown_critical_extension_of_any_entry_does_so_too(root, bank):
    # RFC 5280, section 5.3: "If a CRL contains a critical CRL entry extension that the application cannot process, then
    # the application MUST NOT use that CRL to determine the status of any certificates."
    judge(bank, root, [crl(root, (12345, raw(UNKNOWN, b"\5\0", True)))], "crl_problem")
    judge(bank, root, [crl(root, (12345, raw(UNKNOWN, b"\5\0")))], None)


@pytest.mark.parametrize("critical", [True, False])
def test_a_list_of_changes_is_not_the_whole_list(root, bank, critical):
    judge(bank, root, [crl(root, more=((x509.DeltaCRLIndicator(3), critical),))], "crl_problem")


SCOPES = {
    "user certificates": (scope(only_contains_user_certs=True), None),
    "CA certificates": (scope(only_contains_ca_certs=True), "crl_problem"),
    "attribute certificates": (scope(only_contains_attribute_certs=True), "crl_problem"),
    "some reasons": (scope(only_some_reasons=frozenset([R.key_compromise])), "crl_problem"),
    "the lists of others": (scope(indirect_crl=True), "crl_problem"),
    "its own part": (scope("http://crl.example/2.crl"), None),
    "another part": (scope("http://crl.example/1.crl"), "crl_problem"),
    "another part, users": (scope("http://crl.example/1.crl", only_contains_user_certs=True), "crl_problem"),
}


@pytest.mark.parametrize("name", SCOPES)
def test_a_list_speaks_only_of_those_that_it_is_for(root, name):
    # RFC 5280, section 6.3.3 (b)(2)(i): "verify that one of the names in the IDP matches one of the names in the DP."
    extension, reason = SCOPES[name]
    judge(leaf(root, more=found_at("http://crl.example/2.crl")), root, [crl(root, more=(extension,))], reason)


def test_a_part_of_a_list_does_not_cover_who_does_not_name_it(root, bank):
    judge(bank, root, [crl(root, more=(scope("http://crl.example/1.crl"),))], "crl_problem")


def test_a_ca_is_looked_up_where_there_is_a_list_of_its_issuer(root):
    between = authority(root)
    bank = leaf(between)
    judge(bank, root, [between.crl()], None)
    judge(bank, root, [between.crl(), root.crl()], None)
    assert ours(bank, root, crls=[between.crl(), root.crl(between)]).failed == ("revoked",)
    assert "revoked" in openssl(bank, root, "-crl_check_all", crls=[between.crl(), root.crl(between)])
    assert ours(bank, root, crls=[root.crl()]).failed == ("crl_problem",)


def test_a_list_for_users_says_nothing_of_cas(root):
    between = authority(root)
    users_only = crl(root, between, more=(scope(only_contains_user_certs=True),))
    assert ours(leaf(between), root, crls=[between.crl(), users_only]).failed == ("crl_problem",)


def test_a_revoked_way_up_leaves_another_one_open(root):
    between = authority(root)
    other_root = pki.new_root("Other Root")
    also = authority(other_root, key=between.key)
    bank = leaf(between)
    lists = [between.crl(), root.crl(between)]
    roots = [root.certificate, other_root.certificate]
    given = [between.certificate, also.certificate]
    assert verify_chain(bank.certificate, given, roots, name=HOST, crls=lists).path[-1] == other_root.certificate
    assert verify_chain(bank.certificate, given, roots[:1], name=HOST, crls=lists).failed == ("revoked",)


def test_without_a_chain_no_list_is_looked_at(root, bank):
    report = ours(bank, pki.new_root("Other"), crls=[root.crl(bank)])
    assert report.failed == ("untrusted_issuer",)
    assert report.checks[-1].state == "not reached"


def test_a_list_without_a_date_of_the_next_is_not_believed(root, bank):
    good = root.crl()
    ((_, content, _),) = elements(good.tbs_certlist_bytes)
    parts = [whole for _, _, whole in elements(content)]  # version, algorithm, issuer, this update, next update, ...
    tbs = der(0x30, *parts[:4], *parts[5:])
    signature = root.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    open_end = x509.load_der_x509_crl(der(0x30, tbs, parts[1], der(0x03, b"\0", signature)))
    assert open_end.next_update_utc is None
    judge(bank, root, [open_end], "crl_problem", openssl_accepts=True)


def test_extensions_that_cannot_be_read_make_a_list_unusable(root, bank):
    odd = crl(root, number=False, more=(raw(ExtensionOID.CRL_NUMBER, b"garbage"),))
    assert ours(bank, root, crls=[odd]).failed == ("crl_problem",)
