"""Name constraints: what a CA may vouch for, kind by kind (RFC 5280, section 4.2.1.10), with `openssl` as a judge."""

import ipaddress
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier
from trust.chains import HOST, authority, changed, der, distinguished, leaf, openssl, ours, raw

from helpers.trust import pki
from helpers.trust.verify import verify_chain

D, U, E = x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name


def ip(text):
    return x509.IPAddress(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


def directory(**attributes):
    return x509.DirectoryName(distinguished(**attributes))


def constrained(issuer, permitted=(), excluded=(), name="Test CA", critical=True, **content):
    extension = x509.NameConstraints(permitted or None, excluded or None)
    return authority(issuer, name, more=((extension, critical),), **content)


def judge(bank, root, allowed, openssl_says=None):
    """Our verdict must be `allowed`, and OpenSSL's the same, unless the test says what it says."""
    report = ours(bank, root, name=None)
    assert report.failed == (() if allowed else ("name_constraints",))
    assert (openssl(bank, root) == "") is (allowed if openssl_says is None else openssl_says)


# A base, a name, and whether the name lies in it.
WITHIN = [
    (D("bank.example"), D("bank.example"), True),
    (D("bank.example"), D("BANK.example"), True),
    (D("BANK.example"), D("www.bank.example"), True),
    (D("bank.example"), D("a.b.bank.example"), True),
    (D("bank.example"), D("otherbank.example"), False),
    (D("bank.example"), D("example"), False),
    (D("bank.example"), D("*.bank.example"), True),
    (D(""), D("bank.example"), True),
    (ip("192.0.2.0/24"), ip("192.0.2.77"), True),
    (ip("192.0.2.0/24"), ip("192.0.3.1"), False),
    (ip("2001:db8::/32"), ip("2001:db8::1"), True),
    (ip("2001:db8::/32"), ip("2001:db9::1"), False),
    (ip("0.0.0.0/0"), ip("2001:db8::1"), False),
    (E("bank.example"), E("alice@bank.example"), True),
    (E("bank.example"), E("alice@BANK.example"), True),
    (E("bank.example"), E("alice@www.bank.example"), False),
    (E(".bank.example"), E("alice@www.bank.example"), True),
    (E(".bank.example"), E("alice@bank.example"), False),
    (E("alice@bank.example"), E("alice@bank.example"), True),
    (E("alice@bank.example"), E("bob@bank.example"), False),
    (U("bank.example"), U("https://bank.example/path"), True),
    (U("bank.example"), U("https://BANK.example:8443/"), True),
    (U("bank.example"), U("https://www.bank.example/"), False),
    (U(".bank.example"), U("https://www.bank.example/"), True),
    (U(".bank.example"), U("https://bank.example/"), False),
    (directory(O="Bank"), directory(O="Bank", CN="Alice"), True),
    (directory(O="Bank"), directory(O="Bank"), True),
    (directory(O="Bank"), directory(O="Other", CN="Alice"), False),
    (directory(O="Bank", OU="IT"), directory(O="Bank"), False),
    (directory(O="Bank"), directory(CN="Alice", O="Bank"), False),
    (directory(O="Bank"), directory(O="BANK", CN="Alice"), True),
    (directory(O="Bank  of  Berlin"), directory(O="bank of berlin", CN="Alice"), True),
]


def told(case):
    return case.value.rfc4514_string() if isinstance(case, x509.DirectoryName) else str(getattr(case, "value", case))


def bearer(issuer, name):
    """A leaf whose only name of its kind is `name`."""
    if not isinstance(name, x509.DirectoryName):
        return leaf(issuer, alternative_names=[name])
    return changed(leaf(issuer), issuer, subject=name.value.public_bytes())


@pytest.mark.parametrize(("base", "name", "within"), WITHIN, ids=told)
def test_what_lies_in_a_permitted_base_is_allowed_and_in_an_excluded_one_is_not(root, base, name, within):
    judge(bearer(constrained(root, permitted=[base]), name), root, within)
    judge(bearer(constrained(root, excluded=[base]), name), root, not within)


@pytest.mark.parametrize(
    "base", [D("shop.example"), ip("192.0.2.0/24"), E("shop.example"), U("shop.example")], ids=told
)
def test_a_constraint_on_one_kind_says_nothing_of_the_others(root, base):
    others = [D(HOST), ip("203.0.113.1"), E("alice@bank.example"), U("https://bank.example/")]
    names = [name for name in others if type(name) is not type(base)]
    for ca in (constrained(root, permitted=[base]), constrained(root, excluded=[base])):
        # OpenSSL takes a common name that looks like a host for one where there is no DNS name.
        judge(leaf(ca, "Somebody Else", alternative_names=names), root, True)


def test_one_permitted_base_of_several_is_enough_and_an_excluded_one_wins(root):
    ca = constrained(root, permitted=[D("shop.example"), D(HOST)], excluded=[D("secret.bank.example")])
    judge(leaf(ca, alternative_names=[D("www.bank.example"), D("shop.example")]), root, True)
    judge(leaf(ca, alternative_names=[D("x.secret.bank.example")]), root, False)
    judge(leaf(ca, alternative_names=[D(HOST), D("other.example")]), root, False)


def test_the_constraints_of_all_cas_above_count(root):
    upper = constrained(root, permitted=[D("example")], name="Upper CA")
    lower = constrained(upper, permitted=[D("bank.example"), D("bank.test")])
    judge(leaf(lower, alternative_names=[D("www.bank.example")]), root, True)
    judge(leaf(lower, alternative_names=[D("shop.example")]), root, False)
    judge(leaf(lower, alternative_names=[D("bank.test")]), root, False)


def test_a_root_can_be_constrained(root):
    extension = x509.NameConstraints([D("shop.example")], None)
    small = pki.new_self_signed("Small Root", ca=True, lifetime=pki.CA_LIFETIME, more=((extension, True),))
    judge(leaf(small), small, False)
    judge(leaf(small, alternative_names=[D("shop.example")]), small, True)


# A name that could be anything below a base.
@pytest.mark.parametrize(
    ("permitted", "excluded", "name", "allowed", "openssl_says"),
    [
        ("www.bank.example", None, "*.bank.example", False, False),
        (None, "www.bank.example", "*.bank.example", False, True),  # it stands for www.bank.example, too
        (None, "a.b.bank.example", "*.bank.example", True, True),  # one label only
        (None, "bank.example", "*.bank.example", False, False),
        ("bank.example", None, "w*.bank.example", False, True),
        ("bank.example", None, "*.*.bank.example", False, True),
    ],
)
def test_a_wildcard_is_judged_by_all_that_it_stands_for(root, permitted, excluded, name, allowed, openssl_says):
    ca = constrained(root, [D(permitted)] if permitted else (), [D(excluded)] if excluded else ())
    judge(leaf(ca, alternative_names=[D(name)]), root, allowed, openssl_says)


# RFC 3986, section 3.2: the authority ends at the next slash, question mark or number sign.
HIDDEN = [
    "http://evil.example?@bank.example/",
    "http://evil.example#@bank.example/",
    "urn:bank.example",
    "bank.example",
]


@pytest.mark.parametrize("uri", HIDDEN)
def test_a_uri_cannot_hide_its_host(root, uri):
    judge(leaf(constrained(root, permitted=[U("bank.example")]), alternative_names=[U(uri)]), root, False)


def test_user_information_is_no_host(root):
    shown = [U("https://bank.example@evil.example/")]
    judge(leaf(constrained(root, permitted=[U("bank.example")]), alternative_names=shown), root, False)
    excluding = leaf(constrained(root, excluded=[U("evil.example")]), alternative_names=shown)
    assert ours(excluding, root, name=None).failed == ("name_constraints",)  # OpenSSL 3.0 misses this one


@pytest.mark.parametrize("uri", ["http://192.0.2.1/", "http://[2001:db8::1]/", "urn:x", "http:///path"])
def test_a_uri_without_a_domain_name_lies_in_no_base_and_may_lie_in_any(root, uri):
    # RFC 5280, section 4.2.1.10: where the URI has no fully qualified domain name as its host, "the application MUST
    # reject the certificate."
    for ca in (constrained(root, permitted=[U("bank.example")]), constrained(root, excluded=[U("shop.example")])):
        assert ours(leaf(ca, alternative_names=[U(uri)]), root, name=None).failed == ("name_constraints",)


def test_a_mailbox_in_the_subject_counts_where_there_is_no_alternative_name(root):
    ca = constrained(root, permitted=[E("bank.example")])
    subject = distinguished(CN="Eve", E="eve@evil.example").public_bytes()
    judge(changed(ca.issue("Eve"), ca, subject=subject), root, False)
    # OpenSSL looks at it always. RFC 5280 asks for it only without a subject alternative name.
    judge(changed(leaf(ca), ca, subject=subject), root, True, openssl_says=False)


def test_a_kind_of_name_that_is_not_processed_is_refused_once_it_is_constrained(root):
    number = x509.RegisteredID(ObjectIdentifier("1.2.3"))
    other = x509.OtherName(ObjectIdentifier("1.2.3"), b"\x0c\x01a")
    for kind in (number, other):
        ca = constrained(root, permitted=[kind])
        judge(leaf(ca), root, True)
        judge(leaf(ca, alternative_names=[kind]), root, False)


def test_a_self_issued_ca_is_not_bound_but_what_it_issues_is(root):
    ca = constrained(root, permitted=[D(HOST), directory(CN=HOST)])
    new_key = authority(ca, "Test CA")  # the same name: it changes its key
    judge(leaf(new_key), root, True)
    judge(leaf(new_key, alternative_names=[D("shop.example")]), root, False)
    judge(leaf(authority(ca, "Another CA")), root, False)


def test_a_leaf_that_names_itself_as_issuer_is_bound(root):
    ca = constrained(root, permitted=[D("shop.example")])
    judge(leaf(ca, name="Test CA"), root, False)


def test_a_leaf_has_no_constraints(root):
    bank = leaf(root, more=((x509.NameConstraints([D(HOST)], None), True),))
    assert ours(bank, root).failed == ("name_constraints",)


@pytest.mark.parametrize("base", [D(".bank.example"), D("bank..example"), D("bank .example")], ids=told)
def test_a_base_that_is_no_name_is_refused(root, base):
    for ca in (constrained(root, permitted=[base]), constrained(root, excluded=[base])):
        assert ours(leaf(ca, alternative_names=[D("www.bank.example")]), root, name=None).failed == (
            "name_constraints",
        )


BASE = der(0x82, HOST.encode())
MALFORMED = {
    "empty": der(0x30),
    "no base": der(0x30, der(0xA0)),
    "not DER": b"garbage",
    "an address of three bytes": der(0x30, der(0xA0, der(0x30, der(0x87, b"\1\2\3")))),
    "a mask with holes": der(0x30, der(0xA0, der(0x30, der(0x87, bytes([192, 0, 2, 0, 255, 0, 255, 0]))))),
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED)
def test_constraints_that_cannot_be_read_are_refused(root, value):
    ca = authority(root, more=(raw(ExtensionOID.NAME_CONSTRAINTS, value, True),))
    assert ours(leaf(ca), root).failed == ("malformed",)


@pytest.mark.parametrize("field", [der(0x80, b"\1"), der(0x81, b"\0")], ids=["minimum 1", "maximum 0"])
def test_a_minimum_or_maximum_is_refused(root, field):
    # RFC 5280, section 4.2.1.10: "the application MUST either process these fields or reject the certificate."
    for kind in (0xA0, 0xA1):
        base = BASE if kind == 0xA0 else der(0x82, b"shop.example")
        value = der(0x30, der(kind, der(0x30, base, field)))
        bank = leaf(authority(root, more=(raw(ExtensionOID.NAME_CONSTRAINTS, value, True),)))
        assert "minimum and maximum" in openssl(bank, root)
        assert not ours(bank, root).ok


def test_many_names_under_many_constraints_end_quickly(root):
    ca = constrained(root, permitted=[D(f"b{number}.example") for number in range(1000)])
    bank = leaf(ca, alternative_names=[D(f"h{number}.example") for number in range(1000)])
    began = time.perf_counter()
    report = ours(bank, root, name="h1.example")
    assert time.perf_counter() - began < 1
    assert not report.ok
    assert len(str(report)) < 10_000


def test_many_ways_up_through_many_constraints_end_quickly(root):
    others = [D(f"b{number}.example") for number in range(120)]
    issuer, intermediates = root, []
    for level in range(3):
        copies = [constrained(issuer, excluded=others, name=f"Level {level}")]
        copies += [constrained(issuer, excluded=others, name=f"Level {level}", key=copies[0].key) for _ in range(4)]
        intermediates += [copy.certificate for copy in copies]
        issuer = copies[0]
    bank = leaf(issuer, alternative_names=[D(f"h{number}.example") for number in range(120)])
    began = time.perf_counter()
    report = verify_chain(bank.certificate, intermediates, [root.certificate], name="shop.example")
    assert time.perf_counter() - began < 2
    assert report.failed == ("hostname_mismatch",)


def test_a_pinned_ca_may_have_constraints(root):
    limits = x509.NameConstraints([x509.DNSName("example")], None)
    pinned = authority(root, alternative_names=[x509.DNSName(HOST)], more=((limits, True),))
    report = ours(pinned, pinned, purpose=None)
    assert "name_constraints" not in report.failed
