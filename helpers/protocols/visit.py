"""Real handshakes with the servers of the zoo, and who notices which flaw.

animals = zoo.servers()
visit(animals["expired"])
"""

from collections.abc import Iterable

from cryptography import x509

from helpers.display.error import reason_of
from helpers.display.table import Table
from helpers.exchange import Exchange
from helpers.protocols import tls
from helpers.trust.opinions import second_opinions
from helpers.trust.zoo import Specimen


def visit(specimen: Specimen, crls: Iterable[x509.CertificateRevocationList] = ()) -> Exchange:
    """Alice connects to a server with this certificate. Her client is Python's `ssl`, and it trusts the zoo's root.

    With `crls` she also looks whether the certificate was taken back.
    """
    client = tls.Client("alice", trust=specimen.root)
    if crls:
        client.check_revocation(*crls)
    server = tls.Server(specimen.holder or specimen.wanted, specimen.credential)
    return tls.handshake(client, server, name=specimen.wanted, title=f"Zoo: {specimen.name}")


def verdict(exchange: Exchange) -> str:
    """ "accepted", or the reason in the client's own words, without the host's name."""
    if exchange.failure is None:
        return "accepted"
    return reason_of(exchange.failure.reason).partition(",")[0].lower()


def noticed(specimens: Iterable[Specimen]) -> Table:
    """Who notices which flaw: these checks, Python's `ssl` in a real handshake, and cryptography's verifier."""
    rows = []
    for one in specimens:
        shown = one.credential
        wanted = {"name": one.wanted, "purpose": one.purpose, "crls": one.crls}
        theirs, _ = second_opinions(shown.certificate, shown.intermediates, [one.root], **wanted)
        accepted = one.verify().ok, verdict(visit(one)) == "accepted", theirs.ok
        rows.append((one.name, one.flaw, *(_answer(yes, one.reason is None) for yes in accepted)))
    headers = ("Certificate", "What is wrong", "This course's checks", "Python's ssl", "cryptography (a library)")
    return Table("Who notices what is wrong?", headers, rows)


def _answer(accepted: bool, is_good: bool) -> str:
    if accepted:
        return "✔ accepted" if is_good else "! accepted"
    return "✘ refused"
