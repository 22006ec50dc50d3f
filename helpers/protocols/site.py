"""A real web site on this computer, to be visited by real clients: check_site, curl, openssl, a browser.

    with Site(tls.Server("bank.example", root.issue_server("bank.example"))) as site:
        check_site("bank.example", roots=[root.certificate], connect_to=("127.0.0.1", site.port))

It listens on 127.0.0.1 only, at a free port, and ends with the with-block.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from helpers.protocols import tls

PATIENCE = 5.0  # seconds: a client that is silent for so long is left
LONGEST_REQUEST = 16 * 1024  # bytes


class Site:
    """Shows one short page to every client that completes the handshake with `server`. `.port` is known in the block.

    Whatever a client does (refuses the certificate, says nothing, speaks no TLS), the site goes on.
    """

    def __init__(self, server: tls.Server) -> None:
        self.server = server

    def __enter__(self) -> "Site":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)  # so often the site looks whether it should end
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._visits: dict[threading.Thread, socket.socket] = {}
        self._door = threading.Thread(target=self._let_in, daemon=True)  # a daemon thread keeps no kernel alive
        self._door.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._ended.set()
        self._door.join()  # from now on nobody is let in
        for visit, connection in self._visits.items():
            with contextlib.suppress(OSError):  # this visit may be over
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for this client
            visit.join(timeout=1)

    def _let_in(self) -> None:
        with self._listener:
            while not self._ended.is_set():
                with contextlib.suppress(OSError):  # nobody came, or who came has left already
                    connection, _address = self._listener.accept()
                    visit = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                    self._visits = {thread: other for thread, other in self._visits.items() if thread.is_alive()}
                    self._visits[visit] = connection
                    visit.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:  # each error of TLS is an OSError, too, and ends this visit only
            connection.settimeout(PATIENCE)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            secure = self.server.context.wrap_bio(incoming, outgoing, server_side=True)
            secure.report = lambda *_event: None  # the context reports each message, and nobody asks here

            def run(action: Callable, *arguments):
                """Do `action`, and carry the bytes that it needs and writes."""
                while True:
                    try:
                        return action(*arguments)
                    except ssl.SSLWantReadError:
                        pass
                    finally:
                        connection.sendall(outgoing.read())
                    carried = connection.recv(LONGEST_REQUEST)
                    if not carried:
                        raise ConnectionAbortedError("the client has left")
                    incoming.write(carried)

            run(secure.do_handshake)
            request = b""
            while b"\r\n\r\n" not in request:
                received = run(secure.read, 4096)
                request += received
                if not received or len(request) > LONGEST_REQUEST:
                    return
            page = f"This is {self.server.party}.\n".encode()
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
            run(secure.write, f"{head}Content-Length: {len(page)}\r\n\r\n".encode() + page)
            run(secure.unwrap)  # says that this is the end (close_notify), and waits for the client to say so
