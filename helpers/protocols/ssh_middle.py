"""The man in the middle of SSH: a server with a host key of his own, which passes on what its visitor shows.

    mallory = ssh.Server("mallory", ssh.new_key(), ssh.Users())
    legs = await relay(alice, mallory, server)
    legs.exchange("The man in the middle")

He has two connections: `front` with the user, `back` with the real server. A password that came in the first he can use
in the second. A signature he can only try.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from helpers.display.table import Table
from helpers.exchange import Exchange
from helpers.protocols.ssh import Client, ClientEnd, Server, ServerEnd, Signer, connected, public_line, serving
from helpers.protocols.ssh_leg import Leg, listening
from helpers.protocols.transcript import Transcript
from helpers.trust.host_keys import KnownHosts


class Legs:
    """The two connections in one transcript. Where the user's client has refused, `back` was never opened."""

    def __init__(self, user: str, middle: str, server: str) -> None:
        self.transcript = Transcript(explained=False)
        self.parties = (user, middle, server)
        # He lets in whoever comes: that proves nothing of anybody.
        self.front = Leg(user, middle, self.transcript, judges_users=False)
        self.back = Leg(middle, server, self.transcript)
        self.key = None  # the user's public key, where she logged in with one

    def exchange(self, title: str) -> Exchange:
        return self.transcript.exchange(title, *self.parties)

    def signature_fits(self, over: Leg) -> bool:
        """Whether the user's signature is one over what had to be signed in this connection, `front` or `back`.

        Raises ValueError where nobody signed, or where the client at that end is none of ours: then it is not known
        what it had to sign.
        """
        if not (self.key and self.front.signature and over and over.to_sign):
            raise ValueError("in these connections, nobody logged in with a key")
        return self.key.verify(over.to_sign, self.front.signature)


async def relay(client: Client, middle: Server, server: Server) -> Legs:
    """The user wants to log in to `server`, and reaches `middle`. Both servers are started, and end with this call.

    Raises CourseError where a login takes too long, and ValueError as `between` does.
    """
    started = between(client.party, middle, server)
    async with started as (legs, port), connected(legs.front, client, server.party, port):
        pass
    return legs


async def who_refuses(middle: Server, server: Server, **evidence) -> Table:
    """Three clients of alice, each with each of her ways to log in, and the middle in between: who refuses?

    `evidence` is what Client takes: key=..., password=...
    """
    known = f"{server.party} {public_line(server.host_key)}"
    clients = {
        "knows the host, and checks": (known, "yes"),
        "new host: takes its key (accept-new, or somebody types yes)": ("", "accept-new"),
        "new host: takes any key (no)": ("", "no"),
    }
    methods = {"password": "with her password", "key": "with her key"}
    rows = []
    for what, (lines, checking) in clients.items():
        row = [what]
        for name, shown in evidence.items():
            alice = Client("alice", KnownHosts.parse(lines), checking, **{name: shown})
            asking = replace(server, methods=("publickey" if name == "key" else name,))
            run = (await relay(alice, middle, asking)).exchange(what)
            row.append(run.failure.by if run.failure else "nobody")
        rows.append(row)
    headers = ("Alice's client …", *(methods[name] for name in evidence))
    return Table(f"{middle.party} is in the middle. Who refuses?", headers, rows)


@asynccontextmanager
async def between(user: str, middle: Server, server: Server) -> AsyncIterator[tuple[Legs, int]]:
    """Both servers, until the block ends. Gives the two legs, and the port of 127.0.0.1 where the middle waits.

    The user can come there with a client of her own, such as the real `ssh`. Raises ValueError for a server that wants
    more than one thing: this middle uses what he gets at once, in one connection.
    """
    if len(server.methods) != 1:
        raise ValueError(f"the man in the middle of this lab can pass on one method, not {len(server.methods)}")
    legs = Legs(user, middle.party, server.party)
    with listening():
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(legs.back, server))
            # What the middle opens stays open until all is over.
            opened = await stack.enter_async_context(AsyncExitStack())
            middle = replace(middle, methods=server.methods)
            front = serving(legs.front, middle, lambda: _MiddleEnd(middle, legs, server.party, port, opened))
            yield legs, await stack.enter_async_context(front)
    legs.back.end()
    legs.front.end()


class _MiddleEnd(ServerEnd):
    """The server that the user meets. Whatever it is shown, it shows to the real one before it answers."""

    def __init__(self, middle: Server, legs: Legs, host: str, port: int, opened: AsyncExitStack) -> None:
        super().__init__(middle)
        self._legs, self._host, self._port, self._opened = legs, host, port, opened
        self._user = ""

    async def _show(self, user: str, end: Callable[[Leg, Client, str], ClientEnd] = ClientEnd, **evidence) -> bool:
        # He does not care which key the real server has.
        client = Client(self._server.party, KnownHosts.parse(""), checking="no", user=user, **evidence)
        back = end(self._legs.back, client, self._host)
        return await self._opened.enter_async_context(connected(self._legs.back, client, self._host, self._port, back))

    async def validate_password(self, username: str, password: str) -> bool:
        return await self._show(username, password=password)

    async def validate_kbdint_response(self, username: str, responses) -> bool:
        return await self._show(username, code=lambda: responses[0])

    async def validate_public_key(self, username: str, key) -> bool:
        self._user, self._legs.key = username, key
        return True

    async def _next_method(self) -> None:
        if self._legs.key:
            # The user has signed. Now he has her public key and her signature.
            stolen = self._legs.key, self._legs.front.signature
            await self._show(self._user, lambda *given: _ThiefEnd(*given, *stolen))
        await super()._next_method()


class _ThiefEnd(ClientEnd):
    """A client with somebody else's public key, and one signature that was made with it."""

    def __init__(self, leg: Leg, client: Client, host: str, key, signature: bytes) -> None:
        super().__init__(leg, client, host)
        self._key, self._signature = key, signature

    def public_key_auth_requested(self):
        return _Thief(self._leg, self._key, self._signature) if self._once("publickey") else None


class _Thief(Signer):
    def __init__(self, leg: Leg, key, signature: bytes) -> None:
        super().__init__(leg, key)
        self._signature = signature

    def sign(self, data: bytes) -> bytes:
        self._leg.to_sign = data
        return self._signature
