"""Whatever bytes come, the server refuses with `PasskeyRefused`, quickly, and never accepts."""

import hashlib
import json
import random
import struct
import time

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.protocols.authenticator import Authenticator, Browser, from_base64url, to_base64url
from helpers.protocols.passkey import PasskeyRefused, RelyingParty, signed_parts
from helpers.protocols.passkey_response import LONGEST, check_authenticator_data, check_cbor

NAME, ORIGIN = "bank.example", "https://bank.example"
MALFORMED = ("malformed", "The answer is not written as WebAuthn says.")
FIELDS = {"type", "challenge", "origin", "rp id", "flags", "counter", "signature", "credential", "malformed"}
CEREMONIES = ("registration", "sign-in")


class Site:
    """It knows Alice. `good` makes an answer that it would accept, `refused` says why it refuses one."""

    def __init__(self):
        self.keys = RelyingParty(NAME, ORIGIN)
        self.browser = Browser(ORIGIN, Authenticator())
        self.keys.finish_registration(self.browser.create(self.keys.begin_registration("alice")))

    def good(self, ceremony):
        if ceremony == "registration":
            return Browser(ORIGIN, Authenticator()).create(self.keys.begin_registration("bob"))
        return self.browser.get(self.keys.begin_sign_in())

    def refused(self, ceremony, answer):
        finish = self.keys.finish_registration if ceremony == "registration" else self.keys.finish_sign_in
        with pytest.raises(PasskeyRefused) as refused:
            finish(answer)
        assert refused.value.field in FIELDS
        assert len(f"{refused.value}") < 400
        return refused.value.field, f"{refused.value}"


@pytest.fixture(scope="module")
def site():
    return Site()


each_ceremony = pytest.mark.parametrize("ceremony", CEREMONIES)


# JSON that is none, or has another form.


@each_ceremony
@pytest.mark.parametrize(
    "answer",
    [
        "",
        " ",
        "{",
        "null",
        "[]",
        "1",
        '"text"',
        "NaN",
        "{}",
        '{"response":{}}',
        "\ud800",
        "é",
        None,
        [],
        1,
        b"{}",
        {1: 2},
    ],
    ids=repr,
)
def test_what_is_no_answer_at_all(site, ceremony, answer):
    assert site.refused(ceremony, answer) == MALFORMED
    with pytest.raises(PasskeyRefused):
        signed_parts(answer)


WRONG = (
    None,
    True,
    0,
    1,
    -1,
    1.5,
    float("nan"),
    "",
    "a",
    "é",
    "\x00",
    "===",
    "A" * 1001,
    [],
    ["a"],
    {},
    {"a": 1},
    b"a",
    set(),
)


def members(answer, path=()):
    """The path to each member, however deep."""
    for name, value in answer.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from members(value, (*path, name))


def replaced(answer, path, value, client=False):
    """A copy in which one member is another one; the Ellipsis takes it away."""
    copy = json.loads(json.dumps(answer))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


# A browser may leave these out, and they say nothing to the server.
WITHOUT_MEANING = ("clientExtensionResults",)


@each_ceremony
def test_each_member_of_the_json_in_each_wrong_type(site, ceremony):
    for path in list(members(site.good(ceremony))):
        if path[0] in WITHOUT_MEANING:
            continue
        for value in (..., *WRONG):
            answer = site.good(ceremony)
            site.refused(ceremony, replaced(answer, path, value))


@each_ceremony
def test_each_member_of_the_client_data_in_each_wrong_type(site, ceremony):
    for path in (("type",), ("challenge",), ("origin",)):
        for value in (..., *(value for value in WRONG if not isinstance(value, bytes | set))):
            answer = site.good(ceremony)
            client_data = json.loads(from_base64url(answer["response"]["clientDataJSON"]))
            written = json.dumps(replaced(client_data, path, value)).encode()
            answer["response"]["clientDataJSON"] = to_base64url(written)
            site.refused(ceremony, answer)


