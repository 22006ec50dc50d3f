"""Lists of known hosts, and what a server shows: drawn from a seed, over all that a list can hold and much that it should not.

`cases(seed, count)` gives the questions. The answers are the business of the real `ssh`.
"""

import base64
import hashlib
import hmac
import random
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HOST, USER = 2, 1
DAY = 86_400
FOREVER = 2**64 - 1
SECURITY_KEY = "sk-ssh-ed25519@openssh.com"


@dataclass(frozen=True)
class Case:
    """One question: what does this list say, when this host shows this at this port?"""

    text: bytes
    host: str
    port: int
    shown: str  # a line: the kind and the key, or the certificate

    def __str__(self) -> str:
        return f"{self.host!r} at port {self.port} shows\n{self.shown}\nand the list is\n" + "\n".join(
            repr(line)[1:] for line in self.text.split(b"\n")
        )


# Keys, and certificates made by hand: no library makes the wrong ones.


def string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


@dataclass(frozen=True)
class Key:
    type: str
    blob: bytes
    private: object = field(repr=False)

    @property
    def line(self) -> bytes:
        return self.type.encode() + b" " + base64.b64encode(self.blob)

    def sign(self, data: bytes, kind: str = "") -> bytes:
        """A signature of this key as SSH writes it. RSA keys have several kinds of them."""
        if self.type == SECURITY_KEY:  # PROTOCOL.u2f
            flags_and_counter = struct.pack(">BI", 1, 7)
            data = hashlib.sha256(b"ssh:").digest() + flags_and_counter + hashlib.sha256(data).digest()
            return string(self.type.encode()) + string(self.private.sign(data)) + flags_and_counter
        if self.type == "ssh-ed25519":
            return string(b"ssh-ed25519") + string(self.private.sign(data))
        if self.type == "ssh-rsa":
            kind = kind or "rsa-sha2-512"
            hashed = {"ssh-rsa": hashes.SHA1(), "rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512()}[kind]
            return string(kind.encode()) + string(self.private.sign(data, padding.PKCS1v15(), hashed))
        hashed = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[self.private.curve.key_size]
        numbers = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashed)))
        return string(self.type.encode()) + string(b"".join(string(mpint(number)) for number in numbers))


def mpint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1) if number else b""


def of(private) -> Key:
    kind, encoded = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()
    return Key(kind.decode(), base64.b64decode(encoded), private)


def new_ed25519(rng: random.Random) -> Key:
    return of(ed25519.Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)))


def new_ecdsa(rng: random.Random, curve=ec.SECP256R1) -> Key:
    return of(ec.derive_private_key(rng.getrandbits(curve.key_size - 1) + 1, curve()))


def new_security_key(rng: random.Random) -> Key:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    raw = private.public_key().public_bytes_raw()
    return Key(SECURITY_KEY, string(SECURITY_KEY.encode()) + string(raw) + string(b"ssh:"), private)


def rsa_numbers(bits: int, rng: random.Random) -> Key:
    """What looks like an RSA key of that size. Nobody could sign with it."""
    modulus = rng.getrandbits(bits) | 1 << (bits - 1) | 1
    return Key("ssh-rsa", string(b"ssh-rsa") + string(mpint(65537)) + string(mpint(modulus)), None)


@cache
def keys() -> tuple[Key, ...]:
    """Two of each type. So the lists hold each other's keys often."""
    rng = random.Random("host keys")
    both = [[new_ed25519(rng), *(new_ecdsa(rng, curve) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)),
             of(rsa.generate_private_key(65537, 2048)), new_security_key(rng)] for _ in range(2)]  # fmt: skip
    return tuple(both[0] + both[1])


