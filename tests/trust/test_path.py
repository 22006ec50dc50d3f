"""Finding the chain: several issuers of one name, old and new ones, cross-signed and misleading ones, in bounded time."""

import time
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from trust.chains import HOST, authority, changed, der, distinguished, leaf, library, openssl, ours, raw, rebuilt

from helpers.trust import path, pki
from helpers.trust.verify import verify_chain


def key():
    return ec.generate_private_key(ec.SECP256R1())


def cross_signed(credential, by):
    """The same name and key, vouched for by another CA."""
    name = pki.common_name(credential.certificate)
    return authority(by, name, key=credential.key).certificate


def given(bank, *intermediates, roots, name=HOST, **asked):
    certificates = [one.certificate if isinstance(one, pki.Credential) else one for one in intermediates]
    return verify_chain(bank.certificate, certificates, [one.certificate for one in roots], name=name, **asked)


def test_a_cross_signed_ca_is_trusted_through_either_root():
    old, new = pki.new_root("Old Root"), pki.new_root("New Root")
    between = authority(new, "Between")
    bank = leaf(between)
    also = cross_signed(between, old)
    for order in ((between, also), (also, between)):
        assert given(bank, *order, roots=[new]).path[-1] == new.certificate
        assert given(bank, *order, roots=[old]).path[-1] == old.certificate
        assert given(bank, *order, roots=[old, new]).ok


def test_a_cross_signed_root_is_a_way_for_who_does_not_trust_it_yet():
    old, new = pki.new_root("Old Root"), pki.new_root("New Root")
    bank = leaf(authority(new, "Between"))
    cross = cross_signed(new, old)
    longer = given(bank, *bank.intermediates, cross, new, roots=[old])
    assert [pki.common_name(one) for one in longer.path] == [HOST, "Between", "New Root", "Old Root"]
    shorter = given(bank, *bank.intermediates, cross, roots=[old, new])
    assert len(shorter.path) == 3


def test_of_an_old_and_a_new_certificate_of_one_key_the_valid_one_counts(root):
    between = authority(root)
    expired = authority(root, key=between.key, not_before=datetime.now(UTC) - 2 * pki.LEAF_LIFETIME,
                        lifetime=pki.LEAF_LIFETIME)  # fmt: skip
    bank = leaf(between)
    for order in ((expired, between), (between, expired)):
        assert given(bank, *order, roots=[root]).ok
    assert given(bank, expired, roots=[root]).failed == ("expired",)


def test_an_expired_root_does_not_hide_its_successor_with_the_same_key(root):
    old = pki.certificate("Lab Root CA", root.key, root.certificate.subject, root.key, ca=True,
                          not_before=datetime.now(UTC) - 2 * pki.LEAF_LIFETIME)  # fmt: skip
    bank = leaf(root)
    for roots in ([old, root.certificate], [root.certificate, old]):
        assert verify_chain(bank.certificate, [], roots, name=HOST).ok


def test_a_namesake_with_another_key_does_not_mislead(root):
    between = authority(root)
    misleading = [authority(pki.new_root("Lab Root CA")), authority(root), pki.new_root("Test CA")]
    bank = leaf(between)
    for position in range(4):
        order = [*misleading[:position], between, *misleading[position:]]
        assert given(bank, *order, roots=[root]).path == (bank.certificate, between.certificate, root.certificate)
    assert given(bank, *misleading, roots=[root]).failed[0] == "bad_signature"


def test_the_wrong_root_of_the_right_name_confirms_nothing(root):
    impostor = pki.new_root("Lab Root CA")
    bank = leaf(root)
    assert given(bank, root, impostor, roots=[impostor]).failed == ("bad_signature",)
    assert given(leaf(impostor), impostor, roots=[root]).failed[0] in ("bad_signature", "untrusted_issuer")
    assert "signature failure" in openssl(bank, impostor) or "unable to get" in openssl(bank, impostor)


def test_key_identifiers_help_to_search_but_decide_nothing(root):
    between = authority(root)
    bank = leaf(between)
    # A wrong identifier on the right CA, and the right identifier on a wrong one.
    digest = x509.SubjectKeyIdentifier.from_public_key(between.key.public_key()).digest
    liar = authority(root)
    identifiers = {between: b"\x04\x14" + bytes(20), liar: b"\x04\x14" + digest}
    wrong, right = (
        changed(one, root, extensions=with_identifier(one.certificate, value)) for one, value in identifiers.items()
    )
    assert given(bank, right, wrong, roots=[root]).path[1] == wrong.certificate
    assert given(bank, right, roots=[root]).failed == ("bad_signature",)


