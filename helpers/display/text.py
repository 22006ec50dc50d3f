"""Text from somewhere else (a certificate, a host, a run), made safe to show. And spans of time in words."""

import re
from datetime import timedelta
from html import escape


def visible(text: str) -> str:
    """The text with what cannot be seen written out: a line break or a change of direction could forge a line.

    >>> visible("alice" + chr(10) + "bob")
    'alice\\\\nbob'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def short(text: str, length: int = 80) -> str:
    """The text, cut where it is longer: a name in a certificate can be as long as whoever made it likes."""
    return text if len(text) <= length else f"{text[:length]}…"


def as_html(text: str) -> str:
    """The same for HTML: nothing in it is taken for markup."""
    return escape(visible(text))


def inline(text: str) -> str:
    """HTML of a text in which `...` marks code and **...** what matters. All else in it is plain.

    >>> inline("**never** `<a>`")
    '<strong>never</strong> <code>&lt;a&gt;</code>'
    """
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", as_html(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html)


def duration(span: timedelta) -> str:
    """A span of time in its largest unit, rounded down.

    >>> duration(timedelta(days=2, hours=23))
    '2 days'
    """
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(span.total_seconds() // seconds)) >= 1:
            return f"{count} {unit}{'s' * (count > 1)}"
    return "less than a minute"