def certificate(
    key: Key,
    ca: Key,
    *,
    principals: tuple[bytes, ...] = (),
    use: int = HOST,
    after: int = 0,
    before: int = FOREVER,
    critical: bytes = b"",
    extensions: bytes = b"",
    key_id: bytes = b"server",
    kind: str = "",
    signed_by: Key | None = None,
) -> bytes:
    """A line with a certificate: PROTOCOL.certkeys. `kind` is that of the signature, `signed_by` who really made it."""
    name = (key.type.removesuffix("@openssh.com") + "-cert-v01@openssh.com").encode()
    parts_of_key = key.blob[4 + len(key.type) :]
    content = string(name) + string(b"n" * 32) + parts_of_key + struct.pack(">QI", 7, use) + string(key_id)
    content += string(b"".join(map(string, principals))) + struct.pack(">QQ", after, before)
    content += string(critical) + string(extensions) + string(b"") + string(ca.blob)
    return name + b" " + base64.b64encode(content + string((signed_by or ca).sign(content, kind)))


# What can stand in a line.

# As somebody types it, and as it stands in the list.
HOSTS = (
    *[("server.example", "server.example")] * 6, ("Server.EXAMPLE", "server.example"), ("s", "s"), ("a.b.c.example", "a.b.c.example"),
    ("server.example.", "server.example."), ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("localhost", "localhost"),
    ("192.0.2.7", "192.0.2.7"), ("127.1", "127.0.0.1"), ("0x7f.0.0.1", "127.0.0.1"), ("1.2.3.4.example", "1.2.3.4.example"),
    ("2001:db8::7", "2001:db8::7"), ("2001:DB8:0:0::0007", "2001:db8::7"), ("::FFFF:192.0.2.7", "::ffff:192.0.2.7"),
    ("::1", "::1"), ("under_score", "under_score"), ("beef", "beef"), ("0xbeef", "0.0.190.239"),
    ("1.2.3.256", "1.2.3.256"), ("1..2", "1..2"), ("x" * 200, "x" * 200),
)  # fmt: skip


def hashed(name: bytes, rng: random.Random) -> bytes:
    salt = rng.randbytes(20)
    return b"|1|" + base64.b64encode(salt) + b"|" + base64.b64encode(hmac.digest(salt, name, "sha1"))


def at_port(name: bytes, port: int) -> bytes:
    return name if port == 22 else b"[%s]:%d" % (name, port)


def right_names(name: bytes, rng: random.Random) -> bytes:
    """Names among which `name` is one, in the many ways to write it."""
    middle = len(name) // 2
    return rng.choice((
        name, name, name, hashed(name, rng), hashed(name, rng), name.upper(), name.title(), b"shop.example," + name,
        name + b",192.0.2.1", b"a,b," + name + b",c", b"!shop.example," + name, name + b",!shop.*", b"," + name, name + b",,",
        b"*", b"*" + name[middle:], name[:middle] + b"*", b"?" + name[1:], name[:-1] + b"?", b"?" * len(name), b"?*", b"**?",
        name[:1] + b"*" + name[-1:] if len(name) > 1 else b"*", b"*" + name + b"*", b"!," + name, name + b"," + name,
        b"y" * 1022 + b"," + name, b"*" * 1000 + name[-1:], name.replace(b"e", b"?"), b"!!" + name + b"," + name,
    ))  # fmt: skip


def wrong_names(name: bytes, bare: bytes, rng: random.Random) -> bytes:
    """Names among which `name` is none, though often nearly."""
    good = hashed(name, rng)
    return rng.choice((
        b"shop.example", b"*.shop.example", hashed(b"shop.example", rng), hashed(name.upper() + b"X", rng), good.lower(),
        b"!" + name, b"!" + name + b"," + name, b"@x," + name, name + b",!*", b"*,!" + name, b"*,!" + name[:1] + b"*", name + b".", name[:-1],
        name[1:], b"?" + name, name + b"?", b"?" * (len(name) + 1), b"[" + bare + b"]", b"[" + bare + b"]:22", b"[" + bare + b"]:2223",
        b"[*]:2223", name + b":22", b"y" * 1023 + b"," + name, name + b"," + b"y" * 1030 if len(name) < 9 else b"y" * 5000,
        good[:-1], good[:-2] + b"A=", good + b"," + name, name + b"," + good, good + b"|", good.replace(b"|1|", b"|2|"),
        good.replace(b"|1|", b"|1||"), b"|1|", b"|", b"|1|AAAA|AAAA", b"|1|" + b"A" * 2000 + b"|A", good[:20] + b"=" + good[20:],
        good[:31] + b"\r" + good[31:], hashed(b"", rng), b"!", b",", b"\xff" + name, name + b"\xc3\xa9", b"#" + name, b"\"" + name + b"\"",
        name.replace(b".", b"\\."), b"@" + name, b"0:0:0:0:0:0:0:1", b"2001:DB8:0::7", b"127.1", b"192.0.2.0/24", b"192.0.2.007",
    ))  # fmt: skip


