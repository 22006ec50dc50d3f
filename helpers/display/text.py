"""Text from somewhere else (a certificate, a host, a run), made safe to show."""

from html import escape


def visible(text: str) -> str:
    """The text with what cannot be seen written out: a line break or a change of direction could forge a line.

    >>> visible("alice" + chr(10) + "bob")
    'alice\\\\nbob'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def as_html(text: str) -> str:
    """The same for HTML: nothing in it is taken for markup."""
    return escape(visible(text))
