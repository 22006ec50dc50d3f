"""The host key checker, as a learner's browser calls it: examples, pasted texts, mistakes, and a private key."""

import re
import time
from html import escape

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from helpers.widgets.host_key_checker import LONGEST, PRIVATE_KEY, REFUSED, TOO_LONG, HostKeyChecker


def new_key(comment=""):
    public = Ed25519PrivateKey.generate().public_key()
    return f"{public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}".strip()


def private_key(form=PrivateFormat.OpenSSH):
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, form, NoEncryption()).decode()


KEY, OTHER = new_key(), new_key()
LIST = f"server.example {KEY}\n"


def send(**content):
    """What the browser sends, and what it shows then."""
    checker = HostKeyChecker()
    checker._on_message(checker, content, [])
    return checker.said


def check(known_hosts=LIST, host="server.example", port="22", key=KEY):
    fields = {"known_hosts": known_hosts, "host": host, "port": port, "key": key}
    return send(action="check", fields=fields)


def sentence(**fields):
    """The sentence for fields that can't be checked: then there is no table."""
    said = check(**fields)
    assert said["html"] == ""
    return said["message"]


@pytest.mark.parametrize(
    ("example", "value"),
    [
        ("known host", "✔ match."),
        ("changed key", "✘ changed."),
        ("host certificate", "✔ match-ca."),
        ("hashed name", "✔ match."),
        ("revoked key", "✘ revoked."),
    ],
)
def test_each_example_shows_what_its_name_says(example, value):
    said = send(action="try", example=example)
    assert said["message"].startswith(f"server.example: {value} ")
    assert "Looked at" in said["html"]
    # What it fills in gives the same verdict when the learner presses "Check".
    assert check(**said["fields"])["message"] == said["message"]


def test_these_are_all_examples():
    assert HostKeyChecker().examples == ["known host", "changed key", "host certificate", "hashed name", "revoked key"]


def test_the_examples_look_as_such_lists_do():
    hashed, certificate, revoked = (
        send(action="try", example=name)["fields"] for name in ("hashed name", "host certificate", "revoked key")
    )
    assert re.fullmatch(r"(\|1\|\S{28}\|\S{28} ssh-ed25519 \S+\n){2}", hashed["known_hosts"])
    assert re.fullmatch(r"@cert-authority \*\.example ssh-ed25519 \S+\n", certificate["known_hosts"])
    assert certificate["key"].startswith("ssh-ed25519-cert-v01@openssh.com ")
    assert f"\n@revoked * {revoked['key']}\n" in revoked["known_hosts"]
    assert (hashed["host"], hashed["port"]) == ("server.example", "22")


def test_an_example_has_new_keys_each_time():
    first, second = (send(action="try", example="known host")["fields"]["key"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({}, "server.example: ✔ match. The list has this very key for this name (line 1)."),
        ({"key": OTHER}, "server.example: ✘ changed. The list has another key for this name (line 1)."),
        ({"host": "other.example"}, "other.example: ? unknown. The list has no key for other.example"),
        ({"known_hosts": f"{LIST}@revoked * {KEY}"}, "server.example: ✘ revoked. Line 2"),
        ({"port": "2222"}, "[server.example]:2222: ✔ match."),  # found under the name without the port
        ({"known_hosts": f"[server.example]:2222 {KEY}"}, "server.example: ? unknown."),
        ({"known_hosts": f"[server.example]:2222 {KEY}", "port": "2222"}, "[server.example]:2222: ✔ match."),
        ({"host": " Server.EXAMPLE ", "port": " 22 "}, "server.example: ✔ match."),
        ({"host": "0:0::1", "known_hosts": f"::1 {KEY}"}, "::1: ✔ match."),
        ({"key": f"server.example {KEY}"}, "server.example: ✔ match."),  # as ssh-keyscan writes it
        ({"key": f"# server.example:22 SSH-2.0-OpenSSH_9.2\n\n{KEY} root@server\n"}, "server.example: ✔ match."),
        ({"known_hosts": f"# Host server.example found: line 7\n{LIST}"}, "server.example: ✔ match."),
        ({"known_hosts": f"nonsense \0 \x1b[2J\n{LIST}"}, "server.example: ✔ match."),
    ],
)
def test_a_pasted_text_gets_its_verdict_and_the_reason(fields, begins):
    said = check(**fields)
    assert said["message"].startswith(begins)
    assert "fields" not in said  # what the learner typed stays as it is