def names(name: bytes, port: int, rng: random.Random) -> bytes:
    full = at_port(name, port)
    drawn = rng.random()
    if drawn < 0.62:
        return right_names(full, rng)
    if drawn < 0.75:  # an entry without the port is the last resort for other ports
        return right_names(name, rng)
    if drawn < 0.8:
        return rng.choice((b"[%s]:*" % name, b"[%s]:222?" % name, b"[*]:%d" % port, b"[*]:2222", b"[*]*", b"![*]:*,*"))
    return wrong_names(full, name, rng)


def odd_keys(key: Key, rng: random.Random) -> bytes:
    """The two words of a key as they should not be, or in an odd form. OpenSSH reads a few of them."""
    kind, encoded = key.line.split()
    blob, middle = key.blob, rng.randrange(8, len(encoded))
    trailing = encoded.rstrip(b"=")
    long_form = string(b"ssh-rsa") + string(b"\0" + mpint(65537)) + string(b"\0\0" + mpint(1 << 2047 | 1))
    return rng.choice((
        kind, kind + b" ", b"", b"# " + key.line, kind + b" # " + encoded, encoded, encoded + b" " + kind, kind + b"," + encoded,
        kind + b" " + encoded[:middle], kind + b" " + encoded[:-1], kind + b" " + encoded + b"=", kind + b" " + trailing,
        kind + b" " + trailing + b"A", kind + b" " + encoded[:middle] + b"!" + encoded[middle:], kind + b" " + encoded + b"#",
        *(kind + b" " + encoded[:middle] + blank + encoded[middle:] for blank in (b"\r", b"\v", b"\f", b"=", b" ", b"\t", b"-")),
        kind + b" " + base64.b64encode(blob + b"\0"), kind + b" " + base64.b64encode(blob[:-1]), kind + b" " + encoded + b"\r",
        kind + b" " + base64.urlsafe_b64encode(b"\xff\xff\xff" + blob), kind + b" " + b"A" * 20_000, kind + b" " + encoded + b"\v",
        kind.upper() + b" " + encoded, b"ssh-unknown " + encoded, b"256 65537 1234567890", b"rsa-sha2-512 " + encoded,
        *(word + b" " + encoded for word in (b"ssh-rsa", b"ssh-ed25519", b"ecdsa-sha2-nistp256", b"rsa", b"ED25519", b"ecdsa")),
        b"ssh-rsa " + base64.b64encode(long_form), rsa_numbers(1023, rng).line, rsa_numbers(1024, rng).line,
        rsa_numbers(16385, rng).line, rsa_numbers(16384, rng).line, kind + b" " + encoded[:-4] + b"\r" + encoded[-4:],
    ))  # fmt: skip


def key_words(key: Key, rng: random.Random) -> bytes:
    """The rest of a line: often the key that is shown, else another one."""
    drawn = rng.random()
    if drawn < 0.5:
        return key.line
    if drawn < 0.88:
        same_type = [other for other in keys() if other.type == key.type and other != key]
        return rng.choice((*same_type, *same_type, rng.choice(keys()))).line
    if drawn < 0.91:
        return certificate(key, rng.choice(keys()))  # it is never the same as the key alone
    return odd_keys(key, rng)


