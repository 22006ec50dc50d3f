"""Errors for people: a sentence instead of a traceback, and real error texts without what differs from run to run."""

import re


class CourseError(Exception):
    """An error whose message says what to do. A notebook shows that sentence alone, without the traceback."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this method before it formats a traceback of its own.
        return [f"{type(self).__name__}: {self}"]


# What differs although the error is the same: the line in Python's C source, ports, process ids, and wordings.
_VARIES = (
    (re.compile(r" ?\(_ssl\.c:\d+\)"), ""),
    (re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):\d+"), r"\1:PORT"),
    (re.compile(r"\bpid[ =:]+\d+", re.IGNORECASE), "pid PID"),
    # OpenSSL 3.2 renamed the old alerts, and once also a verification error. The newer wording stands for both.
    (re.compile(r"\bsslv3 alert\b"), "ssl/tls alert"),
    (re.compile(r"\bunsupported certificate purpose\b"), "unsuitable certificate purpose"),
    # The same for curl: newer versions write it so.
    (re.compile(r"\btarget host name\b"), "target hostname"),
)


def reason_of(text: str) -> str:
    """The end of an error text of Python's `ssl`. What stands before it is always the same, or says it in capitals.

    >>> reason_of("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired")
    'certificate has expired'
    """
    return re.sub(r"^\[\w+: \w+\] (certificate verify failed: )?", "", text)


def error_text(error: BaseException | str) -> str:
    """The real text of an error, less what differs from run to run, from Python to Python or from OpenSSL to OpenSSL.

    >>> error_text("[SSL: X] it failed (_ssl.c:1006)")
    '[SSL: X] it failed'
    """
    # An OSError (every ssl.SSLError is one) keeps its text in strerror; str() would put "(1, ...)" around it.
    text = getattr(error, "strerror", None) or str(error)
    for pattern, replacement in _VARIES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())
