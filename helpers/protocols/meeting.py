"""A client of ours meets a real server on this computer that is another program: node, openssl.

    meeting.get(alice, "bank.example", port)

The picture is what the client's end saw. What the server verified, the client cannot see.
"""

from helpers.exchange import Exchange
from helpers.protocols import http, wires
from helpers.protocols.tls import Client
from helpers.protocols.tls_session import Session, Stranger


def connect(client: Client, name: str, port: int) -> Session:
    """A session with the server at 127.0.0.1:`port`, which we have started ourselves under its true `name`."""
    return Session(client, Stranger(name), name, wires.to_port(port))


def get(client: Client, name: str, port: int) -> Exchange:
    """Connect, and ask for the page /."""
    with connect(client, name, port) as session:
        ask(session)
        return session.exchange()


def ask(session: Session) -> None:
    """Ask for the page / where the handshake was a success, and put the answer into the transcript."""
    if not session.established:
        return
    session.send(session.client, http.request("GET", session.name, "/"), "GET /")
    answer = session.receive(session.client, http.is_whole)
    if answer:
        status, text = http.answer(answer)
        # Without a declared length, a page lasts until the connection ends.
        cut = not http.is_whole(answer) and bool({"content-length", "transfer-encoding"} & http.headers(answer).keys())
        session.note_received(session.client, status, f"{text} (cut short)" if cut else text)
