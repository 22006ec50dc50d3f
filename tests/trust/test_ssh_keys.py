"""Public keys and host certificates: what is read, and what each broken one is told. Fingerprints and pictures of all
kinds are compared with those of `ssh-keygen` in test_host_keys_against_openssh.py."""

import base64
import struct

import asyncssh
import pytest

from helpers.trust.ssh_keys import HostKey, UnreadableKey

KEY = asyncssh.generate_private_key("ssh-ed25519")
LINE = KEY.export_public_key().decode().strip()
CERTIFICATE = KEY.generate_host_certificate(KEY, "test", principals=["a.example"]).export_certificate().decode().strip()


def field(content):
    return struct.pack(">I", len(content)) + content


def encoded(*fields):
    return base64.b64encode(b"".join(field(content) for content in fields)).decode()


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"  {LINE}\n",
        f"{LINE} a comment",
        f"server.example {LINE}",
        LINE.encode(),
    ],
)
def test_a_key_is_read_from_a_line(text):
    key = HostKey.parse(text)
    assert (key.type, key.bits, key.short_type, key.certificate) == ("ssh-ed25519", 256, "ED25519", None)
    assert str(key) == LINE


def test_a_key_that_is_known_everywhere():
    """GitHub's published Ed25519 key, with the fingerprint that GitHub publishes for it."""
    key = HostKey.parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
    assert key.fingerprint() == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_a_certificate_holds_a_key_and_what_a_ca_says_of_it():
    key = HostKey.parse(CERTIFICATE)
    assert key.type == "ssh-ed25519-cert-v01@openssh.com"
    assert key.certificate.principals == (b"a.example",)
    assert key.certificate.ca.plain == key.plain == HostKey.parse(LINE).plain
    assert key.without_certificate == HostKey.parse(LINE)
    assert key.fingerprint() == HostKey.parse(LINE).fingerprint()
    assert "[ED25519-CERT]" in key.randomart()


E25519 = b"ssh-ed25519"
BROKEN = {
    "": "A public key has at least two words",
    "ssh-ed25519": "A public key has at least two words",
    LINE.replace("ssh-ed25519", "ED25519"): "“ED25519” is no kind of key that SSH knows",
    "hello world": "“hello” is no kind of key that SSH knows",
    "ssh-ed25519 AAAA": "it ends too early",
    "ssh-ed25519 AA=A": "not well-formed Base64",
    f"{LINE}x": "not well-formed Base64",
    LINE[:-4]: "it ends too early",
    LINE.replace("ssh-ed25519", "ssh-rsa"): "The line says ssh-rsa, but the key is of the kind ssh-ed25519",
    f"ssh-ed25519 {encoded(E25519, bytes(31))}": "A key of this kind has 32 bytes",
    f"ssh-ed25519 {encoded(E25519, bytes(32), b'')}": "something stands behind its end",
    f"ssh-ed25519 {encoded(b'ssh-new', bytes(32))}": "“ssh-new” is no kind of key that can stand here",
    f"ecdsa-sha2-nistp256 {encoded(b'ecdsa-sha2-nistp256', b'nistp384', bytes(65))}": "on another curve than its kind says",
    f"ecdsa-sha2-nistp256 {encoded(b'ecdsa-sha2-nistp256', b'nistp256', b'4' + bytes(64))}": "The key is no point on its curve",
    f"ecdsa-sha2-nistp256 {encoded(b'ecdsa-sha2-nistp256', b'nistp256', bytes([4, *[1] * 64]))}": "The key is no point on its curve",
    f"ssh-rsa {encoded(b'ssh-rsa', bytes([3]), bytes([1] * 64))}": "This RSA key has 505 bits. OpenSSH reads none below 1024",
    f"ssh-rsa {encoded(b'ssh-rsa', bytes([3]), bytes([255] * 256))}": "is negative or too long",
    CERTIFICATE[:-20]: "it ends too early",
    "ssh-ed25519-cert-v01@openssh.com " + LINE.split()[1]: "The line says ssh-ed25519-cert-v01@openssh.com, but",
    KEY.export_private_key().decode(): "This is a private key. Never show it to anybody",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_key_is_told_why(text):
    with pytest.raises(UnreadableKey) as caught:
        HostKey.parse(text)
    assert BROKEN[text] in str(caught.value)


def test_what_is_no_key_cannot_forge_a_message():
    with pytest.raises(UnreadableKey) as caught:
        HostKey.parse("\x1b[31mred" + "x" * 100 + " AAAA")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_number_with_zeros_in_front_is_the_same_number():
    plain = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key().decode().split()[1]
    blob = base64.b64decode(plain)
    at = len(field(b"ssh-rsa"))
    padded = blob[:at] + field(b"\0\0\x01\0\x01") + blob[at + 7 :]
    assert HostKey.from_blob(padded).plain == HostKey.from_blob(blob).plain == blob
