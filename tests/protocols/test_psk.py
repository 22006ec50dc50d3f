"""Two ends that share a key, and no certificate: what each of them says, and to whom the key proves nothing."""

import re
import secrets
import ssl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import programs
from helpers.display.error import CourseError
from helpers.exchange import Direction
from helpers.protocols import psk
from helpers.protocols.psk import ESTABLISHED
from helpers.trust import pki

KEY, OTHER = secrets.token_bytes(32), secrets.token_bytes(32)
# RFC 8446, section 6.2, names decrypt_error for it. OpenSSL 3.0 sends illegal_parameter, 3.5 as the RFC says.
WRONG_KEY = r"ssl/tls alert illegal parameter|tlsv1 alert decrypt error"
openssl = pytest.mark.needs("openssl")


def since_python_3_13(test):
    """Before, Python's ssl had no pre-shared keys. The test is not skipped there but missing: CI allows no skipping."""
    return test if getattr(ssl, "HAS_PSK", False) else None


@openssl
def test_with_the_same_key_each_end_accepts_the_other():
    met = psk.meet(KEY, KEY)
    assert (met.client, met.server) == (ESTABLISHED, ESTABLISHED)


@openssl
def test_no_end_sends_a_certificate():
    # RFC 8446, section 2.2: "As the server is authenticating via a PSK, it does not send a Certificate or a
    # CertificateVerify message."
    assert psk.meet(KEY, KEY).messages == (
        ("client", "ClientHello"),
        ("server", "ServerHello"),
        ("server", "EncryptedExtensions"),
        ("server", "Finished"),
        ("client", "Finished"),
    )


@openssl
@pytest.mark.parametrize(("server", "client"), [(KEY, OTHER), (KEY, KEY[:-1]), (KEY, KEY[:-1] + bytes([KEY[-1] ^ 1]))])
def test_with_another_key_the_server_refuses_the_first_message(server, client):
    met = psk.meet(server, client)
    assert met.server == "binder does not verify"
    assert re.fullmatch(WRONG_KEY, met.client)
    first, (refusing, alert) = met.messages
    assert first == ("client", "ClientHello")
    assert refusing == "server"
    assert re.fullmatch("Alert (illegal_parameter|decrypt_error)", alert)


@openssl
def test_a_server_that_does_not_know_the_label_looks_for_its_certificate_and_has_none():
    # RFC 8446, section 4.2.11: "If no acceptable PSKs are found, the server SHOULD perform a non-PSK handshake if
    # possible."
    met = psk.meet(KEY, KEY, label="another key")
    assert met.server == "no suitable signature algorithm"
    assert met.client == "ssl/tls alert handshake failure"
    assert met.messages == (("client", "ClientHello"), ("server", "Alert handshake_failure"))


# A server that has no such key, and shows a certificate instead


@pytest.fixture
def impostor():
    credential = pki.new_self_signed_server("bank.example")
    arguments = ["-accept", "127.0.0.1:{port}", "-cert", "server.pem", "-tls1_3", "-rev"]
    files = {"server.pem": credential.key_pem() + credential.certificate.public_bytes(Encoding.PEM)}
    with programs.run("openssl", "s_server", *arguments, files=files, ready="ACCEPT") as server:
        yield server


@openssl
def test_a_client_that_verifies_refuses_it(impostor):
    said = psk._openssl_client(impostor.port, KEY, psk.LABEL)
    assert said.status != 0
    assert "olleh" not in said.output
    assert "certificate verify failed" in said.errors
    assert psk.server_words(impostor) == "tlsv1 alert unknown ca"


@openssl
def test_a_client_that_verifies_nothing_believes_it(impostor):
    careless = ["s_client", "-connect", f"127.0.0.1:{impostor.port}", "-quiet", *psk._with(KEY, psk.LABEL)]
    assert programs.run_to_end("openssl", *careless, input=b"hello\nCLOSE\n").output == "olleh\n"
    assert psk.server_words(impostor) == ESTABLISHED


# Python as the client


@since_python_3_13
@openssl
def test_python_and_openssl_accept_each_other():
    with psk.server(KEY) as server:
        assert psk.ask_with_python(server.port, KEY) == "olleh"
        assert psk.server_words(server) == ESTABLISHED


@since_python_3_13
@openssl
def test_openssl_refuses_a_python_with_another_key():
    with psk.server(KEY) as server:
        assert re.fullmatch(rf"\[SSL: \w+\] ({WRONG_KEY})", psk.ask_with_python(server.port, OTHER))
        assert psk.server_words(server) == "binder does not verify"


@since_python_3_13
@openssl
def test_python_refuses_a_server_that_shows_a_certificate_instead(impostor):
    said = psk.ask_with_python(impostor.port, KEY)
    assert said == "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    assert psk.server_words(impostor) == "tlsv1 alert unknown ca"


@since_python_3_13
@openssl
def test_python_says_where_nobody_listens():
    with psk.server(KEY) as server:
        pass
    assert "refused" in psk.ask_with_python(server.port, KEY)


def test_an_older_python_is_a_sentence(monkeypatch):
    monkeypatch.delattr(ssl, "HAS_PSK", raising=False)
    with pytest.raises(CourseError, match=r"This needs Python 3\.13 or newer"):
        psk.ask_with_python(1, KEY)


# What is missing


def test_a_missing_openssl_is_a_sentence(monkeypatch):
    monkeypatch.setattr(programs, "find", lambda name: None)
    with pytest.raises(CourseError, match=r"This needs openssl, which is not on this machine\."):
        psk.meet(KEY, KEY)


@openssl
def test_a_server_that_met_nobody_says_nothing(monkeypatch):
    monkeypatch.setattr(psk, "PATIENCE", 0.1)
    with psk.server(KEY) as server, pytest.raises(CourseError, match="did not say what it makes of the client"):
        psk.server_words(server)


# The picture


@openssl
def test_with_the_same_key_it_is_mutual_and_with_another_there_is_no_picture():
    run = psk.meet(KEY, KEY).exchange("alice", "bank.example")
    assert run.direction() is Direction.MUTUAL
    assert run.failure is None
    assert [m.inside is None for m in run.messages] == [True, True, False, False, False]
    with pytest.raises(ValueError, match="the server “binder does not verify”"):
        psk.meet(OTHER, KEY).exchange("alice", "bank.example")
