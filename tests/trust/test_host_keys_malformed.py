"""Lists and keys that are broken: a verdict or a sentence, nothing else, and never a long wait."""

import base64
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from trust.known_hosts_cases import certificate, hashed, keys, string

from helpers.trust.host_keys import KnownHosts
from helpers.trust.ssh_keys import UnreadableKey

HOST = "server.example"
KEY, OTHER, CA = keys()[0], keys()[6], keys()[1]
SHOWN, CERTIFICATE = KEY.line.decode(), certificate(KEY, CA, principals=(HOST.encode(),)).decode()
VALUES = {"match", "match-ca", "changed", "unknown", "revoked"}
MEGABYTE = 1 << 20


def check(text, shown=SHOWN, port=22):
    return KnownHosts.parse(text).check(HOST, port, shown).value


# The list.


def test_random_bytes_are_a_list_that_knows_no_key():
    for seed in range(200):
        rng = random.Random(seed)
        text = rng.randbytes(rng.choice((1, 30, 1000, 50_000)))
        assert check(text) == check(text, CERTIFICATE) == "unknown", seed
        # A good line between them is found nevertheless, and its number counts what came before.
        known = KnownHosts.parse(text + b"\n" + HOST.encode() + b" " + KEY.line + b"\n" + text)
        assert known.check(HOST, 22, SHOWN).value == "match", seed
        assert [line.number for line in known.find(HOST)] == [text.count(b"\n") + 2], seed


def good_lines():
    name = HOST.encode()
    return {
        "plain": (name + b" " + KEY.line, SHOWN),
        "hashed": (hashed(name, random.Random(1)) + b" " + KEY.line, SHOWN),
        "revoked": (b"@revoked " + name + b" " + KEY.line, SHOWN),
        "CA": (b"@cert-authority *.example " + CA.line, CERTIFICATE),
    }


@pytest.mark.parametrize("kind", good_lines())
def test_every_line_with_one_byte_changed_gets_a_verdict(kind):
    line, shown = good_lines()[kind]
    whole = check(line, shown)
    rng = random.Random(kind)
    verdicts = []
    for at in range(len(line)):
        for byte in {0, 9, 10, 13, 32, 33, 42, 44, 61, 64, 124, 255, line[at] ^ 1, line[at] ^ 0x20, rng.randrange(256)}:
            verdicts.append(check(line[:at] + bytes([byte]) + line[at + 1 :], shown))
    assert set(verdicts) <= VALUES
    # What is changed is no longer that line, save for a few bytes that mean nothing, such as a blank that is a tab.
    assert verdicts.count(whole) < len(verdicts) / 10


@pytest.mark.parametrize("kind", good_lines())
def test_every_line_that_is_cut_off_is_skipped(kind):
    line, shown = good_lines()[kind]
    for end in range(len(line)):
        assert check(line[:end], shown) == "unknown", line[:end]
        assert check(line[:end] + b"\n", shown) == "unknown", line[:end]


def test_text_that_no_encoding_explains_is_taken_as_it_is():
    assert check("\udcff\n" + HOST + " " + SHOWN) == "match"
    assert check(b"\xff\xfe " + KEY.line + b"\n" + HOST.encode() + b" " + KEY.line + b" caf\xe9") == "match"


# The key.


def refusal_or_verdict(line) -> str:
    """The verdict, or the sentence with which the key is refused. Any other error goes through."""
    try:
        return KnownHosts.parse(HOST + " " + SHOWN).check(HOST, 22, line).value
    except UnreadableKey as error:
        return str(error)


def refused(line) -> bool:
    said = refusal_or_verdict(line)
    return said not in VALUES and said.endswith(".") and said.isprintable()


def test_random_bytes_as_a_key_are_refused_with_a_sentence():
    for seed in range(200):
        rng = random.Random(seed)
        noise = rng.randbytes(rng.choice((0, 1, 20, 300, 5000)))
        assert refused(noise), seed
        assert refused(noise.decode("latin-1")), seed
        kind = rng.choice(
            (KEY.type, CA.type, "ssh-rsa", "ssh-dss", CERTIFICATE.split()[0], "sk-ssh-ed25519@openssh.com")
        )
        name = string(kind.encode())
        for blob in (noise, name + noise, name + string(noise) + noise, name + b"\xff\xff\xff\xff" + noise):
            assert refused(f"{kind} {base64.b64encode(blob).decode()}"), seed


