"""What carries the bytes between the two ends of a TLS session: two buffers in memory, or a real TCP connection.

    tls.handshake(alice, bank, name="bank.example", wire=wires.loopback)

The ends do not notice a difference: each writes into one buffer and reads from another. In memory, what one writes is
what the other reads. Over TCP, somebody must carry it.
"""

import contextlib
import selectors
import socket
import ssl
from collections.abc import Iterable

PATIENCE = 5.0  # seconds: so long an end waits for the other one
MOST_BYTES = 16 * 1024  # of one read: a record of TLS is hardly longer
GRACE = 0.2  # seconds: so long a server that closes waits for a client that could still be reading
MOST_READS = 4


class Memory:
    """Two buffers. The default of every lesson: nothing is ever on its way, so every run is the same."""

    def __init__(self, client, server, name: str) -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.context.wrap_bio(to_client, to_server, server_hostname=name)
        self.server = server.context.wrap_bio(to_server, to_client, server_side=True)

    def send(self, end: ssl.SSLObject) -> None:
        """Nothing to do: it lies in the other one's buffer already."""

    def wait(self, ends: Iterable[ssl.SSLObject], seconds: float = PATIENCE) -> bool:
        """Whether anything came for one of these ends. Nothing can still be on its way."""
        return False

    def close(self) -> None:
        """Nothing to do."""


class Sockets:
    """A TCP connection. `client` or `server` is None where the other end belongs to somebody else."""

    def __init__(self) -> None:
        self.client: ssl.SSLObject | None = None
        self.server: ssl.SSLObject | None = None
        self._plumbing: dict[ssl.SSLObject, tuple[socket.socket, ssl.MemoryBIO, ssl.MemoryBIO]] = {}
        self._ended: set[ssl.SSLObject] = set()  # those whose peer has closed its side

    def join(self, connection: socket.socket, context: ssl.SSLContext, **side) -> ssl.SSLObject:
        """One end of ours on this connection."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            end = context.wrap_bio(incoming, outgoing, **side)
        except Exception:  # a name that cannot be one
            connection.close()
            self.close()
            raise
        connection.settimeout(PATIENCE)
        # Small messages go out at once, instead of waiting for the answer to the last one.
        with contextlib.suppress(OSError):  # some systems refuse when the other end has left already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._plumbing[end] = connection, incoming, outgoing
        return end

    def send(self, end: ssl.SSLObject) -> None:
        """Carry what `end` has written."""
        connection, _, outgoing = self._plumbing[end]
        # Who has hung up cannot be written to. What it said before can still be read, and tells more.
        with contextlib.suppress(OSError):
            connection.sendall(outgoing.read())

    def wait(self, ends: Iterable[ssl.SSLObject], seconds: float = PATIENCE) -> bool:
        """Carry to these ends what came for them, and wait for it up to `seconds`. Whether anything came."""
        with selectors.DefaultSelector() as selector:
            for end in ends:
                if end not in self._ended:
                    selector.register(self._plumbing[end][0], selectors.EVENT_READ, end)
            came = selector.select(seconds) if selector.get_map() else []
        for key, _events in came:
            connection, end = key.fileobj, key.data
            try:
                received = connection.recv(MOST_BYTES)
            except OSError:  # it was reset
                received = b""
            incoming = self._plumbing[end][1]
            if received:
                incoming.write(received)
            else:
                self._ended.add(end)
                incoming.write_eof()
        return bool(came)

    def close(self) -> None:
        for end, (connection, _, _) in self._plumbing.items():
            if end is self.server and self.client is None:
                _let_it_read(connection)
            connection.close()


def _let_it_read(connection: socket.socket) -> None:
    """Who closes a connection while something lies there unread resets it, and a last alert may be lost with that.

    So say that this was all, and read what still comes until the client has left: for a moment, not for ever.
    """
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(GRACE)
        for _ in range(MOST_READS):
            if not connection.recv(MOST_BYTES):
                return


def loopback(client, server, name: str) -> Sockets:
    """Both ends are ours, and between them is a real TCP connection of this computer (127.0.0.1)."""
    wire = Sockets()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        calling = socket.create_connection(listener.getsockname(), timeout=PATIENCE)
        # Another program of this computer could have come first. Ours has the address that we called from.
        answering, address = listener.accept()
        while address != calling.getsockname():
            answering.close()
            answering, address = listener.accept()
    wire.server = wire.join(answering, server.context, server_side=True)
    wire.client = wire.join(calling, client.context, server_hostname=name)
    return wire


def to_port(port: int):
    """The client is ours. The server is another program, which listens on 127.0.0.1 at this port."""

    def connect(client, server, name: str) -> Sockets:
        wire = Sockets()
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        wire.client = wire.join(connection, client.context, server_hostname=name)
        return wire

    return connect


def accepted(connection: socket.socket):
    """The server is ours. The client is another program, which has come in by this connection."""

    def answer(client, server, name: str) -> Sockets:
        wire = Sockets()
        wire.server = wire.join(connection, server.context, server_side=True)
        return wire

    return answer
