"""Mutual authentication without certificates: TLS 1.3 between two ends that share a key, each of them a real openssl.

    key = secrets.token_bytes(32)
    psk.meet(key, key)                      # each end proves to the other that it has the key
    psk.meet(key, secrets.token_bytes(32))  # the server says: "binder does not verify"

RFC 8446 calls it a pre-shared key (PSK). It proves no name, only that the other end has the key. So each key is for one
client and one server, and these two never change their roles (RFC 9257, section 4).

Where they prove it (RFC 8446): the client's first message carries a keyed hash made with the key, the binder, which the
server must check (section 4.2.11). Then each end's Finished "also authenticates the handshake" (section 2).
"""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from helpers import programs
from helpers.display.error import CourseError, error_text
from helpers.display.text import visible
from helpers.exchange import Binding, Exchange, Factor, Message, Proof
from helpers.protocols.clients import last_error
from helpers.protocols.transcript import session_label
from helpers.running import Running, wait_until

# The client sends it readable, so that the server knows which key to take. RFC 8446, section 4.2.11, calls it the
# identity: "A label for a key."
LABEL = "key of alice and bank"
PATIENCE = 5.0  # seconds
_NOTES = {"ClientHello": "names the key, and holds a checksum made with it (the binder)"}
ESTABLISHED = "CONNECTION ESTABLISHED"  # openssl says so when its end has completed the handshake

# What `s_client -msg` writes of a message: ">>>" where it sent it, the version, its kind and length, and its name.
_MESSAGE = re.compile(r"^(>>>|<<<) [^,]+, (Handshake|Alert) \[length \w+\], (?:fatal )?(\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Meeting:
    """What each end said at last: "CONNECTION ESTABLISHED", or its error. OpenSSL's versions differ in the alert.

    `messages` are those of the handshake, in order, as pairs: "client" or "server", and the name.
    """

    client: str
    server: str
    messages: tuple[tuple[str, str], ...]

    def exchange(self, client: str, server: str) -> Exchange:
        """The picture, with the two ends under their names. Raises ValueError where one has not accepted the other."""
        if not self.established:
            raise ValueError(f"there was no session: the client says “{self.client}”, the server “{self.server}”")
        names = {"client": client, "server": server}
        other = {"client": "server", "server": "client"}
        label = session_label("TLS", client, server)
        # RFC 8446, section 2: all handshake messages after ServerHello are encrypted.
        hellos = [name for _, name in self.messages].index("ServerHello") + 1
        messages = [
            Message(names[sender], names[other[sender]], name, _NOTES.get(name, ""), label if at >= hellos else None)
            for at, (sender, name) in enumerate(self.messages)
        ]
        proofs = [
            _proof(names[sender], names[other[sender]], label, at)
            for at, (sender, name) in enumerate(self.messages)
            if name == "Finished"
        ]
        return Exchange("TLS with a pre-shared key", (client, server), tuple(messages), tuple(proofs))

    @property
    def established(self) -> bool:
        """Both ends say so: each has accepted the other."""
        return self.client == self.server == ESTABLISHED


def _proof(prover: str, verifier: str, label: str, at: int) -> Proof:
    # The key names nobody. That it stands for these two, they have agreed before (RFC 9257, section 4).
    evidence = "a key that only these two have: it goes into the checksums of both Finished"
    return Proof(
        prover, verifier, prover, evidence, frozenset({Factor.POSSESSION}), "TLS", label, None, Binding.CHANNEL, at
    )


def meet(server_key: bytes, client_key: bytes, label: str = LABEL) -> Meeting:
    """Let `openssl s_client` with one key visit `openssl s_server` with the other. `label` is what the client sends.

    Raises CourseError where the program is missing.
    """
    with server(server_key) as running:
        client = _openssl_client(running.port, client_key, label)
        said = server_words(running)
    senders = {">>>": "client", "<<<": "server"}
    messages = [
        (senders[direction], f"Alert {name}" if kind == "Alert" else name)
        for direction, kind, name in _MESSAGE.findall(client.output)
        if name != "NewSessionTicket"  # it comes after the handshake
    ]
    words = ESTABLISHED if client.status == 0 and ESTABLISHED in client.errors else last_error(client.errors)
    return Meeting(words, said, tuple(messages))


@contextmanager
def server(key: bytes) -> Iterator[Running]:
    """Start an openssl that has this key and no certificate. It sends each line back, reversed."""
    arguments = ["s_server", "-accept", "127.0.0.1:{port}", "-nocert", "-rev", *_with(key, LABEL)]
    with programs.run("openssl", *arguments, ready="ACCEPT") as running:
        yield running


def server_words(running: Running) -> str:
    """What the server said of its one client. Raises CourseError where it says nothing."""

    def words() -> str:
        if ESTABLISHED in running.log:
            return ESTABLISHED
        error = running.log.partition("CONNECTION FAILURE\n")[2]
        return last_error(error) if error.endswith("\n") else ""

    if not wait_until(words, PATIENCE):  # it may say so a moment after the client has gone
        raise CourseError("The server did not say what it makes of the client. Run it again.")
    return words()


def ask_with_python(port: int, key: bytes) -> str:
    """What a server at this port answers to "hello" when Python is the client, or Python's error.

    Raises CourseError where Python is older than 3.13, or was built without PSK.
    """
    if not getattr(ssl, "HAS_PSK", False):
        raise CourseError("This needs Python 3.13 or newer: older ones offer no pre-shared keys.")
    # Such a context verifies certificates, and no CA was given to it. Both is needed: a server without the key can pass
    # over the offer and show a certificate instead, and then this client must refuse.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_psk_client_callback(lambda _hint: (LABEL, key))
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection,
            context.wrap_socket(connection, server_hostname="bank.example") as secure,
        ):
            secure.sendall(b"hello\nCLOSE\n")
            return visible(secure.recv(1024).decode(errors="replace").strip())
    except OSError as error:
        return error_text(error)


def _openssl_client(port: int, key: bytes, label: str) -> programs.Result:
    # -ign_eof: it waits for the answer. The server ends the connection when it reads CLOSE.
    arguments = ["s_client", "-connect", f"127.0.0.1:{port}", "-brief", "-msg", "-ign_eof", *_with(key, label)]
    # It trusts no CA, and ends where it cannot verify: a server without the key could show a certificate instead.
    arguments += ["-no-CAfile", "-no-CApath", "-no-CAstore", "-verify_return_error"]
    return programs.run_to_end("openssl", *arguments, input=b"hello\nCLOSE\n")


def _with(key: bytes, label: str) -> list[str]:
    # openssl takes the key from nowhere else. Other users of this computer can read it there, so use it once only.
    return ["-tls1_3", "-psk", key.hex(), "-psk_identity", label]
