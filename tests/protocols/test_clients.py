"""The real openssl and curl visit a site of the lab, and say what they make of its certificate."""

import pytest

from helpers import programs
from helpers.display.error import CourseError
from helpers.protocols import clients, tls
from helpers.protocols.site import Site
from helpers.trust import zoo

SERVERS = zoo.servers()
SAID = {
    "good": ("0 (ok)", "This is bank.example."),
    "expired": ("10 (certificate has expired)", "certificate has expired"),
    "missing intermediate": ("20 (unable to get local issuer certificate)", "unable to get local issuer certificate"),
    "wrong host": ("62 (hostname mismatch)", "bank.example"),
    "common name only": ("0 (ok)", "This is bank.example."),
    "revoked": ("0 (ok)", "This is bank.example."),
}


@pytest.mark.needs("openssl", "curl")
@pytest.mark.parametrize("name", SAID)
def test_what_they_say(name):
    specimen, (openssl, curl) = SERVERS[name], SAID[name]
    with Site(tls.Server(specimen.wanted, specimen.credential)) as site:
        assert clients.openssl(site, specimen.wanted, specimen.root) == openssl
        assert curl in clients.curl(site, specimen.wanted, specimen.root)


@pytest.mark.needs("openssl", "curl")
def test_they_trust_the_given_root_and_no_other():
    good, other = SERVERS["good"], zoo.servers()["good"].root
    with Site(tls.Server(good.wanted, good.credential)) as site:
        assert clients.openssl(site, good.wanted, other).startswith("20 (unable to get local issuer")
        assert "unable to get local issuer certificate" in clients.curl(site, good.wanted, other)


def test_a_missing_program_is_a_sentence(monkeypatch):
    monkeypatch.setattr(programs, "find", lambda name: None)
    good = SERVERS["good"]
    with Site(tls.Server(good.wanted, good.credential)) as site:
        for client in (clients.openssl, clients.curl):
            with pytest.raises(CourseError, match=r"This needs (openssl|curl), which is not on this machine\."):
                client(site, good.wanted, good.root)