def entry(name: bytes, port: int, key: Key, ca: Key, wants_ca: bool, rng: random.Random) -> bytes:
    drawn, space = rng.random(), rng.choice((b" ",) * 8 + (b"\t", b"  ", b" \t "))
    if drawn < 0.13:
        marker, whose = b"@revoked", rng.choice((key, key, ca, rng.choice(keys())))
    elif drawn < (0.55 if wants_ca else 0.17):
        marker, whose = b"@cert-authority", rng.choice((ca,) * 6 + (key, rng.choice(keys())))
    elif drawn < (0.58 if wants_ca else 0.2):
        whose = rng.choice((key, ca))
        marker = rng.choice((
            b"@Revoked", b"@revoked ", b"@revoked\t", b"@ revoked", b"@", b"@unknown", b"@revoked @revoked", b"@cert-authority @revoked",
            b"@revoked @cert-authority", b"@cert-authority,@revoked", b"@" + b"r" * 40, b"@revoke", b"@revoked,", b"@cert-authority\t ",
        ))  # fmt: skip
    else:
        marker, whose = b"", key
    comment = rng.choice(
        (b"",) * 6 + (b" root@server", b" # a comment", b"\tcomment", b" \xff\xfe", b" caf\xc3\xa9", b" @revoked")
    )
    words = whose.line if marker and rng.random() < 0.85 else key_words(whose, rng)
    gap = rng.choice((b" ", b" ", b" ", b"\t")) if marker else b""
    return rng.choice((b"",) * 9 + (b"  ", b"\t")) + marker + gap + names(name, port, rng) + space + words + comment


def noise(rng: random.Random) -> bytes:
    other = b"shop.example " + rng.choice(keys()).line
    return rng.choice((
        b"", b"   ", b"\t", b"# a comment", b"  # another", b"#" + other, other, other[:30], b"shop.example", b"@revoked", b"\xff\xfe\xfd",
        b"@revoked " + other, b"@cert-authority *.shop.example " + rng.choice(keys()).line, b"\0", b"x" * 9000, b"\r", b"* ", b"*",
        b"*\t" + b"ssh-rsa", b",,, " + rng.choice(keys()).line, b" " * 3000 + other,
    ))  # fmt: skip


def damaged(line: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(line) + 1)
    return rng.choice((
        line[:at], line[at:], line[:at] + rng.randbytes(1).replace(b"\n", b" ") + line[at + 1 :], line[:at] + b"\0" + line[at:],
        line + b"\0", line + b" " * 40, line[:at] + b" " + line[at:], line[:at] + b"\t" + line[at:], line.replace(b" ", b"\0", 1),
        line.replace(b" ", b"\t"), line + b"\r", line.replace(b" ", b"\r ", 1), line.upper(), b"\r" + line, line.replace(b" ", b"", 1),
    ))  # fmt: skip


def host_certificate(key: Key, ca: Key, name: bytes, rng: random.Random) -> bytes:
    """Mostly a good one. If not, then mostly one fault."""
    now = int(time.time())
    good = {"principals": (name,), "kind": "rsa-sha2-512"}
    other = rng.choice([one for one in keys() if one.type == ca.type and one != ca])
    option, principals = string(b"force-command") + string(b""), rng.choice(((), (b"shop.example", name), (name, name)))
    change = rng.choice((
        *[{}] * 20, *[{"principals": principals}] * 5, {"after": now - DAY, "before": now + DAY}, {"after": now + DAY},
        {"before": now - DAY}, {"after": now + DAY, "before": now - DAY}, {"before": 0}, {"use": USER}, {"use": 3}, {"critical": option},
        {"extensions": option}, {"critical": option[:-4]}, {"principals": (b"shop.example",)}, {"principals": (b"*",)},
        {"principals": (b"*." + name.partition(b".")[2], b"")}, {"principals": (name.upper(),)}, {"principals": (at_port(name, 2222),)},
        {"principals": (name + b"\0",)}, {"principals": (name + b"\0x",)}, {"principals": (b",".join((name, b"x")),)},
        {"principals": (b"x",) * 255 + (name,)}, {"principals": (name,) * 257}, {"key_id": b"a\0b"}, {"key_id": b""},
        {"kind": "ssh-rsa"}, {"kind": "rsa-sha2-256"}, {"signed_by": other},
        {"ca": Key(ca.type, base64.b64decode(certificate(ca, ca).split()[1]), None), "signed_by": ca},
    ))  # fmt: skip
    return certificate(**{"key": key, "ca": ca} | good | change)


