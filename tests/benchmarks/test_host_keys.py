"""One host among very many hashed ones: `ssh-keygen -F`, asyncssh, and ours, on the same list. The wanted line is the last.

    .venv/bin/pytest tests/benchmarks/test_host_keys.py

The bars: for 100,000 lines, reading the list included, ours takes at most 1.5 times as long as `ssh-keygen -F`, and asyncssh
at least 5 times as long as ours. Ten times as many lines take at most 12 times as long.
"""

import base64
import random
import subprocess
import time

import asyncssh
import pytest
from trust.known_hosts_cases import hashed, string

from helpers.trust.host_keys import KnownHosts

HOST = "server.example"
ROUNDS = {1_000: 40, 10_000: 15, 100_000: 7}


def line(name: bytes, rng: random.Random) -> bytes:
    blob = string(b"ssh-ed25519") + string(rng.randbytes(32))
    return hashed(name, rng) + b" ssh-ed25519 " + base64.b64encode(blob)


@pytest.fixture(scope="module")
def best(tmp_path_factory):
    """The least time in seconds for each: {count: {"ours": ..., "ssh-keygen": ..., "asyncssh": ...}}."""
    rng = random.Random(4251)
    folder = tmp_path_factory.mktemp("lists")
    took = {}
    for count, rounds in ROUNDS.items():
        lines = [line(b"%d.example" % number, rng) for number in range(count - 1)] + [line(HOST.encode(), rng)]
        path, shown = folder / str(count), lines[-1].split(b" ", 1)[1].decode()
        path.write_bytes(b"\n".join(lines) + b"\n")

        def ours(path=path, shown=shown, count=count):
            assert KnownHosts.read(path).check(HOST, 22, shown).line == count

        def keygen(path=path, count=count):
            said = subprocess.run(["ssh-keygen", "-F", HOST, "-f", path], capture_output=True, check=True).stdout
            assert b"found: line %d" % count in said

        def theirs(path=path):
            assert asyncssh.match_known_hosts(asyncssh.import_known_hosts(path.read_text()), HOST, "", 22)[0]

        took[count] = {"ours": [], "ssh-keygen": [], "asyncssh": []}
        for number in range(rounds):  # in turn, so that a slow moment hits all
            for name, function in (("ours", ours), ("ssh-keygen", keygen), ("asyncssh", theirs)):
                if name == "asyncssh" and number % 3:
                    continue  # it is slow, and the bar is far away
                began = time.perf_counter()
                function()
                took[count][name].append(time.perf_counter() - began)
    return {count: {name: min(times) for name, times in by_name.items()} for count, by_name in took.items()}


@pytest.mark.needs("ssh")
def test_as_fast_as_openssh_and_faster_than_asyncssh(best, capsys):
    with capsys.disabled():
        print("\nlines       ours  ssh-keygen  asyncssh   ours/ssh-keygen  asyncssh/ours")
        for count, times in best.items():
            ours, keygen, theirs = times["ours"], times["ssh-keygen"], times["asyncssh"]
            print(
                f"{count:7,} {ours * 1000:6.1f} ms {keygen * 1000:8.1f} ms {theirs * 1000:6.0f} ms"
                f" {ours / keygen:12.2f} {theirs / ours:15.1f}"
            )
    assert best[100_000]["ours"] <= 1.5 * best[100_000]["ssh-keygen"]
    for times in best.values():
        assert times["asyncssh"] >= 5 * times["ours"]


@pytest.mark.needs("ssh")
def test_the_time_grows_with_the_lines_and_no_faster(best):
    assert best[100_000]["ours"] <= 12 * best[10_000]["ours"]
    assert best[10_000]["ours"] <= 12 * best[1_000]["ours"]
