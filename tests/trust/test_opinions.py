"""Two other verifiers are asked about the same chain, and it is said what they were not asked."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from helpers.trust import zoo
from helpers.trust.opinions import second_opinions

SERVERS = zoo.servers()


def opinions(name, /, **more):
    specimen = SERVERS[name]
    asked = {"name": specimen.wanted, "purpose": specimen.purpose, "crls": specimen.crls, **more}
    shown = specimen.credential
    return second_opinions(shown.certificate, shown.intermediates, [specimen.root], **asked)


def test_all_agree_on_a_good_chain():
    assert all(opinion.ok for opinion in opinions("good"))


# cryptography, OpenSSL (date and chain only): what each of them says of a flaw.
SAID = {
    "expired": ("not valid at validation time", "certificate has expired"),
    "missing intermediate": ("candidates exhausted", "unable to get local issuer certificate"),
    "changed": ("signature does not match", "certificate signature failure"),
    "wrong host": ("no matching subjectAltName", ""),
    "common name only": ("no subjectAltName", ""),
    "revoked": ("", "certificate revoked"),
    "wrong usage": ("required EKU not found", ""),
    "garbage inside": ("ASN.1 parsing error", ""),
    "CA as leaf": ("must not be asserted", ""),
}


@pytest.mark.parametrize("name", SAID)
def test_what_they_say_of_a_flaw(name):
    for opinion, text in zip(opinions(name), SAID[name], strict=True):
        assert opinion.ok is not bool(text)
        assert text in opinion.text


def test_what_they_were_not_asked():
    theirs, openssl = opinions("good")
    assert theirs.not_asked == "revocation"
    assert openssl.not_asked == "name, purpose, revocation"
    theirs, openssl = opinions("good", name=None, purpose="client", crls=SERVERS["revoked"].crls)
    assert theirs.not_asked == "revocation"
    assert openssl.not_asked == "name, purpose"
    theirs, _ = opinions("good", name="alice@bank.example", purpose=None)
    assert theirs.not_asked == "name, purpose: it took the chain for a client's, revocation"


def test_they_can_be_asked_about_another_time():
    later = datetime.now(UTC) + timedelta(days=60)
    assert [opinion.ok for opinion in opinions("good", at=later)] == [False, False]


def test_an_unreadable_certificate_is_not_accepted_and_does_not_raise():
    for bad in (b"", b"\x30\x03abc"):
        for opinion in second_opinions(bad, [bad], [bad], name="bank.example"):
            assert not opinion.ok
            assert opinion.text
    assert not opinions("good", name="no name at all")[0].ok


def test_the_table_names_verifiers_and_versions():
    text = str(opinions("revoked"))
    assert "cryptography" in text
    assert "✘ certificate revoked" in text
    assert "✔ accepted" in text
    assert "OpenSSL" in text
    assert "<table>" in opinions("good")._repr_html_()


@pytest.mark.parametrize("name", SERVERS)
def test_whatever_ours_accepts_they_accept(name):
    if SERVERS[name].verify():
        assert all(opinion.ok for opinion in opinions(name))


def test_lists_can_be_bytes_and_an_unreadable_one_is_none():
    revoked = SERVERS["revoked"]
    (crl,) = revoked.crls
    for given in (crl.public_bytes(Encoding.PEM), crl.public_bytes(Encoding.DER)):
        assert opinions("revoked", crls=[given])[1].text == "certificate revoked"
    assert opinions("revoked", crls=[b"nonsense"])[1].text == "unable to get certificate CRL"
