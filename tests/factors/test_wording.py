"""One form for many ways to write the same: what does not matter is gone, and what matters stays."""

import pytest

from helpers.factors.wording import content, stem, words_of

VOCABULARY = frozenset(map(stem, ("fingerprint", "smart", "card", "login", "password", "key", "fob")))


def said(text):
    return content(words_of(text), VOCABULARY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fingerprint", "fingerprint"),
        ("FINGERPRINTS", "fingerprint"),
        ("my finger-print", "fingerprint"),
        ("finger print", "fingerprint"),
        ("smartcard", "smart card"),
        ("smart-card", "smart card"),
        ("Wi‑Fi", "wifi"),  # a hyphen that does not break
        ("café", "cafe"),
        ("mother’s name", "mothers name"),
        ("driver's licence", "drivers license"),
        ("behavioural", "behavioral"),
        ("recognised", "recognized"),
        ("organisation", "organization"),
        ("cookies", "cookie"),
        ("identities", "identity"),
        ("addresses", "address"),
        ("swiping", "swipe"),
        ("scanned", "scan"),
        ("cell phone", "mobile phone"),
        ("a 6-digit code", "code"),
        ("four digit code", "code"),
        ("2-step code", "two-step code"),
        ("one-time password", "single-use code"),
        ("user name and password", "password"),
        ("PIN number", "PIN"),
        ("a PIN that only you know", "PIN"),
        ("text message", "SMS"),
        ("fingerprint of a browser", "browser fingerprint"),
        ("card + PIN", "card and PIN"),
        ("card & PIN", "card, PIN"),
        ("card together with a PIN", "card with PIN"),
        ("card without any PIN", "card, no PIN".replace(",", "")),
    ],
)
def test_two_ways_to_write_the_same(one, other):
    assert said(one) == said(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PIN of a card", "PIN and card"),
        ("card with PIN", "card without PIN"),
        ("card", "no card"),
        ("fingerprint of a browser", "fingerprint"),
        ("iris", "iri"),
        ("address", "addres"),
        ("somebody you know", "somebody"),
        ("password-protected key", "password and key"),
    ],
)
def test_what_differs_stays_apart(one, other):
    assert said(one) != said(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scan of my Fingerprints", ["scan", "fingerprint"]),
        ("smart card without a PIN", ["smart", "card", "-pin"]),
        ("with a key, and then with a fob and", ["key", "+", "fob"]),
        ("no", ["-"]),
        ("card without", ["card", "-"]),
        ("the", []),
        ("", []),
        ("пароль", []),
    ],
)
def test_what_is_left_of_a_text(text, words):
    assert said(text) == words
