"""A chain of three: cryptography's own verifier (Rust), and ours, side by side. And the zoo, through real handshakes.

    .venv/bin/pytest tests/benchmarks

The bars: ours takes at most 4 times as long, and the zoo less than half a second.
"""

import time

from cryptography import x509
from cryptography.x509 import verification

from helpers.protocols import tls
from helpers.trust import zoo
from helpers.trust.verify import verify_chain

ROUNDS = 1000


def test_a_chain_of_three(root, capsys):
    leaf = root.issue_intermediate("Lab Intermediate CA").issue_server("bank.example")
    certificate, intermediates, roots = leaf.certificate, list(leaf.intermediates), [root.certificate]

    def theirs():
        policy = verification.PolicyBuilder().store(verification.Store(roots))
        policy.build_server_verifier(x509.DNSName("bank.example")).verify(certificate, intermediates)

    def ours():
        assert verify_chain(certificate, intermediates, roots, name="bank.example")

    took = {theirs: [], ours: []}
    for function in took:
        function()  # the first time is another
    for _ in range(ROUNDS):  # in turn, so that a slow moment hits both
        for function, times in took.items():
            began = time.perf_counter()
            function()
            times.append(time.perf_counter() - began)
    median = {function: sorted(times)[ROUNDS // 2] for function, times in took.items()}
    ratio = median[ours] / median[theirs]
    with capsys.disabled():
        print(f"\ncryptography {median[theirs] * 1000:.2f} ms, ours {median[ours] * 1000:.2f} ms, ratio {ratio:.2f}")
    assert ratio <= 4


def test_the_whole_zoo_through_real_handshakes(capsys):
    began = time.perf_counter()
    specimens = zoo.servers().values()
    made = time.perf_counter()
    for specimen in specimens:
        client, server = tls.Client("alice", trust=specimen.root), tls.Server("bank.example", specimen.credential)
        tls.handshake(client, server, name=specimen.wanted)
    done = time.perf_counter()
    with capsys.disabled():
        print(f"\n{len(specimens)} specimens made in {made - began:.2f} s, shaken hands with in {done - made:.2f} s")
    assert done - began < 0.5
