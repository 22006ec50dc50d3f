"""Certificates: complete, verified by another implementation, and with just the flaw that was asked for."""

import ipaddress
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers.protocols import tls
from helpers.trust import pki


def verifier(root):
    store = verification.Store([root.certificate])
    return verification.PolicyBuilder().store(store)


def test_cryptography_verifies_a_server_behind_an_intermediate(root):
    server = root.issue_intermediate("Lab Intermediate CA").issue_server("bank.example", "www.bank.example")
    policy = verifier(root).build_server_verifier(x509.DNSName("www.bank.example"))
    chain = policy.verify(server.certificate, list(server.intermediates))
    assert [pki.common_name(c) for c in chain] == ["bank.example", "Lab Intermediate CA", "Lab Root CA"]


def test_cryptography_verifies_a_client(root):
    client = root.issue_client("alice@bank.example")
    verified = verifier(root).build_client_verifier().verify(client.certificate, [])
    assert [name.value for name in verified.subjects] == ["alice@bank.example"]
    assert pki.common_name(client.certificate) == "alice"


def test_openssl_verifies_the_chain_strictly(root, tmp_path):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("there is no openssl on this machine")
    between = root.issue_intermediate("Lab Intermediate CA")
    leaf = between.issue_server("bank.example")
    for name, certificate in (("root", root), ("between", between), ("leaf", leaf)):
        (tmp_path / name).write_bytes(certificate.certificate.public_bytes(Encoding.PEM))
    options = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", "bank.example"]
    command = [openssl, "verify", *options, "-CAfile", "root", "-untrusted", "between", "leaf"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout.strip() == "leaf: OK", said.stderr


def test_every_certificate_is_p256_and_carries_what_strict_verifiers_ask_for(root):
    intermediate = root.issue_intermediate("Lab Intermediate CA")
    leaves = [root.issue_server("bank.example"), intermediate.issue_client("alice@bank.example")]
    for credential in (root, intermediate, *leaves):
        assert isinstance(credential.certificate.public_key().curve, ec.SECP256R1)
        extensions = credential.certificate.extensions
        for kind in (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier, x509.KeyUsage, x509.BasicConstraints):
            assert extensions.get_extension_for_class(kind)
        if credential is not root:  # the Baseline Requirements forbid it there
            assert extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    for leaf in leaves:
        assert leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_an_intermediate_may_have_the_name_of_its_root(root):
    leaf = root.issue_intermediate("Lab Root CA").issue_server("bank.example")
    assert len(leaf.intermediates) == 1
    assert (
        verifier(root)
        .build_server_verifier(x509.DNSName("bank.example"))
        .verify(leaf.certificate, list(leaf.intermediates))
    )


def test_an_intermediate_may_issue_no_further_ca(root):
    leaf = root.issue_intermediate("One").issue_intermediate("Two").issue_server("bank.example")
    policy = verifier(root).build_server_verifier(x509.DNSName("bank.example"))
    with pytest.raises(verification.VerificationError):
        policy.verify(leaf.certificate, list(leaf.intermediates))


def test_a_leaf_lives_no_longer_than_a_public_one_may(root):
    leaf = root.issue_server("bank.example").certificate
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=200)


def test_a_long_name_stands_whole_where_it_counts(root):
    name = f"{'a' * 60}.{'b' * 60}.example"
    leaf = root.issue_server(name).certificate
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]


def test_a_numeric_name_becomes_an_ip_address(root):
    server = root.issue_server("127.0.0.1", "localhost")
    names = server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


def test_flaws_on_request(root):
    begin = datetime.now(UTC) - timedelta(days=60)
    old = root.issue_server("bank.example", not_before=begin, lifetime=timedelta(days=30)).certificate
    assert old.not_valid_after_utc < datetime.now(UTC)
    usage = root.issue_server("bank.example", usage=ExtendedKeyUsageOID.CLIENT_AUTH).certificate
    assert list(usage.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    bare = root.issue_server("bank.example", authority_key_identifier=False).certificate
    with pytest.raises(x509.ExtensionNotFound):
        bare.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    lone = pki.new_self_signed_server("bank.example").certificate
    assert lone.issuer == lone.subject


def test_a_server_without_a_name_is_refused(root):
    with pytest.raises(ValueError, match="at least one name"):
        root.issue_server()


def test_a_crl_lists_what_it_takes_back_and_is_signed(root):
    kept, revoked = root.issue_server("kept.example"), root.issue_server("revoked.example")
    crl = root.crl(revoked)
    assert crl.is_signature_valid(root.key.public_key())
    assert crl.get_revoked_certificate_by_serial_number(revoked.certificate.serial_number)
    assert crl.get_revoked_certificate_by_serial_number(kept.certificate.serial_number) is None


def test_no_private_key_in_a_repr(root):
    assert "key=" not in repr(root)
    assert "PrivateKey" not in repr(root)


def test_a_copied_certificate_is_loaded_with_a_key_that_does_not_belong_to_it(root):
    bank = root.issue_server("bank.example")
    thief = pki.copied(bank.certificate)
    assert thief.certificate == bank.certificate
    assert thief.key.public_key() != bank.key.public_key()
    server = tls.Server("mallory", thief)  # OpenSSL loads the pair
    run = tls.handshake(tls.Client("alice", root.certificate), server, "bank.example")
    assert run.messages[run.failure.at].name == "CertificateVerify"
    assert "BAD_SIGNATURE" in run.failure.reason


def test_only_keys_of_the_labs_kind_can_be_copied(root):
    key = rsa.generate_private_key(65537, 2048)
    with pytest.raises(ValueError, match="P-256"):
        pki.copied(root.issue("bank.example", key=key).certificate)


def test_a_key_as_pem_is_encrypted_where_a_password_is_given(root):
    bank = root.issue_server("bank.example")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in bank.key_pem(b"secret")
    assert b"BEGIN PRIVATE KEY" in bank.key_pem()
    assert x509.load_pem_x509_certificates(bank.chain_pem()) == [bank.certificate]
