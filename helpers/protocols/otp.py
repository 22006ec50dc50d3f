"""One-time codes from a shared key: by counter (HOTP, RFC 4226) and by time (TOTP, RFC 6238).

A code is something you *have*: it shows that you hold the device with the key. It is typed in and handed over, so
whoever sees it in time can use it as well.
"""

import hmac
import struct
import time
import warnings
from collections.abc import Callable

# RFC 4226, section 4, R6: "The length of the shared secret MUST be at least 128 bits."
SHORTEST_KEY = 16


def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
    """The code for `counter` (RFC 4226, section 5.3): a string of `digits` decimal digits, zeros in front kept.

    Warns where the key has fewer than 16 bytes. Raises ValueError for a negative counter, for digits outside 6 to 10
    or for another algorithm than SHA1, SHA256 and SHA512.

    >>> hotp(b"12345678901234567890", 0)
    '755224'
    """
    if len(key) < SHORTEST_KEY:
        warnings.warn(f"this key has {len(key)} bytes; RFC 4226 (R6) asks for at least {SHORTEST_KEY}", stacklevel=2)
    if not 0 <= counter < 2**64:
        raise ValueError(f"a counter is a number of 8 bytes, not {counter}")
    # RFC 4226, section 5.3: "Implementations MUST extract a 6-digit code at a minimum and possibly 7 and 8-digit code."
    if not 6 <= digits <= 10:
        raise ValueError(f"a code has 6 to 10 digits, not {digits}")
    # RFC 6238, section 1.2, adds SHA-256 and SHA-512.
    if algorithm not in ("SHA1", "SHA256", "SHA512"):
        raise ValueError(f"the algorithm is SHA1, SHA256 or SHA512, not {algorithm}")
    digest = hmac.digest(key, struct.pack(">Q", counter), algorithm)
    # Section 5.3, dynamic truncation: the last four bits say where to read four bytes; their highest bit is dropped.
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack_from(">I", digest, offset)
    return str((number & 0x7FFFFFFF) % 10**digits).zfill(digits)


def totp(key: bytes, at: float, *, step: int = 30, t0: int = 0, digits: int = 6, algorithm: str = "SHA1") -> str:
    """The code at the Unix time `at` in seconds (RFC 6238, section 4.2): HOTP with the number of the time step."""
    return hotp(key, time_step(at, step=step, t0=t0), digits=digits, algorithm=algorithm)


def time_step(at: float, *, step: int = 30, t0: int = 0) -> int:
    """The number of the time step (of `step` seconds, counted from `t0`) that contains the Unix time `at`."""
    # RFC 6238, section 4.2: "T = (Current Unix time - T0) / X, where the default floor function is used".
    return int((at - t0) // step)


def authenticator_app(key: bytes) -> Callable[[], str]:
    """What the app on a phone does that holds this key: call it to read the code of this moment."""
    return lambda: totp(key, time.time())


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
    for candidate in range(counter, counter + look_ahead + 1):
        if _same(code, hotp(key, candidate, digits=digits, algorithm=algorithm)):
            return candidate + 1
    return None


def _same(code: str, expected: str) -> bool:
    # compare_digest takes as long for a wrong code as for the right one, so its time tells nothing.
    return hmac.compare_digest(code.encode(errors="replace"), expected.encode())