@each_ceremony
@pytest.mark.parametrize(
    "written", [b"", b"[]", b"1", b"null", b'"a"', b"\xff\xfe", b"\xef\xbb\xbf", b"{}", b"{]", b"\0" * 50]
)
def test_client_data_that_is_none(site, ceremony, written):
    answer = site.good(ceremony)
    answer["response"]["clientDataJSON"] = to_base64url(written)
    assert site.refused(ceremony, answer) == MALFORMED


def test_members_without_meaning_may_be_missing_or_more(site):
    for ceremony, finish in zip(CEREMONIES, (site.keys.finish_registration, site.keys.finish_sign_in), strict=True):
        answer = site.good(ceremony)
        del answer["clientExtensionResults"]
        answer |= {"unknown": [1], "authenticatorAttachment": "platform"}
        answer["response"] |= {
            "transports": ["internal", "made-up"],
            "publicKeyAlgorithm": -7,
            "unknown": "not base64url!",
        }
        finish(answer)


def test_an_answer_is_not_changed_and_not_kept(site):
    answer = site.good("sign-in")
    before = json.dumps(answer)
    site.keys.finish_sign_in(answer)
    assert json.dumps(answer) == before


# Bytes that end early, or are any.


@each_ceremony
def test_binary_members_that_end_early(site, ceremony, request):
    for member in site.good(ceremony)["response"]:
        size = len(from_base64url(site.good(ceremony)["response"][member]))
        for end in range(0, size, 1 if request.config.getoption("--long") else 7):
            answer = site.good(ceremony)
            whole = from_base64url(answer["response"][member])
            answer["response"][member] = to_base64url(whole[: min(end, len(whole) - 1)])
            site.refused(ceremony, answer)


@each_ceremony
def test_binary_members_with_something_behind(site, ceremony):
    for member in site.good(ceremony)["response"]:
        for more in (b"\0", b"\xa0", b"more", bytes(1000)):
            answer = site.good(ceremony)
            answer["response"][member] = to_base64url(from_base64url(answer["response"][member]) + more)
            site.refused(ceremony, answer)


@each_ceremony
def test_binary_members_of_random_bytes(site, ceremony, request):
    rng = random.Random(5)
    for _ in range(300 if request.config.getoption("--long") else 20):
        for member in site.good(ceremony)["response"]:
            answer = site.good(ceremony)
            answer["response"][member] = to_base64url(rng.randbytes(rng.choice((1, 36, 37, 55, 200, 5000))))
            site.refused(ceremony, answer)


def with_random_bytes(rng, answer):
    """A few bytes of one of its binary members are others."""
    member = rng.choice(list(answer["response"]))
    changed = bytearray(from_base64url(answer["response"][member]))
    for position in rng.sample(range(len(changed)), rng.choice((1, 2, 10))):
        changed[position] ^= rng.randrange(1, 256)
    return {**answer, "response": {**answer["response"], member: to_base64url(bytes(changed))}}


def test_a_sign_in_with_some_random_bytes_in_it(site, request):
    rng = random.Random(6)
    for _ in range(2000 if request.config.getoption("--long") else 100):
        site.refused("sign-in", with_random_bytes(rng, site.good("sign-in")))


def test_a_registration_with_some_random_bytes_in_it(request):
    """Without attestation, nothing in it is signed. So it may be accepted, but nothing else than a refusal happens."""
    site, rng, fields = Site(), random.Random(7), []
    for _ in range(2000 if request.config.getoption("--long") else 100):
        answer = with_random_bytes(rng, site.good("registration"))
        try:
            site.keys.finish_registration(answer)
        except PasskeyRefused as refused:
            fields.append(refused.field)
    assert FIELDS > set(fields) >= {"challenge", "origin", "rp id", "credential", "malformed"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary().map(to_base64url),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")
answers = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "rawId", "type", "authenticatorAttachment"), json_values),
        "response": json_values | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, json_values)),
    },
)


@given(answer=answers)
def test_json_of_any_form(site, answer):
    for ceremony in CEREMONIES:
        site.refused(ceremony, answer)


# What is decoded is decoded strictly.


