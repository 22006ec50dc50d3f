"""What several methods show together: how many kinds of evidence, and which assurance level of NIST at most.

    login = combine(["password", "SMS code"])
    login.kind, login.assurance  # "two-factor", Assurance.AAL2

The count and the level are two things: a fingerprint and a password are two kinds, and reach no level. All sections
named here are of NIST SP 800-63B-4.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from helpers.display.table import Table
from helpers.exchange import Factor, words
from helpers.factors.catalogue import Method
from helpers.factors.matching import classify


class Assurance(Enum):
    """How sure a server may be that it is the owner of the account (NIST SP 800-63B-4, section 2)."""

    NONE = "none"
    AAL1 = "AAL1"
    AAL2 = "AAL2"
    AAL3 = "AAL3"


_KINDS = ("no factor", "single-factor", "two-factor", "three-factor")
# Section 2.2.1: what counts as "something you have" beside a password or a biometric.
_PHYSICAL = {"look-up secret", "out-of-band", "single-factor OTP", "single-factor cryptographic"}
_MULTI_FACTOR = {"multi-factor out-of-band", "multi-factor OTP", "multi-factor cryptographic"}
_KEYS = {"single-factor cryptographic", "multi-factor cryptographic"}
# What each of them is together with the secret that unlocks it (sections 3.1.5, 3.1.7 and 3.2.10).
_UNLOCKED = {
    "single-factor OTP": "multi-factor OTP",
    "single-factor cryptographic": "multi-factor cryptographic",
}
_BESIDE_A_KEY = {"password", "biometric"}

_WHY = {
    Assurance.AAL1: (
        "One factor is enough for AAL1 (section 2.1.1). AAL2 takes a multi-factor authenticator, or something you have "
        "together with a password or a biometric (section 2.2.1)."
    ),
    Assurance.AAL2: (
        "There is a multi-factor authenticator, or something you have together with a password or a biometric (section "
        "2.2.1). AAL3 takes a key that resists phishing and cannot be exported (section 2.3.2)."
    ),
    Assurance.AAL3: (
        "There is a key that resists phishing, and a second factor: one that unlocks it, a password or a biometric "
        "(section 2.3.1)."
    ),
}
# What must hold for each kind of authenticator, and the sections that say so.
_ONCE = "Each code is accepted only once, and the number of wrong attempts is limited"
_EACH_TIME = "What unlocks it is asked for at each login. That the device was unlocked before is not enough"
_COMMON = (
    "A password or PIN is not on a list of common or leaked passwords, and the number of wrong attempts is limited"
)
_CONDITIONS = {
    "password": ((_COMMON, "3.1.1.2"),),
    "look-up secret": ((_ONCE, "3.1.2.2"),),
    "out-of-band": ((_ONCE, "3.1.3.2"), ("A code that is sent is good for ten minutes at most", "3.1.3.2")),
    "multi-factor out-of-band": ((_EACH_TIME, "3.1.3.4"),),
    "single-factor OTP": ((_ONCE, "3.1.4.2"),),
    "multi-factor OTP": ((_ONCE, "3.1.5.2"), (_EACH_TIME, "3.1.5.1")),
    "multi-factor cryptographic": ((_EACH_TIME, "3.1.7.1"),),
}
# "at least four characters in length", and "no more than 10" wrong attempts one after the other
_SECRET = ("The secret that unlocks it has at least 4 characters, and at most 10 wrong attempts are allowed", "3.2.10")
_BIOMETRIC = (
    "A stranger matches once in 10,000 comparisons at most, and there is also a way to log in without a biometric",
    "3.2.3",
)


@dataclass(frozen=True)
class Combination:
    """What a login with these methods shows.

    `assurance` is reachable at most, if all `conditions` hold; `why` says what decided. `notes` tell what adds nothing,
    and who counts otherwise. All are plain sentences.
    """

    methods: tuple[Method, ...]
    assurance: Assurance
    why: str
    conditions: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def factors(self) -> frozenset[Factor]:
        return frozenset().union(*(method.factors for method in self.methods))

    @property
    def kind(self) -> str:
        """ "no factor", "single-factor", "two-factor" or "three-factor"."""
        return _KINDS[len(self.factors)]

    @property
    def multi_factor(self) -> bool:
        # SP 800-63-4, section 2.3.1: "Multiple instances of the same factor still constitute single-factor
        # authentication."
        return len(self.factors) > 1

    @property
    def phishing_resistant(self) -> bool:
        """Whether a part that a relay cannot use is needed for this login."""
        return any(method.phishing_resistant for method in self.methods)

    def _phishing(self) -> str:
        resists = [method.phishing for method in self.methods if method.phishing_resistant]
        # Where each of them resists only under a condition, it is said.
        conditional = bool(resists) and all(phishing[0].islower() for phishing in resists)
        return f"yes, {resists[0]}" if conditional else "yes" if resists else "no"

    def _table(self) -> Table:
        shown = "; ".join(f"{method.name} ({method.kind})" for method in self.methods) or "nothing"
        rows = [
            ("Shown", shown),
            ("By count", f"{self.kind}: {words(self.factors)}"),
            ("Resists phishing", self._phishing()),
            ("Level at most (NIST SP 800-63B-4)", f"{self.assurance.value}. {self.why}"),
        ]
        rows += [("Condition", condition) for condition in self.conditions]
        rows += [("Note", note) for note in self.notes]
        caption = f"{self.kind}, assurance level at most: {self.assurance.value}"
        return Table(caption[0].upper() + caption[1:], ("Question", "Answer"), rows)

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def combine(texts: Iterable[str]) -> Combination:
    """What a login shows in which each of these methods has to be shown. Raises UnknownMethod."""
    methods = tuple(dict.fromkeys(map(classify, [texts] if isinstance(texts, str) else texts)))
    authenticators = _unlocked(methods)
    assurance = _assurance(authenticators)
    why = _WHY.get(assurance) or _why_none(methods)
    return Combination(methods, assurance, why, _conditions(authenticators, assurance), _notes(methods))


def _unlocked(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """The same, but what is named beside the secret that unlocks it is one multi-factor authenticator with it."""
    secrets = [method for method in methods if _unlocks(method, methods)]
    if not secrets:
        return methods
    return tuple(
        replace(method, authenticator=_UNLOCKED[method.authenticator], factors=method.factors | {Factor.KNOWLEDGE})
        if method.authenticator in _UNLOCKED
        else method
        for method in methods
        if method not in secrets
    )


def _unlocks(secret: Method, methods: tuple[Method, ...]) -> bool:
    # Section 3.2.10: "A password used locally as an activation factor for a multi-factor authenticator is referred to
    # as an activation secret". Beside a card or a security key, a PIN is that of the card.
    if secret.authenticator == "activation secret":
        return any(method.authenticator in _UNLOCKED for method in methods)
    hardware = any(m.authenticator == "single-factor cryptographic" and m.exportable is False for m in methods)
    return secret.name == "PIN" and hardware


def _assurance(methods: tuple[Method, ...]) -> Assurance:
    present = {method.authenticator for method in methods}
    second = bool(present & _BESIDE_A_KEY)
    # Section 2.3.2: "The cryptographic authenticator used at AAL3 SHALL have a non-exportable private key and SHALL
    # provide phishing resistance".
    keys = {m.authenticator for m in methods if m.phishing_resistant and m.exportable is not True} & _KEYS
    if "multi-factor cryptographic" in keys or (keys and second):
        return Assurance.AAL3
    if present & _MULTI_FACTOR or (present & _PHYSICAL and second):
        return Assurance.AAL2
    if _lonely_biometric(methods):
        return Assurance.NONE
    return Assurance.AAL1 if present & (_PHYSICAL | {"password"}) else Assurance.NONE


def _lonely_biometric(methods: tuple[Method, ...]) -> bool:
    # Section 3.2.3: "Biometrics SHALL only be used as part of multi-factor authentication with a physical
    # authenticator".
    present = {method.authenticator for method in methods}
    measured = any(method.factors == {Factor.INHERENCE} for method in methods)
    return measured and not present & (_PHYSICAL | _MULTI_FACTOR)


def _why_none(methods: tuple[Method, ...]) -> str:
    if not any(method.factors for method in methods):
        return "No factor was shown."
    if _lonely_biometric(methods):
        refused = [m.name for m in methods if m.authenticator == "none" and Factor.POSSESSION in m.factors]
        typed = any(method.authenticator == "password" for method in methods)
        return (
            f"NIST does not accept this for a login over a network: {', '.join(refused)}. " * bool(refused)
            + "A biometric counts only together with something you have that NIST accepts (sections 2.2.1 and 3.2.3)."
            + " Without the biometric, what is typed could reach AAL1." * typed
        )
    return "NIST takes none of this as an authenticator for a login over a network (section 3.1)."


def _conditions(methods: tuple[Method, ...], assurance: Assurance) -> tuple[str, ...]:
    if assurance is Assurance.NONE:
        return ()
    present = [method.authenticator for method in methods]
    conditions = ["The connection is encrypted, and the server's name was checked (section 2.1.2)."]
    if "password" in present:
        # Section 3.1.1.2: 15 characters where it is the single factor, 8 as a part of multi-factor authentication.
        length = "15" if assurance is Assurance.AAL1 else "8"
        conditions.append(f"What is typed as a password or PIN has at least {length} characters (section 3.1.1.2).")
    # The same sentence may hold for several kinds. It is said once, with all its sections.
    sections: dict[str, list[str]] = {}
    for method in methods:
        for sentence, section in _of_kind(method):
            if section not in sections.setdefault(sentence, []):
                sections[sentence].append(section)
    conditions += [
        f"{sentence} (section{'s' * (len(found) > 1)} {' and '.join(found)})." for sentence, found in sections.items()
    ]
    conditions += [condition for method in methods for condition in method.conditions]
    if assurance is Assurance.AAL2 and not any(method.phishing_resistant for method in methods):
        conditions.append("The server also offers a way to log in that resists phishing (section 2.2.2).")
    if assurance is Assurance.AAL3:
        conditions += [
            "The key cannot be exported: it is kept in hardware that does not give it away (section 3.2.13).",
            "The owner does something for each login, for example a touch (sections 2.3.2 and 3.2.8).",
            "The hardware is validated by FIPS 140, level 1 or higher (section 2.3.2).",
        ]
    return tuple(dict.fromkeys(conditions))


def _of_kind(method: Method) -> Iterator[tuple[str, str]]:
    yield from _CONDITIONS.get(method.authenticator, ())
    if method.authenticator in _MULTI_FACTOR and Factor.KNOWLEDGE in method.factors:
        yield _SECRET
    if method.authenticator != "none" and Factor.INHERENCE in method.factors:
        yield _BIOMETRIC


def _notes(methods: tuple[Method, ...]) -> tuple[str, ...]:
    notes = []
    names = {method.name for method in methods}
    typed = "password" in {method.authenticator for method in methods}
    for method in methods:
        if not method.factors:
            notes.append(f"No factor, so it adds nothing: {method.name}.")
        elif _unlocks(method, methods):
            notes.append(f"Taken for the secret that unlocks the device or the key: {method.name}.")
        elif method.authenticator == "activation secret":
            notes.append(
                f"It adds to the level only of the key that it unlocks: {method.name}. Name both as one method."
            )
        elif method.authenticator == "none":
            notes.append(f"No authenticator for NIST, so it adds nothing to the level: {method.name}.")
        if typed and method.name in ("Touch ID", "Face ID"):
            notes.append(
                f"{method.name} unlocks the phone. Name it together with the key or app that it unlocks, for example "
                "passkey with fingerprint."
            )
        if method.name == "PIN" and "bank card" in names:
            notes.append(
                "Here the PIN counts as one that the server checks. For the PIN of the card, say: bank card and PIN."
            )
        notes += [f"Contested: {method.name}. {who}: {says}" for who, says in method.opinions]
    return tuple(notes)
