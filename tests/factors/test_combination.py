"""What a login shows: the count of kinds, and apart from it NIST's level at most, with its conditions."""

import pytest

from helpers.exchange import Factor
from helpers.factors import Assurance, UnknownMethod, combine

KNOWLEDGE, POSSESSION, INHERENCE = Factor
NONE, AAL1, AAL2, AAL3 = Assurance

LOGINS = [
    # One kind
    (["password"], "single-factor", AAL1, False),
    (["PIN"], "single-factor", AAL1, False),
    (["password", "PIN"], "single-factor", AAL1, False),
    (["password", "passphrase", "PIN"], "single-factor", AAL1, False),
    (["password", "security question"], "single-factor", AAL1, False),
    (["security question"], "single-factor", NONE, False),
    (["security question", "date of birth"], "single-factor", NONE, False),
    (["SMS code"], "single-factor", AAL1, False),
    (["authenticator app"], "single-factor", AAL1, False),
    (["authenticator app", "SMS code"], "single-factor", AAL1, False),
    (["recovery codes"], "single-factor", AAL1, False),
    (["push approve"], "single-factor", NONE, False),
    (["security key, touch only"], "single-factor", AAL1, True),
    (["client certificate"], "single-factor", AAL1, True),
    (["smart card"], "single-factor", AAL1, True),
    (["badge"], "single-factor", NONE, False),
    (["fingerprint"], "single-factor", NONE, False),
    (["fingerprint", "face"], "single-factor", NONE, False),
    (["typing rhythm"], "single-factor", NONE, False),
    # Nothing
    ([], "no factor", NONE, False),
    (["username"], "no factor", NONE, False),
    (["e-mail code"], "no factor", NONE, False),
    (["magic link", "GPS location", "CAPTCHA"], "no factor", NONE, False),
    # A password and something that is none
    (["password", "e-mail code"], "single-factor", AAL1, False),
    (["password", "GPS location"], "single-factor", AAL1, False),
    (["password", "remembered-device cookie"], "single-factor", AAL1, False),
    (["username", "password"], "single-factor", AAL1, False),
    (["password", "SSO"], "single-factor", AAL1, False),
    # Two kinds, and AAL2
    (["password", "SMS code"], "two-factor", AAL2, False),
    (["password", "voice call"], "two-factor", AAL2, False),
    (["password", "authenticator app"], "two-factor", AAL2, False),
    (["password", "hardware token"], "two-factor", AAL2, False),
    (["password", "push with number matching"], "two-factor", AAL2, False),
    (["password", "recovery codes"], "two-factor", AAL2, False),
    (["password", "grid card"], "two-factor", AAL2, False),
    (["password", "client certificate"], "two-factor", AAL2, True),
    (["password", "SSH key"], "two-factor", AAL2, True),
    (["fingerprint", "SMS code"], "two-factor", AAL2, False),
    (["face", "client certificate"], "two-factor", AAL2, True),
    (["authenticator app with fingerprint"], "two-factor", AAL2, False),
    (["hardware token with PIN"], "two-factor", AAL2, False),
    (["push with number matching and fingerprint"], "two-factor", AAL2, False),
    (["synced passkey"], "two-factor", AAL2, True),
    # Two kinds, and less
    (["password", "push approve"], "two-factor", AAL1, False),
    (["password", "photo ID"], "two-factor", AAL1, False),
    (["bank card and PIN"], "two-factor", NONE, False),
    (["fingerprint", "password"], "two-factor", NONE, False),
    (["voice", "password"], "two-factor", NONE, False),
    (["voice", "SMS code"], "two-factor", AAL1, False),
    (["fingerprint", "push approve"], "two-factor", NONE, False),
    (["SSH key with passphrase"], "two-factor", AAL1, True),
    # Two kinds, and AAL3
    (["smart card and PIN"], "two-factor", AAL3, True),
    (["security key and PIN"], "two-factor", AAL3, True),
    (["security key with fingerprint"], "two-factor", AAL3, True),
    (["password", "security key, touch only"], "two-factor", AAL3, True),
    (["password", "smart card"], "two-factor", AAL3, True),
    (["password", "TPM-bound key"], "two-factor", AAL3, True),
    (["fingerprint", "smart card"], "two-factor", AAL3, True),
    (["passkey"], "two-factor", AAL3, True),
    (["passkey with PIN"], "two-factor", AAL3, True),
    (["device-bound passkey"], "two-factor", AAL3, True),
    (["Windows Hello"], "two-factor", AAL3, True),
    # Three kinds
    (["password", "authenticator app", "fingerprint"], "three-factor", AAL2, False),
    (["smart card and PIN", "fingerprint"], "three-factor", AAL3, True),
    (["password", "passkey with fingerprint"], "three-factor", AAL3, True),
    (["password", "push approve", "face"], "three-factor", NONE, False),
]


