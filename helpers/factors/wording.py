"""How people write the name of a method, brought to one form: what does not matter for the meaning is taken away.

    content(words_of("a scan of my Fingerprints"))  # ["scan", "fingerprint"]
    content(words_of("smart card without a PIN"))  # ["smart", "card", "-pin"]

What joins words matters: "PIN of a card" is one thing, "PIN and card" are two. So all that joins ("and", "with", "+")
becomes the word "+". What is denied ("without", "no") stays denied: "-pin".
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that say nothing about the method.
LIGHT = word_set("""
    a an the my your his her their our its one's this that these those such of for from on in into to by via at as
    is are was were be been being am i you he she we they it me him us who what which when has have having had will
    would can could do does did done give gives given show shows shown showing displayed see sees enter enters
    entered entering provide provides provided use uses used using need needed required requiring through per upon
    some any each every own just also please generate generates generated generating produce produces contain
    contains containing evidence evidenced proven prove person people kind sort example valid correct there here out
    up other displaying
""")
# Words that may stand beside a name without making it another one: "fingerprint recognition", "PIN login".
_BESIDE = word_set("""
    scan scanner recognition recognizer reader reading sensor verification verify authentication authenticate auth
    identification identify login logon signin log check match comparison compare technology technique method factor
    system mechanism type user account prompt credential characteristic feature structure trait pattern style data
    information 2fa mfa generation protection biometric based sent unlock static secret numeric unique strong weak
    long short complex random simple plain normal regular standard traditional classic conventional conventionally
    constant basic special specialized modern common typical usual familiar known popular new old current individual
    personal secure registered enrolled installed predefined apple second first additional office company
    work corporate employee laptop disk keyboard alphanumeric shared printed question answer sample signal tracking
    only
""")
_JOINS = word_set("""
    + and with plus then followed along together combined behind protected unlocked activated secured guarded opened
    asks asking needs requires wants locked
""")
_DENIES = word_set("without no not non never nor neither isnt dont doesnt cannot cant lacking minus sans")
# Different words for the same. (Endings are cut off by stem().)
_SAME = {
    "phone": "cell cellphone cellular mobile smartphone telephone handset iphone android",
    "sms": "txt texted texting",
    "app": "application",
    "computer": "workstation pc desktop",
    "face": "facial",
    "retina": "retinal",
    "license": "licence",
    "certificate": "cert certs",
    "password": "passwd pw pwd",
    "email": "mail emailed",
    "wifi": "wlan",
    "way": "how",
    "synced": "synchronized synchronised syncing syncable",
    "id": "ids",
    "hold": "held holding",
    "touch": "tap tapping press pressing",
    "approve": "approval approving approved accept",
    "sent": "send sends sending get gets got receive received receives receiving delivered",
}
# Several words for one thing, in the order in which they are replaced.
_PHRASES = {
    r"(some|any)one": "somebody",
    r"(how|the way) (somebody|people|a person|you|i|one)": "way",
    r"(knowledge|possession|ownership) of": " ",
    r"encrypted (by|with|using)": "with",
    r"something (that )?(you|i|one|the user) do(es)?": "doing",
    # "a PIN that only you know" is a PIN. But "somebody you know" is a way of its own.
    r"(?<!body )(that |which )?(only )?(you|i|we|he|she|they|the user)( alone)? "
    r"(knows?|has|have|carr(y|ies)|owns?|possess(es)?|chose|set)": " ",
    r"(that |which )?(i|you|we) (remember|memorize)": "memorized",
    r"learn(ed|t) by heart|by heart": "memorized",
    # The fingerprint of a device is not that of a person.
    r"(device|browser|machine|computer) fingerprint(s|ing)?": r"\1fingerprint",
    r"fingerprints? of (the |a |my |your )?(device|browser|machine|computer)": r"\2fingerprint",
    r"uv": "user verification",
    # A password that protects a key is not one that a server asks for.
    r"(password|passphrase) protected": "passwordprotected",
    r"fac(e|ial) id": "faceid",
    r"touch id": "touchid",
    r"((by|via) )?(text|sms) (messages?|msgs?)|(by|via) text": "sms",
    r"(user ?(name|id)s?|login) ?(and|with|/|\+) ?(the |a )?pass ?words?": "password",
    r"pin ?(code|number)s?": "pin",
    r"(one|1|single) (time|use)( use)? (passwords?|passcodes?|pass codes?|codes?|pins?)": "otp",
    r"(2|two) ?(step|factor)": "2fa",
    r"(\d+|four|five|six|seven|eight|ten|twelve) ?(digit|character|number|letter|word)s?": " ",
    r"favou?rite \w+": "favorite",
    r"e mails?": "email",
    r"wi fi": "wifi",
    r"back ups?": "backup",
    r"x 509": "x509",
}
_PATTERNS = tuple((re.compile(rf"\b(?:{pattern})\b"), result) for pattern, result in _PHRASES.items())
_WORD = re.compile(r"[a-z0-9]+|\+")


def words_of(text: str) -> list[str]:
    """The words in small letters without accents, in their order. A comma becomes "+"."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(char for char in text if not unicodedata.combining(char)).replace("’", "'")
    text = re.sub(r"'s\b|'", "", text)
    text = " ".join(re.sub(r"[,;&+]", " + ", re.sub(r"[-_‐-―.]", " ", text)).split())
    for pattern, result in _PATTERNS:
        text = pattern.sub(result, text)
    return _WORD.findall(text)


