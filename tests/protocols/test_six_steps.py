"""The six steps beside a real run: what is missing, what is no message, and in which order."""

import pytest

from helpers.protocols import six_steps, tls
from helpers.selfcheck import bank


def test_each_step_stands_once_and_the_proofs_are_marked_as_missing(root, strict_bank):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"))
    table = six_steps.beside(tls.handshake(alice, strict_bank, "bank.example"))
    beside = dict(table.rows[:-3])
    assert beside["alice: ClientHello"].startswith("1. ")
    assert beside["bank.example: CertificateRequest"] == beside["bank.example: Certificate"]
    assert beside["alice: Certificate"].startswith("4. ")
    assert {table.rows[row][0] for row in table.marked} == {
        "bank.example: CertificateVerify",
        "alice: CertificateVerify",
    }
    assert [said[:2] for message, said in table.rows if message == "(no message)"] == ["3.", "5.", "6."]


def test_the_question_quotes_the_same_steps():
    asked = {option.value: option.text for option in bank.find("six-steps").options}
    assert asked == {f"step-{number}": f"Step {number}. “{step}”" for number, step in six_steps.STEPS.items()}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_another_run_is_refused(root, strict_bank, version, request):
    alice = tls.Client("alice", root.certificate, root.issue_client("alice@bank.example"), version=version)
    run = tls.handshake(alice, strict_bank if version == "1.2" else request.getfixturevalue("bank"), "bank.example")
    with pytest.raises(ValueError, match=r"mutual TLS 1\.3"):
        six_steps.beside(run)