@each_ceremony
@pytest.mark.parametrize("more", ["!", "\n", " ", "é", "=", "\x00"])
def test_base64url_with_something_in_between(site, ceremony, more):
    for member in site.good(ceremony)["response"]:
        answer = site.good(ceremony)
        text = answer["response"][member]
        answer["response"][member] = text[:8] + more + text[8:]
        assert site.refused(ceremony, answer) == MALFORMED


@pytest.mark.parametrize("origin", ["https://\ud800.example", "https://[", "", "null", "\x00"])
def test_any_origin_can_be_shown(site, origin):
    answer = site.good("sign-in")
    client_data = json.loads(from_base64url(answer["response"]["clientDataJSON"]))
    answer["response"]["clientDataJSON"] = to_base64url(json.dumps({**client_data, "origin": origin}).encode())
    assert signed_parts(answer)["RP ID hash"] == "SHA-256 of another name"
    assert signed_parts(answer)["origin"].isprintable()
    assert site.refused("sign-in", answer)[0] == "origin"


# Too much. Each of these once took a parser's time or memory.

A_SECOND = 1.0


def timed(site, ceremony, answer):
    started = time.perf_counter()
    field, _ = site.refused(ceremony, answer)
    assert time.perf_counter() - started < A_SECOND
    return field


@each_ceremony
@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"response":' + "[" * 50_000,
        "1" * 60_000,
        '"' + "\\u0000" * 10_000,
        " " * 10_000_000,
    ],
    ids=lambda text: f"{text[:12].strip()}…",
)
def test_text_that_keeps_a_json_parser_busy(site, ceremony, text):
    assert timed(site, ceremony, text) == "malformed"
    answer = site.good(ceremony)
    answer["response"]["clientDataJSON"] = to_base64url(text[:40_000].encode())
    assert timed(site, ceremony, answer) == "malformed"


@each_ceremony
def test_objects_that_are_deep_or_hold_themselves(site, ceremony):
    deep, circle = [], {}
    for _ in range(100_000):
        deep = [deep]
    circle["response"] = circle
    for answer in ({"response": deep}, circle):
        assert timed(site, ceremony, answer) == "malformed"
    while deep:  # else Python takes it apart in the depth
        deep = deep.pop()


@each_ceremony
def test_an_answer_has_a_largest_size(site, ceremony):
    answer = site.good(ceremony)
    answer["more"] = "x" * (LONGEST - len(json.dumps({**answer, "more": ""})))
    finish = site.keys.finish_registration if ceremony == "registration" else site.keys.finish_sign_in
    finish(answer)
    answer = site.good(ceremony)
    answer["more"] = "x" * (LONGEST - len(json.dumps({**answer, "more": ""})) + 1)
    assert site.refused(ceremony, answer) == MALFORMED


def test_an_origin_of_many_labels(site):
    answer = site.good("sign-in")
    client_data = json.loads(from_base64url(answer["response"]["clientDataJSON"]))
    answer["response"]["clientDataJSON"] = to_base64url(
        json.dumps({**client_data, "origin": "https://" + "." * 30_000}).encode()
    )
    started = time.perf_counter()
    assert signed_parts(answer)["RP ID hash"] == "SHA-256 of another name"
    assert time.perf_counter() - started < A_SECOND
    assert timed(site, "sign-in", answer) == "origin"


# CBOR can stand for much with few bytes.


def head(kind, size):
    """How a CBOR item begins (RFC 8949, section 3): its kind, and its size or number."""
    if size < 24:
        return bytes([kind << 5 | size])
    width = next(width for width in (1, 2, 4, 8) if size < 1 << 8 * width)
    return bytes([kind << 5 | 23 + width.bit_length()]) + size.to_bytes(width)


def tag(number, item):
    return head(6, number) + item


def doubling(levels):
    """Each list holds the one before twice, by reference (tags 28 and 29). Written out, it has 2 ** levels numbers."""
    lists = [tag(28, b"\x82\0\0")]
    lists += [tag(28, b"\x82" + 2 * tag(29, head(0, before))) for before in range(levels - 1)]
    return head(4, levels) + b"".join(lists)


