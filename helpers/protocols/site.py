"""A real web site on this computer, to be visited by real clients: check_site, curl, openssl, node, a browser.

    with Site(tls.Server("bank.example", root.issue_server("bank.example"))) as site:
        check_site("bank.example", roots=[root.certificate], connect_to=("127.0.0.1", site.port))

It listens on 127.0.0.1 only, at a free port, and ends with the with-block.
"""

import contextlib
import itertools
import socket
import threading

from helpers.display.text import short
from helpers.exchange import Exchange
from helpers.protocols import http, tls, wires
from helpers.protocols.tls_session import Session, Stranger

LONGEST_REQUEST = 16 * 1024  # bytes


class Site:
    """Shows one short page to every client that completes the handshake with `server`. `.port` is known in the block.

    Whatever a client does (refuses the certificate, says nothing, speaks no TLS), the site goes on. `visits` are what
    the site has seen: an `Exchange` for each visitor that spoke TLS. Programs do not say who runs them, so the picture
    calls whoever comes `visitor`.
    """

    def __init__(self, server: tls.Server, visitor: str = "visitor") -> None:
        self.server = server
        self._visitor = Stranger(visitor)
        self._seen: dict[int, Exchange] = {}

    @property
    def visits(self) -> list[Exchange]:
        """Complete after the block, in the order in which the visitors came."""
        return [exchange for _, exchange in sorted(self._seen.items())]

    def __enter__(self) -> "Site":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)  # so often the site looks whether it should end
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._door = threading.Thread(target=self._let_in, daemon=True)  # a daemon thread keeps no kernel alive
        self._door.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._ended.set()
        self._door.join()  # from now on nobody is let in
        for visit, connection in self._connections.items():
            with contextlib.suppress(OSError):  # this visit may be over
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for this client
            visit.join(timeout=1)

    def _let_in(self) -> None:
        with self._listener:
            for number in itertools.count():
                if self._ended.is_set():
                    return
                with contextlib.suppress(OSError):  # nobody came, or who came has left already
                    connection, _address = self._listener.accept()
                    visit = threading.Thread(target=self._serve, args=(number, connection), daemon=True)
                    self._connections = {one: other for one, other in self._connections.items() if one.is_alive()}
                    self._connections[visit] = connection
                    visit.start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),  # the visitor has left
            connection,
            Session(self._visitor, self.server, "", wires.accepted(connection)) as session,
        ):
            if session.established:
                self._answer(session)
            if any(message.sender == self._visitor.party for message in session.transcript.sent):
                self._seen[number] = session.exchange(f"{self._visitor.party} visits {self.server.party}")

    def _answer(self, session: Session) -> None:
        """One request, one page: it says who the site is, and for whom it takes the visitor."""
        request = session.receive(
            session.server, lambda received: http.is_whole(received) or len(received) > LONGEST_REQUEST
        )
        if not http.is_whole(request):
            return
        asked = request.partition(b"\r\n")[0].rpartition(b" HTTP/")[0].decode("latin-1")
        session.note_received(session.server, short(asked))
        visitor = session.name_of_client()
        page = f"This is {self.server.party}." + (f" You are {visitor}." if visitor else "")
        session.send(session.server, http.response("200 OK", f"{page}\n"), "200 OK", page)
        session.say_goodbye(session.server)
