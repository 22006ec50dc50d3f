"""What others say of the same chain: the verifiers of `cryptography` and of OpenSSL.

A verdict matters for security, so ours does not stand alone. Where the others disagree, look at what each of them was
not asked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import cryptography
from cryptography import x509
from cryptography.x509 import verification
from OpenSSL import SSL, crypto

from helpers.display.error import error_text
from helpers.display.table import Table
from helpers.trust import names
from helpers.trust.reading import Reading, read
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
    readings = [read(one) for one in (leaf, *intermediates)]
    trusted = [reading for reading in map(read, roots) if reading.certificate]
    return Opinions(
        (
            _ask(_cryptography, "cryptography", cryptography.__version__, readings, trusted, name, purpose, at, ()),
            _ask(_openssl, "OpenSSL", _openssl_version(), readings, trusted, name, purpose, at, tuple(map(load, crls))),
        )
    )


def _ask(verifier, called: str, version: str, readings: Sequence[Reading], *question) -> Opinion:
    try:
        refusal, not_asked = verifier(*readings[:1], readings[1:], *question)
    except Exception as error:  # an unreadable certificate, in the library's own words
        return Opinion(called, version, False, error_text(error) or type(error).__name__, "")
    return Opinion(called, version, not refusal, refusal or "accepted", not_asked)


def _cryptography(leaf, intermediates, roots, name, purpose, at, _crls) -> tuple[str, str]:
    store = verification.Store([root.certificate for root in roots])
    policy = verification.PolicyBuilder().store(store).time(at)
    asked_for = names.reference(name) if name else None
    others = [reading.certificate for reading in intermediates if reading.certificate]
    not_asked = ["revocation"]
    try:
        if purpose == "server" and asked_for and asked_for.kind != "e-mail address":
            kind = x509.IPAddress if asked_for.kind == "IP address" else x509.DNSName
            policy.build_server_verifier(kind(asked_for.value)).verify(leaf.certificate, others)
        else:
            # Its server verifier wants a name, and its client verifier gives back the names that it found.
            not_asked = (["name"] if name else []) + (
                ["purpose: it took the chain for a client's"] * (purpose != "client")
            )
            not_asked.append("revocation")
            policy.build_client_verifier().verify(leaf.certificate, others)
    except verification.VerificationError as error:
        return _without_the_certificate(str(error)), ", ".join(not_asked)
    return "", ", ".join(not_asked)


def _without_the_certificate(text: str) -> str:
    return error_text(text.partition(" (encountered processing")[0])


def _openssl(leaf, intermediates, roots, _name, _purpose, at, crls) -> tuple[str, str]:
    store = crypto.X509Store()
    for root in roots:
        store.add_cert(crypto.X509.from_cryptography(root.certificate))
    store.set_time(at)
    for crl in filter(None, crls):  # one that cannot be read is none
        store.add_crl(crl)
    # A root counts although it did not sign itself, as in verify_chain.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN | (crypto.X509StoreFlags.CRL_CHECK if crls else 0))
    others = [crypto.X509.from_cryptography(one.certificate) for one in intermediates if one.certificate]
    not_asked = "name, purpose" + ("" if crls else ", revocation")
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf.certificate), others).verify_certificate()
    except crypto.X509StoreContextError as error:
        return error_text(str(error)), not_asked
    return "", not_asked


def _openssl_version() -> str:
    # pyOpenSSL uses the OpenSSL that `cryptography` brings along, not the one of Python's `ssl`.
    return SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode().split()[1]
