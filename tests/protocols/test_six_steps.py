"""The six steps beside a real run: what is missing, what is no message, and in which order."""

from helpers.protocols import six_steps, tls


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


def test_the_steps_are_those_of_the_answer():
    assert len(six_steps.STEPS) == 6
