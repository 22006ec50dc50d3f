"""The simulated push: a number that is typed on the phone, once."""

from helpers.protocols.push import Phone, new_number
from helpers.protocols.transcript import Transcript


def test_a_number_has_two_digits_and_varies():
    numbers = {new_number() for _ in range(200)}
    assert all(len(number) == 2 and number.isdecimal() for number in numbers)
    assert len(numbers) > 20


def test_the_right_number_approves_once():
    phone = Phone("alice")
    phone.ask(Transcript(), "bank.example")
    phone.type("47")
    assert phone.approved("47")
    assert not phone.approved("47")


def test_a_wrong_number_approves_nothing():
    for typed in ("48", "", "047", "٤٧"):
        phone = Phone("alice")
        phone.ask(Transcript(), "bank.example")
        phone.type(typed)
        assert not phone.approved("47")


def test_a_phone_that_nobody_asked_takes_no_number():
    phone, transcript = Phone("alice"), Transcript()
    phone.type("47")
    assert not phone.approved("47")
    phone.ask(transcript, "bank.example")
    assert not phone.approved("47")
    assert [(sent.sender, sent.receiver) for sent in transcript.sent] == [("bank.example", "alice")]


def test_a_new_push_forgets_what_was_typed_for_the_one_before():
    phone = Phone("alice")
    phone.ask(Transcript(), "bank.example")
    phone.type("47")
    phone.ask(Transcript(), "bank.example")
    assert not phone.approved("47")


def test_no_number_in_the_transcript():
    phone, transcript = Phone("alice"), Transcript()
    phone.ask(transcript, "bank.example")
    phone.type("47")
    assert "47" not in str(transcript.exchange("a push", "alice", "bank.example"))
