"""The man in the middle of SSH: a server with a host key of his own, which passes on what its visitor shows.

    mallory = ssh.Server("mallory", ssh.new_key(), ssh.Users(), methods=("password",))
    legs = await relay(alice, mallory, server)
    legs.exchange("The man in the middle")

He has two connections: `front` with the user, `back` with the real server. A password that came in the first he can use
in the second. A signature he can only try.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

from helpers.exchange import Exchange
from helpers.protocols.ssh import Client, ClientEnd, Server, ServerEnd, Signer, connected, serving
from helpers.protocols.ssh_leg import Leg, listening
from helpers.protocols.transcript import Transcript
from helpers.trust.host_keys import KnownHosts


class Legs:
    """The two connections in one transcript. Where the user's client has refused, `back` was never opened."""

    def __init__(self, client: Client, middle: Server, server: Server) -> None:
        self.transcript = Transcript(explained=False)
        self.parties = (client.party, middle.party, server.party)
        # He lets in whoever comes: that proves nothing of anybody.
        self.front = Leg(client.party, middle.party, self.transcript, judges_users=False)
        self.back = Leg(middle.party, server.party, self.transcript)
        self.key = None  # the user's public key, where she logged in with one

    def exchange(self, title: str) -> Exchange:
        return self.transcript.exchange(title, *self.parties)

    def signature_fits(self, over: Leg) -> bool:
        """Whether the user's signature is one over what had to be signed in this connection, `front` or `back`.

        Raises ValueError where nobody signed.
        """
        if not self.key:
            raise ValueError("in these connections, nobody logged in with a key")
        return self.key.verify(over.to_sign, self.front.signature)


async def relay(client: Client, middle: Server, server: Server) -> Legs:
    """The user wants to log in to `server`, and reaches `middle`. Both servers are started, and end with this call.

    Raises CourseError where a login takes too long.
    """
    legs = Legs(client, middle, server)
    with listening():
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(legs.back, server))
            # What the middle opens stays open until all is over.
            opened = await stack.enter_async_context(AsyncExitStack())
            middle = replace(middle, methods=server.methods)
            front = serving(legs.front, middle, lambda: _MiddleEnd(middle, legs, server.party, port, opened))
            front_port = await stack.enter_async_context(front)
            await stack.enter_async_context(connected(legs.front, client, server.party, front_port))
    legs.back.end()
    legs.front.end()
    return legs


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
