"""What a verification found: each check with its result, and a reason for each failure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cryptography import x509

from helpers.display.table import Table

PASSED, FAILED, NOT_REACHED, NOT_ASKED = "passed", "failed", "not reached", "not asked"

# A sign beside each word: the states must be told apart without colours, too.
SIGNS = {PASSED: "✔", FAILED: "✘", NOT_REACHED: "…", NOT_ASKED: "–"}

# Why a chain is refused. Each line says where the reason begins and where it ends.
REASONS = {
    "malformed": "Bytes that cannot be read as RFC 5280 and DER say. Readable but forbidden is `profile`.",
    "untrusted_issuer": "The chain ends at an issuer that is not here, or at a root that is not trusted.",
    "chain_too_long": "More CA certificates, or more work to find them, than this verifier takes on.",
    "bad_signature": "An issuer of the right name is here, but its key does not confirm the signature.",
    "expired": "At the time asked for, a certificate of the chain is no longer valid.",
    "not_yet_valid": "At the time asked for, a certificate of the chain is not valid yet.",
    "hostname_mismatch": "The certificate has names, but not the one that was asked for.",
    "no_san": "The certificate has no subject alternative name at all. A common name does not count.",
    "eku": "The certificate, or a CA above it, may be used, but not for this purpose (extended key usage).",
    "key_usage": "The key may not do what this place in the chain needs (key usage).",
    "not_a_ca": "A certificate signed another one, but basic constraints do not say that it is a CA.",
    "leaf_is_ca": "A CA certificate stands where the server's or client's own one belongs.",
    "pathlen": "A CA has more CAs below it than its path length allows.",
    "name_constraints": "A CA above may not vouch for such a name, or its constraint cannot be understood.",
    "critical_extension": "An extension is marked critical, and this verifier does not process it.",
    "weak_key": "A key is too short, or of a kind that the web's rules do not allow.",
    "weak_signature": "A signature rests on a hash that can be forged, such as SHA-1.",
    "profile": "It can be read, but breaks a rule of RFC 5280's certificate profile.",
    "revoked": "The issuer has taken it back: it stands on a valid revocation list (CRL).",
    "crl_problem": "Revocation lists were given, but none of them can be believed for this issuer.",
}


# For people: the reasons that are no words by themselves.
IN_WORDS = {
    "no_san": "no SAN",
    "eku": "wrong purpose (EKU)",
    "not_a_ca": "issuer is no CA",
    "leaf_is_ca": "certificate of a CA",
    "pathlen": "path length exceeded",
    "crl_problem": "no list to rely on",
}


class Problem(NamedTuple):
    """Why a check fails: a reason out of REASONS, and a sentence about this very chain."""

    reason: str
    text: str


@dataclass(frozen=True)
class Check:
    """One check. `state` is one of the four above, `detail` a sentence, `source` where the rule stands."""

    name: str
    state: str
    detail: str
    source: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What all checks found. True where the chain is accepted.

    `path` is the chain that was checked, the leaf first; where no chain leads to a trusted root, as far as it leads.
    """

    title: str
    checks: tuple[Check, ...]
    path: tuple[x509.Certificate, ...] = ()

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.state in (PASSED, NOT_ASKED) for check in self.checks)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def failed(self) -> tuple[str, ...]:
        """The reasons, first cause first, each once."""
        return tuple(dict.fromkeys(reason for check in self.checks for reason in check.reasons))

    @property
    def reasons(self) -> str:
        """The same in words."""
        return ", ".join(IN_WORDS.get(reason, reason.replace("_", " ")) for reason in self.failed)

    def _table(self) -> Table:
        verdict = "✔ Accepted" if self.ok else f"✘ Refused: {self.reasons}"
        failed = frozenset(number for number, check in enumerate(self.checks) if check.state == FAILED)
        headers = ("Check", "Result", "What was found", "Source")
        return Table(f"{self.title}. {verdict}", headers, list(self._rows()), failed)

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for check in self.checks:
            yield check.name, f"{SIGNS[check.state]} {check.state}", check.detail, check.source

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))