def cases(seed: int, count: int) -> Iterator[Case]:
    rng = random.Random(seed)
    for _ in range(count):
        typed, looked_up = rng.choice(HOSTS)
        name, port = looked_up.encode(), rng.choice((22, 22, 22, 2222, 2222, 65535))
        key, ca = rng.sample(keys(), 2)
        wants_ca = rng.random() < 0.5
        shown = key.line
        if wants_ca:
            shown = host_certificate(key, ca, name, rng)
        elif rng.random() < 0.04:
            key = rsa_numbers(rng.choice((1023, 1024, 4096)), rng)
            shown = key.line
        lines = [entry(name, port, key, ca, wants_ca, rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 4)))]
        lines = [damaged(line, rng) if rng.random() < 0.1 else line for line in lines]
        lines += rng.sample(lines, len(lines) > 1 and rng.random() < 0.1) + [
            noise(rng) for _ in range(rng.randrange(4))
        ]
        rng.shuffle(lines)
        text = rng.choice((b"\n",) * 9 + (b"\r\n",)).join(lines)
        # A last line of names only, with no newline behind it, is left out. There, OpenSSH 9.2 reads on in what its buffer
        # still holds of the lines before.
        if rng.random() < 0.9 or not set(b" \t") & set(lines[-1].strip(b" \t") if lines else b""):
            text += b"\n"
        yield Case(text, typed, port, shown.decode())


def seldom_drawn() -> Iterator[Case]:
    """Each fault of a certificate by itself, and what there is about a port other than 22."""
    key, other, ca, rsa_ca = keys()[0], keys()[6], keys()[1], keys()[4]
    good = certificate(key, ca, principals=(b"server.example",))
    now, option = int(time.time()), string(b"force-command") + string(b"")
    for fault in (
        {}, {"after": now + DAY}, {"before": now - DAY}, {"use": USER}, {"critical": option}, {"principals": (b"shop.example",)},
        {"ca": rsa_ca}, {"ca": rsa_ca, "kind": "ssh-rsa"}, {"ca": rsa_ca, "kind": "rsa-sha2-256"}, {"signed_by": other},
    ):  # fmt: skip
        shown = certificate(**{"key": key, "ca": ca, "principals": (b"server.example",)} | fault).decode()
        authorities = b"".join(b"@cert-authority *.example " + one.line + b"\n" for one in (ca, rsa_ca))
        for more in (b"", b"server.example " + key.line + b"\n", b"server.example " + other.line + b"\n"):
            yield Case(authorities + more, "server.example", 22, shown)
    for_port = certificate(key, ca, principals=(b"[server.example]:2222",))
    for lines in (
        # ssh warns of a CA that is revoked, and goes on with the plain key. Its last word is what counts.
        b"@revoked server.example " + ca.line,
        b"@revoked server.example " + ca.line + b"\n[server.example]:2222 " + key.line,
        b"@revoked server.example " + ca.line + b"\n[server.example]:2222 " + other.line,
        b"@revoked server.example " + ca.line + b"\nserver.example " + key.line,
        b"[server.example]:2222 " + other.line + b"\nserver.example " + key.line,
        b"@revoked [server.example]:2222 " + ca.line + b"\nserver.example " + key.line,
        b"@revoked server.example " + key.line + b"\n[server.example]:2222 " + key.line,
        b"@revoked server.example " + other.line + b"\n@cert-authority server.example " + ca.line,
        # Where a CA stands in the list for the port, the name without the port is asked only if it is another CA.
        b"@cert-authority [server.example]:2222 " + other.line + b"\n@cert-authority server.example " + ca.line,
        b"@cert-authority server.example " + ca.line + b"\n[server.example]:2222 " + other.line,
        b"@cert-authority server.example " + other.line + b"\nserver.example " + key.line,
        b"@cert-authority * " + ca.line + b"\n* " + other.line,
        b"@cert-authority !server.example,* " + ca.line,
    ):
        for shown in (good, for_port, key.line):
            for port in (22, 2222):
                yield Case(lines + b"\n", "server.example", port, shown.decode())
