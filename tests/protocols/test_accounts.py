"""What the server keeps, what it can check with that, and what it can't read."""

import pytest

from helpers.protocols import accounts, otp
from helpers.protocols.accounts import Accounts, UnknownUser
from helpers.protocols.push import Phone

KEY = b"12345678901234567890"


def test_the_server_keeps_no_password():
    listed = Accounts().add("alice", "correct horse", KEY, pin="2468")
    account = listed.find("alice")
    for secret in ("horse", "2468", repr(KEY)):
        assert secret not in repr(account)
        assert secret not in repr(vars(listed))
    for stored in (account.password_hash, account.pin_hash):
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_same_password_is_stored_in_another_way_each_time():
    one, other = (Accounts().add("alice", "correct horse").find("alice").password_hash for _ in range(2))
    assert one != other


def test_a_password_is_right_or_not():
    listed = Accounts().add("alice", "correct horse", pin="2468")
    assert listed.password_is_right("alice", "correct horse")
    for wrong in ("", "correct horse ", "Correct horse", "2468"):
        assert not listed.password_is_right("alice", wrong)
    assert listed.pin_is_right("alice", "2468")
    assert not listed.pin_is_right("alice", "correct horse")


def test_an_unknown_user_costs_the_same_work(monkeypatch):
    listed = Accounts().add("alice", "correct horse")
    compared = []
    monkeypatch.setattr(accounts, "_hash_matches", lambda stored, _password: compared.append(stored) or True)
    assert not listed.password_is_right("mallory", "x")
    assert len(compared) == 1
    assert compared[0].startswith("$argon2id$")


def test_who_has_no_password_or_no_pin_gets_in_with_none():
    listed = Accounts().add("alice", otp_key=KEY)
    assert not listed.password_is_right("alice", "")
    assert not listed.pin_is_right("alice", "")
    assert not Accounts().add("alice", "correct horse").code_is_right("alice", otp.totp(KEY, 0), 0)


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_for_one_step_around_its_own(steps, right):
    at = 1_000_000_000
    assert Accounts().add("alice", otp_key=KEY).code_is_right("alice", otp.totp(KEY, at + 30 * steps), at) is right


def test_a_code_is_good_once():
    listed, at = Accounts().add("alice", otp_key=KEY), 1_000_000_000
    assert listed.code_is_right("alice", otp.totp(KEY, at), at)
    assert not listed.code_is_right("alice", otp.totp(KEY, at), at + 10)
    assert listed.code_is_right("alice", otp.totp(KEY, at + 30), at + 30)


def test_the_forms_come_in_one_order():
    listed = Accounts().add("alice", "correct horse", KEY, pin="2468", phone=Phone("alice"))
    assert listed.further_forms("alice") == ["/pin", "/code", "/approved"]
    assert Accounts().add("alice", "correct horse").further_forms("alice") == []


def test_a_user_who_could_prove_nothing_is_not_added():
    with pytest.raises(ValueError, match="alice must be able to prove something"):
        Accounts().add("alice")


@pytest.mark.parametrize("empty", [{"password": ""}, {"pin": ""}, {"otp_key": b""}, {"password": "x", "pin": ""}])
def test_an_empty_secret_is_none(empty):
    with pytest.raises(ValueError, match="alice must be able to prove something"):
        Accounts().add("alice", **empty)


def test_codes_stay_used_when_an_account_is_set_anew_with_the_same_key():
    listed = Accounts().add("alice", otp_key=KEY)
    assert listed.code_is_right("alice", otp.totp(KEY, 59), 59)
    assert not listed.add("alice", "correct horse", KEY).code_is_right("alice", otp.totp(KEY, 59), 59)
    assert listed.add("alice", otp_key=KEY[::-1]).code_is_right("alice", otp.totp(KEY[::-1], 59), 59)


def test_a_password_is_the_same_from_each_keyboard():
    listed = Accounts().add("alice", "caf\u00e9")
    assert listed.password_is_right("alice", "cafe\u0301")
    assert not listed.password_is_right("alice", "cafe")
    assert not listed.password_is_right("alice", "\ud800")


def test_an_unknown_user_gets_a_sentence():
    with pytest.raises(UnknownUser, match=r"^There is no account of mallory\.$"):
        Accounts().add("alice", "correct horse").stored("mallory")


def test_a_look_at_what_is_stored_shows_no_byte_of_it():
    listed = Accounts().add("alice", "correct horse", KEY, pin="2468")
    listed.code_is_right("alice", otp.totp(KEY, 59), 59)
    shown = str(listed.stored("alice"))
    assert "by argon2id: 19 MiB of memory, 2 passes" in shown
    assert "the key itself, 20 bytes" in shown
    assert "the time step of the last code" in shown
    assert "which phone it is" in str(Accounts().add("bob", phone=Phone("bob")).stored("bob"))
    for part in listed.find("alice").password_hash.split("$")[-2:]:
        assert part not in shown
    again = Accounts().add("alice", "other", bytes(20), pin="1")
    assert str(again.stored("alice")) == shown.replace(
        "the time step of the last code", "no code was used yet".ljust(30)
    )
