"""The list of known host keys, by hand: what each kind of line does, and what the verdict says. The real `ssh` judges
the same code over hundreds of mixed cases in test_host_keys_against_openssh.py."""

import os
from datetime import UTC, datetime, timedelta

import asyncssh
import pytest

from helpers.trust.host_keys import KnownHosts, lookup_name
from helpers.trust.ssh_keys import UnreadableKey

HOST = "server.example"


def line(key):
    return key.export_public_key().decode().strip()


def certificate(ca, key, *names, **settings):
    now = datetime.now(UTC)
    dates = {"valid_after": now - timedelta(days=1), "valid_before": now + timedelta(days=1)}
    made = ca.generate_host_certificate(key, "test", principals=list(names), **{**dates, **settings})
    return made.export_certificate().decode().strip()


KEYS = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(3)]
KEY, OTHER, CA = map(line, KEYS)
ECDSA = line(asyncssh.generate_private_key("ecdsa-sha2-nistp256"))


def check(text, key=KEY, host=HOST, port=22, **settings):
    verdict = KnownHosts.parse(text).check(host, port, key, **settings)
    return verdict.value, verdict.line


def hashed(host, key, port=22):
    known = KnownHosts.parse("")
    known.add(host, port, key, salt=os.urandom(20))
    return str(known)


