"""A visit to a bank, told as an exchange. An analogy, not a run: no protocol verifies anything here."""

from helpers.exchange import Exchange, Factor, Message, Proof


def bank_visit() -> Exchange:
    """The visit of the second answer. The teller checks you; what you see of the bank, anybody could show."""
    evidence = "an ID, a face like the photo, and a PIN"
    checked = Proof("you", "the bank", "you", evidence, frozenset(Factor), "at the counter", at=2)
    return _visit("A visit to the bank (an analogy, not a run)", "the bank", "the teller checks all three", (checked,))


def fake_branch() -> Exchange:
    """The same visit where a thief has copied the branch. You see the same, and do the same."""
    return _visit(
        "A visit to a fake branch (an analogy, not a run)", "a thief", "the thief checks nothing, and copies all three"
    )


def _visit(title: str, other: str, outcome: str, proofs: tuple[Proof, ...] = ()) -> Exchange:
    messages = (
        Message(other, "you", "building, uniform, cash", "you believe it: it looks like your bank"),
        Message(other, "you", "“Your ID, please, and your PIN”"),
        Message("you", other, "ID, face, PIN", outcome),
    )
    return Exchange(title, ("you", other), messages, proofs)
