"""One-time codes from a shared key: by counter (HOTP, RFC 4226) and by time (TOTP, RFC 6238).

    key = new_key()
    qr_code(otpauth_address(key, "alice", issuer="Bank Example"))
    totp(key, time.time())

A code is something you *have*: it shows that you hold the device with the key. It is typed in and handed over, so
whoever sees it in time can use it as well.
"""

import base64
import binascii
import hmac
import re
import secrets
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import segno
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from helpers.display.error import CourseError
from helpers.display.text import as_html, visible

# RFC 4226, section 4, R6: "The length of the shared secret MUST be at least 128 bits."
SHORTEST_KEY = 16
# RFC 6238, section 1.2, adds SHA-256 and SHA-512 to the SHA-1 of RFC 4226.
ALGORITHMS = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256, "SHA512": hashes.SHA512}


# The code.


def new_key() -> bytes:
    """A random key of 20 bytes: RFC 4226, section 4, R6, recommends 160 bits."""
    return secrets.token_bytes(20)


def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
    """The code for `counter` (RFC 4226, section 5.3): a string of `digits` decimal digits, zeros in front kept.

    Warns where the key has fewer than 16 bytes. Raises ValueError for a counter outside of 8 bytes, for digits other
    than 6, 7 and 8, or for another algorithm than SHA1, SHA256 and SHA512.

    >>> hotp(b"12345678901234567890", 0)
    '755224'
    """
    if len(key) < SHORTEST_KEY:
        # Many authenticator apps were given 10 bytes. Their codes are right, but their key is easier to guess.
        warnings.warn(f"this key has {len(key)} bytes; RFC 4226 (R6) asks for at least {SHORTEST_KEY}", stacklevel=2)
    if not 0 <= counter < 2**64:
        raise ValueError(f"a counter is a number of 8 bytes, not {counter}")
    # RFC 4226, section 5.3: "Implementations MUST extract a 6-digit code at a minimum and possibly 7 and 8-digit code."
    if digits not in (6, 7, 8):
        raise ValueError(f"a code has 6, 7 or 8 digits, not {digits}")
    if algorithm not in ALGORITHMS:
        raise ValueError(f"the algorithm is SHA1, SHA256 or SHA512, not {algorithm}")
    return HOTP(key, digits, ALGORITHMS[algorithm](), enforce_key_length=False).generate(counter).decode()


def totp(key: bytes, at: float, *, step: int = 30, t0: int = 0, digits: int = 6, algorithm: str = "SHA1") -> str:
    """The code at the Unix time `at` in seconds (RFC 6238, section 4.2): HOTP with the number of the time step."""
    return hotp(key, time_step(at, step=step, t0=t0), digits=digits, algorithm=algorithm)


