"""A mutual handshake: bare `ssl` objects, and ours with transcript and Exchange, side by side.

    .venv/bin/pytest tests/benchmarks

The bar: ours takes at most 1.5 times as long. It stands here and not among the tests, since a slow day proves nothing.
"""

import contextlib
import ssl
import time

import pytest

from helpers.protocols import tls
from helpers.trust import pki

ROUNDS = 400


@pytest.fixture(scope="module")
def ends():
    root = pki.new_root("Lab Root CA")
    credential = root.issue_client("alice@bank.example")
    server = tls.Server("bank.example", root.issue_server("bank.example"), trust=root.certificate)
    return tls.Client("alice", root.certificate, credential), server


def bare(client, server):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="bank.example"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for action in ("do_handshake", "do_handshake", "read"):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                getattr(end, action)()
    return ends


def test_ratio(ends):
    client, server = ends
    plain = []
    for end in ends:  # the same contexts, without anybody watching
        context = ssl.SSLContext(end.context.protocol)
        plain.append(context)
    root = pki.new_root("Lab Root CA")
    tls._load(plain[0], root.issue_client("alice@bank.example"))
    tls._load(plain[1], root.issue_server("bank.example"))
    for context in plain:
        tls._trust(context, root.certificate)
    plain[1].verify_mode = ssl.CERT_REQUIRED
    times = {"bare": [], "ours": []}
    for _ in range(ROUNDS):  # in turn, so that a slow moment hits both
        began = time.perf_counter()
        bare(*plain)
        between = time.perf_counter()
        tls.handshake(client, server, "bank.example")
        times["bare"].append(between - began)
        times["ours"].append(time.perf_counter() - between)
    middle = {name: sorted(values)[ROUNDS // 2] * 1000 for name, values in times.items()}
    ratio = middle["ours"] / middle["bare"]
    print(f"\nbare {middle['bare']:.2f} ms, ours {middle['ours']:.2f} ms, ratio {ratio:.2f}")
    assert ratio <= 1.5
