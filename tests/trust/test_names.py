"""Which names of a certificate are the one that was asked for (RFC 9525), with two judges beside our own check."""

import ipaddress

import pytest
from cryptography import x509
from trust.chains import distinguished, leaf, library, openssl, ours

from helpers.trust import names


def dns(*values):
    return [x509.DNSName(value) for value in values]


def addresses(*values):
    return [x509.IPAddress(ipaddress.ip_address(value)) for value in values]


def verdict(root, presented, wanted, **asked):
    report = ours(leaf(root, alternative_names=presented), root, name=wanted, **asked)
    assert set(report.failed) <= {"hostname_mismatch"}
    return report.ok


# What stands in the certificate, what is asked for, and whether that is the same.
DNS = [
    ("bank.example", "bank.example", True),
    ("bank.example", "BANK.Example", True),
    ("BANK.example", "bank.example", True),
    ("bank.example", "www.bank.example", False),
    ("bank.example", "bank.example.org", False),
    ("bank.example", "ank.example", False),
    ("www.bank.example", "bank.example", False),
    ("localhost", "localhost", True),
    ("*.bank.example", "www.bank.example", True),
    ("*.bank.example", "WWW.bank.EXAMPLE", True),
    ("*.BANK.example", "www.bank.example", True),
    ("*.bank.example", "bank.example", False),
    ("*.bank.example", "a.b.bank.example", False),
    ("*.bank.example", "xn--bcher-kva.bank.example", True),
    ("*.example", "bank.example", False),
    ("w*.bank.example", "www.bank.example", False),
    ("*w.bank.example", "www.bank.example", False),
    ("w*w.bank.example", "www.bank.example", False),
    ("www.*.example", "www.bank.example", False),
    ("*.*.example", "www.bank.example", False),
    ("**.bank.example", "www.bank.example", False),
    ("*", "localhost", False),
    ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
    ("xn--bcher-kva.example", "XN--BCHER-KVA.example", True),
]


# `openssl` lets an asterisk stand for the beginning or the end of a label, too. RFC 9525, section 6.3, does not.
PARTLY_WILD = {"w*.bank.example", "*w.bank.example"}


@pytest.mark.parametrize(("presented", "wanted", "same"), DNS)
def test_a_dns_name_is_compared_label_by_label(root, presented, wanted, same):
    assert verdict(root, dns(presented), wanted) is same
    judged = openssl(leaf(root, alternative_names=dns(presented)), root, "-verify_hostname", wanted)
    assert (judged == "") is (same or presented in PARTLY_WILD)


LIBRARY_CANNOT = {"*.*.example", "**.bank.example"}


@pytest.mark.parametrize(("presented", "wanted", "same"), [case for case in DNS if case[0] not in LIBRARY_CANNOT])
def test_the_library_agrees_on_dns_names(root, presented, wanted, same):
    judged = library(leaf(root, alternative_names=dns(presented)), root, wanted) == ""
    if presented == "*.example":  # whether a whole top-level domain may be covered, RFC 9525 leaves open (section 7.1)
        assert judged
    else:
        assert judged is same


def test_one_name_of_several_is_enough(root):
    many = dns("a.example", "*.b.example") + addresses("192.0.2.1") + [x509.RFC822Name("alice@c.example")]
    for wanted in ("a.example", "www.b.example", "192.0.2.1", "alice@c.example"):
        assert verdict(root, many, wanted)
    assert not verdict(root, many, "c.example")


@pytest.mark.parametrize(
    ("presented", "wanted", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:1", True),
        ("2001:db8::1", "2001:db8::2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", False),
        ("127.0.0.1", "localhost", False),
    ],
)
def test_an_ip_address_is_compared_byte_by_byte(root, presented, wanted, same):
    assert verdict(root, addresses(presented), wanted) is same
    option = "-verify_hostname" if wanted == "localhost" else "-verify_ip"
    judged = openssl(leaf(root, alternative_names=addresses(presented)), root, option, wanted)
    assert (judged == "") is same


@pytest.mark.parametrize("wanted", ["192.0.2.1", "2001:db8::1"])
def test_an_ip_address_in_the_place_of_a_dns_name_does_not_count(root, wanted):
    # RFC 9525, section 3: whether it is an IPv4 address is tested first. It then needs an iPAddress.
    bank = leaf(root, alternative_names=dns(wanted.replace(":", "-")))
    assert ours(bank, root, name=wanted).failed == ("hostname_mismatch",)
    assert openssl(bank, root, "-verify_ip", wanted)
    assert library(bank, root, wanted)


@pytest.mark.parametrize("wanted", ["192.0.2.1", "192.0.2.1.", "１９２.0.2.1", "192。0。2。1"])
def test_no_way_of_writing_an_ip_address_makes_it_a_dns_name(root, wanted):
    report = ours(leaf(root, alternative_names=dns("192.0.2.1")), root, name=wanted)
    assert report.failed == ("hostname_mismatch",)