@pytest.mark.parametrize(("texts", "kind", "assurance", "phishing_resistant"), LOGINS)
def test_a_login(texts, kind, assurance, phishing_resistant):
    login = combine(texts)
    assert (login.kind, login.assurance, login.phishing_resistant) == (kind, assurance, phishing_resistant)
    assert login.multi_factor == (kind in ("two-factor", "three-factor"))
    assert login.why.endswith(".")
    assert bool(login.conditions) == (assurance is not NONE)
    assert all(sentence.endswith((".", ".)")) for sentence in login.conditions + login.notes)


def test_the_order_and_repetitions_do_not_matter():
    one = combine(["password", "SMS code"])
    other = combine(["code by SMS", "Password", "passwords"])
    assert (one.factors, one.kind, one.assurance) == (other.factors, other.kind, other.assurance)
    assert [method.name for method in other.methods] == ["SMS code", "password"]
    assert one.factors == {KNOWLEDGE, POSSESSION}


def test_one_text_is_a_login_of_one_method():
    assert combine("password").methods == combine(["password"]).methods


def test_an_unknown_method_is_not_left_out():
    with pytest.raises(UnknownMethod, match="'telepathy' is not clearly one method"):
        combine(["password", "telepathy"])
    with pytest.raises(UnknownMethod, match="names several methods"):
        combine(["password and PIN"])


def said(texts):
    return " ".join(combine(texts).conditions)


def test_a_password_alone_must_be_longer_than_one_of_two():
    assert "at least 15 characters" in said(["password"])
    assert "at least 15 characters" in said(["password", "e-mail code"])
    assert "at least 15 characters" in said(["password", "push approve"])
    assert "at least 8 characters" in said(["password", "authenticator app"])
    assert "characters" not in said(["authenticator app"])


@pytest.mark.parametrize(
    ("texts", "condition"),
    [
        (["password"], "the server's name was checked"),
        (["password"], "list of common or leaked passwords"),
        (["password", "SMS code"], "restricted"),
        (["password", "voice call"], "restricted"),
        (["password", "SMS code"], "ten minutes"),
        (["password", "authenticator app"], "accepted only once"),
        (["password", "authenticator app"], "also offers a way to log in that resists phishing"),
        (["password", "grid card"], "used only once"),
        (["password", "push with number matching"], "six digits"),
        (["authenticator app with fingerprint"], "asked for at each login"),
        (["fingerprint", "SMS code"], "once in 10,000"),
        (["fingerprint", "SMS code"], "without a biometric"),
        (["passkey"], "once in 10,000"),
        (["passkey with fingerprint", "password"], "without a biometric"),
        (["smart card with fingerprint"], "once in 10,000"),
        (["authenticator app with fingerprint"], "without a biometric"),
        (["passkey with PIN"], "at least 4 characters, and at most 10 wrong attempts"),
        (["smart card and PIN"], "at least 4 characters"),
        (["hardware token with PIN"], "at least 4 characters"),
        (["synced passkey"], "asked for at each login"),
        (["synced passkey"], "appendix B.2"),
        (["passkey"], "The key cannot be exported"),
        (["passkey"], "does something for each login"),
        (["smart card and PIN"], "FIPS 140"),
    ],
)
def test_the_conditions_of_a_level(texts, condition):
    assert condition in said(texts)


@pytest.mark.parametrize(
    ("texts", "condition"),
    [
        (["passkey with fingerprint"], "at least 4 characters"),
        (["passkey with PIN"], "once in 10,000"),
        (["password", "SSH key with passphrase"], "at least 4 characters"),
        (["voice", "SMS code"], "once in 10,000"),
        (["password"], "resists phishing"),
        (["password", "client certificate"], "also offers a way"),
        (["password", "authenticator app"], "restricted"),
        (["synced passkey"], "cannot be exported"),
        (["authenticator app"], "also offers a way"),
    ],
)
def test_no_condition_that_does_not_belong_there(texts, condition):
    assert condition not in said(texts)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([], "No factor was shown."),
        (["username"], "No factor was shown."),
        (["fingerprint"], "A biometric counts only together with something you have"),
        (["fingerprint", "password"], "Without the biometric, what is typed could reach AAL1."),
        (
            ["fingerprint", "push approve"],
            "NIST does not accept this for a login over a network: push notification with",
        ),
        (["fingerprint", "push approve"], "together with something you have that NIST accepts"),
        (["push approve"], "NIST takes none of this as an authenticator"),
        (["password"], "AAL2 takes a multi-factor authenticator"),
        (["synced passkey"], "AAL3 takes a key that resists phishing and cannot be exported"),
    ],
)
def test_why_this_level(texts, reason):
    assert reason in combine(texts).why


def test_without_a_password_no_level_is_promised():
    assert "AAL1" not in combine(["fingerprint"]).why


