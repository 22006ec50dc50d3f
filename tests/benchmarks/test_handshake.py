"""A mutual handshake: bare `ssl` objects, and ours with transcript and Exchange, side by side.

    .venv/bin/pytest tests/benchmarks

The bar: ours takes at most 1.5 times as long. It stands here and not among the tests, since a slow day proves nothing.
"""

import contextlib
import ssl
import time

import pytest

from helpers.protocols import tls

ROUNDS = 400


@pytest.fixture(scope="module")
def credentials(root):
    return root.issue_client("alice@bank.example"), root.issue_server("bank.example")


@pytest.fixture(scope="module")
def ours(root, credentials):
    client, server = credentials
    return tls.Client("alice", root.certificate, client), tls.Server("bank.example", server, trust=root.certificate)


@pytest.fixture(scope="module")
def plain(root, credentials):
    """The same configuration in contexts that nobody watches."""
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for context, credential in zip(contexts, credentials, strict=True):
        tls._load(context, credential)
        tls._trust(context, root.certificate)
    contexts[1].verify_mode = ssl.CERT_REQUIRED
    return contexts


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


def test_ratio(ours, plain):
    times = {"bare": [], "ours": []}
    for _ in range(ROUNDS):  # in turn, so that a slow moment hits both
        began = time.perf_counter()
        bare(*plain)
        between = time.perf_counter()
        tls.handshake(*ours, "bank.example")
        times["bare"].append(between - began)
        times["ours"].append(time.perf_counter() - between)
    middle = {name: sorted(values)[ROUNDS // 2] * 1000 for name, values in times.items()}
    ratio = middle["ours"] / middle["bare"]
    print(f"\nbare {middle['bare']:.2f} ms, ours {middle['ours']:.2f} ms, ratio {ratio:.2f}")
    assert ratio <= 1.5