def time_step(at: float, *, step: int = 30, t0: int = 0) -> int:
    """The number of the time step (of `step` seconds, counted from `t0`) that contains the Unix time `at`."""
    # RFC 6238, section 4.2: "T = (Current Unix time - T0) / X, where the default floor function is used".
    return int((at - t0) // step)


# How the key gets into the phone.


class UnreadableSecret(CourseError):
    """A text that is no key of an authenticator app. The message says why."""


def read_secret(text: str) -> bytes:
    """The key that a site shows as text, "JBSW Y3DP EHPK 3PXP" for example, for people who cannot scan its QR code.

    It is Base32 (RFC 4648, section 6). Spaces, hyphens and small letters are allowed, as in apps. Raises
    UnreadableSecret.
    """
    letters = "".join(text.split()).replace("-", "").rstrip("=")
    if not re.fullmatch("[A-Za-z2-7]+", letters):
        raise UnreadableSecret("Such a key has only the letters A to Z and the digits 2 to 7.")
    try:
        return base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except binascii.Error:
        raise UnreadableSecret(f"A key cannot have {len(letters)} letters. Is one missing, or one too many?") from None


def otpauth_address(
    key: bytes, account: str, issuer: str, *, step: int = 30, digits: int = 6, algorithm: str = "SHA1"
) -> str:
    """The address that an authenticator app reads from a QR code. It holds the key: who sees it, can make the codes.

    There is no RFC for it. The form is the one of Google Authenticator's wiki ("Key Uri Format"), which other apps took
    over. Raises ValueError for a colon in one of the two names or an empty one, and for what `hotp` refuses.

    >>> otpauth_address(b"12345678901234567890", "alice", "Bank Example")[:40]
    'otpauth://totp/Bank%20Example:alice?secr'
    """
    # "Neither issuer nor account name may themselves contain a colon."
    if ":" in account + issuer or not account or not issuer:
        raise ValueError("the names in such an address are not empty, and have no colon")
    hotp(key, 0, digits=digits, algorithm=algorithm)  # what gives no code needs no address
    # "The secret parameter is an arbitrary key value encoded in Base32 according to RFC 3548. The padding specified in
    # RFC 3548 section 2.2 is not required and should be omitted."
    secret = base64.b32encode(key).decode().rstrip("=")
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    # A space is %20 here. Some apps show the + that a web form would have.
    shown = f"secret={secret}&issuer={quote(issuer, safe='')}&algorithm={algorithm}&digits={digits}&period={step}"
    return f"otpauth://totp/{label}?{shown}"


@dataclass(frozen=True)
class QrCode:
    """A picture of an address, for a phone's camera. In text form it is the address itself."""

    address: str

    def _repr_html_(self) -> str:
        # Dark on white with a white border, in each theme: a camera needs it so. SVG gives the same bytes on every run.
        picture = segno.make(self.address, micro=False).svg_data_uri(scale=5, dark="#000", light="#fff")
        alt = "QR code of the address below, to be scanned by an authenticator app"
        return (
            f'<figure style="margin: 0"><img src="{as_html(picture)}" alt="{alt}">\n'
            f'<figcaption style="overflow-wrap: anywhere">{as_html(self.address)}</figcaption></figure>'
        )

    def __str__(self) -> str:
        return f"QR code of {visible(self.address)}"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def authenticator_app(key: bytes) -> Callable[[], str]:
    """What the app on a phone does that holds this key: call it to read the code of this moment."""
    return lambda: totp(key, time.time())


# What the server does with a code.


def match_totp(
    code: str,
    key: bytes,
    at: float,
    *,
    window: int = 1,
    after: int | None = None,
    step: int = 30,
    t0: int = 0,
    digits: int = 6,
    algorithm: str = "SHA1",
) -> int | None:
    """The time step whose code this is, for the verifier to remember, or None.

    Looks `window` steps back and ahead, since clocks differ. Steps up to `after` are used up.
    """
    now = time_step(at, step=step, t0=t0)
    for candidate in range(max(0, now - window), now + window + 1):
        # RFC 6238, section 5.2: "The verifier MUST NOT accept the second attempt of the OTP after the successful
        # validation has been issued for the first OTP".
        if after is not None and candidate <= after:
            continue
        if _same(code, hotp(key, candidate, digits=digits, algorithm=algorithm)):
            return candidate
    return None


def verify_totp(code: str, key: bytes, at: float, **settings) -> bool:
    """Whether `match_totp` finds a time step. For a server that must refuse a second use, `match_totp` is the one."""
    return match_totp(code, key, at, **settings) is not None


def verify_hotp(
    code: str, key: bytes, counter: int, *, look_ahead: int = 0, digits: int = 6, algorithm: str = "SHA1"
) -> int | None:
    """The next counter to store, or None where no code from `counter` to `counter + look_ahead` matches."""
    # RFC 4226, section 7.4, resynchronization: the server looks ahead, since a token may have been pressed unused.
    for candidate in range(counter, min(counter + look_ahead + 1, 2**64)):
        if _same(code, hotp(key, candidate, digits=digits, algorithm=algorithm)):
            return candidate + 1
    return None


def _same(code: str, expected: str) -> bool:
    code = code.replace(" ", "")  # many apps show "123 456"
    # compare_digest takes as long for a wrong code as for the right one, so its time tells nothing.
    return hmac.compare_digest(code.encode(errors="replace"), expected.encode())
