"""Which method somebody means, in whatever words.

    classify("a code from my authenticator app").factors

Nothing is guessed: a text that is not clearly one method raises `UnknownMethod`, which names the nearest ones. Small
spelling mistakes are mended where only one method can be meant.
"""

import difflib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from helpers.display.error import CourseError
from helpers.display.text import short, visible
from helpers.factors.catalogue import CatalogueError, Method, catalogue
from helpers.factors.wording import BESIDE, LIGHT, content, stem, word_set, words_of

_LONGEST = 300  # letters. What is longer is no name.
# Names only where they stand alone: a "laptop login" is not what a "laptop" is.
_ALONE = {
    frozenset({stem(word)})
    for word in word_set("key card phone laptop computer tablet watch id name country city place time session")
}
_KIND_IS_SAID = re.compile(
    r"\bsome(thing|where) (that )?(you|i|we|one|the user|the person) (alone )?(knows?|ha(ve|s)|are|is|do(es)?|owns?)\b"
)
_KINDS = word_set("knowledge possession ownership inherence know have are something somewhere factor")
# "hardware token (RSA SecurID)", "biometrics: fingerprint", "hardware token, such as RSA SecurID"
_EXPLAINS = re.compile(
    r"[()\[\]:=]|\s[-–—]\s|\b(e\.\s?g\.?|i\.\s?e\.?|such as|like|for example|for instance|also (called|known as)|aka)\W"
)
# "card (with PIN)" needs no brackets.
_QUALIFIES = re.compile(r"\((?=\s*(with|without|no|not|plus|and)\b|\s*\+)")
_OR = re.compile(r"/|\bor\b")
_NEAR = 0.25  # the part of the words that a name must share with the text, to be named as one of the nearest
_ALIKE = 0.6  # how like their letters must be otherwise (difflib's ratio)
_TWO_WORDS = re.compile(r"([\w-]+)(?:\s*/\s*|\s+or\s+)([\w-]+)")
_EXAMPLES = ("password", "smart card", "fingerprint")  # for a text without any word
# "Universal Serial Bus (USB) drive": a name, and the first letters of its words.
_ABBREVIATED = re.compile(r"((?:\w+[ -]+){2,6})\((\w{2,6})\)")


# Names that say too little, in the form of words_of(): what is told of them, and the names that can be meant.
_UNCLEAR = (
    (
        re.compile(r"(okta( verify)?|(microsoft|ms) authenticator|duo( mobile)?|push ?tan)( app| application)?"),
        "can show a code, and can ask you to approve a login. Name the one that you mean:",
        ("authenticator app", "push notification with Approve", "push with number matching"),
    ),
    (
        re.compile(r"((mobile|online) )?bank(ing)? (app|application)|(app|application) bank"),
        "can do several things. Name what it does: shows a code, asks for Approve, shows a number. Their names:",
        ("authenticator app", "push notification with Approve", "push with number matching"),
    ),
    (
        re.compile(
            r"((company|work|ieee) )?(radius|ldaps?|802 ?1x|tls|ssl|https|ssh|eap( tls)?|saml(?= protocol)|vpn"
            r"|active directory|tacacs)( (protocol|server|connection|login|authentication))?"
        ),
        "is no method. The catalogue knows what a person or device shows. {said} carries it: ask for the password, "
        "code or certificate that it carries. Their names:",
        ("password", "one-time code", "client certificate"),
    ),
)


