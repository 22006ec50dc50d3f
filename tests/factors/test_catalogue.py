"""The catalogue of methods: each entry is sound, a broken one is named, and a method shows itself."""

import pytest

from helpers.exchange import Factor
from helpers.factors.catalogue import FILE, CatalogueError, catalogue

KNOWLEDGE, POSSESSION, INHERENCE = Factor
METHODS = catalogue()


def test_it_is_large_and_keeps_its_order():
    assert len(METHODS) >= 110
    assert sum(1 + len(method.names) for method in METHODS) > 1500
    assert [method.name for method in METHODS[:3]] == ["password", "password from a password manager", "passphrase"]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_an_entry_is_sound(method):
    assert method.why.endswith((".", ".)"))
    assert len(method.why.split()) <= 55
    assert "*" not in method.why, "a table shows no bold text"
    assert method.sources
    assert method.contested == bool(method.opinions)
    assert all(who and says.endswith((".", ".)")) for who, says in method.opinions)
    assert method.phishing or not method.factors, "only what is no factor has nothing to say on phishing"
    assert all(condition.endswith(".") for condition in method.conditions)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_nist_says_of_a_kind_holds_for_each_method_of_it(method):
    kind = method.authenticator
    if kind.startswith("multi-factor"):  # "something you have", activated by another factor (section 3.1.7)
        assert POSSESSION in method.factors
        assert len(method.factors) == 2
    elif kind == "password":
        assert method.factors == {KNOWLEDGE}
    elif kind == "biometric":
        assert method.factors == {INHERENCE}
    elif kind == "activation secret":
        assert method.factors == {KNOWLEDGE}
    elif kind != "none":
        assert POSSESSION in method.factors
    # "Phishing resistance requires single- or multi-factor cryptographic authentication" (section 3.2.5).
    assert not method.phishing_resistant or "cryptographic" in kind
    assert method.exportable is None or "cryptographic" in kind
    if not method.factors:
        assert kind == "none"


def test_the_kinds_in_words():
    kinds = {method.name: method.kind for method in METHODS}
    assert kinds["smart card and PIN"] == "knowledge and possession"
    assert kinds["CAPTCHA"] == "not a factor"


GOOD = """\
methods:
  - name: one
    names: [first]
    factors: [knowledge]
    why: Since.
    phishing: No.
    authenticator: password
    sources: [NIST]
"""
SECOND = GOOD.replace("methods:\n", "").replace("one", "two").replace("first", "second")
BROKEN = [
    ("    why: Since.\n", "", "'one': 'why' is missing."),
    ("name: one", "nam: one", "'?': 'name' is missing."),
    ("    why:", "    wy: x\n    why:", "'one': the key 'wy' is unknown."),
    ("why: Since.", "why: [Since.]", "'one': 'why' cannot be ['Since.']."),
    ("names: [first]", "names: [first, 2]", "'one': each of its names must be a text."),
    ("factors: [knowledge]", "factors: [location]", "'one': its factors cannot be ['location']."),
    ("authenticator: password", "authenticator: magic", "'one': 'magic' is no kind of authenticator."),
    ("    why:", "    contested: true\n    why:", "'one': what is contested has opinions, and nothing else has."),
    ("    why:", "    opinions: [{who: I, says: no}]\n    why:", "'one': what is contested has opinions, and nothing else has."),
    ("    why:", "    contested: true\n    opinions: [{who: I}]\n    why:", "'one': an opinion has 'who' and 'says'."),
    ("    sources: [NIST]\n", f"    sources: [NIST]\n{SECOND.replace('second', 'First')}", "'two' and 'one' share the name 'First'."),
    ("    sources: [NIST]\n", f"    sources: [NIST]\n{SECOND.replace('second', 'one')}", "'two' and 'one' share the name 'one'."),
]  # fmt: skip


def read(tmp_path, text):
    path = tmp_path / "methods.yaml"
    path.write_text(text, encoding="utf-8")
    return catalogue(path)


def test_a_good_file(tmp_path):
    (one, two) = read(tmp_path, GOOD + SECOND)
    assert (one.names, one.factors, one.contested, one.exportable) == (("first",), {KNOWLEDGE}, False, None)
    assert two.name == "two"


@pytest.mark.parametrize(("old", "new", "sentence"), BROKEN)
def test_a_broken_rule_is_named_with_its_entry(tmp_path, old, new, sentence):
    assert old in GOOD
    with pytest.raises(CatalogueError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(caught.value) == sentence


def test_each_name_stands_in_the_file_as_text():
    text = FILE.read_text(encoding="utf-8")
    assert "\t" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_method_shows_itself():
    (method,) = [method for method in METHODS if method.name == "keystroke dynamics"]
    text = str(method)
    assert text.startswith("keystroke dynamics: inherence. Contested: the sources do not agree.\n")
    assert "Says OWASP, Multifactor Authentication Cheat Sheet" in text
    assert "Resists phishing" in text
    assert "No. A measurement" in text
    html = method._repr_html_()
    assert "<caption>keystroke dynamics: inherence. Contested" in html
    assert "“something you do”" in html


def test_resistance_that_depends_on_the_protocol_is_said_with_its_condition():
    shown = {method.name: str(method) for method in METHODS}
    for name in ("smart card", "CAC or PIV card", "smart card and PIN", "TPM-bound key"):
        assert "Yes, where it signs in TLS with client authentication or in WebAuthn." in shown[name]
    for name in ("client certificate", "device certificate"):
        assert "Yes, where it signs in TLS with client authentication." in shown[name]
    assert "Yes, if the server's host key was checked." in shown["SSH key"]
    assert "Yes. The key answers only" in shown["passkey"]


def test_the_replaced_edition_of_nist_is_never_cited_as_its_present_word():
    cited = [source for method in METHODS for source in (*method.sources, *(who for who, _ in method.opinions))]
    old = [source for source in cited if "800-63-3" in source]
    assert old
    assert all(source.endswith("(2017, replaced in 2025)") for source in old)


def test_a_cookie_is_not_refused_because_it_can_be_copied():
    (cookie,) = [method for method in METHODS if method.name == "remembered-device cookie"]
    assert "copied" not in cookie.why
    assert "no new evidence" in cookie.why


def test_what_it_shows_is_escaped(tmp_path):
    (method,) = read(tmp_path, GOOD.replace("Since.", "<b>&</b>"))
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in method._repr_html_()
    assert "Contested" not in str(method)


def test_where_phishing_makes_no_sense_the_table_says_nothing_of_it():
    (method,) = [method for method in METHODS if method.name == "CAPTCHA"]
    assert "phishing" not in str(method)