@pytest.mark.parametrize("wanted", ["bank.example.", "BANK.EXAMPLE."])
def test_a_final_full_stop_is_no_part_of_the_name(root, wanted):
    assert verdict(root, dns("bank.example"), wanted)
    assert verdict(root, dns("*.example.org"), "bank.example.org.")


@pytest.mark.parametrize(
    ("wanted", "presented"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),  # u and two dots, as macOS writes it
        ("straße.example", "xn--strae-oqa.example"),  # IDNA 2008. In IDNA 2003 it was "strasse".
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("bücher。example", "xn--bcher-kva.example"),
    ],
)
def test_an_internationalised_name_is_asked_for_in_the_form_of_dns(root, wanted, presented):
    assert names.dns_name(wanted) == presented
    assert verdict(root, dns(presented), wanted)
    assert not verdict(root, dns("strasse.example", "bucher.example"), wanted)


def test_a_wildcard_covers_an_internationalised_label(root):
    assert verdict(root, dns("*.bank.example"), "bücher.bank.example")


IMPOSSIBLE = [
    "", ".", "bank..example", "-bank.example", "bank-.example", "a" * 64 + ".example", "a." * 130 + "example",
    "bank.example:443", "https://bank.example", "bank.example/", "bank example", "*.bank.example", "bank\n.example",
    "💩.example", "bank.example\u202e", "\u0000", "192.0.2.1/24", "[2001:db8::1]", "bücher\u200d.example",
]  # fmt: skip


@pytest.mark.parametrize("wanted", IMPOSSIBLE, ids=ascii)
def test_what_can_be_no_name_is_reported_and_matches_nothing(root, wanted):
    with pytest.raises(ValueError, match=r"."):
        names.reference(wanted)
    report = ours(leaf(root, alternative_names=dns("bank.example", "*.bank.example")), root, name=wanted)
    assert report.failed == ("hostname_mismatch",)
    (said,) = (check.detail for check in report.checks if check.name == "Name")
    assert "is no name that a certificate could have" in said


@pytest.mark.parametrize(
    ("presented", "wanted", "same"),
    [
        ("alice@bank.example", "alice@bank.example", True),
        ("alice@bank.example", "alice@BANK.example", True),
        ("alice@bank.example", "Alice@bank.example", False),
        ("alice@bank.example", "bob@bank.example", False),
        ("alice@bank.example", "alice@www.bank.example", False),
    ],
)
def test_in_an_email_address_only_the_host_is_compared_without_case(root, presented, wanted, same):
    presented = [x509.RFC822Name(presented)]
    assert verdict(root, presented, wanted, purpose="client") is same
    assert (openssl(leaf(root, alternative_names=presented), root, "-verify_email", wanted) == "") is same


def test_the_host_of_an_email_address_may_be_internationalised(root):
    # RFC 5280, section 7.5: "the domain name MUST be converted from an IDN to the ASCII Compatible Encoding (ACE)".
    presented = [x509.RFC822Name("alice@xn--bcher-kva.example")]
    assert verdict(root, presented, "alice@bücher.example", purpose="client")


def test_other_kinds_of_names_identify_no_server(root):
    uri = [x509.UniformResourceIdentifier("https://bank.example/")]
    mail, directory = [x509.RFC822Name("x@bank.example")], [x509.DirectoryName(distinguished(CN="bank.example"))]
    for presented in (uri, mail, directory):
        somebody = leaf(root, "Somebody", alternative_names=presented)
        assert ours(somebody, root, name="bank.example").failed == ("hostname_mismatch",)
        assert openssl(somebody, root, "-verify_hostname", "bank.example")


def test_a_common_name_does_not_count(root):
    bare = root.issue("bank.example")
    assert ours(bare, root).failed == ("no_san",)
    assert library(bare, root)
    # Real programs still look at it where there is no alternative name of the kind.
    assert openssl(bare, root, "-verify_hostname", "bank.example") == ""


def test_the_report_says_what_the_certificate_is_for(root):
    bank = leaf(root, alternative_names=dns("a.example", "b.example", "c.example", "d.example", "e.example"))
    (said,) = (check.detail for check in ours(bank, root, name="shop.example").checks if check.name == "Name")
    assert (
        said
        == "The DNS name shop.example was asked for. The certificate is for a.example, b.example, c.example and 2 more."
    )


def test_the_report_names_the_kinds_where_they_differ(root):
    confused = leaf(root, alternative_names=dns("127.0.0.1"))
    (said,) = (check.detail for check in ours(confused, root, name="127.0.0.1").checks if check.name == "Name")
    assert said == "The IP address 127.0.0.1 was asked for. The certificate is for the DNS name 127.0.0.1."
