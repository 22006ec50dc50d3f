"""SSH, really run: a client and a server of asyncssh, both in this Python. Log in, and see who proved what to whom.

    alice = Client("alice", KnownHosts.parse(""), checking="accept-new", key=new_key())
    server = Server("server.example", new_key(), Users().add("alice", key=alice.key))
    run = await log_in(alice, server)   # an Exchange

First the server proves itself: it signs the exchange hash with its host key (RFC 4253, section 8). Then the user logs
in, inside the connection (RFC 4252). Both ends run in the event loop of the notebook, so a cell says `await`.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from helpers.display.error import CourseError, error_text
from helpers.exchange import Exchange
from helpers.protocols.login import Accounts
from helpers.protocols.ssh_leg import Leg, listening, speaking
from helpers.protocols.transcript import Transcript
from helpers.trust.host_keys import CHANGED, MATCH, MATCH_CA, PORT, REVOKED, UNKNOWN, KnownHosts
from helpers.trust.ssh_keys import HostKey, UnreadableKey

PATIENCE = 10.0  # seconds for one login
# asyncssh offers newer ways as well, if a further library is there. One way for all gives one picture for all.
_KEY_EXCHANGE = ["curve25519-sha256"]


def new_key() -> asyncssh.SSHKey:
    """A new key pair, of the kind that OpenSSH makes by itself: Ed25519."""
    return asyncssh.generate_private_key("ssh-ed25519")


def lab_key(name: str) -> asyncssh.SSHKey:
    """A key pair that is made from a name, so that its fingerprint is the same for everybody who does this lesson.

    It is no secret: who knows the name has the key. For a lab that is good, and for nothing else.
    """
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"lab key of {name}".encode()).digest())
    return asyncssh.import_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def public_line(key: asyncssh.SSHKey | asyncssh.SSHCertificate) -> str:
    """The public key, or the certificate, as a line of text."""
    exported = key.export_certificate() if isinstance(key, asyncssh.SSHCertificate) else key.export_public_key()
    return exported.decode().strip()


def host_certificate(
    ca: asyncssh.SSHKey, key: asyncssh.SSHKey, *names: str, valid: timedelta = timedelta(days=30)
) -> asyncssh.SSHCertificate:
    """What `ssh-keygen -s ca -h -n names` makes: the CA signs that this key belongs to a host with these names."""
    now = datetime.now(UTC)
    return ca.generate_host_certificate(
        key, "a host of the lab", principals=list(names), valid_after=now - timedelta(hours=1), valid_before=now + valid
    )


class Users:
    """Whom a server lets in: their public keys, and the hashes of their passwords."""

    def __init__(self) -> None:
        self._accounts = Accounts()
        self._keys: dict[str, str] = {}

    def add(
        self,
        user: str,
        key: asyncssh.SSHKey | None = None,
        password: str | None = None,
        otp_key: bytes | None = None,
    ) -> "Users":
        """Add a user, and give the list itself. Of the `key`, the server keeps only the public part."""
        if key:
            self._keys[user] = public_line(key)
        if password is not None or otp_key is not None:
            self._accounts.add(user, password, otp_key)
        return self

    def keys(self, user: str | None = None) -> list[str]:
        """The public keys of `user`, or those of all, as lines."""
        return [line for name, line in self._keys.items() if user in (None, name)]

    def has_key(self, user: str, key: asyncssh.SSHKey) -> bool:
        known = (asyncssh.import_public_key(line).public_data for line in self.keys(user))
        return user in self._keys and key.public_data in known

    def password_is_right(self, user: str, password: str) -> bool:
        return self._accounts.password_is_right(user, password)

    def code_is_right(self, user: str, code: str) -> bool:
        return self._accounts.code_is_right(user, code, time.time())


@dataclass(frozen=True)
class Server:
    """An SSH server. `party` is its host name.

    `methods` are what it wants of a user, one after the other: "publickey", "password", "keyboard-interactive" (which
    asks for a one-time code here).
    """

    party: str
    host_key: asyncssh.SSHKey = field(repr=False)
    users: Users = field(repr=False)
    methods: tuple[str, ...] = ("publickey",)
    certificate: asyncssh.SSHCertificate | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.methods or not set(self.methods) <= {"publickey", "password", "keyboard-interactive"}:
            raise ValueError(f"there is no such method among those of RFC 4252 and RFC 4256: {self.methods}")


@dataclass(frozen=True)
class Client:
    """A user and her SSH client, with the list of the hosts that it knows and what she can log in with.

    `checking` is as in ssh_config(5), StrictHostKeyChecking: "yes" refuses an unknown host, "accept-new" takes its key
    into the list, both refuse a changed one. "no" takes a new key and goes on with a changed one, without passwords.
    `code` gives a one-time code when it is asked for. `user` is the name to log in with, if that is not the party's.
    """

    party: str
    known_hosts: KnownHosts = field(repr=False)
    checking: str = "yes"
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    code: Callable[[], str] | None = field(default=None, repr=False)
    user: str = ""

    @property
    def login_name(self) -> str:
        return self.user or self.party

    def __post_init__(self) -> None:
        if self.checking not in ("yes", "accept-new", "no"):
            allowed = "“yes”, “accept-new” or “no” (for “ask”, somebody must answer: openssh.meet)"
            raise ValueError(f"checking is {allowed}, not {self.checking!r}")


async def log_in(client: Client, server: Server, title: str = "") -> Exchange:
    """Start the server, log in once, and end both. Raises CourseError where that takes longer than PATIENCE.

    Also where the connection ends early, and where Python's log is switched off: the picture is made of it.
    """
    transcript = Transcript()
    leg = Leg(client.party, server.party, transcript)
    with listening():
        async with serving(leg, server) as port, connected(leg, client, server.party, port):
            pass
    leg.end()
    return transcript.exchange(title or f"{client.party} logs in to {server.party}", client.party, server.party)


# The client.


@asynccontextmanager
async def connected(
    leg: Leg, client: Client, host: str, port: int, end: "ClientEnd | None" = None
) -> AsyncIterator[bool]:
    """A connection to the server at this port of 127.0.0.1, which is to be `host`. Says whether the login succeeded."""
    connection = None
    try:
        with speaking(leg, client.party):
            connection = await _connect(end or ClientEnd(leg, client, host), client, port)
        yield connection is not None
    finally:
        if connection:
            with speaking(leg, client.party):
                connection.close()
                await connection.wait_closed()


async def _connect(end: "ClientEnd", client: Client, port: int) -> asyncssh.SSHClientConnection | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncssh.connect(
                "127.0.0.1",
                port,
                client_factory=lambda: end,
                username=client.login_name,
                kex_algs=_KEY_EXCHANGE,
                login_timeout=PATIENCE,
                known_hosts=([], [], []),  # asyncssh itself knows no host: see ClientEnd
                # Nothing of the learner's own is used: no settings, no keys, no agent.
                config=None,
                client_keys=None,
                agent_path=None,
                gss_host=None,
                x509_trusted_certs=None,
                x509_trusted_cert_paths=None,
            )
    except TimeoutError:  # before OSError, which it is one of
        raise CourseError(f"The login had not ended after {PATIENCE:g} seconds. Run it again.") from None
    except (asyncssh.HostKeyNotVerifiable, asyncssh.PermissionDenied):
        return None
    except (asyncssh.Error, OSError) as error:
        raise CourseError(f"The connection ended before the login did: {error_text(error)}.") from None


class ClientEnd(asyncssh.SSHClient):
    """What asyncssh asks the client: is this host key right, and what can the user show?"""

    def __init__(self, leg: Leg, client: Client, host: str) -> None:
        self._leg, self._client, self._host = leg, client, host
        self._left = {"publickey", "password", "keyboard-interactive"}  # each is tried once

    def connection_made(self, conn) -> None:
        # asyncssh would judge a certificate by itself, otherwise than OpenSSH does. Here the list judges all keys.
        conn.validate_server_host_key = self._validate_host_key

    def _validate_host_key(self, shown: bytes) -> asyncssh.SSHKey:
        """Ask the list about the key or certificate that the server has shown, and do what the user's setting says."""
        try:
            key = HostKey.from_blob(shown)
        except UnreadableKey as error:
            raise asyncssh.HostKeyNotVerifiable(f"The server showed a host key that cannot be read: {error}") from None
        known, checking = self._client.known_hosts, self._client.checking
        verdict = self._leg.verdict = known.check(self._host, PORT, str(key))
        plain = str(key.without_certificate)
        if verdict.value == UNKNOWN and checking in ("accept-new", "no"):
            # The leap of faith: from now on, this key counts as the host's.
            known.add(self._host, PORT, plain)
        elif verdict.value in (CHANGED, REVOKED) and checking == "no":
            # As OpenSSH does it: a secret that is handed over is not handed to a stranger. A signature is.
            self._left -= {"password", "keyboard-interactive"}
        elif verdict.value not in (MATCH, MATCH_CA):
            raise asyncssh.HostKeyNotVerifiable("Host key verification failed.")
        # With this key, asyncssh verifies the server's signature next.
        return asyncssh.import_public_key(plain)

    def _once(self, method: str) -> bool:
        first = method in self._left
        self._left.discard(method)
        return first

    def public_key_auth_requested(self):
        return Signer(self._leg, self._client.key) if self._client.key and self._once("publickey") else None

    def password_auth_requested(self):
        return self._client.password if self._client.password and self._once("password") else None

    def kbdint_auth_requested(self):
        return "" if self._client.code and self._once("keyboard-interactive") else None

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        return [self._client.code() for _ in prompts]


