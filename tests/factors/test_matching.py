"""Which method a text means: found in many wordings, refused where it is not clear, and never guessed."""

import itertools
import random
from pathlib import Path

import pytest
import yaml

from helpers.display.error import CourseError
from helpers.exchange import Factor
from helpers.factors import UnknownMethod, catalogue, classify, matching
from helpers.factors.catalogue import CatalogueError
from helpers.protocols import combined_login

K, H, A = ({factor} for factor in Factor)
NONE = set()
METHODS = {method.name: method for method in catalogue()}
NAMED = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))
KINDS = {
    "knowledge": K,
    "possession": H,
    "inherence": A,
    "knowledge and possession": K | H,
    "possession and inherence": H | A,
    "nothing": NONE,
}

# Fifty-two methods that the course must know, each with NIST's kinds. The third column: do the sources disagree?
MUST_KNOW = [
    (1, "Password", K, False),
    (2, "PIN checked by the server", K, False),
    (3, "PIN unlocking a card", K, False),
    (4, "Passphrase", K, False),
    (5, "Security question", K, True),
    (6, "Mother's maiden name", K, True),
    (7, "Picture password", K, False),
    (8, "Swipe pattern", K, False),
    (9, "Smart card without PIN", H, False),
    (10, "Smart card + PIN", H | K, False),
    (11, "Proximity badge", H, False),
    (12, "Printed photo ID", H, False),
    (13, "TOTP app", H, False),
    (13, "TOTP seed in the password vault", H, True),
    (14, "TOTP app behind biometric per use", H | A, False),
    (15, "Hardware OTP token", H, False),
    (16, "SMS code", H, False),
    (17, "Voice-call code", H, False),
    (18, 'Push "Approve"', H, True),
    (19, "Push + number matching", H, False),
    (20, "Email code", NONE, True),
    (20, "Email link", NONE, True),
    (21, "Security key, touch only", H, False),
    (22, "Security key + PIN", H | K, False),
    (23, "Passkey + biometric", H | A, False),
    (24, "Passkey + PIN", H | K, False),
    (25, "Synced passkey with UV", H | A, False),
    (26, "Fingerprint", A, False),
    (27, "Face", A, False),
    (28, "Iris/retina", A, False),
    (29, "Voice", A, False),
    (30, "Vein", A, False),
    (31, "Keystroke dynamics", A, True),
    (32, "Gait", A, True),
    (33, "Handwritten signature dynamics", A, True),
    (33, "static image of a signature", NONE, False),
    (34, "GPS", NONE, True),
    (35, "Source IP", NONE, True),
    (36, "Time of day", NONE, False),
    (36, "time-based authentication", NONE, True),
    (37, "Recovery codes, printed", H, False),
    (37, "Recovery codes, memorised", K, False),
    (38, "Grid/matrix card", H, True),
    (39, "TAN list", H, True),
    (40, "Client certificate file", H, False),
    (41, "TPM-bound key", H, False),
    (42, "SSH key, no passphrase", H, False),
    (43, "SSH key + passphrase", H | K, True),
    (44, "Remembered-device cookie", NONE, False),
    (45, "MAC address", NONE, False),
    (46, "Username", NONE, False),
    (47, "Card number + CVV", NONE, False),
    (48, "CAPTCHA", NONE, False),
    (49, "Phone-SIM", H, False),
    (50, "Behavioural risk score", NONE, False),
    (51, "SSO ticket/token", NONE, False),
    (52, "Helpdesk voucher", NONE, False),
]


@pytest.mark.parametrize(("number", "text", "factors", "contested"), MUST_KNOW)
def test_what_the_course_must_know(number, text, factors, contested):
    method = classify(text)
    assert (method.factors, method.contested) == (factors, contested)


def test_all_of_them_are_there():
    assert {number for number, *_ in MUST_KNOW} == set(range(1, 53))


# How people say it


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        (line, KINDS[kind])
        for group in ("written", "more", "found")
        for kind, lines in NAMED[group].items()
        for line in lines.splitlines()
    ],
)
def test_a_way_to_say_it(text, factors):
    assert classify(text).factors == factors


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_name_of_a_method_finds_it(method):
    for name in (method.name, *method.names):
        for said in (name, name.upper(), f"the {name}", f"{name}?", f"my {name}."):
            assert classify(said) is method, said


def test_what_the_lab_runs_is_known():
    found = {name: classify(method) for name, method in combined_login.METHODS.items()}
    assert found["one-time code"].name == "authenticator app"
    assert found["client certificate"].factors == H
    assert found["passkey with fingerprint"].factors == H | A