PLAIN = {
    "the very key": (f"{HOST} {KEY}", ("match", 1)),
    "with a comment": (f"{HOST} {KEY} my server", ("match", 1)),
    "no line at all": ("", ("unknown", None)),
    "another host": (f"other.example {KEY}", ("unknown", None)),
    "another key": (f"{HOST} {OTHER}", ("changed", 1)),
    "a key of another kind": (f"{HOST} {ECDSA}", ("changed", 1)),
    "two keys, the second one fits": (f"{HOST} {OTHER}\n{HOST} {KEY}", ("match", 2)),
    "several names": (f"a.example,{HOST},b.example {KEY}", ("match", 1)),
    "a comment line": (f"# {HOST} {KEY}", ("unknown", None)),
    "after empty lines": (f"\n\n  \n\t{HOST}\t{KEY}", ("match", 4)),
    "Windows' line ends": (f"a.example {OTHER}\r\n{HOST} {KEY}\r\n", ("match", 2)),
    "capital letters in the list": (f"SERVER.Example {KEY}", ("match", 1)),
    "a pattern": (f"*.example {KEY}", ("match", 1)),
    "a pattern for one letter": (f"serve?.example {KEY}", ("match", 1)),
    "a pattern that does not reach": (f"*.exampl {KEY}", ("unknown", None)),
    "but not this one": (f"*.example,!{HOST} {KEY}", ("unknown", None)),
    "but not another one": (f"*.example,!b.example {KEY}", ("match", 1)),
    "only a negation": (f"!b.example {KEY}", ("unknown", None)),
    "a network is no pattern": (f"10.0.0.0/8 {KEY}", ("unknown", None)),
    "revoked": (f"{HOST} {KEY}\n@revoked * {KEY}", ("revoked", 2)),
    "another key is revoked": (f"{HOST} {KEY}\n@revoked * {OTHER}", ("match", 1)),
    "revoked for another host": (f"{HOST} {KEY}\n@revoked b.example {KEY}", ("match", 1)),
    "a CA's key is no host key": (f"@cert-authority {HOST} {KEY}", ("unknown", None)),
    "an unknown marker": (f"@trusted {HOST} {KEY}", ("unknown", None)),
    "two markers": (f"@revoked @cert-authority {HOST} {KEY}", ("unknown", None)),
    "a broken key is skipped": (f"{HOST} ssh-ed25519 AAAA\n{HOST} {KEY}", ("match", 2)),
    "a key under a wrong kind is skipped": (f"{HOST} ssh-rsa {KEY.split()[1]}", ("unknown", None)),
    "a name alone is skipped": (f"{HOST}\n{HOST} {KEY}", ("match", 2)),
    "hashed": (hashed(HOST, KEY), ("match", 1)),
    "hashed, another key": (hashed(HOST, OTHER), ("changed", 1)),
    "hashed, another host": (hashed("b.example", KEY), ("unknown", None)),
    "a hash in capitals is another hash": (hashed(HOST, KEY).split()[0].upper() + f" {KEY}", ("unknown", None)),
    "a broken hash": ("|1|AAAA|BBBB " + KEY, ("unknown", None)),
    "a hash and a name are not mixed": (f"{hashed(HOST, KEY).split()[0]},{HOST} {KEY}", ("unknown", None)),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_what_a_line_does(name):
    text, expected = PLAIN[name]
    assert check(text) == expected


PORTS = {
    "the port's own line": (f"[{HOST}]:2222 {KEY}", 2222, ("match", 1)),
    "the line without a port does as well": (f"{HOST} {KEY}", 2222, ("match", 1)),
    "another key for the port": (f"[{HOST}]:2222 {OTHER}\n{HOST} {KEY}", 2222, ("changed", 1)),
    "without a port, another key is no alarm": (f"{HOST} {OTHER}", 2222, ("unknown", None)),
    "a line for a port is not for port 22": (f"[{HOST}]:2222 {KEY}", 22, ("unknown", None)),
    "a line for another port": (f"[{HOST}]:2200 {KEY}", 2222, ("unknown", None)),
    "revoked without a port": (f"@revoked {HOST} {KEY}", 2222, ("revoked", 1)),
    "a pattern over ports": (f"[{HOST}]:* {KEY}", 2222, ("match", 1)),
}


@pytest.mark.parametrize("name", PORTS)
def test_which_port_a_line_is_for(name):
    text, port, expected = PORTS[name]
    assert check(text, port=port) == expected


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("Server.EXAMPLE", HOST),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("127.1", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_a_name_is_looked_up_as_openssh_writes_it(asked, listed):
    assert lookup_name(asked) == listed
    assert check(f"{listed} {KEY}", host=asked) == ("match", 1)
    assert check(f"[{listed}]:2222 {KEY}", host=asked, port=2222) == ("match", 1)


CA_LINE = f"@cert-authority *.example {CA}"
GOOD = certificate(KEYS[2], KEYS[0], HOST)
CERTIFICATES = {
    "of a known CA": (CA_LINE, GOOD, ("match-ca", 1)),
    "for any name": (CA_LINE, certificate(KEYS[2], KEYS[0]), ("match-ca", 1)),
    "of an unknown CA": (f"@cert-authority *.example {OTHER}", GOOD, ("unknown", None)),
    "its CA is for other hosts": (f"@cert-authority *.test {CA}", GOOD, ("unknown", None)),
    "for another name": (CA_LINE, certificate(KEYS[2], KEYS[0], "b.example"), ("unknown", None)),
    "for another name, and the key is known": (f"{CA_LINE}\n{HOST} {KEY}", certificate(KEYS[2], KEYS[0], "b.example"), ("match", 2)),
    "expired": (CA_LINE, certificate(KEYS[2], KEYS[0], HOST, valid_before=datetime.now(UTC) - timedelta(hours=1)), ("unknown", None)),
    "not valid yet": (CA_LINE, certificate(KEYS[2], KEYS[0], HOST, valid_after=datetime.now(UTC) + timedelta(hours=1)), ("unknown", None)),
    "of an unknown CA, and another key is known": (f"{HOST} {OTHER}", GOOD, ("changed", 1)),
    "of an unknown CA, and the key is known": (f"{HOST} {KEY}", GOOD, ("match", 1)),
    "its CA is revoked": (f"{CA_LINE}\n@revoked * {CA}\n{HOST} {KEY}", GOOD, ("revoked", 2)),
    "its key is revoked": (f"{CA_LINE}\n@revoked * {KEY}", GOOD, ("revoked", 2)),
    "the CA's line without its marker": (f"{HOST} {CA}", GOOD, ("changed", 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CERTIFICATES)
def test_what_a_certificate_does(name):
    text, shown, expected = CERTIFICATES[name]
    assert check(text, shown) == expected


def test_a_ca_that_is_revoked_without_a_port_is_revoked_for_all():
    assert check(f"@revoked {HOST} {CA}", GOOD, port=2222) == ("revoked", 1)
    assert check(f"@revoked {HOST} {CA}\n[{HOST}]:2222 {KEY}", GOOD, port=2222) == ("match", 2)
    assert check(f"@revoked {HOST} {CA}\n[{HOST}]:2222 {OTHER}", GOOD, port=2222) == ("changed", 2)


def test_a_certificate_of_a_known_ca_counts_at_any_port():
    assert check(CA_LINE, GOOD, port=2222) == ("match-ca", 1)


def test_a_users_certificate_is_not_for_a_host():
    made = KEYS[2].generate_user_certificate(KEYS[0], "test", principals=[HOST]).export_certificate().decode()
    assert check(CA_LINE, made) == ("unknown", None)
    assert "✘ signed by the CA in line 1, but it is not for a host" in str(
        KnownHosts.parse(CA_LINE).check(HOST, 22, made)
    )


def test_dates_are_those_of_the_time_asked_for():
    later = datetime.now(UTC) + timedelta(days=30)
    assert check(CA_LINE, GOOD, at=later) == ("unknown", None)
    text = str(KnownHosts.parse(CA_LINE).check(HOST, 22, GOOD, at=later))
    assert "✘ signed by the CA in line 1, but it has expired" in text
    with pytest.raises(ValueError, match="needs a time zone"):
        check(CA_LINE, GOOD, at=datetime(2026, 11, 24))


def test_a_certificate_with_a_changed_byte_ends_the_connection():
    kind, encoded = GOOD.split()[:2]
    broken = encoded[:-8] + ("A" if encoded[-8] != "A" else "B") + encoded[-7:]
    with pytest.raises(UnreadableKey, match="The CA's signature in this certificate is wrong"):
        check(CA_LINE, f"{kind} {broken}")


# The verdict, for people and for programs.


def test_a_verdict_is_neither_true_nor_false():
    verdict = KnownHosts.parse("").check(HOST, 22, KEY)
    with pytest.raises(TypeError, match="neither true nor false"):
        assert verdict


SENTENCES = {
    f"{HOST} {KEY}": "The list has this very key for this name (line 1).",
    f"{HOST} {OTHER}": "The list has another key for this name (line 1). The server may have a new key, or somebody may stand in the middle: find out which.",
    "": "The list has no key for server.example, so nothing says whose key this is.",
    f"@revoked * {KEY}": "Line 1 says that this key must not be believed any more.",
}


@pytest.mark.parametrize("text", SENTENCES)
def test_a_verdict_gives_its_reason(text):
    verdict = KnownHosts.parse(text).check(HOST, 22, KEY)
    assert verdict.reason == SENTENCES[text]
    assert verdict.reason in str(verdict)
    assert "<table>" in verdict._repr_html_()


def test_a_verdict_shows_the_way_it_took():
    text = f"{HOST} ssh-ed25519 AAAA\n@revoked * {OTHER}\n{HOST} {KEY}"
    table = str(KnownHosts.parse(text).check("Server.Example", 2222, KEY))
    for found in (
        "Lines for “[server.example]:2222”",
        "line 1, line 2 (@revoked), line 3",
        "Keys that cannot be read",
        "line 1: skipped",
        "✔ stands in line 3",
    ):
        assert found in table


def test_many_lines_make_no_long_table():
    text = "* x\n" * 1000 + f"{HOST} {KEY}"
    table = str(KnownHosts.parse(text).check(HOST, 2222, GOOD))
    assert len(table.splitlines()) < 15
    assert "line 9 and 992 more" in table


def test_what_a_list_says_is_escaped():
    html = KnownHosts.parse("").check("<b>bad</b>", 22, KEY)._repr_html_()
    assert "<b>bad" not in html
    assert "&lt;b&gt;bad" in html


# The list itself.


def test_lines_are_found_by_name():
    known = KnownHosts.parse(f"{HOST} {KEY}\n@revoked *.example {OTHER}\nb.example {KEY}\n{hashed(HOST, KEY)}")
    assert [(found.number, found.marker) for found in known.find(HOST)] == [(1, ""), (2, "@revoked"), (4, "")]
    assert known.find(HOST)[0].text == f"{HOST} {KEY}"
    assert known.find("nobody.test") == ()


def test_a_key_can_be_added_in_memory():
    known = KnownHosts.parse("")
    known.add("Server.Example", 2222, f"{KEY} a comment")
    assert str(known) == f"[server.example]:2222 {KEY}"
    assert known.check(HOST, 2222, KEY).value == "match"
    with pytest.raises(UnreadableKey):
        known.add(HOST, 22, "nonsense")


def test_the_list_keeps_its_lines():
    text = b"\n\n# a comment\nserv\xe9r.example " + KEY.encode()
    known = KnownHosts.parse(text)
    assert bytes(known) == text + b"\n"
    assert str(known).splitlines()[2] == "# a comment"
    assert known.find("nobody.example") == ()


def test_a_file_is_read_where_asked(tmp_path):
    path = tmp_path / "known_hosts"
    path.write_bytes(f"{HOST} {KEY}\n".encode() + b"\xff\xfe\x00\n")
    assert KnownHosts.read(path).check(HOST, 22, KEY).value == "match"
    assert KnownHosts.read(str(path)).find(HOST)
    with pytest.raises(FileNotFoundError):
        KnownHosts.read(tmp_path / "nothing")


def test_a_text_that_is_no_text_is_read_all_the_same():
    known = KnownHosts.parse(f"{HOST}\ud800 {KEY}\n{HOST} {KEY}")
    assert known.check(HOST, 22, KEY).line == 2
    assert known.check(f"{HOST}\ud800", 22, KEY).line == 1
    with pytest.raises(UnreadableKey):
        known.check(HOST, 22, "ssh-ed25519 \ud800")


def test_many_stars_cost_no_more_than_their_length():
    """A matcher that tries all ways would need longer than the universe lasts."""
    assert check("*a" * 200 + "b " + KEY, host="a" * 200 + ".example") == ("unknown", None)