class Signer(asyncssh.SSHKeyPair):
    """The user's key, as asyncssh uses it. It notes what it was given to sign.

    RFC 4252, section 7: that begins with the "session identifier", which is the hash of this connection's key exchange.
    """

    def __init__(self, leg: Leg, key: asyncssh.SSHKey) -> None:
        kinds = (key.algorithm, key.algorithm, key.sig_algorithms, key.sig_algorithms)
        super().__init__(*kinds, key.public_data, None)
        self._leg, self._key = leg, key

    def sign(self, data: bytes) -> bytes:
        self._leg.to_sign = data
        return self._key.sign(data, self.sig_algorithm)


# The server.


@asynccontextmanager
async def serving(leg: Leg, server: Server, end: Callable[[], "ServerEnd"] | None = None) -> AsyncIterator[int]:
    """The server on a free port of 127.0.0.1, for one connection. Gives the port. It ends with the block."""
    ends: list[ServerEnd] = []

    def new_end() -> ServerEnd:
        listener.close()  # one connection is one session: who comes later is not let in
        ends.append(end() if end else ServerEnd(server))
        return ends[-1]

    with speaking(leg, server.party):
        listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=new_end,
            server_host_keys=[(server.host_key, server.certificate)] if server.certificate else [server.host_key],
            kex_algs=_KEY_EXCHANGE,
            login_timeout=PATIENCE,
            gss_host=None,
        )
    try:
        yield listener.get_port()
    finally:
        listener.close()
        for one in ends:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await one.gone.wait()
            with speaking(leg, server.party):
                one.abort()  # who has not gone by now has perhaps never said anything
                await one.gone.wait()
        await listener.wait_closed()


