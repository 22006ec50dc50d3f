"""One-time codes against the RFCs' own vectors and against another implementation."""

import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from helpers.protocols import otp

KEY = b"12345678901234567890"

# RFC 4226, appendix D.
HOTP_VECTORS = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]

# RFC 6238, appendix B (and errata: the keys for SHA-256 and SHA-512 are longer).
TOTP_KEYS = {"SHA1": KEY, "SHA256": (KEY * 2)[:32], "SHA512": (KEY * 4)[:64]}
TOTP_VECTORS = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]


def test_hotp_vectors_of_rfc_4226():
    assert [otp.hotp(KEY, counter) for counter in range(10)] == HOTP_VECTORS


@pytest.mark.parametrize(("at", *TOTP_KEYS), TOTP_VECTORS)
def test_totp_vectors_of_rfc_6238(at, SHA1, SHA256, SHA512):  # noqa: N803
    for algorithm, code in (("SHA1", SHA1), ("SHA256", SHA256), ("SHA512", SHA512)):
        assert otp.totp(TOTP_KEYS[algorithm], at, digits=8, algorithm=algorithm) == code


def test_cryptography_agrees(request):
    generator = random.Random(6238)
    for _ in range(50_000 if request.config.getoption("--long") else 500):
        key, counter, digits = generator.randbytes(20), generator.getrandbits(63), generator.choice((6, 7, 8))
        theirs = HOTP(key, digits, hashes.SHA1(), enforce_key_length=False).generate(counter).decode()
        assert otp.hotp(key, counter, digits=digits) == theirs


def test_a_code_matches_one_step_early_or_late_but_not_two():
    at = 1_000_000_000
    code = otp.totp(KEY, at)
    assert otp.match_totp(code, KEY, at) == at // 30
    assert otp.verify_totp(code, KEY, at + 30)
    assert otp.verify_totp(code, KEY, at - 30)
    assert not otp.verify_totp(code, KEY, at + 60)
    assert not otp.verify_totp(code, KEY, at + 30, window=0)


def test_a_code_is_used_up():
    at = 1_000_000_000
    step = otp.match_totp(otp.totp(KEY, at), KEY, at)
    assert otp.match_totp(otp.totp(KEY, at), KEY, at, after=step) is None
    assert otp.match_totp(otp.totp(KEY, at + 30), KEY, at + 30, after=step) == step + 1


@pytest.mark.parametrize("wrong", ["", "000000", "28708", "2870822", "abcdef", "२८७०८२"])
def test_wrong_codes_are_refused(wrong):
    assert otp.match_totp(wrong, KEY, 59) is None
    assert otp.verify_hotp(wrong, KEY, 1) is None


def test_older_codes_are_used_up_with_a_newer_one():
    at = 1_000_000_000
    newer = otp.match_totp(otp.totp(KEY, at + 30), KEY, at + 30)
    assert otp.match_totp(otp.totp(KEY, at), KEY, at + 30) == newer - 1
    assert otp.match_totp(otp.totp(KEY, at), KEY, at + 30, after=newer) is None


def test_the_first_step_of_all_has_none_before_it():
    assert otp.match_totp(otp.totp(KEY, 0), KEY, 0) == 0


def test_hotp_looks_ahead_and_gives_the_next_counter():
    assert otp.verify_hotp("755224", KEY, 0) == 1
    assert otp.verify_hotp("969429", KEY, 0) is None
    assert otp.verify_hotp("969429", KEY, 0, look_ahead=3) == 4
    assert otp.verify_hotp("755224", KEY, 1, look_ahead=5) is None


def test_a_short_key_warns_and_works():
    with pytest.warns(UserWarning, match=r"has 10 bytes; RFC 4226 \(R6\) asks for at least 16"):
        assert len(otp.hotp(KEY[:10], 0)) == 6


def test_impossible_settings_are_named():
    with pytest.raises(ValueError, match="6 to 10 digits, not 5"):
        otp.hotp(KEY, 0, digits=5)
    with pytest.raises(ValueError, match="SHA1, SHA256 or SHA512, not MD5"):
        otp.hotp(KEY, 0, algorithm="MD5")
    with pytest.raises(ValueError, match="a counter is a number of 8 bytes, not -1"):
        otp.hotp(KEY, -1)