class UnknownMethod(CourseError):
    """The text is not clearly one method of the catalogue. `nearest` are names of it that can be meant."""

    def __init__(self, sentence: str, nearest: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.nearest = nearest


def classify(text: str) -> Method:
    """The method that `text` names. Raises UnknownMethod."""
    said = f"'{visible(short(text, 60))}'"
    text = _ABBREVIATED.sub(_without_abbreviation, text[:_LONGEST]).casefold()
    text = _QUALIFIES.sub(" ", text.replace("w/o ", "without ").replace("w/ ", "with "))
    # "password (something you know)": that the kind is said, too, decides nothing.
    name = _KIND_IS_SAID.sub(" ", text)
    if found := _explained(name if content(words_of(name)) else text):
        return found
    if len(several := _several(text)) > 1:
        listed = ", ".join(f'"{name}"' for name in several)
        ask = f"each of them: {listed}" if _OR.search(text) else f"them together: combine([{listed}])"
        raise UnknownMethod(f"{said} names several methods. Ask for {ask}.", several)
    plain = " ".join(word for word in words_of(text) if word not in LIGHT)
    for names, sentence, meant in _UNCLEAR:
        if names.fullmatch(plain):
            raise UnknownMethod(f"{said} {sentence.replace('{said}', said)} {_quoted(meant)}.", meant)
    nearest = _nearest(text) if words_of(text) else _EXAMPLES
    near = f"The nearest names are: {_quoted(nearest)}." if nearest else "No name in it is near."
    raise UnknownMethod(f"{said} is not clearly one method of the catalogue. {near}", nearest)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _without_abbreviation(found: re.Match) -> str:
    words, letters = found.groups()
    initials = "".join(word[0] for word in re.findall(r"\w+", words))
    return words if initials.casefold().endswith(letters.casefold().rstrip("s")) else found.group()


# From the whole text to a single name


def _explained(text: str) -> Method | None:
    """A name, perhaps with another one that explains it: "one-time password (OTP)"."""
    pieces = [piece for piece in _EXPLAINS.sub("\n", text).split("\n") if not _says_only_the_kind(piece)] or [text]
    found = [_either(piece) for piece in pieces]
    if all(found) and _say_the_same(found):
        return found[0]
    # "passkey (FIDO2)" is still a passkey. "smart card (PIN)" can mean a card, a PIN or both: that is not clear.
    together = _find(" ".join(pieces))
    clear = together and (found[0] is None or found[0].factors == together.factors)
    return together if clear else None


def _says_only_the_kind(piece: str) -> bool:
    return all(word in LIGHT or word in _KINDS for word in words_of(piece))


def _either(text: str) -> Method | None:
    """A name, or several that mean the same: "face or fingerprint", "iris/retina scan"."""
    found = _find(text)
    if found or not _OR.search(text):
        return found
    apart = _OR.split(text)
    within = [_TWO_WORDS.sub(word, text, count=1) for word in (r"\1", r"\2")]
    for names in (apart, within):
        methods = [_find(name) for name in names]
        if all(methods) and _say_the_same(methods):
            return methods[0]
    return None


def _say_the_same(methods: list[Method]) -> bool:
    return len({(method.factors, method.authenticator) for method in methods}) == 1


def _several(text: str) -> tuple[str, ...]:
    """The names of the methods that are joined in the text. Empty where one of the parts is none."""
    words = content(words_of(re.sub(r"[/()]|\bor\b", " + ", text)), _index().vocabulary)
    found = [_find_one(part) for part in _parts(words)]
    return tuple(dict.fromkeys(method.name for method in found)) if all(found) else ()


# A single name


@dataclass(frozen=True)
class _Index:
    """The names of all methods as bags of stems, each with the place of its method in the catalogue.

    `joined` are those in which two things are joined, as the bags of their parts. `with_word` finds the others by a
    word. `vocabulary` is all words of names, and all that may stand beside them.
    """

    names: dict[frozenset[str], int]
    joined: dict[frozenset[frozenset[str]], int]
    with_word: dict[str, list[frozenset[str]]]
    vocabulary: frozenset[str]


@cache
def _index() -> _Index:
    # In a name of the catalogue a comma is only a pause.
    said = [
        (name, words_of(name.replace(",", " ")), place)
        for place, method in enumerate(catalogue())
        for name in (method.name, *method.names)
    ]
    vocabulary = BESIDE | {stem(word) for _, words, _ in said for word in words if word not in LIGHT}
    index = _Index({}, {}, {}, vocabulary)
    for name, words, place in said:
        stems = content(words, vocabulary)
        key, known = (_joined(stems), index.joined) if "+" in stems else (frozenset(stems), index.names)
        if (owner := known.setdefault(key, place)) != place or not key:
            other = catalogue()[owner].name
            raise CatalogueError(f"The name '{name}' of '{catalogue()[place].name}' cannot be told from '{other}'.")
        for word in key if known is index.names else ():
            index.with_word.setdefault(word, []).append(key)
    return index


def _find(text: str) -> Method | None:
    words = content(words_of(text), _index().vocabulary)
    # "no PIN of a card" denies more than the PIN. It is not clear how much.
    denied = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    if any(not word.startswith("-") and word not in BESIDE for word in words[denied:]):
        return None
    return _find_words(words) or _find_mended(words)


def _find_words(words: list[str]) -> Method | None:
    """The method with just these words, or with some more that may stand beside its name."""
    if "+" not in words:
        return _find_one(frozenset(words))
    if _joined(words) in _index().joined:
        return catalogue()[_index().joined[_joined(words)]]
    # "security key, touch only": this comma joins nothing, since "touch only" is no method.
    parts = [_find_one(part) for part in _parts(words)]
    if all(parts):
        return _of_two().get(frozenset(part.name for part in parts))
    apart = [word for word in words if word != "+"]
    method = _find_one(frozenset(apart))
    just_these = frozenset(apart) in _index().names and len(set(apart)) == len(apart)
    if method and not just_these and any(part and part.factors != method.factors for part in parts):
        return None
    return method


def _find_one(words: frozenset[str]) -> Method | None:
    """The same for words in which nothing is joined."""
    index = _index()
    if words in index.names:
        return catalogue()[index.names[words]]
    # Several names of one method may be said at once: "SMS text passcode". Together they must hold all that matters.
    needed = words - BESIDE
    held: dict[int, set[str]] = {}
    for name in itertools.chain.from_iterable(index.with_word.get(word, ()) for word in needed or words):
        if name <= words and name not in _ALONE:
            held.setdefault(index.names[name], set()).update(name)
    found = [catalogue()[place] for place in sorted(held) if needed <= held[place]]
    # More than one may fit: "a TOTP code of an authenticator app". That is clear enough where they say the same.
    return found[0] if _say_the_same(found) else None


@cache
def _of_two() -> dict[frozenset[str], Method]:
    """The methods whose first name joins two others ("smart card and PIN"), by the names of these two."""
    found = {}
    for method in catalogue():
        words = content(words_of(method.name.replace(",", " ")), _index().vocabulary)
        parts = [_find_one(part) for part in _parts(words)]
        if "+" in words and all(parts) and frozenset().union(*(part.factors for part in parts)) == method.factors:
            found[frozenset(part.name for part in parts)] = method
    return found


def _parts(words: list[str]) -> list[frozenset[str]]:
    return [frozenset(part) for joins, part in itertools.groupby(words, lambda word: word == "+") if not joins]


def _joined(words: list[str]) -> frozenset[frozenset[str]]:
    """The parts, each with only the words that matter, if it has any."""
    return frozenset(part - BESIDE or part for part in _parts(words))


# Spelling mistakes


def _find_mended(words: list[str]) -> Method | None:
    """The method that is meant if each unknown word is a known one, misspelled. None where two are as near."""
    unknown = [word for word in words if word.isalnum() and word not in _index().vocabulary]
    if not 1 <= len(unknown) <= 2:
        return None
    found: dict[int, set[str]] = {}
    for mended in itertools.product(*map(_similar, unknown)):
        right = dict(zip(unknown, (word for _, word in mended), strict=True))
        if method := _find_words([right.get(word, word) for word in words]):
            found.setdefault(sum(edits for edits, _ in mended), set()).add(method.name)
    nearest = found[min(found)] if found else ()
    return next(method for method in catalogue() if method.name in nearest) if len(nearest) == 1 else None


def _similar(word: str) -> Iterator[tuple[int, str]]:
    """The known words that are one edit away, two for a long word, none for a short one. With the number of edits."""
    most = 0 if len(word) < 5 else 1 if len(word) < 8 else 2
    letters = set(word)
    for known in _index().vocabulary if most else ():
        # Most words need no counting: their length or their letters are too different.
        if abs(len(known) - len(word)) <= most and len(letters.symmetric_difference(known)) <= 2 * most:
            edits = _edits(word, known)
            # What is taken for a word without weight is left out. So it must be nearer.
            if edits <= (min(most, 1) if known in BESIDE else most):
                yield edits, known


def _edits(a: str, b: str) -> int:
    """How many letters were added, left out, changed, or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            fewest = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                fewest = min(fewest, earlier[j - 2] + 1)
            row.append(fewest)
    return row[-1]


def _nearest(text: str, count: int = 3) -> tuple[str, ...]:
    """The names of the methods that share most words with the text, misspelled ones included. Then by their letters.

    Names that have too little in common with the text are left out, so there may be none.
    """
    index = _index()
    words = {word.removeprefix("-") for word in content(words_of(text), index.vocabulary)} - {"+", ""}
    unknown = words - index.vocabulary
    words -= unknown
    for word in sorted(unknown)[:3]:
        words.update(difflib.get_close_matches(word, sorted(index.vocabulary), n=2, cutoff=0.76))
    shared: dict[str, float] = {}
    for word in sorted(words - BESIDE or words):
        for key in index.with_word.get(word, ()):
            name = catalogue()[index.names[key]].name
            shared[name] = max(shared.get(name, 0), len(words & key) / len(words | key))
    best = sorted((name for name in shared if shared[name] >= _NEAR), key=shared.get, reverse=True)
    if len(best) < count:
        best += difflib.get_close_matches(text, [method.name for method in catalogue()], n=count, cutoff=_ALIKE)
    return tuple(dict.fromkeys(best))[:count]