def with_identifier(certificate, value):
    extensions = [
        der(0x30, der(0x06, bytes.fromhex("551d13")), b"\x01\x01\xff", der(0x04, bytes.fromhex("30030101ff"))),
        der(0x30, der(0x06, bytes.fromhex("551d0e")), der(0x04, value)),
    ]
    authority_identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    extensions.append(der(0x30, der(0x06, bytes.fromhex("551d23")), der(0x04, authority_identifier.public_bytes())))
    return der(0xA3, der(0x30, *extensions))


def test_a_cycle_of_cas_ends(root):
    one, two = pki.new_root("One"), pki.new_root("Two")
    circle = [cross_signed(one, two), cross_signed(two, one), one.certificate, two.certificate]
    assert given(leaf(one), *circle, roots=[root]).failed == ("untrusted_issuer",)
    assert given(leaf(one), *circle, cross_signed(two, root), roots=[root]).ok


def test_a_leaf_that_names_itself_as_issuer_ends(root):
    alone = pki.new_self_signed_server(HOST)
    assert given(alone, alone, alone, roots=[root]).failed == ("untrusted_issuer",)
    unsigned = pki.Credential(pki.certificate(HOST, key(), pki.subject(HOST), key()), key())
    assert given(unsigned, roots=[root], name=None).failed[0] in ("bad_signature", "untrusted_issuer")


@pytest.mark.parametrize("count", [path.MAX_INTERMEDIATES, path.MAX_INTERMEDIATES + 1])
def test_a_chain_may_have_eight_intermediates_and_no_more(root, count):
    issuer = root
    for number in range(count):
        issuer = authority(issuer, f"CA {number}")
    bank = leaf(issuer)
    assert openssl(bank, root) == ""
    assert ours(bank, root).failed == (() if count == path.MAX_INTERMEDIATES else ("chain_too_long",))


def test_many_namesakes_end_quickly_and_do_not_hide_the_good_one(root):
    good = authority(root)
    bank = leaf(good)
    stray = key()
    decoys = [pki.certificate("Test CA", stray, root.certificate.subject, stray, ca=True) for _ in range(500)]
    began = time.perf_counter()
    assert given(bank, *decoys, good, roots=[root]).ok
    assert given(bank, *decoys, roots=[root]).failed == ("chain_too_long",)
    assert time.perf_counter() - began < 2


def test_some_decoys_with_the_right_identifier_do_not_hide_the_good_one(root):
    good = authority(root)
    bank = leaf(good)
    digest = b"\x04\x14" + x509.SubjectKeyIdentifier.from_public_key(good.key.public_key()).digest
    template = authority(root)
    extensions = with_identifier(template.certificate, digest)
    decoys = [changed(authority(root), root, extensions=extensions) for _ in range(60)]
    assert given(bank, *decoys, good, roots=[root]).ok


def mesh(root, levels, width):
    """Each CA of a level has several certificates, all with one key: width to the power of levels ways lead up."""
    intermediates, issuer = [], root
    for level in range(levels):
        issuer_key = key()
        copies = [authority(issuer, f"Level {level}", key=issuer_key) for _ in range(width)]
        intermediates += [copy.certificate for copy in copies]
        issuer = copies[0]
    return leaf(issuer), intermediates


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("name", [HOST, "shop.example"])
def test_a_mesh_of_a_million_ways_ends_quickly(root, trusted, name):
    bank, intermediates = mesh(root, levels=6, width=10)
    trusts = root if trusted else pki.new_root("Other")
    began = time.perf_counter()
    report = given(bank, *intermediates, roots=[trusts], name=name)
    assert time.perf_counter() - began < 1
    assert report.ok is (trusted and name == HOST)
    assert bool(report.failed) is not report.ok


def test_of_two_chains_that_fail_the_nearer_one_is_explained(root):
    between = authority(root)
    stranger = authority(pki.new_root("Unknown Root CA"), key=between.key)
    bank = leaf(between, not_before=datetime.now(UTC) - 2 * pki.LEAF_LIFETIME)
    for order in ((between, stranger), (stranger, between)):
        assert given(bank, *order, roots=[root]).failed == ("expired",)


