"""Each specimen of the zoo fails its own check and no other, and real verifiers see the flaws that they look for."""

import ssl

import pytest

from helpers.protocols import tls
from helpers.trust import pki, zoo
from helpers.trust.report import FAILED, REASONS

SPECIMENS = [*zoo.servers().values(), *zoo.clients().values()]
# What Python's `ssl` (OpenSSL, with its default settings) says in a real handshake. "" means that it accepts.
IN_A_HANDSHAKE = {
    "good": "",
    "expired": "certificate has expired",
    "not yet valid": "certificate is not yet valid",
    "expired CA": "certificate has expired",
    "self-signed": "self-signed certificate",
    "untrusted root": "unable to get local issuer certificate",
    "missing intermediate": "unable to get local issuer certificate",
    "namesake of the root": "unable to get local issuer certificate",
    "changed": "certificate signature failure",
    "long chain": "",
    "issued by a leaf": "invalid CA certificate",
    "path length": "path length constraint exceeded",
    "CA as leaf": "",
    "CA that may not sign": "invalid CA certificate",
    "name constraint": "permitted subtree violation",
    "wrong usage": "unsuitable certificate purpose",
    "CA for others": "unsuitable certificate purpose",
    "wrong key usage": "unsuitable certificate purpose",
    "unknown critical extension": "unhandled critical extension",
    "weak key": "EE certificate key too weak",
    "weak signature": "CA signature digest algorithm too weak",
    "no authority key identifier": "",
    "garbage inside": "",
    "revoked": "certificate revoked",
    "stale list": "CRL has expired",
    "list of another CA": "unable to get certificate CRL",
    "wrong host": "Hostname mismatch",
    "common name only": "",
    "wrong address": "IP address mismatch",
    "wildcard too deep": "Hostname mismatch",
    "wildcard on the public part": "Hostname mismatch",
}


def named(specimen):
    return f"{specimen.purpose}, {specimen.name}"


@pytest.mark.parametrize("specimen", SPECIMENS, ids=named)
def test_a_specimen_fails_its_own_check_and_no_other(specimen):
    report = specimen.verify()
    assert report.failed == ((specimen.reason,) if specimen.reason else ())
    assert sum(check.state == FAILED for check in report.checks) == (1 if specimen.reason else 0)
    assert report.ok is bool(report) is (specimen.reason is None)


def test_the_zoo_is_large_and_shows_every_reason():
    for purpose in ("server", "client"):
        flawed = [specimen for specimen in SPECIMENS if specimen.purpose == purpose and specimen.reason]
        assert len(flawed) >= 20
        assert len({specimen.name for specimen in flawed}) == len(flawed)
    assert {specimen.reason for specimen in SPECIMENS} == {*REASONS, None}


# A client of Python's does not begin with a key or a signature that is so weak; which ones, is OpenSSL's own decision.
SHOWN = [one for one in SPECIMENS if one.purpose == "server" or not one.name.startswith("weak")]


@pytest.mark.parametrize("specimen", SHOWN, ids=named)
def test_a_real_handshake_says_what_openssl_makes_of_it(specimen):
    expected = IN_A_HANDSHAKE[specimen.name]
    refused = handshake(specimen).failure
    assert bool(refused) is bool(expected)
    assert expected in (refused.reason if refused else "")


def handshake(specimen):
    if specimen.purpose == "server":
        client = tls.Client("alice", trust=specimen.root)
        if specimen.crls:
            client.check_revocation(*specimen.crls)
        return tls.handshake(client, tls.Server("bank.example", specimen.credential), name=specimen.wanted)
    root = pki.new_root("Lab Root CA")
    server = tls.Server("bank.example", root.issue_server("bank.example"), trust=specimen.root)
    if specimen.crls:
        server.check_revocation(*specimen.crls)
    client = tls.Client("alice", trust=root.certificate, credential=specimen.credential)
    return tls.handshake(client, server, name="bank.example")


def test_without_a_list_nobody_notices_a_revoked_certificate():
    revoked = zoo.servers()["revoked"]
    client = tls.Client("alice", trust=revoked.root)
    server = tls.Server("bank.example", revoked.credential)
    assert tls.handshake(client, server, name=revoked.wanted).failure is None


def test_a_common_name_counts_for_python_unless_it_is_told_otherwise():
    specimen = zoo.servers()["common name only"]
    client, server = tls.Client("alice", trust=specimen.root), tls.Server("bank.example", specimen.credential)
    assert tls.handshake(client, server, name=specimen.wanted).failure is None
    client.context.hostname_checks_common_name = False
    assert "Hostname mismatch" in tls.handshake(client, server, name=specimen.wanted).failure.reason


def test_the_strict_setting_of_newer_pythons_misses_the_authority_key_identifier():
    specimen = zoo.servers()["no authority key identifier"]
    client, server = tls.Client("alice", trust=specimen.root), tls.Server("bank.example", specimen.credential)
    client.context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert "Missing Authority Key Identifier" in tls.handshake(client, server, name=specimen.wanted).failure.reason
