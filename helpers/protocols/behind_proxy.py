"""Mutual TLS that ends at a proxy. Who the client is, the application behind it reads in a header.

    request(alice, proxy, "bank.example")
    request(mallory, proxy, "bank.example", forged="alice", strips=False)

The application believes the header. So everything hangs on who may write it.
"""

from helpers.display.text import visible
from helpers.exchange import Exchange
from helpers.protocols import http
from helpers.protocols.tls import Client, Server
from helpers.protocols.tls_session import Session
from helpers.protocols.transcript import Sent, Transcript

# A name of this lesson. Each product has its own; RFC 9440 (2023) has one for the whole certificate.
HEADER = "X-Client-Name"
APPLICATION = "application"


def request(client: Client, proxy: Server, name: str, *, forged: str = "", strips: bool = True) -> Exchange:
    """`client` asks the application behind `proxy` for its page. With `forged`, it writes the header itself.

    A proxy that `strips` takes such a header out before it adds its own. A careless one only adds its own.
    `proxy` demands a certificate.
    """
    with Session(client, proxy, name, transcript=Transcript(explained=False)) as session:
        if session.established:
            mine = {HEADER.replace("-", "_"): forged} if forged else {}
            asked = http.request("GET", name, "/", **mine)
            _, received = session.send(session.client, asked, "GET /", _header_lines(asked))
            passed_on = _pass_on(received, session.name_of_client(), strips)
            _note(session, proxy.party, APPLICATION, "GET /", _header_lines(passed_on))
            page = application(passed_on)
            status, text = http.answer(page)
            _note(session, APPLICATION, proxy.party, status, text)
            session.send(session.server, page, status, text)
        title = f"{client.party} visits {name}" + (f" and writes “{forged}” into the header" if forged else "")
        return session.transcript.exchange(title, client.party, proxy.party, APPLICATION)


def application(received: bytes) -> bytes:
    """It greets whoever the header names. Of two headers with the same name it takes the first, as many programs do."""
    return http.response("200 OK", f"Hello, {http.headers(received)[HEADER.lower()]}.")


def _pass_on(received: bytes, name: str, strips: bool) -> bytes:
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if strips:
        # RFC 9112, section 5.1: "No whitespace is allowed between the field name and colon." Who writes some all the
        # same must not get past: so the names are compared without it.
        lines = [line for line in lines if _name_of(line) != HEADER.lower().encode()]
    # A name in a certificate can hold a line break, and would make a header of its own.
    return b"\r\n".join([*lines, f"{HEADER}: {visible(name)}".encode(), b"", body])


def _name_of(line: bytes) -> bytes:
    return line.partition(b":")[0].strip().lower()


def _header_lines(message: bytes) -> str:
    lines = message.decode().split("\r\n")
    return ", then ".join(line for line in lines if line.strip().lower().startswith(HEADER.lower()))


def _note(session: Session, sender: str, receiver: str, name: str, note: str) -> None:
    # Between the proxy and the application there is no TLS: whoever is in that network can read this, and write it.
    session.transcript.add(Sent(sender, receiver, name, None, note, read=True))
