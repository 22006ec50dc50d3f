"""What `verify_chain` takes, what its report says of each check, and that nothing it is given makes it raise."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from trust.chains import HOST, UNKNOWN, authority, changed, distinguished, leaf, openssl, ours, raw

from helpers.trust import pki
from helpers.trust.report import FAILED, NOT_ASKED, NOT_REACHED, PASSED, REASONS, SIGNS
from helpers.trust.verify import verify_chain

FORMS = {
    "objects": lambda one: one,
    "PEM": lambda one: one.public_bytes(Encoding.PEM),
    "DER": lambda one: one.public_bytes(Encoding.DER),
    "PEM after a comment": lambda one: b"subject=something\n\n" + one.public_bytes(Encoding.PEM),
    "bytearrays": lambda one: bytearray(one.public_bytes(Encoding.DER)),
}


def states(report):
    return {check.name: check.state for check in report.checks}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_certificates_and_lists_may_come_as_objects_and_as_bytes(root, form):
    bank = leaf(root.issue_intermediate("Between"))
    issuer = form(bank.intermediates[0])
    report = verify_chain(form(bank.certificate), [issuer], [form(root.certificate)], name=HOST)
    assert report.ok
    assert report.path == (bank.certificate, *bank.intermediates, root.certificate)
    direct = leaf(root)
    listed = verify_chain(
        form(direct.certificate), [], [form(root.certificate)], name=HOST, crls=[form(root.crl(direct))]
    )
    assert listed.failed == ("revoked",)


def test_iterators_are_as_good_as_lists(root):
    bank = leaf(root.issue_intermediate("Between"))
    roots = iter([pki.new_root("Other").certificate, root.certificate])
    assert verify_chain(bank.certificate, iter(bank.intermediates), roots, name=HOST, crls=iter(())).ok


def test_a_time_without_a_zone_is_an_error(root):
    with pytest.raises(ValueError, match=r"needs a time zone"):
        ours(leaf(root), root, at=datetime(2026, 1, 1))


@pytest.mark.parametrize("purpose", ["Server", "", "email"])
def test_an_unknown_purpose_is_an_error(root, purpose):
    with pytest.raises(ValueError, match=f"not '{purpose}'"):
        ours(leaf(root), root, purpose=purpose)


def test_the_name_must_be_said_aloud(root):
    with pytest.raises(TypeError, match="name"):
        verify_chain(leaf(root).certificate, [], [root.certificate])


def test_without_roots_nothing_is_trusted(root):
    bank = leaf(root)
    assert verify_chain(bank.certificate, [root.certificate], [], name=HOST).failed == ("untrusted_issuer",)


def test_the_order_of_the_intermediates_does_not_matter_nor_do_copies(root):
    one = authority(root, "One")
    two = authority(one, "Two")
    bank = leaf(authority(two, "Three"))
    given = (*bank.intermediates, root.certificate, bank.certificate)
    for order in itertools.permutations(given):
        report = verify_chain(bank.certificate, (*order, *order), [root.certificate] * 2, name=HOST)
        assert report.path == (bank.certificate, *bank.intermediates, root.certificate)
        assert report.ok


def test_a_good_chain_passes_each_check_and_says_what_was_not_asked(root):
    report = ours(leaf(root), root)
    assert report
    assert report.failed == ()
    assert {name for name, state in states(report).items() if state != PASSED} == {"Revocation"}
    assert states(report)["Revocation"] == NOT_ASKED
    assert len(report.checks) >= 10
    assert all(check.detail and check.source for check in report.checks)


def test_nobody_asked_for_a_name_or_a_purpose(root):
    report = ours(root.issue_client("alice@bank.example"), root, name=None, purpose=None)
    assert report.ok
    assert [name for name, state in states(report).items() if state == NOT_ASKED] == ["Purpose", "Name", "Revocation"]


def test_what_cannot_be_read_is_judged_no_further():
    report = verify_chain(b"0\x82garbage", [], [], name=HOST)
    assert report.failed == ("malformed",)
    assert not report.ok
    assert {state for name, state in states(report).items() if name != "Readable"} == {NOT_REACHED, NOT_ASKED}
    assert report.checks[1].detail == "“Readable” comes first."


def test_without_a_chain_what_needs_one_is_not_reached_and_the_rest_is_judged(root):
    bank = leaf(root, not_before=datetime.now(UTC) - timedelta(days=60))
    report = verify_chain(bank.certificate, [], [], name="shop.example")
    assert report.failed == ("untrusted_issuer", "expired", "hostname_mismatch")
    not_reached = [name for name, state in states(report).items() if state == NOT_REACHED]
    assert not_reached == ["Signatures", "CA or not", "Name constraints"]


def test_a_pinned_leaf_needs_nobody_to_vouch_for_it():
    alone = pki.new_self_signed_server(HOST)
    assert ours(alone, alone).ok
    assert openssl(alone, alone, "-partial_chain") == ""
    issued = leaf(pki.new_root("Unknown here"))
    assert ours(issued, issued).ok
    assert openssl(issued, issued, "-partial_chain") == ""
    assert ours(issued, issued, name="shop.example").failed == ("hostname_mismatch",)
    assert ours(issued, issued, at=datetime.now(UTC) + timedelta(days=99)).failed == ("expired",)


def test_a_pinned_leaf_is_not_looked_up_when_its_issuer_is_not_here():
    issuer = pki.new_root("Issuer")
    pinned = leaf(issuer)
    crls = [issuer.crl(pinned)]
    assert "unable to get certificate CRL" in openssl(pinned, pinned, "-partial_chain", crls=crls)
    assert ours(pinned, pinned, crls=crls).failed == ("crl_problem",)


def test_an_intermediate_can_be_trusted_like_a_root(root):
    between = root.issue_intermediate("Between")
    bank = leaf(between)
    assert ours(bank, between).ok
    assert ours(bank, between).path == (bank.certificate, between.certificate)
    assert openssl(bank, between, "-partial_chain") == ""


def test_fractions_of_a_second_do_not_count(root):
    bank = leaf(root)
    begins, ends = bank.certificate.not_valid_before_utc, bank.certificate.not_valid_after_utc
    almost, second = timedelta(seconds=0.999), timedelta(seconds=1)
    assert ours(bank, root, at=ends + almost).ok
    assert ours(bank, root, at=ends + second).failed == ("expired",)
    assert "expired" in openssl(bank, root, "-attime", str(int((ends + second).timestamp())))
    root_begins = root.certificate.not_valid_before_utc
    assert ours(bank, root, at=max(begins, root_begins)).ok
    assert "not_yet_valid" in ours(bank, root, at=begins - second).failed


def test_a_time_counts_in_whatever_zone_it_is_given(root):
    bank = leaf(root)
    last = bank.certificate.not_valid_after_utc.astimezone(timezone(timedelta(hours=-11)))
    assert ours(bank, root, at=last).ok
    assert ours(bank, root, at=last + timedelta(seconds=1)).failed == ("expired",)


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_times_too(root, at):
    assert not ours(leaf(root), root, at=at).ok


HOSTILE = "<script>alert(1)</script>\n✔ Accepted\u202e"


def test_hostile_names_are_shown_as_plain_text(root):
    names = [x509.DNSName("<img src=x>.example"), x509.RFC822Name("a\nb@example")]
    between = changed(authority(root), root, subject=distinguished(CN=HOSTILE).public_bytes())
    bank = leaf(pki.Credential(between.certificate, between.key), name=HOSTILE, alternative_names=names)
    report = verify_chain(bank.certificate, [], [], name=HOSTILE)
    shown, page = str(report), report._repr_html_()
    assert "script>alert" in shown
    assert "<script" not in page
    assert "<img" not in page
    for text in (shown, page):
        assert "\u202e" not in text
        assert "\n✔ Accepted" not in text
    assert len(shown.splitlines()) == 4 + len(report.checks)


def test_states_differ_by_word_and_sign(root):
    assert len({*SIGNS.values()}) == 4
    report = verify_chain(leaf(root).certificate, [], [], name="shop.example")
    for state in (PASSED, FAILED, NOT_REACHED, NOT_ASKED):
        assert f"{SIGNS[state]} {state}" in str(report)
        assert f"{SIGNS[state]} {state}" in report._repr_html_()


GARBAGE = [None, b"", b"0", b"0\x80", b"-----BEGIN CERTIFICATE-----", "text", object(), 7, [b""]]


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_garbage_in_any_place_is_reported_and_never_accepted_for_it(root, garbage):
    bank = leaf(root.issue_intermediate("Between"))
    asked = {"name": HOST}
    assert verify_chain(garbage, bank.intermediates, [root.certificate], **asked).failed == ("malformed",)
    assert verify_chain(bank.certificate, [garbage, *bank.intermediates], [root.certificate], **asked).ok
    assert verify_chain(bank.certificate, bank.intermediates, [garbage, root.certificate], **asked).ok
    assert verify_chain(bank.certificate, [garbage], [root.certificate], **asked).failed == ("untrusted_issuer",)
    assert verify_chain(bank.certificate, bank.intermediates, [garbage], **asked).failed == ("untrusted_issuer",)


def test_a_certificate_inside_a_certificate_is_not_taken_for_it(root):
    hidden = b"\n" + leaf(root).certificate.public_bytes(Encoding.PEM)
    evil = pki.new_self_signed(
        "evil.example", alternative_names=[x509.DNSName("evil.example")], more=(raw(UNKNOWN, hidden),)
    )
    for form in (lambda one: one, FORMS["DER"], FORMS["PEM"]):
        report = verify_chain(form(evil.certificate), [], [root.certificate], name=HOST)
        assert report.failed == ("untrusted_issuer", "hostname_mismatch")


def test_a_list_inside_a_list_is_not_taken_for_it(root):
    taken_back = leaf(root)
    outer = x509.CertificateRevocationListBuilder().issuer_name(root.certificate.subject)
    outer = outer.last_update(datetime.now(UTC) - timedelta(days=9)).next_update(datetime.now(UTC) - timedelta(days=8))
    outer = outer.add_extension(raw(UNKNOWN, root.crl().public_bytes(Encoding.PEM))[0], critical=False)
    outer = outer.sign(root.key, root.certificate.signature_hash_algorithm)
    assert ours(taken_back, root, crls=[outer.public_bytes(Encoding.DER)]).failed == ("crl_problem",)


def test_each_reason_given_is_one_of_the_known_ones(root):
    report = verify_chain(leaf(root).certificate, [], [], name="shop.example")
    assert set(report.failed) <= set(REASONS)


@pytest.mark.parametrize("argument", ["intermediates", "roots", "crls"])
def test_a_single_one_where_several_belong_is_an_error(argument, root):
    bank = root.issue_server("bank.example")
    given = {"intermediates": (), "roots": [root.certificate], "crls": ()}
    singles = [root.certificate, root.certificate.public_bytes(Encoding.PEM), root.crl()]
    for single in singles:
        with pytest.raises(ValueError, match=r"are lists, also of one: \[root\]"):
            verify_chain(
                bank.certificate,
                name="bank.example",
                **{**given, argument: single},
            )


@pytest.mark.parametrize("name", [5, b"bank.example", ("bank.example",)])
def test_a_name_that_is_no_text_is_an_error(name, root):
    with pytest.raises(ValueError, match="the name is a text or None"):
        verify_chain(root.certificate, [], [root.certificate], name=name)


def test_the_report_says_how_many_of_those_given_cannot_be_read(root):
    ca = root.issue_intermediate("CA")
    bank = ca.issue_server("bank.example")
    pem = b"".join(one.certificate.public_bytes(Encoding.PEM) for one in (ca, root))
    report = verify_chain(bank.certificate, [pem], [root.certificate], name="bank.example")
    assert report.failed == ("untrusted_issuer",)
    assert "(1 of those given cannot be read.)" in str(report)


def test_what_is_not_limited_is_called_so(root):
    bare = leaf(root)
    assert "Its use is not limited: it has no extended key usage." in str(ours(bare, root))
    assert "It is good for a server (extended key usage)." in str(ours(root.issue_server(HOST), root))


def test_without_a_trusted_root_only_the_leaf_is_looked_at(root):
    stranger = pki.new_root("Stranger").issue_intermediate("Between").issue_server(HOST)
    assert "Only its own were looked at. It has 29 days left." in str(ours(stranger, root))


def test_reasons_in_words(root):
    client = leaf(root, usages=[ExtendedKeyUsageOID.CLIENT_AUTH], alternative_names=None)
    assert ours(client, root).failed == ("eku", "no_san")
    assert ours(client, root).reasons == "wrong purpose (EKU), no SAN"
