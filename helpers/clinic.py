"""The error clinic: the real words of a failed connection, what the other end reads, the causes and how to mend them.

    find("ssl.SSLCertVerificationError: ... certificate verify failed: certificate has expired (_ssl.c:1006)")

The entries stand in clinic.yaml. Each of their texts was written by a real program. The tests make it do so again. Some
have several wordings (`or`), which differ by version, by system or by chance. Then the tests make one of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from helpers.display.error import CourseError

FILE = Path(__file__).with_suffix(".yaml")
ENDS = ("client", "server")
GROUPS = ("client refuses", "server refuses", "before any certificate")
PROGRAMS = ("Python", "openssl", "curl", "Node")  # in this order their texts are shown

_ENTRY_KEYS = {"id": str, "title": str, "group": str, "prints": str, "causes": list, "source": str}
_OPTIONAL_ENTRY_KEYS = {"keys": list, "names": list, "client": dict, "server": dict, "note": str}
_CAUSE_KEYS = {"cause": str, "tell": str, "mend": str}
_TEXT_KEYS = {"text": str, "or": list}
_TYPE_NAMES = {str: "text", list: "a list", dict: "texts by program"}

# Words that tell at which end a text was written. They are spelled as `words_of` spells them.
_SIGNS = {
    "client": ("curl", "urllib", "urllib3", "requests", "urlopen", "s client", "clientrequest", "onconnectsecure",
               "handshaking to upstream"),
    "server": ("tlsclienterror", "server side true", "s server", "handshaking client"),
}  # fmt: skip

# That a text speaks of TLS: "ssl", "openssl", "tlsv13", "SSLHandshakeException", and the alerts of TLS.
_SPEAKS_OF_TLS = re.compile(r" (open)?(ssl|tls)\w* | alert ")


class ClinicFileError(CourseError):
    """The file of the clinic breaks a rule. The message names the entry and the rule."""


@dataclass(frozen=True)
class Text:
    """What `program` writes at `end`. `others` are the words of other versions, for the same."""

    program: str
    end: str
    text: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Cause:
    """One reason, how to tell it from the others, and what to do about it. In each, `...` marks code."""

    cause: str
    tell: str
    mend: str


@dataclass(frozen=True)
class Entry:
    """One error as a learner meets it. `prints` is the end at which it is met, `keys` are words that only it has.

    `names` are what TLS calls it. Others have such words as well ("handshake failure"). So they count where the text
    speaks of TLS, or where it is nothing but these words.
    """

    id: str
    title: str
    group: str
    prints: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    texts: tuple[Text, ...]
    causes: tuple[Cause, ...]
    note: str
    source: str

    def at(self, end: str) -> tuple[Text, ...]:
        """What is written at this end."""
        return tuple(text for text in self.texts if text.end == end)


def words_of(text: str) -> str:
    """The words of a text in small letters, with one space between: so it does not matter how it was written.

    >>> words_of("[SSL: BAD_SIGNATURE] bad signature (_ssl.c:1006)")
    'ssl bad signature bad signature ssl c 1006'
    """
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def find(text: str, among: Sequence[Entry] | None = None) -> list[Entry]:
    """The entries that fit what somebody has pasted, the likeliest first. Without any that fits, an empty list."""
    said = f" {words_of(text)} "
    entries = load() if among is None else among
    speaks_of_tls = bool(_SPEAKS_OF_TLS.search(said))
    places = {}
    for entry in entries:
        counting = entry.keys + tuple(name for name in entry.names if speaks_of_tls or said.strip() == name)
        places[entry.id] = {key: list(_places(said, key)) for key in counting}
    taken = [place for of_entry in places.values() for found in of_entry.values() for place in found]
    hits = {}
    for entry in entries:
        # "self-signed certificate" within "self-signed certificate in certificate chain" is another error's.
        kept = [key for key, found in places[entry.id].items() if any(not _inside(place, taken) for place in found)]
        if kept:
            hits[entry.id] = kept
    end = _end_of(said)

    def rank(entry: Entry) -> tuple[int, int]:
        written = " ".join(f" {words_of(one.text)} " for one in entry.at(end or entry.prints))
        written_here = [key for key in hits[entry.id] if f" {key} " in written]
        return -sum(map(len, written_here)), -sum(map(len, hits[entry.id]))

    return sorted((entry for entry in entries if entry.id in hits), key=rank)


def _places(said: str, key: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(f"(?= {re.escape(key)} )", said):
        yield match.start(), match.start() + len(key)


def _inside(place: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(other != place and other[0] <= place[0] and place[1] <= other[1] for other in others)


def _end_of(said: str) -> str:
    """The end at which it was written, where the words around it tell. Otherwise an empty string."""
    ends = [end for end, signs in _SIGNS.items() if any(f" {sign} " in said for sign in signs)]
    return ends[0] if len(ends) == 1 else ""


@cache
def load(path: Path = FILE) -> tuple[Entry, ...]:
    """All entries, in the order of the file. Raises ClinicFileError."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError) as error:
        raise ClinicFileError(f"{path.name} is not a text file with YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict) or list(content) != ["entries"] or not isinstance(content["entries"], list):
        raise ClinicFileError(f"{path.name} must hold 'entries:', a list, and nothing else.")
    reader = _Reader(path.name)
    entries = tuple(reader.entry(given) for given in content["entries"])
    ids = [entry.id for entry in entries]
    for name in ids:
        if ids.count(name) > 1:
            raise ClinicFileError(f"{path.name}: there are two entries with the id '{name}'.")
    return entries


class _Reader:
    """Reads the entries, and checks the rules. Each has its sentence."""

    def __init__(self, file: str) -> None:
        self.file, self.name = file, ""

    def fail(self, rule: str) -> None:
        raise ClinicFileError(f"{self.file}, entry '{self.name}': {rule}.")

    def entry(self, given: object) -> Entry:
        self.name = str(given.get("id", "?")) if isinstance(given, dict) else str(given)
        self.check_keys(given, "it", _ENTRY_KEYS, _OPTIONAL_ENTRY_KEYS)
        for key, allowed in (("group", GROUPS), ("prints", ENDS)):
            if given[key] not in allowed:
                self.fail(f"its '{key}' is '{given[key]}', and can only be: {', '.join(allowed)}")
        if not given["causes"]:
            self.fail("its 'causes' must not be empty")
        keys, names = (tuple(given.get(which, ())) for which in ("keys", "names"))
        for key in keys + names:
            if not isinstance(key, str) or words_of(key) != key or not key:
                self.fail(f"a key is words in small letters with one space between, and {key!r} is not")
        texts = tuple(text for end in ENDS for text in self.texts(given.get(end, {}), end))
        causes = tuple(map(self.cause, given["causes"]))
        entry = Entry(**{key: given[key] for key in ("id", "title", "group", "prints", "source")},
                      keys=keys, names=names, texts=texts, causes=causes, note=given.get("note", ""))  # fmt: skip
        self.check_found(entry)
        return entry

    def texts(self, given: dict, end: str) -> Iterator[Text]:
        for program in given:
            if program not in PROGRAMS:
                self.fail(f"there is no program '{program}', but only: {', '.join(PROGRAMS)}")
        for program in PROGRAMS:
            several = given.get(program, [])
            for one in several if isinstance(several, list) else [several]:
                item = {"text": one, "or": []} if isinstance(one, str) else one
                self.check_keys(item, f"a text of {program} at the {end}", _TEXT_KEYS, {})
                if not all(isinstance(other, str) for other in item["or"]):
                    self.fail(f"'or' of {program} at the {end} must be a list of texts")
                yield Text(program, end, item["text"], tuple(item["or"]))

    def cause(self, given: object) -> Cause:
        self.check_keys(given, "a cause", _CAUSE_KEYS, {})
        return Cause(**given)

    def check_keys(self, given: object, what: str, needed: dict, optional: dict) -> None:
        if not isinstance(given, dict):
            self.fail(f"{what} must have {', '.join(needed)}, and is {given!r}")
        for key in needed:
            if key not in given:
                self.fail(f"{what} has no '{key}'")
        for key, value in given.items():
            kind = needed.get(key) or optional.get(key)
            if kind is None:
                self.fail(f"{what} has the unknown key '{key}'")
            if not isinstance(value, kind) or value == "":
                self.fail(f"{what}: '{key}' must be {_TYPE_NAMES[kind]}, not {value!r}. Quotes make a text")

    def check_found(self, entry: Entry) -> None:
        """Who pastes one of its texts must find it. Not each text has a key: some words belong to many errors."""
        written = " ".join(f" {words_of(text)} " for one in entry.at(entry.prints) for text in (one.text, *one.others))
        if not any(f" {key} " in written for key in entry.keys + entry.names):
            self.fail(f"none of its keys and names stands in what the {entry.prints} prints")