@pytest.mark.parametrize(
    "line", [SHOWN, OTHER.line.decode(), CA.line.decode(), CERTIFICATE], ids=["key", "other", "ecdsa", "certificate"]
)
def test_every_key_with_one_bit_changed_is_another_key_or_none(line):
    kind, encoded = line.split()
    blob = base64.b64decode(encoded)
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1 << at % 8]) + blob[at + 1 :]
        new = f"{kind} {base64.b64encode(changed).decode()}"
        # Of a certificate, the CA has signed every byte.
        assert refused(new) or (line != CERTIFICATE and refusal_or_verdict(new) == "changed"), at


@pytest.mark.parametrize("line", [SHOWN, CERTIFICATE], ids=["key", "certificate"])
def test_every_key_that_is_cut_off_is_refused(line):
    for end in range(len(line)):
        assert refused(line[:end]), end
    blob = base64.b64decode(line.split()[1])
    for end in range(len(blob)):
        assert refused(f"{line.split()[0]} {base64.b64encode(blob[:end]).decode()}"), end


# Very large lists: 1 MB in plain pytest, 100 MB with --long. Each is read in a process of its own, which gets this long.
SECONDS = 60

RUN = """
import sys
from helpers.trust.host_keys import KnownHosts
for port in (22, 2222):
    print(KnownHosts.read(sys.argv[1]).check("server.example", port, sys.argv[2]).value)
"""


def check_in_time(path: Path) -> list[str]:
    """The verdicts for the ports 22 and 2222. Raises TimeoutExpired."""
    command = [sys.executable, "-c", RUN, path, SHOWN]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True, env=environment)
    path.unlink()  # pytest would keep it for a while
    return ended.stdout.split()


def write(path: Path, size: int, *parts: bytes, between: bytes = b"") -> Path:
    """A list of about `size` bytes: `parts` over and over, and at the end a good line."""
    block = b"".join(parts) * max(1, MEGABYTE // len(b"".join(parts)))
    with path.open("wb") as file:
        for _ in range(max(1, size // len(block))):
            file.write(block)
        file.write(between + HOST.encode() + b" " + KEY.line + b"\n")
    return path


@pytest.fixture
def size(request):
    return 100 * MEGABYTE if request.config.getoption("--long") else MEGABYTE


def test_a_large_list_of_plain_names(tmp_path, size):
    path = write(tmp_path / "list", size, b"shop.example,192.0.2.1 " + OTHER.line + b"\n")
    assert check_in_time(path) == ["match", "match"]


def test_a_large_list_of_hashed_names(tmp_path, size):
    rng = random.Random(7)
    path = write(
        tmp_path / "list", size, *(hashed(b"%d.example" % n, rng) + b" " + OTHER.line + b"\n" for n in range(500))
    )
    assert check_in_time(path) == ["match", "match"]


def test_a_large_list_of_empty_lines(tmp_path, size):
    path = write(tmp_path / "list", size // 4, b"\n")
    assert check_in_time(path) == ["match", "match"]


@pytest.mark.parametrize(
    "sign",
    [
        b"x",
        b",",
        b"*",
        *(pytest.param(sign, marks=pytest.mark.long) for sign in (b" ", b"|", b"\0", b"\xff", b"=", b"\t", b"@")),
    ],
)
def test_one_giant_line_is_skipped(tmp_path, size, sign):
    path = write(tmp_path / "list", size, sign, between=b"\n")
    assert check_in_time(path) == ["match", "match"]


def test_one_giant_line_of_names_counts(tmp_path, size):
    path = write(tmp_path / "list", size // 5, b"a.example,*b,c?d,")  # four million patterns
    assert check_in_time(path) == ["match", "match"]


def test_a_giant_key_is_skipped_and_a_giant_comment_is_passed_over(tmp_path, size):
    path = tmp_path / "list"
    path.write_bytes(
        HOST.encode() + b" ssh-rsa " + b"A" * size + b"\n" + HOST.encode() + b" " + KEY.line + b" " + b"A" * size
    )
    assert check_in_time(path) == ["match", "match"]


@pytest.mark.parametrize("pattern", [b"*a" * 500, b"*?" * 500, b"*" * 1000 + b"!", b"*e*x*a*m" * 120, b"?*" * 500])
def test_no_pattern_takes_long(tmp_path, size, pattern):
    """Matchers that try again and again need years for such patterns. This one is asked for thousands of them."""
    path = write(tmp_path / "list", size // 10, pattern + b"! " + OTHER.line + b"\n")
    assert check_in_time(path) == ["match", "match"]
