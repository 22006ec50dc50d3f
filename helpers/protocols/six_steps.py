"""The six steps of mutual TLS as a forum answer lists them, put beside the messages of a real run."""

from helpers.display.table import Table
from helpers.exchange import Exchange

# As they stand there. Its third and fifth step are checks, and its last is a permission: none of them is a message.
STEPS = {
    1: "client requests to connect to the server",
    2: "server sends the server certificate and askes for the client certificate",
    3: "client verifies the server certificate with the Certificate Authority (CA)",
    4: "client sends client certificate",
    5: "server verifies client certificate with CA",
    6: "if all checks verify, then access is granted to the client to the resource",
}
# Which step speaks of a message: whether the client (0) or the server (1) sends it, and its name.
_SPOKEN_OF = {
    (0, "ClientHello"): 1,
    (1, "CertificateRequest"): 2,
    (1, "Certificate"): 2,
    (0, "Certificate"): 4,
}
_PROOF = "CertificateVerify"


def beside(run: Exchange) -> Table:
    """Each message of a mutual TLS 1.3 handshake of a client and a server, and the step that speaks of it.

    Raises ValueError for another run: these steps are about that one.
    """
    if [message.name for message in run.messages].count(_PROOF) != 2:
        raise ValueError("put the six steps beside a run of mutual TLS 1.3, in which both sides have signed")
    rows, marked = [], set()
    for message in run.messages:
        step = _SPOKEN_OF.get((run.parties.index(message.sender), message.name))
        said = f"{step}. {STEPS[step]}" if step else "–"
        if message.name == _PROOF:
            said = "✘ missing: the signature, which is the proof"
            marked.add(len(rows))
        rows.append((f"{message.sender}: {message.name}", said))
    rows += [("(no message)", f"{step}. {STEPS[step]}") for step in STEPS if step not in _SPOKEN_OF.values()]
    return Table("Your run, and the six steps", ("In your run", "In the answer"), rows, frozenset(marked))