KEYS = {
    "P-256": (key, hashes.SHA256()),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate, None),
    "Ed448": (ed448.Ed448PrivateKey.generate, None),
    "RSA": (lambda: rsa.generate_private_key(65537, 2048), hashes.SHA256()),
    "RSA-PSS": (lambda: rsa.generate_private_key(65537, 2048), hashes.SHA256()),
}


@pytest.mark.parametrize("kind", KEYS)
def test_signatures_of_all_usual_kinds_are_confirmed(root, kind):
    make, digest = KEYS[kind]
    between = authority(root, key=make())
    pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if kind == "RSA-PSS" else None
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(pki.subject(HOST)).issuer_name(between.certificate.subject)
    builder = builder.public_key(key().public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - pki.CLOCK_SKEW).not_valid_after(now + pki.LEAF_LIFETIME)
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(between.key.public_key())
    builder = builder.add_extension(names, critical=False).add_extension(identifier, critical=False)
    signed = builder.sign(between.key, digest, rsa_padding=pss)
    bank = pki.Credential(signed, between.key, (between.certificate,))
    assert ours(bank, root).ok
    assert openssl(bank, root) == ""
    other = pki.Credential(signed, between.key, (authority(root, key=make()).certificate,))
    assert ours(other, root).failed == ("bad_signature",)


def test_a_key_that_is_only_for_pss_confirms_no_other_signature(root):
    # RFC 4055, section 1.2: the identifier id-RSASSA-PSS in a key limits it to that kind of signature.
    key_ = rsa.generate_private_key(65537, 2048)
    between = authority(root, key=key_)
    bank = leaf(between)
    assert ours(bank, root).ok
    public = key_.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    pss_only = der(0x30, der(0x30, bytes.fromhex("06092a864886f70d01010a")), der(0x03, b"\0", public))
    limited = pki.Credential(bank.certificate, bank.key, (changed(between, root, key=pss_only).certificate,))
    assert openssl(limited, root)
    assert library(limited, root)
    assert not ours(limited, root).ok


def test_names_are_compared_without_case_and_double_spaces(root):
    # RFC 5280, section 7.1: implementations "MUST support name comparisons using caseIgnoreMatch."
    bank = leaf(root)
    other = changed(bank, root, issuer=distinguished(CN="LAB  root ca").public_bytes())
    assert openssl(other, root) == ""
    assert ours(other, root).ok


def test_an_unreadable_intermediate_is_passed_over(root):
    bank = leaf(root)
    # A name whose value is a string of bits: the library finds out when it is asked for the subject.
    odd = der(0x30, der(0x31, der(0x30, der(0x06, b"\x55\x04\x03"), der(0x03, b"\0x"))))
    bits = rebuilt(bank.certificate, root.key, subject=odd)
    assert verify_chain(bank.certificate, [bits], [bits, root.certificate], name=HOST).ok
    assert verify_chain(bits, [], [root.certificate], name=HOST).failed == ("malformed",)


def test_the_unused_bits_of_a_signature_are_bits_of_it(root):
    bank = leaf(root)
    while bank.certificate.signature[-1] & 1:
        bank = leaf(root)
    whole = bytearray(bank.certificate.public_bytes(Encoding.DER))
    whole[-len(bank.certificate.signature) - 1] = 1  # says that the last bit does not count
    flipped = pki.Credential(x509.load_der_x509_certificate(bytes(whole)), bank.key)
    assert openssl(flipped, root) != ""
    assert not ours(flipped, root).ok


def test_the_judges_agree_on_a_plain_chain_and_on_a_foreign_one(root):
    bank, foreign = leaf(authority(root)), leaf(authority(pki.new_root("Other")))
    assert (library(bank, root), openssl(bank, root), ours(bank, root).ok) == ("", "", True)
    assert library(foreign, root)
    assert openssl(foreign, root)
    assert not ours(foreign, root).ok


def test_an_intermediate_of_200_kilobytes_costs_little(root):
    padding_ = raw(x509.ObjectIdentifier("1.3.6.1.4.1.32473.9"), bytes(200_000))
    fat = [authority(root, "Fat", key=KEY, more=(padding_,)).certificate for _ in range(30)]
    began = time.perf_counter()
    assert not given(leaf(pki.Credential(fat[0], KEY)), *fat, roots=[pki.new_root("Other")]).ok
    assert time.perf_counter() - began < 1


KEY = key()