DEEP = 30_000
BOMBS = {
    "lists in lists": b"\x81" * DEEP + b"\0",
    "open lists": b"\x9f" * DEEP,
    "maps in maps": b"\xa1\0" * (DEEP // 2) + b"\0",
    "open maps": b"\xbf" * DEEP,
    "tags on tags": b"\xc1" * DEEP + b"\0",
    "lists that double": doubling(60),
    "a list in itself": tag(28, b"\x81" + tag(29, b"\0")),
    "a text, again and again": tag(256, b"\x82" + cbor2.dumps("x" * 20_000) + head(4, 5_000) + tag(25, b"\0") * 5_000),
    "a long list": head(4, 2**63),
    "a long map": head(5, 2**60),
    "long bytes": head(2, 2**62),
    "a long text": head(3, 2**40),
    "a huge number": tag(5, b"\x82" + head(0, 2**62) + b"\1"),
    "a tiny number": tag(5, b"\x82" + head(1, 2**62) + b"\1"),
    "a huge decimal": tag(4, b"\x82" + head(0, 10**9) + b"\1"),
    "a huge exponent": tag(5, b"\x82" + tag(2, head(2, 9_000) + b"\xff" * 9_000) + b"\1"),
    "a long number": tag(2, head(2, DEEP) + b"\xff" * DEEP),
    "a fraction by zero": tag(30, b"\x82\1\0"),
    "a pattern": tag(35, cbor2.dumps("(a+)+" * 2_000)),
    "a time": tag(1, b"\xfb" + struct.pack(">d", 1e300)),
    "not a number, twice": b"\xa2" + 2 * (b"\xfb" + struct.pack(">d", float("nan")) + b"\1"),
    "nothing": b"",
    "a break": b"\xff",
    "a reserved size": b"\x1c",
}
ES256 = {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}
# A map of four members that says it has three. py_webauthn mends it, and reads the fourth.
MENDED = bytes.fromhex("a301634f4b500327206745643235353139")
RS256 = {1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\1\0\1"}
STATEMENT = {
    "alg": -7,
    "sig": b"s",
    "x5c": [b"c"],
    "ver": "2.0",
    "certInfo": b"c",
    "pubArea": b"p",
    "response": b"a.b.c",
}
FORMS = ("none", "packed", "tpm", "apple", "fido-u2f", "android-key", "android-safetynet")


def encoded(values, member=None, item=b""):
    """A CBOR map, in which the value of `member` is that item."""
    return head(5, len(values)) + b"".join(
        cbor2.dumps(name) + (item if name == member else cbor2.dumps(value)) for name, value in values.items()
    )


def attestation(key=None, statement=b"\xa0", form="none", extensions=b""):
    flags = 0x41 | (0x80 if extensions else 0)
    data = hashlib.sha256(NAME.encode()).digest() + bytes([flags]) + bytes(4 + 16) + b"\0\x01i"
    data += (cbor2.dumps(ES256) if key is None else key) + extensions
    return encoded({"fmt": form, "attStmt": {}, "authData": data}, "attStmt", statement)


def places(bomb):
    """The attestation objects that have the item in each place where an authenticator writes CBOR."""
    yield bomb
    yield attestation(key=bomb)
    yield attestation(key=MENDED + cbor2.dumps(-2) + bomb)
    if bomb:
        yield attestation(extensions=bomb)
    for key in (ES256, RS256):
        yield from (attestation(key=encoded(key, member, bomb)) for member in key)
    for form in FORMS:
        yield attestation(statement=bomb, form=form)
        yield from (attestation(statement=encoded(STATEMENT, member, bomb), form=form) for member in STATEMENT)
    for member in ("fmt", "attStmt", "authData"):
        yield encoded({"fmt": "none", "attStmt": {}, "authData": b""}, member, bomb)


@pytest.mark.parametrize(
    "value",
    [
        0,
        23,
        24,
        2**64 - 1,
        -1,
        -(2**64),
        b"",
        b"x" * 300,
        "é" * 300,
        [],
        {},
        [[[[]]]],
        {"a": [{1: [b""]}]},
        True,
        None,
        1.5,
    ],
)
def test_where_a_cbor_item_ends(value):
    item = cbor2.dumps(value)
    assert check_cbor(b"before" + item + b"behind", 6) == 6 + len(item)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (tag(0, b"\x60"), "a tag"),
        (b"\x81" + tag(1, b"\0"), "a tag"),
        (b"\x9f\xff", "a length left open"),
        (b"\x5f\x41a\xff", "a length left open"),
        (b"\xff", "a length left open"),
        (b"\x1c", "a length left open"),
        (b"\x81" * 5 + b"\0", "too many levels"),
        (b"\xa1\0" * 5 + b"\0", "too many levels"),
        (b"\x42a", "it ends early"),
        (b"\x19\1", "it ends early"),
        (b"\x82\0", "out of range"),
        (b"", "out of range"),
    ],
)
def test_cbor_that_is_not_in_the_form_of_ctap2(item, why):
    with pytest.raises((ValueError, IndexError), match=why):
        check_cbor(item)