class ServerEnd(asyncssh.SSHServer):
    """What asyncssh asks the server: who may log in, and with what?"""

    def __init__(self, server: Server) -> None:
        self._server, self._left = server, []
        self.gone = asyncio.Event()

    def connection_made(self, conn) -> None:
        # asyncssh's server ends with the first method that succeeds. This one may want another after it: then it says
        # what RFC 4252, section 5.1, calls partial success.
        self._let_in, self._not_yet = conn.send_userauth_success, conn.send_userauth_failure
        self.abort = conn.abort
        conn.send_userauth_success = self._next_method

    async def _next_method(self) -> None:
        self._left.pop(0)
        if self._left:
            self._not_yet(True)
        else:
            await self._let_in()

    def connection_lost(self, exc) -> None:
        self.gone.set()

    def begin_auth(self, username: str) -> bool:
        # Who comes with another name begins anew. RFC 4252, section 5: if the user name changes, the server "MUST flush
        # any authentication states and update them accordingly", or disconnect.
        self._left = list(self._server.methods)
        return True  # everybody has to show something

    def public_key_auth_supported(self) -> bool:
        return self._left[:1] == ["publickey"]

    def password_auth_supported(self) -> bool:
        return self._left[:1] == ["password"]

    def kbdint_auth_supported(self) -> bool:
        return self._left[:1] == ["keyboard-interactive"]

    async def validate_public_key(self, username: str, key) -> bool:
        return self._server.users.has_key(username, key)  # asyncssh verifies the signature itself

    async def validate_password(self, username: str, password: str) -> bool:
        return self._server.users.password_is_right(username, password)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str):
        return "", "", "", [("One-time code: ", True)]

    async def validate_kbdint_response(self, username: str, responses) -> bool:
        return len(responses) == 1 and self._server.users.code_is_right(username, responses[0])
