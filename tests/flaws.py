"""What can be wrong with a server's certificate: how it is made, what a client says of it, and the alert that it sends."""

from datetime import UTC, datetime, timedelta

from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers.trust import pki

NAME = "bank.example"
DAY = timedelta(days=1)


def long_ago():
    return {"not_before": datetime.now(UTC) - 60 * DAY, "lifetime": 30 * DAY}


def not_yet():
    return {"not_before": datetime.now(UTC) + 30 * DAY}


def without_chain(credential):
    return pki.Credential(credential.certificate, credential.key)


def issued_by_a_leaf(root):
    leaf = root.issue_server("leaf.example")
    below = leaf.issue_server(NAME)
    return pki.Credential(below.certificate, below.key, (leaf.certificate,))


# Each is made with the help of the root that the client trusts. The client asks for NAME.
SERVERS = {
    "expired": (lambda r: r.issue_server(NAME, **long_ago()), "certificate has expired", "certificate_expired"),
    "not yet valid": (lambda r: r.issue_server(NAME, **not_yet()), "certificate is not yet valid", "bad_certificate"),
    "self-signed": (lambda r: pki.new_self_signed_server(NAME), "self-signed certificate", "unknown_ca"),
    "untrusted CA": (
        lambda r: pki.new_root("Other Root CA").issue_server(NAME),
        "unable to get local issuer certificate",
        "unknown_ca",
    ),
    "missing intermediate": (
        lambda r: without_chain(r.issue_intermediate("Between").issue_server(NAME)),
        "unable to get local issuer certificate",
        "unknown_ca",
    ),
    "wrong host": (
        lambda r: r.issue_server("shop.example"),
        "Hostname mismatch, certificate is not valid for 'bank.example'",
        "bad_certificate",
    ),
    "wrong usage": (
        lambda r: r.issue_server(NAME, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
        "unsuitable certificate purpose",
        "unsupported_certificate",
    ),
    "issued by a leaf": (issued_by_a_leaf, "invalid CA certificate", "unknown_ca"),
}