def test_the_table_comes_with_the_fingerprint_and_the_picture():
    html = check()["html"]
    assert "<td>✔ stands in line 1</td>" in html
    assert re.search(r"<b>Fingerprint of the key:</b> <code>SHA256:[\w+/]{43}</code>", html)
    picture = re.search(r"<pre [^>]*>(.*)</pre>", html, re.DOTALL)[1].replace("&amp;", "&")
    assert [len(line) for line in picture.split("\n")] == [19] * 11
    assert picture.startswith("+--[ED25519 256]--+\n")


def test_the_fingerprint_in_a_certificate_is_told_as_that():
    html = send(action="try", example="host certificate")["html"]
    assert "Fingerprint of the key in the certificate:" in html
    assert "-[ED25519-CERT]-" in html


def test_each_field_that_is_missing_or_wrong_has_a_sentence():
    assert sentence(known_hosts=" \n") == (
        "Paste a known_hosts list first. With an empty list, the key of every host is unknown."
    )
    assert sentence(host=" ") == "Type the name of the host first."
    for key in ("", "\n \n", "# only a comment"):
        assert sentence(key=key) == "Paste the host's public key first, or choose an example."
    assert sentence(key=f"{KEY}\n{OTHER}").startswith("Here are 2 lines, and a key is one line without a break in it.")


@pytest.mark.parametrize("port", ["", "0", "-1", "65536", "ssh", "2 2", "2.2", "２２", "022", "9" * 5000])
def test_a_wrong_port_is_told(port):
    assert sentence(port=port) == "The port is a number from 1 to 65535. SSH's own is 22."


@pytest.mark.parametrize(
    "host",
    [
        "alice@server.example",
        "server.example:2222",
        "[server.example]:2222",
        "[::1]",
        "ssh://server.example",
        "a b",
        "a" * 256,
    ],
)
def test_only_the_name_of_the_host_is_wanted(host):
    said = sentence(host=host)
    assert said.startswith("Only the name of the host or its address, please: “")
    assert host[:20] in said
    assert len(said) < 250


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("ssh-ed25519", "A public key has at least two words"),
        ("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "This is a fingerprint, a hash of the key."),
        ("16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "This is a fingerprint, a hash of the key."),
        ("ssh-x25519 AAAA", "“ssh-x25519” is no kind of key that SSH knows."),
        (KEY[:-9], "The "),
        (KEY.replace("ssh-ed25519", "ssh-rsa"), "The line says ssh-rsa, but the key is of the kind ssh-ed25519."),
    ],
)
def test_a_key_that_cannot_be_read_is_told(key, said):
    assert sentence(key=key).startswith(said)


@pytest.mark.parametrize(
    "text", ["hello", r"C:\Users\me\.ssh\known_hosts", "# a comment\n", "server.example ssh-ed25519 AAAA"]
)
def test_a_list_that_is_none_is_told(text):
    assert sentence(known_hosts=text).startswith("No line of this list can be read.")


def test_it_says_that_a_name_in_front_of_a_key_counts_for_nothing():
    said = "(The name in front of the key was not looked at.)"
    assert said in check(key=f"evil.example {KEY}")["html"]
    assert said not in check()["html"]


def test_a_certificate_with_a_wrong_signature_is_told():
    shown = send(action="try", example="host certificate")["fields"]["key"]
    kind, encoded = shown.split()
    broken = f"{kind} {encoded[:-8]}{'A' if encoded[-8] != 'A' else 'B'}{encoded[-7:]}"
    assert sentence(key=broken) == "The CA's signature in this certificate is wrong."


