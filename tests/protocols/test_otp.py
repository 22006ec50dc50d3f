"""One-time codes against the RFCs' own vectors and against another implementation."""

import random
import subprocess
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.totp import TOTP

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


# The other implementation: oathtool, of the OATH Toolkit. It knows HOTP with SHA-1 only.


def oathtool(key, *options, code=None):
    """What it prints: the code, or, where a code is given, the position of that code in the window."""
    command = ["oathtool", *map(str, options), key.hex(), *([code] if code else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def seeded_cases(request):
    generator = random.Random(4226)
    for _ in range(1000 if request.config.getoption("--long") else 40):
        key, digits = generator.randbytes(generator.choice((16, 20, 32, 64))), generator.choice((6, 7, 8))
        yield generator, key, digits


@pytest.mark.needs("oathtool")
def test_oathtool_and_this_module_agree_on_hotp_in_both_directions(request):
    for generator, key, digits in seeded_cases(request):
        counter, ahead = generator.getrandbits(40), generator.randrange(5)
        theirs = oathtool(key, "--counter", counter + ahead, "--digits", digits)
        assert otp.verify_hotp(theirs, key, counter, look_ahead=ahead, digits=digits) == counter + ahead + 1
        ours = otp.hotp(key, counter + ahead, digits=digits)
        assert oathtool(key, "--counter", counter, "--window", ahead, "--digits", digits, code=ours) == str(ahead)
        wrong = ours[:-1] + str((int(ours[-1]) + 1) % 10)
        agrees = otp.verify_hotp(wrong, key, counter, look_ahead=ahead, digits=digits) is None
        assert agrees == (oathtool(key, "--counter", counter, "-w", ahead, "-d", digits, code=wrong) is None)


@pytest.mark.needs("oathtool")
def test_oathtool_and_this_module_agree_on_totp_in_both_directions(request):
    for generator, key, digits in seeded_cases(request):
        at, step, algorithm = generator.randrange(2**32), generator.choice((30, 60)), generator.choice(tuple(TOTP_KEYS))
        settings = {"step": step, "digits": digits, "algorithm": algorithm}
        now = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        options = (f"--totp={algorithm}", "--now", now, "--time-step-size", f"{step}s", "--digits", digits)
        theirs = oathtool(key, *options)
        assert otp.match_totp(theirs, key, at, window=0, **settings) == at // step
        assert oathtool(key, *options, code=otp.totp(key, at, **settings)) == "0"


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
    with pytest.raises(ValueError, match="6, 7 or 8 digits, not 5"):
        otp.hotp(KEY, 0, digits=5)
    with pytest.raises(ValueError, match="SHA1, SHA256 or SHA512, not MD5"):
        otp.hotp(KEY, 0, algorithm="MD5")
    with pytest.raises(ValueError, match="a counter is a number of 8 bytes, not -1"):
        otp.hotp(KEY, -1)
    with pytest.raises(ValueError, match="a counter is a number of 8 bytes, not 18446744073709551616"):
        otp.hotp(KEY, 2**64)
    with pytest.raises(ValueError, match="a counter is a number of 8 bytes, not -1"):
        otp.totp(KEY, 0, t0=1)


def test_a_time_before_zero_matches_nothing():
    assert otp.match_totp("755224", KEY, -1000) is None


# The key, on its way to the phone.


def test_a_new_key_has_160_bits_and_is_another_one_each_time():
    assert len(otp.new_key()) == 20
    assert otp.new_key() != otp.new_key()


@pytest.mark.parametrize(
    "text",
    ["JBSWY3DPEHPK3PXP", "jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP", " JBSWY3DPEHPK3PXP====", "\tJBSWY3DPEHPK3PXP\n"],
)
def test_a_secret_is_read_as_apps_read_it(text):
    assert otp.read_secret(text) == b"Hello!\xde\xad\xbe\xef"


@pytest.mark.parametrize(
    "text", ["", " ", "====", "JBSWY3DPEHPK3PX1", "JBSWY3DPEHPK3PX0", "ünïcödé", "A=B", "JBSW\n\0", "ß", "ﬁ", "ı"]
)
def test_what_is_no_secret_gets_a_sentence(text):
    with pytest.raises(otp.UnreadableSecret, match="only the letters A to Z and the digits 2 to 7"):
        otp.read_secret(text)


@pytest.mark.parametrize("text", ["A", "ABC", "JBSWY3DPEHPK3PXPA"])
def test_a_secret_of_an_impossible_length_is_told_so(text):
    with pytest.raises(otp.UnreadableSecret, match=rf"A key cannot have {len(text)} letters"):
        otp.read_secret(text)


@pytest.mark.filterwarnings("ignore:this key has 10 bytes")
@pytest.mark.parametrize("size", [10, 16, 20, 32, 64])
@pytest.mark.parametrize(("account", "issuer"), [("alice", "Bank"), ("alice@bank.example", "Bank & Söhne, 100 %/+?#")])
def test_the_address_holds_all_that_an_app_needs(size, account, issuer):
    key = bytes(range(size))
    address = urlsplit(otp.otpauth_address(key, account, issuer, digits=8, algorithm="SHA256", step=60))
    fields = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == f"/{issuer}:{account}"
    assert address.path.count(":") == 1
    assert otp.read_secret(fields.pop("secret")) == key
    assert fields == {"issuer": issuer, "algorithm": "SHA256", "digits": "8", "period": "60"}
    assert "=&" not in address.query  # no padding
    assert "+" not in address.query  # some apps would show it


def test_what_gives_no_code_gets_no_address():
    with pytest.raises(ValueError, match="SHA1, SHA256 or SHA512, not MD5"):
        otp.otpauth_address(KEY, "alice", "Bank", algorithm="MD5")
    with pytest.raises(ValueError, match="6, 7 or 8 digits, not 12"):
        otp.otpauth_address(KEY, "alice", "Bank", digits=12)


def test_a_code_may_be_typed_with_its_space():
    assert otp.verify_totp("287 082", KEY, 59)
    assert otp.verify_hotp(" 287082 ", KEY, 1) == 2


def test_at_the_last_counter_there_is_nothing_ahead():
    assert otp.verify_hotp("000000", KEY, 2**64 - 1, look_ahead=5) is None


@pytest.mark.parametrize(
    "names", [("alice:bob", "Bank"), ("alice", "Bank: the other one"), ("", "Bank"), ("alice", "")]
)
def test_a_colon_in_a_name_would_be_misread(names):
    with pytest.raises(ValueError, match="are not empty, and have no colon"):
        otp.otpauth_address(KEY, *names)


def test_cryptography_writes_the_same_address():
    theirs = TOTP(KEY, 6, hashes.SHA1(), 30).get_provisioning_uri("alice", "Bank")
    ours = otp.otpauth_address(KEY, "alice", "Bank")
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)
    assert ours.partition("?")[0] == theirs.partition("?")[0]


def test_the_qr_code_is_a_picture_with_its_text_and_the_same_on_every_run():
    code = otp.QrCode(otp.otpauth_address(KEY, "<alice>", "Bank"))
    shown = code._repr_html_()
    assert shown == code._repr_html_()
    assert 'alt="QR code of the address below' in shown
    assert "data:image/svg+xml" in shown
    assert "<alice>" not in shown
    assert str(code) == f"QR code of {code.address}"