@pytest.mark.parametrize(
    ("flags", "behind", "fits"),
    [
        (0x01, b"", True),
        (0x01, b"\0", False),
        (0x81, b"\xa0", True),
        (0x81, b"", False),
        (0x81, b"\xa0\xa0", False),
        (0x41, bytes(16) + b"\0\1i\xa0", True),
        (0x41, bytes(16) + b"\0\1i\xa0\xa0", False),
        (0x41, bytes(16) + b"\0\2i\xa0", False),
        (0xC1, bytes(16) + b"\0\1i\xa0\xa0", True),
        (0xC1, bytes(16) + b"\0\1i\xa0", False),
    ],
)
def test_the_layout_of_authenticator_data(flags, behind, fits):
    data = bytes(32) + bytes([flags]) + bytes(4) + behind
    if fits:
        check_authenticator_data(data)
        return
    with pytest.raises((ValueError, IndexError)):
        check_authenticator_data(data)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_cbor_that_stands_for_too_much(site, bomb):
    for encoded_object in places(bomb):
        answer = site.good("registration")
        answer["response"]["attestationObject"] = to_base64url(encoded_object)
        timed(site, "registration", answer)


def test_cbor_in_the_extensions_of_a_sign_in(site):
    for bomb in BOMBS.values():
        answer = site.good("sign-in")
        data = bytearray(from_base64url(answer["response"]["authenticatorData"]) + bomb)
        data[32] |= 0x80
        answer["response"]["authenticatorData"] = to_base64url(bytes(data))
        assert timed(site, "sign-in", answer) == "malformed"


@pytest.mark.parametrize("size", [256, 1024, 2048, 4096, 15_000])
@pytest.mark.parametrize("exponent", [b"\1\0\1", b"\xff" * 8, b"\xff" * 200])
def test_rsa_keys_that_are_long_to_reckon_with(size, exponent):
    site = Site()
    answer = site.good("registration")
    key = cbor2.dumps({**RS256, -1: b"\xff" * size, -2: exponent})
    answer = {**answer, "id": "aQ", "rawId": "aQ"}
    answer["response"]["attestationObject"] = to_base64url(attestation(key=key))
    started = time.perf_counter()
    try:
        site.keys.finish_registration(answer)
    except PasskeyRefused as refused:
        assert refused.field == "malformed"  # noqa: PT017 (a key that cryptography takes may be registered)
    assert time.perf_counter() - started < A_SECOND


def test_extensions_as_real_authenticators_write_them_are_accepted():
    """So that the refusals above are for what is wrong with them. Section 7.1: an RP may ignore extensions."""
    site = Site()
    answer = site.good("registration")
    made = cbor2.loads(from_base64url(answer["response"]["attestationObject"]))
    more = cbor2.dumps({"credProtect": 2, "hmac-secret": True, "example": [{"a": b"b"}]})
    data = made["authData"][:32] + bytes([made["authData"][32] | 0x80]) + made["authData"][33:] + more
    answer["response"]["attestationObject"] = to_base64url(cbor2.dumps({**made, "authData": data}))
    assert site.keys.finish_registration(answer).user == "bob"
