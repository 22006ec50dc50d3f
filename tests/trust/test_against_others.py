"""Random chains with random flaws, judged by us, by `openssl verify` and by the verifier of `cryptography`.

60 of them in plain pytest, 1,000 with --long.
"""

import ipaddress
import random
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from trust.chains import HOST, UNKNOWN, authority, library, openssl_server, ours, raw

from helpers.trust import pki

D = x509.DNSName
SERVER, CLIENT, ANY = (
    ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
)  # fmt: skip
DAY = timedelta(days=1)
ADDRESS = x509.IPAddress(ipaddress.ip_address("192.0.2.1"))


def dates(begin, days):
    return {"not_before": datetime.now(UTC) + begin * DAY, "lifetime": days * DAY}


def only(permitted=None, excluded=None):
    return {"more": ((x509.NameConstraints(permitted, excluded), True),)}


# What can be drawn for a leaf and for a CA. The first of each line is good.
LEAF = [
    {"usual dates": {}, "expired": dates(-40, 30), "not yet valid": dates(2, 30)},
    {"usual usages": {"usages": [SERVER]}, "no usages": {}, "client": {"usages": [CLIENT]}, "any usage": {"usages": [ANY]},
     "both": {"usages": [CLIENT, SERVER]}},
    {"its name": {"alternative_names": [D(HOST)]}, "wildcard": {"alternative_names": [D("*.bank.example")]},
     "more names": {"alternative_names": [D("shop.example"), D(HOST), ADDRESS]},
     "another name": {"alternative_names": [D("shop.example")]}, "no name": {}},
    {"usual key usage": {}, "key agreement": {"key_usage": pki.key_may("key_agreement")},
     "commitment": {"key_usage": pki.key_may("content_commitment")},
     "leaf may sign": {"key_usage": pki.key_may("digital_signature", "key_cert_sign")}},
    {"no CA": {}, "leaf is CA": {"ca": True, "key_usage": pki.key_may("digital_signature", "key_cert_sign")}},
    {"identifier": {}, "no identifier": {"authority_key_identifier": False}},
    {"no more": {}, "unknown": {"more": (raw(UNKNOWN, b"\5\0"),)}, "critical": {"more": (raw(UNKNOWN, b"\5\0", True),)}},
]  # fmt: skip
BETWEEN = [
    {"usual dates": {}, "expired": dates(-40, 30), "not yet valid": dates(2, 30)},
    {"no usages": {}, "server": {"usages": [SERVER]}, "client": {"usages": [CLIENT]}, "any usage": {"usages": [ANY]}},
    {"no limit": {}, "limit 0": {"path_length": 0}, "limit 1": {"path_length": 1}},
    {"CA": {"ca": True}, "no CA": {"ca": False, "path_length": None, "key_usage": pki.key_may("key_cert_sign")}},
    {"usual key usage": {}, "lists only": {"key_usage": pki.key_may("crl_sign")}},
    {"no constraints": {}, "its names": only([D("example")]), "others": only([D("shop.example")]),
     "not these": only(None, [D(HOST)]), "not others": only(None, [D("secret.example")]),
     "critical": {"more": (raw(UNKNOWN, b"\5\0", True),)}},
]  # fmt: skip

# Where the others decide otherwise, and why.
OPENSSL_ALLOWS = {
    "leaf: no name": "without a subject alternative name, it takes the common name",
    "leaf: leaf is CA": "RFC 5280 lets a CA be the last of a path. The Baseline Requirements do not (7.1.2.7.8)",
}
OPENSSL_REFUSES = {"CA: any usage": "it takes anyExtendedKeyUsage for no purpose of TLS. RFC 5280, 4.2.1.12, does"}
LIBRARY_ALLOWS = {"leaf: commitment": "it does not look whether the key of a leaf may sign a handshake"}


def drawn(menu, rng, whose):
    """Mostly good choices, with at most two that are not."""
    picked = [next(iter(options)) for options in menu]
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        line = rng.randrange(len(menu))
        picked[line] = rng.choice(list(menu[line]))
    content = {}
    for options, label in zip(menu, picked, strict=True):
        content |= options[label]
    return content, {f"{whose}: {label}" for label in picked}


def chain(root, rng):
    issuer, labels = root, set()
    for number in range(rng.randrange(4)):
        content, said = drawn(BETWEEN, rng, "CA")
        issuer = authority(issuer, f"CA {number}", **content)
        labels |= said
    content, said = drawn(LEAF, rng, "leaf")
    return issuer.issue(HOST, **content), labels | said


def test_what_we_accept_the_others_accept_and_the_reverse(root, request):
    rng = random.Random(5280)
    accepted = refused = 0
    for _ in range(1000 if request.config.getoption("--long") else 60):
        bank, labels = chain(root, rng)
        report = ours(bank, root)
        judges = openssl_server(bank, root, HOST, "-x509_strict"), library(bank, root)
        told = sorted(labels), report.failed, judges
        if report.ok:
            accepted += 1
            assert judges[0] == "" or labels & OPENSSL_REFUSES.keys(), told
            assert judges[1] == "", told
        else:
            refused += 1
            assert judges[0] or labels & OPENSSL_ALLOWS.keys(), told
            assert judges[1] or labels & LIBRARY_ALLOWS.keys(), told
    assert min(accepted, refused) > 10