@lru_cache(4096)
def stem(word: str) -> str:
    """The word without its ending, in American spelling. It need not be a word: both sides are cut in the same way.

    >>> stem("scanning") == stem("scans") == stem("scan")
    True
    """
    cut = _cut(word)
    return _SAME_STEMS.get(cut, cut)


def _cut(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word[:-1]
    for ending, longer in (("ing", 5), ("ed", 4)):
        if word.endswith(ending) and len(word) > longer:
            word = word.removesuffix(ending)
            word = word[:-1] if word[-2:] in ("nn", "pp", "tt", "mm") else word
            break
    word = word.replace("isat", "izat").replace("our", "or").removesuffix("e")
    word = f"{word[:-1]}z" if word.endswith("is") and len(word) > 5 else word
    return f"{word[:-1]}i" if word.endswith("y") and len(word) > 3 else word


_SAME_STEMS = {_cut(other): _cut(word) for word, others in _SAME.items() for other in others.split()}
BESIDE = frozenset(map(stem, _BESIDE))


def content(words: list[str], vocabulary: frozenset[str] = frozenset()) -> list[str]:
    """The words that matter, as stems, in their order. "+" joins, "-pin" is denied.

    What a `vocabulary` of stems writes as one word ("finger print") becomes one, and what it writes as two, two.
    """
    found: list[str] = []
    denied = False
    for word in _as_written(words, vocabulary):
        if word in _JOINS:
            if found and found[-1] != "+" and not denied:
                found.append("+")
        elif word in _DENIES:
            denied = True
        else:
            found.append(f"-{word}" if denied else word)
            denied = False
    if denied:  # It is not said what is denied. So it must not fit anything.
        found.append("-")
    return found[:-1] if found and found[-1] == "+" else found


def _as_written(words: list[str], vocabulary: frozenset[str]) -> Iterator[str]:
    """Stems, written together or apart as in the vocabulary. Words that join or deny stay as they are."""
    words = words[::-1]
    while words:
        word = words.pop()
        if word not in _JOINS | _DENIES and words and stem(word + words[-1]) in vocabulary:
            yield stem(word + words.pop())
        elif word in _JOINS or word in _DENIES:
            yield word
        elif word not in LIGHT:
            yield from _apart(word, vocabulary)


def _apart(word: str, vocabulary: frozenset[str]) -> list[str]:
    if stem(word) not in vocabulary:
        for cut in range(3, len(word) - 2):
            parts = [stem(word[:cut]), stem(word[cut:])]
            # Of "getwork" nothing would be left, since both parts are without weight. It may be a misspelled "network".
            if vocabulary.issuperset(parts) and not BESIDE.issuperset(parts):
                return parts
    return [stem(word)]
