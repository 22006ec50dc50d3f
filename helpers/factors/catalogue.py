"""The catalogue of methods: what each of them shows, who counts otherwise, and where that stands.

    methods = catalogue()
    methods[0].name, methods[0].factors

The entries stand in methods.yaml. A mistake in it raises `CatalogueError`, which names the entry.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from helpers.display.error import CourseError
from helpers.display.table import Table
from helpers.exchange import Factor, words

FILE = Path(__file__).with_name("methods.yaml")
NO_FACTOR = "not a factor"
# The kinds of NIST SP 800-63B-4, section 3.1. An activation secret (section 3.2.10) and a biometric (2.2.1) are none of
# their own: the one unlocks a key, the other stands beside one. "none" is what NIST does not take for a login over a
# network.
AUTHENTICATORS = (
    "password", "look-up secret", "out-of-band", "multi-factor out-of-band", "single-factor OTP", "multi-factor OTP",
    "single-factor cryptographic", "multi-factor cryptographic", "activation secret", "biometric", "none",
)  # fmt: skip
_KEYS = {
    "name": str,
    "names": list,
    "factors": list,
    "why": str,
    "phishing": str,
    "authenticator": str,
    "sources": list,
}
_OPTIONAL_KEYS = {
    "contested": bool,
    "opinions": list,
    "phishing_resistant": bool,
    "exportable": (bool, type(None)),
    "conditions": list,
}


class CatalogueError(CourseError):
    """methods.yaml breaks a rule. The message names the entry and the rule."""


@dataclass(frozen=True)
class Method:
    """One way to show who one is, or what people take for one.

    `factors` are NIST's three kinds (SP 800-63-4, section 2.3.1), empty where it is none. Where others count
    otherwise, it is `contested`, and `opinions` holds pairs (who, says). `why` and `phishing` are plain sentences, in
    which `...` marks code and **...** what matters; `phishing` says why a relay can or cannot use it, "" where the
    question makes no sense. Where it begins with a small letter, it is the condition: "where it signs in TLS".
    `authenticator` is one of AUTHENTICATORS. `exportable` is None where it depends or where there is no key.
    `conditions` must hold besides, before NIST counts it.
    """

    name: str
    names: tuple[str, ...]
    factors: frozenset[Factor]
    contested: bool
    opinions: tuple[tuple[str, str], ...]
    why: str
    phishing_resistant: bool
    phishing: str
    authenticator: str
    exportable: bool | None
    conditions: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Its factors in words: "knowledge and possession", or "not a factor"."""
        return words(self.factors) if self.factors else NO_FACTOR

    def _table(self) -> Table:
        rows = [("Factor", self.kind), ("Why", self.why)]
        rows += [(f"Says {who}", says) for who, says in self.opinions]
        if self.phishing:
            answer = "Yes" if self.phishing_resistant else "No"
            rows.append(("Resists phishing", f"{answer}{',' if self.phishing[0].islower() else '.'} {self.phishing}"))
        # "A biometric characteristic is not recognized as an authenticator by itself" (SP 800-63B-4, section 2.2.1).
        if self.authenticator != "none":
            alone = self.authenticator == "biometric"
            rows.append(("NIST calls it", "a biometric: none by itself" if alone else self.authenticator))
        rows.append(("Sources", "; ".join(self.sources)))
        contested = " Contested: the sources do not agree." if self.contested else ""
        return Table(f"{self.name}: {self.kind}.{contested}", ("Question", "Answer"), rows)

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


@cache
def catalogue(file: Path = FILE) -> tuple[Method, ...]:
    """All methods, in the order of the file. Raises CatalogueError."""
    content = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    methods = tuple(_method(entry) for entry in content["methods"])
    owners: dict[str, str] = {}
    for method in methods:
        for name in (method.name, *method.names):
            if (owner := owners.setdefault(name.casefold(), method.name)) != method.name:
                raise CatalogueError(f"'{method.name}' and '{owner}' share the name '{name}'.")
    return methods


def _method(entry: dict) -> Method:
    name = entry.get("name", "?")

    def check(kept: bool, rule: str) -> None:
        if not kept:
            raise CatalogueError(f"'{name}': {rule}.")

    for key in _KEYS:
        check(key in entry, f"'{key}' is missing")
    for key, value in entry.items():
        kind = _KEYS.get(key) or _OPTIONAL_KEYS.get(key)
        check(kind is not None, f"the key '{key}' is unknown")
        check(isinstance(value, kind), f"'{key}' cannot be {value!r}")
    check(all(isinstance(other, str) for other in entry["names"]), "each of its names must be a text")
    check({*entry["factors"]} <= {factor.value for factor in Factor}, f"its factors cannot be {entry['factors']}")
    check(entry["authenticator"] in AUTHENTICATORS, f"'{entry['authenticator']}' is no kind of authenticator")
    opinions = entry.get("opinions", ())
    check(all(opinion.keys() == {"who", "says"} for opinion in opinions), "an opinion has 'who' and 'says'")
    check(entry.get("contested", False) == bool(opinions), "what is contested has opinions, and nothing else has")
    return Method(
        name,
        tuple(entry["names"]),
        frozenset(map(Factor, entry["factors"])),
        bool(opinions),
        tuple((opinion["who"], opinion["says"]) for opinion in opinions),
        entry["why"],
        entry.get("phishing_resistant", False),
        entry["phishing"],
        entry["authenticator"],
        entry.get("exportable"),
        tuple(entry.get("conditions", ())),
        tuple(entry["sources"]),
    )
