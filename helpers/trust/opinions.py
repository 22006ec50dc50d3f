"""What others say of the same chain: the verifiers of `cryptography` and of OpenSSL.

A verdict matters for security, so ours does not stand alone. Where the others disagree, look at what each of them was
not asked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import cryptography
from cryptography import x509
from cryptography.x509 import verification
from OpenSSL import SSL, crypto

from helpers.display.error import error_text
from helpers.display.table import Table
from helpers.trust import names
from helpers.trust.reading import read
from helpers.trust.revocation import load
from helpers.trust.verify import Given


@dataclass(frozen=True)
class Opinion:
    """`text` is the verifier's own message, or "accepted". `not_asked` says what it was not asked."""

    verifier: str
    version: str
    ok: bool
    text: str
    not_asked: str


class Opinions(tuple):
    """Opinions, shown as a table."""

    def _table(self) -> Table:
        rows = [
            (one.verifier, f"{'✔' if one.ok else '✘'} {one.text}", one.version, one.not_asked or "nothing")
            for one in self
        ]
        return Table("What others say", ("Verifier", "Its answer", "Version", "What it was not asked"), rows)

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def second_opinions(
    leaf: Given,
    intermediates: Iterable[Given],
    roots: Iterable[Given],
    *,
    name: str | None,
    purpose: str | None = "server",
    at: datetime | None = None,
    crls: Iterable[x509.CertificateRevocationList | bytes] = (),
) -> Opinions:
    """Ask `cryptography` and OpenSSL about a chain. The arguments are those of `verify.verify_chain`.

    Nothing that a certificate holds makes this raise: what a verifier cannot read, it does not accept.
    """
    at = at or datetime.now(UTC)
    shown, *others = [read(one).certificate for one in (leaf, *intermediates)]
    others = [certificate for certificate in others if certificate]
    trusted = [certificate for certificate in (read(one).certificate for one in roots) if certificate]
    lists = [load(crl) for crl in crls]
    asks_revocation = "" if lists else ", revocation"
    return Opinions(
        (
            _opinion(
                "cryptography",
                cryptography.__version__,
                _not_asked_of_cryptography(name, purpose),
                lambda: _ask_cryptography(shown, others, trusted, name, purpose, at),
            ),
            _opinion(
                "OpenSSL",
                _openssl_version(),
                f"name, purpose{asks_revocation}",
                lambda: _ask_openssl(shown, others, trusted, at, lists),
            ),
        )
    )


def _opinion(verifier: str, version: str, not_asked: str, ask: Callable[[], None]) -> Opinion:
    try:
        ask()
    except Exception as error:  # it refuses, or it cannot read the certificate: both in its own words
        # Behind the reason, cryptography names the certificate.
        text = error_text(str(error).partition(" (encountered processing")[0])
        return Opinion(verifier, version, False, text or type(error).__name__, not_asked)
    return Opinion(verifier, version, True, "accepted", not_asked)


def _asks_for_a_server(name: str | None, purpose: str | None) -> bool:
    # cryptography's verifier of servers wants a DNS name or an IP address. Its other one is for clients.
    return purpose == "server" and name is not None and "@" not in name


def _not_asked_of_cryptography(name: str | None, purpose: str | None) -> str:
    if _asks_for_a_server(name, purpose):
        return "revocation"
    as_client = [] if purpose == "client" else ["purpose: it took the chain for a client's"]
    return ", ".join([*(["name"] if name else []), *as_client, "revocation"])


def _ask_cryptography(leaf, intermediates, roots, name, purpose, at) -> None:
    policy = verification.PolicyBuilder().store(verification.Store(roots)).time(at)
    if _asks_for_a_server(name, purpose):
        wanted = names.reference(name)
        kind = x509.IPAddress if wanted.kind == "IP address" else x509.DNSName
        policy.build_server_verifier(kind(wanted.value)).verify(leaf, intermediates)
    else:
        policy.build_client_verifier().verify(leaf, intermediates)


def _ask_openssl(leaf, intermediates, roots, at, crls) -> None:
    store = crypto.X509Store()
    for root in roots:
        store.add_cert(crypto.X509.from_cryptography(root))
    store.set_time(at)
    for crl in filter(None, crls):  # one that cannot be read is none
        store.add_crl(crl)
    # A root counts although it did not sign itself, as in verify_chain.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN | (crypto.X509StoreFlags.CRL_CHECK if crls else 0))
    others = [crypto.X509.from_cryptography(one) for one in intermediates]
    crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), others).verify_certificate()


def _openssl_version() -> str:
    # pyOpenSSL uses the OpenSSL that `cryptography` brings along, not the one of Python's `ssl`.
    return SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode().split()[1]
