"""What `KnownHosts` decides, and what the real `ssh` and `ssh-keygen` decide: no difference.

60 drawn lists in plain pytest, 2,000 with --long. No network: ProxyCommand gives `ssh` the server's side.

OpenSSH's client looks at the host key before it looks at the signature of the exchange (kexgen.c, input_kex_gen_reply). So
most servers here are recordings, which `cat` plays: they can show any key, also one whose private part nobody has. Where
`ssh` accepts the host key, it goes on, and stops at the signature. A real `sshd -i` confirms it: for 40 of the lists in
plain pytest, for 400 with --long.
"""

import base64
import collections
import os
import random
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from trust import known_hosts_cases
from trust.known_hosts_cases import HOSTS, SECURITY_KEY, Key, at_port, certificate, keys, string

from helpers import programs
from helpers.trust.host_keys import KnownHosts
from helpers.trust.ssh_keys import HostKey, UnreadableKey

SEED = 4251
OPTIONS = (
    *(
        "-F",
        "none",
        "-v",
        "-o",
        "UserKnownHostsFile=known_hosts",
        "-o",
        "GlobalKnownHostsFile=none",
        "-o",
        "BatchMode=yes",
    ),
    *(
        "-o",
        "IdentityFile=none",
        "-o",
        "IdentityAgent=none",
        "-o",
        "PreferredAuthentications=none",
        "-o",
        "UpdateHostKeys=no",
    ),
    *("-o", "KexAlgorithms=curve25519-sha256"),
)
ENVIRONMENT = {"PATH": os.environ["PATH"], "SHELL": "/bin/sh"}
UNREADABLE = "unreadable"
NOBODY = 65534


# The server's side.


def packet(payload: bytes) -> bytes:
    """RFC 4253, section 6: the whole is a multiple of 8 bytes, and at least 4 of them are padding."""
    padding = 4 + -(len(payload) + 9) % 8
    return (len(payload) + padding + 1).to_bytes(4) + bytes([padding]) + payload + bytes(padding)


def signature_kind(shown: str) -> str:
    """What a server with this key or certificate offers. RSA keys sign with SHA-2 today."""
    return shown.split()[0].replace("ssh-rsa", "rsa-sha2-512")


def recording(shown: str) -> bytes:
    """What a server says up to its host key: RFC 4253, sections 4.2 and 7.1, and RFC 8731, section 3."""
    lists = (
        "curve25519-sha256",
        signature_kind(shown),
        *["aes128-ctr"] * 2,
        *["hmac-sha2-256"] * 2,
        *["none"] * 2,
        "",
        "",
    )
    proposal = b"\x14" + bytes(16) + b"".join(string(one.encode()) for one in lists) + bytes(5)
    blob, point = base64.b64decode(shown.split()[1]), (9).to_bytes(32, "little")
    no_signature = string(b"ssh-ed25519") + string(bytes(64))
    reply = b"\x1f" + string(blob) + string(point) + string(no_signature)
    return b"SSH-2.0-recorded\r\n" + packet(proposal) + packet(reply)


def recorded(case, folder: Path) -> str:
    """A recording for `case`, and the command that plays it to the end and then stays until the client goes."""
    (folder / "server").write_bytes(recording(case.shown))
    return "cat server -"


