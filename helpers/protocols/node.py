"""A real server in Node.js that asks its clients for a certificate, and what it noted of each of them.

    with node.server("bank.example", root.issue_server("bank.example"), root.certificate, "strict") as server:
        clients.curl(server, "bank.example", root.certificate, root.issue_client("alice@bank.example"))
        print(server.visits)

`node.script()` is the whole server.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import programs
from helpers.protocols.clients import node_error
from helpers.running import Running, wait_until
from helpers.trust.pki import Credential

_SCRIPT = Path(__file__).with_name("node_server.js")
MODES = ("strict", "careless", "mended")
PATIENCE = 1.0  # seconds: so long `visits` waits for a client whose handshake has not ended yet


@dataclass(frozen=True)
class Visit:
    """A request that reached the server's own code.

    `name` is the common name of the certificate that was shown. Where `authorized` is False, `error` says why, and
    anybody may have written that name. Each is None where there is none.
    """

    authorized: bool
    name: str | None
    error: str | None


@dataclass(frozen=True)
class Refusal:
    """A handshake after which no request came. `code` is Node's error, `why` what was wrong with the certificate.

    Node closes the connection without a reason, and then meets that end itself: so the code is "ECONNRESET" where
    there is a `why`. There is none where no certificate was judged: none came, or the client is the one who refused.
    """

    code: str
    why: str | None


class Server:
    """A server that runs. `party` is its true name. It listens on 127.0.0.1 at `port`."""

    def __init__(self, party: str, running: Running) -> None:
        self.party = party
        self.port = running.port
        self._running = running

    @property
    def visits(self) -> tuple[Visit | Refusal, ...]:
        """All that it noted, oldest first. It can still be read when the server has been ended."""
        # A client that is refused may be gone before the server has noted that. So wait for those who have come.
        wait_until(self._has_judged_all, PATIENCE)
        return tuple(_visit(facts) for facts in self._noted() if "event" not in facts)

    def _has_judged_all(self) -> bool:
        noted = self._noted()
        came = noted.count({"event": "connection"})
        return came <= noted.count({"event": "secureConnection"}) + sum("refused" in facts for facts in noted)

    def _noted(self) -> list[dict]:
        # The last line may be written just now. A name may hold other line breaks: only this one is written as JSON.
        lines = self._running.log.split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def server(party: str, credential: Credential, trust: x509.Certificate, mode: str) -> Iterator[Server]:
    """Start the server with what it shows, and the root CA that may vouch for its clients. It ends with the with-block.

    "strict": it refuses a client without a good certificate. "careless": it lets everybody in, and greets whoever the
    certificate names. "mended": it lets everybody in, and greets only who has a good one.

    Raises ValueError for another mode, and CourseError where Node.js is missing or too old.
    """
    if mode not in MODES:
        raise ValueError(f"the mode is one of {', '.join(MODES)}, and not {mode!r}")
    files = {
        "server.js": _SCRIPT.read_bytes(),
        "server.pem": credential.key_pem() + credential.chain_pem(),
        "trusted.pem": trust.public_bytes(Encoding.PEM),
    }
    with programs.run("node", "server.js", "{port}", mode, files=files, ready="listening") as running:
        yield Server(party, running)


def script() -> str:
    """The text of the server, to be read."""
    return _SCRIPT.read_text(encoding="utf-8")


def _visit(facts: dict) -> Visit | Refusal:
    if "refused" in facts:
        return Refusal(node_error(facts["refused"]), facts.get("why"))
    name = facts.get("name")
    # Where a certificate has several common names, Node gives a list.
    return Visit(facts["authorized"], ", ".join(name) if isinstance(name, list) else name, facts.get("error"))
