"""What stands in a certificate, and the picture of a chain, as far as it leads."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from helpers.trust import pki, zoo
from helpers.trust.anatomy import describe, picture

SERVERS = zoo.servers()


def fields(certificate):
    return {row[0]: row[1] for row in describe(certificate).rows}


def test_the_fields_of_a_leaf():
    found = fields(SERVERS["good"].credential.certificate)
    assert found["Subject"] == "CN=bank.example"
    assert found["Subject alternative name"] == "bank.example"
    assert found["Issuer"] == "CN=Zoo Intermediate CA"
    assert found["Validity"] == "30 days"
    assert found["Public key"] == "elliptic curve secp256r1"
    assert found["Basic constraints"] == "no CA"
    assert found["Key usage"] == "digital signature"
    assert found["Extended key usage"] == "server"
    assert found["Signature"] == "ecdsa-with-SHA256"


def test_the_fields_of_a_ca(root):
    found = fields(root.issue_intermediate("One").certificate)
    assert found["Basic constraints"] == "a CA, with at most 0 CAs below it"
    assert found["Key usage"] == "key cert sign, crl sign"
    found = fields(root.certificate)
    assert found["Basic constraints"] == "a CA"
    assert found["Extended key usage"] == "not limited"
    assert found["Subject alternative name"] == "none"


def test_other_keys_and_names(root):
    weak = root.issue(
        "a", key=rsa.generate_private_key(65537, 1024), alternative_names=[x509.RFC822Name("a@b.example")]
    )
    assert fields(weak.certificate)["Public key"] == "RSA, 1024 bits"
    assert fields(weak.certificate)["Subject alternative name"] == "e-mail address a@b.example"
    other = root.issue("b", key=ed25519.Ed25519PrivateKey.generate(), key_usage=pki.key_may())
    assert fields(other.certificate)["Public key"] == "Ed25519"
    assert fields(other.certificate)["Key usage"] == "nothing of these"


def test_an_unreadable_certificate_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="These bytes are no certificate"):
        describe(b"hello")


PICTURES = {
    "good": ["Zoo Root CA: a CA, in the trust store", "↓ signed", "Zoo Intermediate CA: a CA", "↓ signed",
             "bank.example: a certificate for bank.example"],
    "missing intermediate": ["Zoo Intermediate CA: is not here: neither sent along nor trusted", "↓ should have signed", "bank.example: a certificate for bank.example"],
    "self-signed": ["bank.example: names itself as its issuer, and is not trusted here"],
    "namesake of the root": ["Zoo Root CA: is here, but its key did not sign", "↓ should have signed",
                             "bank.example: a certificate for bank.example"],
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_goes_as_far_as_the_chain_leads(name):
    lines = [line.strip() for line in str(picture(SERVERS[name].verify())).splitlines()]
    assert lines == ["Who vouches for whom", *PICTURES[name]]


def test_a_leaf_that_cannot_be_read_has_no_picture_and_raises_nothing():
    assert str(picture(SERVERS["garbage inside"].verify())) == "Who vouches for whom"


def test_the_picture_shows_the_gap_to_what_is_trusted():
    specimen = SERVERS["missing intermediate"]
    lines = [line.strip() for line in str(picture(specimen.verify(), [specimen.root])).splitlines()]
    assert lines[1:3] == ["Zoo Root CA: in the trust store", "↓ ✘ nothing leads from here to the next"]
    good = SERVERS["good"]
    assert str(picture(good.verify(), [good.root])) == str(picture(good.verify()))


def test_a_chain_that_is_too_long_was_not_looked_at_further():
    assert "Zoo CA 1: not looked at: the chain is too long" in str(picture(SERVERS["long chain"].verify()))