@contextmanager
def real_server():
    """Gives a function like `recorded`, for `sshd -i`. It runs as an ordinary user: as root, sshd wants a folder /run/sshd."""
    as_root = os.getuid() == 0
    command = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups " if as_root else ""
    command += f"{programs.find('sshd')} -i -f /dev/null -o UsePAM=no -o StrictModes=no"
    with tempfile.TemporaryDirectory() as name:  # and not tmp_path, since nobody may look into root's
        place = Path(name)
        place.chmod(0o711)
        files = {}
        for number, key in enumerate(keys()):
            if key.type != SECURITY_KEY:  # the private part of these stands in no file
                files[HostKey.parse(key.line).plain] = path = place / f"key{number}"
                path.touch(mode=0o600)
                path.write_bytes(key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
                if as_root:
                    os.chown(path, NOBODY, NOBODY)

        def serve(case, folder):
            its = f" -h {files[HostKey.parse(case.shown).plain]}"
            if "-cert-" in case.shown:
                file, path = tempfile.mkstemp(dir=place)
                os.close(file)
                Path(path).write_text(case.shown)
                Path(path).chmod(0o644)
                its += f" -o HostCertificate={path}"
            return command + its

        yield serve


# What the client says.


def run_ssh(case, folder: Path, proxy_command: str, *options: str) -> str:
    (folder / "known_hosts").write_bytes(case.text)
    its = (
        "-p",
        str(case.port),
        "-o",
        f"HostKeyAlgorithms={signature_kind(case.shown)}",
        "-o",
        f"ProxyCommand={proxy_command}",
    )
    ended = subprocess.run(
        ["ssh", *OPTIONS, *options, *its, "--", case.host],
        cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.stderr.decode(errors="replace").replace("\r", "")


def said_of(case, said: str) -> tuple[str, int | None]:
    """The verdict of `ssh`, and the line of the list that it names (for revoked keys it names none)."""
    if "Host key verification failed." in said:
        if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
            return "changed", int(re.search(r"^Offending \S+ key in known_hosts:(\d+)$", said, re.MULTILINE)[1])
        if "REVOKED HOST KEY DETECTED" in said:
            return "revoked", None
        if re.search(r"^No \S+ host key is known for .* and you have requested strict checking\.$", said, re.MULTILINE):
            return "unknown", None
    elif "Server host " in said:
        # What it says last is what counts: where a certificate is not good enough, it goes on with the plain key, and
        # where nothing is known for the port, without the port.
        known = re.findall(
            r"^debug1: Host .* is known and matches the \S+ host (key|certificate)\.$", said, re.MULTILINE
        )
        lines = re.findall(r"^debug1: Found (?:CA )?key in known_hosts:(\d+)$", said, re.MULTILINE)
        if known and lines:
            return {"key": "match", "certificate": "match-ca"}[known[-1]], int(lines[-1])
    elif "SSH2_MSG_KEX_ECDH_REPLY received" in said:
        return UNREADABLE, None
    raise AssertionError(f"ssh says something else:\n{said}\nof {case}")


def ask_ssh(cases, tmp_path: Path, server=recorded) -> list[tuple[str, int | None]]:
    def ask(numbered):
        number, case = numbered
        folder = tmp_path / str(number)
        folder.mkdir()
        return said_of(case, run_ssh(case, folder, server(case, folder), "-o", "StrictHostKeyChecking=yes"))

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(ask, enumerate(cases)))


def ours(case) -> tuple[str, int | None]:
    try:
        verdict = KnownHosts.parse(case.text).check(case.host, case.port, case.shown)
    except UnreadableKey:
        return UNREADABLE, None
    if verdict.value == "revoked":
        assert b"@revoked" in case.text.split(b"\n")[verdict.line - 1]
        return "revoked", None
    return verdict.value, verdict.line


@pytest.fixture
def is_long(request):
    return request.config.getoption("--long")


# Their verdicts, and ours.


@pytest.mark.needs("ssh")
def test_ssh_decides_the_same_and_for_the_same_line(tmp_path, is_long):
    cases = list(known_hosts_cases.cases(SEED, 2000 if is_long else 60))
    theirs = ask_ssh(cases, tmp_path)
    for case, verdict in zip(cases, theirs, strict=True):
        assert ours(case) == verdict, case
    # All verdicts occur often: else the lists would prove little.
    count = collections.Counter(value for value, _ in theirs)
    print(dict(count))
    for value in ("match", "match-ca", "changed", "unknown", "revoked", UNREADABLE):
        assert count[value] >= len(cases) / 20, (value, count)


@pytest.mark.needs("ssh")
def test_ssh_decides_the_same_in_cases_that_are_seldom_drawn(tmp_path):
    cases = list(known_hosts_cases.seldom_drawn())
    for case, verdict in zip(cases, ask_ssh(cases, tmp_path), strict=True):
        assert ours(case) == verdict, case


@pytest.mark.needs("ssh", "sshd")
def test_a_real_sshd_in_the_place_of_a_recording_makes_no_difference(tmp_path, is_long):
    # A security key signs only where it is plugged in, and sshd shows no key that it can't use.
    plain = {HostKey.parse(key.line).plain for key in keys() if key.type != SECURITY_KEY}
    drawn = known_hosts_cases.cases(SEED + 1, 2000)
    usable = (case for case in drawn if ours(case)[0] != UNREADABLE and HostKey.parse(case.shown).plain in plain)
    cases = list(islice(usable, 400 if is_long else 40))
    with real_server() as server:
        theirs = ask_ssh(cases, tmp_path, server)
    for case, verdict in zip(cases, theirs, strict=True):
        assert ours(case) == verdict, case
    assert len(cases) in (40, 400)
    assert {value for value, _ in theirs} == {"match", "match-ca", "changed", "unknown", "revoked"}


@pytest.mark.needs("ssh")
def test_ssh_keygen_finds_the_same_lines(tmp_path, is_long):
    def ask(numbered):
        number, case = numbered
        path = tmp_path / str(number)
        path.write_bytes(case.text)
        return subprocess.run(["ssh-keygen", "-F", name_of(case), "-f", path], capture_output=True, check=False).stdout

    cases = list(known_hosts_cases.cases(SEED, 2000 if is_long else 60))
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(ask, enumerate(cases)))
    markers = {b"": "", b"CA": "@cert-authority", b"REVOKED": "@revoked"}
    for case, output in zip(cases, said, strict=True):
        theirs = re.findall(rb"^# Host .* found: line (\d+) (CA|REVOKED|)$", output, re.MULTILINE)
        found = KnownHosts.parse(case.text).find(case.host, case.port)
        assert [(line.number, line.marker) for line in found] == [
            (int(number), markers[word]) for number, word in theirs
        ], case
    assert sum(output.count(b"found: line") for output in said) > len(cases)