@pytest.mark.parametrize("name", ["<script>x<script>", '"onfocus="x', "<i>&amp;"])
def test_what_is_pasted_is_never_taken_for_markup(name):
    evil = "<img src=x onerror=alert(1)>"
    listed = f'{evil} {OTHER} {evil}\n"><u>x {KEY} {evil}\n{name} {KEY} {evil}\n'
    for key, value in ((f"{KEY} {evil}", "✔ match."), (f"{OTHER} {evil}", "✘ changed.")):
        said = check(known_hosts=listed, host=name, key=key)
        assert said["message"].startswith(f"{name}: {value} ")  # the view shows this one as plain text
        assert escape(name) in said["html"]
        for text in (name, evil, "<u>"):
            assert text not in said["html"]
    # An error's sentence quotes what was pasted, and the view shows it as plain text as well.
    assert sentence(key=f"{evil} {KEY.split()[1]}").startswith("“<img”")


def test_what_cannot_be_seen_is_written_out():
    said = check(host="server.example\u202e", key=KEY)
    assert said["message"].startswith("server.example\\u202e: ? unknown.")
    assert "\u202e" not in said["html"]


@pytest.mark.parametrize("field", ["key", "known_hosts", "host", "port"])
@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_a_private_key_is_refused_and_its_field_emptied(field, form):
    secret = private_key(form)
    said = check(**{field: f"{LIST}{secret}"})
    assert said["message"] == REFUSED
    assert said["fields"] == {field: ""}
    assert secret.split("\n")[1] not in str(said)


def test_the_sentence_says_what_it_is_and_what_to_do():
    for part in ("your private key", "never paste it anywhere", "wants the public key", ".pub", "emptied"):
        assert part in REFUSED


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        "PuTTY-User-Key-File-3: ssh-ed25519",
        "".join(private_key().split("\n")[1:-2]),  # only the Base64 was copied
    ],
)
def test_other_forms_of_a_private_key_are_refused_as_well(text):
    assert check(key=text)["message"] == REFUSED


def test_public_keys_and_lists_are_not_taken_for_a_private_key():
    for text in (KEY, LIST, "-----BEGIN PUBLIC KEY-----", "---- BEGIN SSH2 PUBLIC KEY ----", "# my PRIVATE KEY"):
        assert not re.search(PRIVATE_KEY, text)


def test_the_browser_gets_the_same_rule_and_sentence():
    checker = HostKeyChecker()
    assert (checker.private_key, checker.refused, checker.longest) == (PRIVATE_KEY, REFUSED, LONGEST)


def test_a_text_that_is_too_long_is_told():
    for field in ("known_hosts", "host", "port", "key"):
        assert sentence(**{field: "a" * (LONGEST + 1)}) == TOO_LONG
    assert "1,000,000 characters" in TOO_LONG


@pytest.mark.parametrize("filler", ["BEGIN ", "#\n", "x ssh-ed25519 AAAA\n", "*,", "|1|"])
def test_a_long_text_is_answered_soon(filler):
    begun = time.monotonic()
    text = filler * ((LONGEST - len(LIST) - 1) // len(filler))
    assert ": ✔ match. " in check(known_hosts=f"{text}\n{LIST}")["message"]
    assert time.monotonic() - begun < 10


def test_the_same_verdict_twice_is_sent_twice():
    checker = HostKeyChecker()
    turns = []
    for _ in range(2):
        checker._on_message(checker, {"action": "try", "example": "known host"}, [])
        turns.append(checker.said["turn"])
    assert turns == [1, 2]


def test_without_a_kernel_one_line_says_what_to_do():
    bundle, _ = HostKeyChecker()._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Run this cell to check a host key ")
    assert bundle["text/html"] == f"<p><em>{bundle['text/plain']}</em></p>"


def test_no_file_is_read_or_written(monkeypatch):
    checker = HostKeyChecker()
    opened = []
    for module in ("builtins", "io", "os"):
        monkeypatch.setattr(f"{module}.open", lambda *given, **_: opened.append(given))
    for content in (*({"action": "try", "example": name} for name in checker.examples), {"action": "check"}):
        checker._on_message(checker, {**content, "fields": checker.said.get("fields")}, [])
    monkeypatch.undo()
    assert checker.said["turn"] == len(checker.examples) + 1
    assert ": ✘ revoked. " in checker.said["message"]
    assert opened == []