# What is easily taken for something else


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("voice", "voice call"),
        ("PIN", "PIN of a card"),
        ("PIN", "device PIN"),
        ("smart card", "smart card and PIN"),
        ("PIN of a smart card", "PIN and smart card"),
        ("HOTP", "TOTP"),
        ("signature on paper", "signature dynamics"),
        ("signature dynamics", "digital signature"),
        ("face", "Face ID"),
        ("fingerprint", "Touch ID"),
        ("fingerprint", "device fingerprint"),
        ("hardware token", "SSO token"),
        ("security token", "access token"),
        ("email address", "email code"),
        ("phone number", "phone call"),
        ("card number", "card"),
        ("employee ID", "employee ID card"),
        ("recovery codes", "memorized recovery codes"),
        ("SSH key", "SSH key with passphrase"),
        ("security key", "key"),
        ("passkey", "passcode"),
        ("passport", "password"),
        ("push approval", "push with number matching"),
        ("time of day", "time-based one-time password"),
        ("time-based authentication", "time-based OTP"),
        ("swipe pattern", "swipe dynamics"),
        ("somebody you know", "something you do"),
        ("bank card", "bank card and PIN"),
        ("iris", "retina"),
        ("session cookie", "browser cookie"),
        ("client certificate", "device certificate"),
        ("passkey with PIN", "passkey without PIN"),
        ("security key with PIN", "security key without PIN"),
    ],
)
def test_two_that_stay_apart(one, other):
    assert classify(one).name != classify(other).name


TWO = """\
methods:
  - {name: one, names: [smart card], factors: [], why: So., phishing: "", authenticator: none, sources: [NIST]}
  - {name: two, names: [THE_NAME], factors: [], why: So., phishing: "", authenticator: none, sources: [NIST]}
"""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("my smart-cards", "The name 'my smart-cards' of 'two' cannot be told from 'one'."),
        ("for the", "The name 'for the' of 'two' cannot be told from "),
    ],
)
def test_two_names_that_say_the_same_are_a_mistake_in_the_catalogue(tmp_path, monkeypatch, name, sentence):
    path = tmp_path / "methods.yaml"
    path.write_text(TWO.replace("THE_NAME", name), encoding="utf-8")
    two = catalogue(path)
    monkeypatch.setattr(matching, "catalogue", lambda: two)
    with pytest.raises(CatalogueError) as caught:
        matching._index.__wrapped__()
    assert str(caught.value).startswith(sentence)


def test_a_tan_from_a_picture_is_typed_and_so_it_is_a_code():
    for name in ("photoTAN", "QR-TAN", "visual TAN"):
        assert classify(name).authenticator == "single-factor OTP"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Microsoft Authenticator code", "authenticator app"),
        ("Microsoft Authenticator push", "push notification with Approve"),
        ("Microsoft Authenticator number matching", "push with number matching"),
        ("Okta Verify code", "authenticator app"),
        ("Okta Verify push", "push notification with Approve"),
        ("Duo Mobile passcode", "authenticator app"),
        ("Duo push", "push notification with Approve"),
        ("national ID card", "smart card and PIN"),
        ("eID card", "smart card and PIN"),
        ("printed national ID card", "photo ID"),
        ("fingerprint on my phone", "Touch ID"),
        ("phone fingerprint", "Touch ID"),
        ("finger on my phone", "Touch ID"),
        ("windows password", "password"),
        ("VPN certificate", "client certificate"),
        ("VPN password", None),
    ],
)
def test_a_word_more_says_which_is_meant(text, name):
    try:
        found = classify(text).name
    except UnknownMethod:
        found = None
    assert found == name


# What is not clear


@pytest.mark.parametrize(
    "text", ["Okta Verify", "Microsoft Authenticator", "MS Authenticator", "Duo", "my Duo app", "pushTAN"]
)
def test_an_app_that_does_both_is_not_guessed(text):
    with pytest.raises(UnknownMethod, match="can show a code, and can ask you to approve a login") as caught:
        classify(text)
    assert {"authenticator app", "push notification with Approve"} <= set(caught.value.nearest)
    assert all(f"“{name}”" in str(caught.value) for name in caught.value.nearest)


@pytest.mark.parametrize("text", ["bank app", "my banking app", "the app of my bank"])
def test_of_a_banking_app_it_is_asked_what_it_does(text):
    with pytest.raises(UnknownMethod, match="Name what it does: shows a code, asks for Approve, shows a number"):
        classify(text)


@pytest.mark.parametrize(
    "text",
    [
        "RADIUS",
        "LDAP",
        "802.1X",
        "TLS",
        "SSH",
        "EAP",
        "EAP-TLS",
        "SAML protocol",
        "Active Directory",
        "VPN",
        "company VPN",
    ],
)
def test_a_protocol_only_carries_what_is_shown(text):
    with pytest.raises(UnknownMethod) as caught:
        classify(text)
    assert str(caught.value) == (
        f"'{text}' is no method. The catalogue knows what a person or device shows. '{text}' carries it: ask for the "
        "password, code or certificate that it carries. Their names: “password”, “one-time code”, “client certificate”."
    )