def name_of(case) -> str:
    """The name as the list has it. `ssh-keygen -F` takes it as it is given."""
    return at_port(dict(HOSTS)[case.host].encode(), case.port).decode()


@pytest.mark.needs("ssh")
@pytest.mark.parametrize("port", [22, 2222])
def test_add_writes_what_ssh_writes_for_an_accepted_key(tmp_path, port):
    for number, (host, _) in enumerate(dict.fromkeys(HOSTS)):
        case = known_hosts_cases.Case(b"", host, port, keys()[number % len(keys())].line.decode())
        folder = tmp_path / str(number)
        folder.mkdir()
        run_ssh(case, folder, recorded(case, folder), "-o", "StrictHostKeyChecking=accept-new")
        known = KnownHosts.parse(b"")
        known.add(host, port, case.shown + " comment")
        assert str(known).strip() == (folder / "known_hosts").read_text().strip()


# The key as people see it.


@pytest.mark.needs("ssh")
@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_fingerprints_and_pictures_are_those_of_ssh_keygen(tmp_path, is_long, algorithm):
    rng = random.Random(SEED)
    lines = [key.line for key in keys()] + [certificate(key, keys()[0]) for key in keys()[:6]]
    lines += [known_hosts_cases.rsa_numbers(bits, rng).line for bits in (1024, 2047, 4095, 10_000, 16_384)]
    kind, ecdsa = "sk-ecdsa-sha2-nistp256@openssh.com", keys()[1]
    security_key = Key(kind, string(kind.encode()) + ecdsa.blob[4 + len(ecdsa.type) :] + string(b"ssh:"), None)
    lines += [security_key.line, certificate(security_key, ecdsa)]
    for _ in range(100 if is_long else 12):
        lines.append(rng.choice((known_hosts_cases.new_ed25519, known_hosts_cases.new_ecdsa))(rng).line)
    (tmp_path / "keys").write_bytes(b"\n".join(lines) + b"\n")
    command = ["ssh-keygen", "-lv", "-E", algorithm, "-f", tmp_path / "keys"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    blocks = [said[at : at + 12] for at in range(0, len(said), 12)]
    for line, (first, *picture) in zip(lines, blocks, strict=True):
        key = HostKey.parse(line)
        bits, fingerprint, *_, kind = first.split()
        assert (key.fingerprint(algorithm), key.bits) == (fingerprint, int(bits))
        if algorithm == "sha256":  # of an MD5 fingerprint it draws another picture, which nobody asks for
            assert key.randomart().splitlines() == picture, kind