def test_what_adds_nothing_is_named():
    assert combine(["password", "CAPTCHA"]).notes == ("No factor, so it adds nothing: CAPTCHA.",)
    assert combine(["password", "photo ID"]).notes == (
        "No authenticator for NIST, so it adds nothing to the level: photo ID.",
    )
    (note,) = combine(["password", "device PIN"]).notes
    assert note == "It adds to the level only of the key that it unlocks: device PIN. Name both as one method."
    assert combine(["smart card", "PIN of a smart card"]).notes == (
        "Taken for the secret that unlocks the device or the key: PIN of a smart card.",
    )


@pytest.mark.parametrize("name", ["Touch ID", "Face ID"])
def test_what_unlocks_the_phone_is_to_be_named_with_what_it_unlocks(name):
    note = f"{name} unlocks the phone. Name it together with the key or app that it unlocks, for example passkey with"
    assert combine([name, "password"]).notes[0].startswith(note)
    assert not any("unlocks the phone" in note for note in combine(["passkey with fingerprint", "password"]).notes)


@pytest.mark.parametrize(
    ("apart", "together"),
    [
        (["smart card", "PIN of a smart card"], "smart card and PIN"),
        (["smart card", "device PIN"], "smart card and PIN"),
        (["smart card", "PIN"], "smart card and PIN"),
        (["PIV card", "PIN"], "smart card and PIN"),
        (["security key", "FIDO PIN"], "security key and PIN"),
        (["security key", "PIN"], "security key and PIN"),
        (["TPM-bound key", "device PIN"], "TPM-bound key with PIN"),
        (["hardware token", "token PIN"], "hardware token with PIN"),
    ],
)
def test_a_key_and_the_secret_that_unlocks_it_reach_the_same_apart_and_together(apart, together):
    one, other = combine(apart), combine([together])
    assert (one.assurance, one.factors, one.conditions) == (other.assurance, other.factors, other.conditions)
    assert any(note.startswith("Taken for the secret that unlocks") for note in one.notes)


def test_a_secret_that_unlocks_does_not_make_a_key_in_a_file_reach_the_highest_level():
    assert combine(["client certificate", "device PIN"]).assurance is AAL2


def test_a_password_beside_a_card_stays_one_that_the_server_checks():
    assert "at least 8 characters" in said(["smart card", "password"])
    assert "at least 4 characters" not in said(["smart card", "password"])


def test_a_bank_card_is_not_made_for_networks_whatever_stands_beside_it():
    assert combine(["bank card and PIN"]).assurance is NONE
    assert combine(["bank card", "bank PIN"]).assurance is NONE
    login = combine(["bank card", "PIN"])
    assert login.assurance is AAL1, "a PIN that the server checks is a password"
    assert any("say: bank card and PIN" in note for note in login.notes)


def test_who_counts_otherwise_is_told():
    notes = combine(["password", "GPS location"]).notes
    assert notes[0] == "No factor, so it adds nothing: GPS location."
    assert any(note.startswith("Contested: GPS location. CompTIA Security+ SY0-701, objective 4.6: ") for note in notes)
    assert len(notes) == 5
    assert combine(["password", "authenticator app"]).notes == ()


@pytest.mark.parametrize(
    "texts",
    [
        ["password", "authenticator app", "recovery codes", "push with number matching"],
        ["passkey with fingerprint", "authenticator app with fingerprint", "smart card and PIN"],
        ["fingerprint", "passkey", "SMS code", "voice call"],
        *(texts for texts, *_ in LOGINS),
    ],
)
def test_no_sentence_stands_twice_in_one_table(texts):
    login = combine(texts)
    sentences = [sentence.split(" (section")[0] for sentence in login.conditions + login.notes]
    assert len(set(sentences)) == len(sentences)


def test_a_sentence_that_holds_twice_names_both_sections():
    assert "limited (sections 3.1.4.2 and 3.1.2.2)." in said(["authenticator app", "recovery codes"])


def test_a_card_resists_phishing_only_in_a_protocol_that_binds_what_it_signs():
    assert "yes, where it signs in TLS with client authentication or in WebAuthn" in str(
        combine(["smart card and PIN"])
    )
    assert "yes, if the server's host key was checked" in str(combine(["SSH key"]))
    for shown in (["passkey"], ["passkey", "SSH key"]):  # the passkey resists whatever the other one does
        assert "<td>yes</td>" in combine(shown)._repr_html_()


def test_it_shows_itself():
    text = str(combine(["fingerprint", "password"]))
    assert text.startswith("Two-factor, assurance level at most: none\n")
    assert "fingerprint (inherence); password (knowledge)" in text
    assert "two-factor: knowledge and inherence" in text
    html = combine([])._repr_html_()
    assert "<caption>No factor, assurance level at most: none</caption>" in html
    assert "<td>nothing</td>" in html