@pytest.mark.parametrize("text", ["telepathy", "firewall", "пароль"])
def test_where_no_name_is_near_none_is_named(text):
    with pytest.raises(UnknownMethod) as caught:
        classify(text)
    if caught.value.nearest:  # a text without any known letter gets the examples
        assert text == "пароль"
    else:
        assert str(caught.value) == f"'{text}' is not clearly one method of the catalogue. No name in it is near."


@pytest.mark.parametrize("text", NAMED["refused"].splitlines())
def test_it_does_not_guess(text):
    with pytest.raises(UnknownMethod) as caught:
        classify(text)
    assert set(caught.value.nearest) <= set(METHODS)


@pytest.mark.parametrize(
    ("text", "sentence", "nearest"),
    [
        ("password and PIN", 'names several methods. Ask for them together: combine(["password", "PIN"]).', ("password", "PIN")),
        ("SMS / e-mail", 'names several methods. Ask for each of them: "SMS code", "e-mail code".', ("SMS code", "e-mail code")),
        ("server certificate", "is not clearly one method of the catalogue. The nearest names are: “client certificate”,", ("client certificate",)),
        ("public key", "The nearest names are: ", ("SSH key",)),
        ("stolen fingerprint", "The nearest names are: “fingerprint”,", ("fingerprint",)),
        ("smrt crd", "The nearest names are: ", ("smart card",)),
        ("", "The nearest names are: “password”, “smart card”, “fingerprint”.", ("password", "smart card", "fingerprint")),
    ],
)  # fmt: skip
def test_the_sentence_names_what_can_be_meant(text, sentence, nearest):
    with pytest.raises(UnknownMethod) as caught:
        classify(text)
    assert str(caught.value).startswith(f"'{text}' ")
    assert sentence in str(caught.value)
    assert set(nearest) <= set(caught.value.nearest)
    assert all(name in str(caught.value) for name in caught.value.nearest)
    assert isinstance(caught.value, CourseError)


def test_a_text_from_outside_cannot_forge_the_sentence():
    with pytest.raises(UnknownMethod) as caught:
        classify("x\n\x1b[31m" + "y" * 5000)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_pair_is_both_or_it_is_refused(request):
    """ "A and B" is never taken for less, or for something else than A and B together."""
    pairs = list(itertools.permutations(METHODS.values(), 2))
    if not request.config.getoption("--long"):
        pairs = random.Random(2).sample(pairs, 300)
    # "passkey and PIN": a plain passkey is unlocked by a finger, unless a PIN is named.
    exchangeable = {"passkey", "Windows Hello", "passkey with PIN", "Windows Hello PIN"}
    for one, other in pairs:
        for joined in (f"{one.name} and {other.name}", f"{one.name}, {other.name}"):
            try:
                found = classify(joined)
            except UnknownMethod:
                continue
            if found.name not in exchangeable:
                assert found.factors == one.factors | other.factors, joined


def test_what_is_denied_is_not_found(request):
    names = [name for method in METHODS.values() for name in (method.name, *method.names) if method.name != "CAPTCHA"]
    if not request.config.getoption("--long"):
        names = [name for name in METHODS if name != "CAPTCHA"]  # "I am not a robot" is one
    for name in names:
        for denied in (f"no {name}", f"not a {name}", f"login without {name}", f"anything but {name}"):
            with pytest.raises(UnknownMethod):
                classify(denied)


# Spelling mistakes


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pasword", "password"),
        ("passwrod", "password"),
        ("fingerprnt scaner", "fingerprint"),
        ("authentcator app", "authenticator app"),
        ("smart crad", None),  # four letters: it could be anything
        ("retnia scan", "retina"),
        ("keystrok dynamcs", "keystroke dynamics"),
        ("certifcate", "client certificate"),
        ("HTOTP", None),  # HOTP or TOTP
        ("pasport", "photo ID"),
        ("passpord", None),  # passport or password
        ("getwork security key", "Wi-Fi password"),  # not "get" and "work", which say nothing
        ("passfrase", None),  # passphrase or Passfaces
    ],
)
def test_a_small_mistake_is_mended_where_only_one_can_be_meant(text, name):
    try:
        found = classify(text).name
    except UnknownMethod:
        found = None
    assert found == name


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def misspelled(word, chance):
    at = chance.randrange(len(word) - 1)
    return chance.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + chance.choice(LETTERS) + word[at:],
            word[:at] + chance.choice(LETTERS) + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )


def test_a_mistake_never_gives_other_factors(request):
    chance = random.Random(1)
    names = [(name, method) for method in METHODS.values() for name in (method.name, *method.names)]
    mended = tried = 0
    for _ in range(100_000 if request.config.getoption("--long") else 1000):
        name, method = chance.choice(names)
        words = name.split(" ")
        long = [place for place, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
        if not long:
            continue
        place = chance.choice(long)
        words[place] = misspelled(words[place], chance)
        tried += 1
        try:
            found = classify(" ".join(words))
        except UnknownMethod:
            continue
        assert found.factors == method.factors, (name, words, found.name)
        mended += found is method
    assert mended > 0.7 * tried
