"""Our clients visit servers in Node.js, and the picture holds what Node itself says of each of them.

with node.server("bank.example", credential, root.certificate, "careless") as server:
    visit(mallory, server)
"""

from collections.abc import Mapping

from cryptography import x509

from helpers.display.table import Table
from helpers.exchange import Exchange
from helpers.protocols import meeting, node
from helpers.protocols.tls import Client
from helpers.trust.pki import Credential


def visit(client: Client, server: node.Server) -> Exchange:
    """Ask for a page. The client's proof is written only where Node says that the client is `authorized`."""
    before = len(server.visits)
    with meeting.connect(client, server.party, server.port) as session:
        meeting.ask(session)
        for noted in server.visits[before:]:
            if isinstance(noted, node.Visit) and noted.authorized and noted.name:
                session.note_proof(session.client, session.server, noted.name)
        title = f"{client.party} visits a server in Node.js"
        return session.transcript.exchange(title, client.party, server.party)


def compare(visitors: Mapping[str, Client], credential: Credential, trust: x509.Certificate) -> Table:
    """Each of these visitors at each of the three kinds of server: the direction by the run, and what was answered.

    Raises CourseError where Node.js is missing or too old.
    """
    columns = []
    for mode in node.MODES:
        with node.server("bank.example", credential, trust, mode) as server:
            columns.append([_outcome(visit(client, server)) for client in visitors.values()])
    rows = [(who, *cells) for who, *cells in zip(visitors, *columns, strict=True)]
    return Table("Three kinds of server in Node.js, and who visits them", ("Visitor", *node.MODES), rows)


def _outcome(run: Exchange) -> str:
    if run.failure is None:
        said = run.messages[-1].note
    elif run.failure.by == run.parties[0]:
        said = f"{run.failure.by} refused"
    elif run.failure.learned_at is None:
        said = "refused, without a word"
    else:
        said = f"refused: {run.heard_as().replace('_', ' ')}"
    return f"{run.direction().value}: {said}"
