"""Each text of the error clinic is what a real program wrote in a run, at its end; and what people paste is found."""

import contextlib
import functools
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import clinic_runs as runs
import pytest
from clinic_runs import HOST, Fault, Said
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from helpers import clinic, programs
from helpers.trust import pki, zoo
from helpers.widgets import clinic as view

# One server speaks TLS 1.0, and Python warns of it. It is there to be refused.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated:DeprecationWarning")

# The runs: what is made for each entry of the clinic.

ROOT = pki.new_root("Lab Root CA")
BANK, ALICE = ROOT.issue_server(HOST), ROOT.issue_client(f"alice@{HOST}")
GOOD = Fault(BANK, ROOT.certificate)
# Two ways to load a certificate and a key that do not belong together: another key, or the chain in the wrong order.
BETWEEN = ROOT.issue_intermediate("Lab Intermediate CA")
LEAF = BETWEEN.issue_server(HOST)
MISMATCHED = (
    replace(BANK, key=LEAF.key),
    replace(LEAF, certificate=BETWEEN.certificate, intermediates=(LEAF.certificate,)),
)


def remade(ca: pki.Credential, issuer: pki.Credential, without=None, uncritical=None) -> pki.Credential:
    """The same CA with the same key. Its new certificate lacks an extension, or does not mark one as critical."""
    old = ca.certificate
    dates = {"not_valid_before": old.not_valid_before_utc, "not_valid_after": old.not_valid_after_utc}
    names = {"issuer_name": old.issuer, "subject_name": old.subject}
    builder = x509.CertificateBuilder(
        **names, **dates, public_key=old.public_key(), serial_number=x509.random_serial_number()
    )
    for extension in old.extensions:
        kind = type(extension.value)
        if kind is not without:
            builder = builder.add_extension(extension.value, extension.critical and kind is not uncritical)
    return replace(ca, certificate=builder.sign(issuer.key, hashes.SHA256()))


# Roots that a strict client refuses, and an intermediate CA of this kind.
LAX_ROOTS = (
    remade(ROOT, ROOT, without=x509.KeyUsage),
    remade(ROOT, ROOT, without=x509.SubjectKeyIdentifier),
    remade(ROOT, ROOT, uncritical=x509.BasicConstraints),
)
LAX = remade(BETWEEN, ROOT, without=x509.KeyUsage)
# The root as it was before it was renewed.
LAST_YEAR = {"not_before": datetime.now(UTC) - 400 * zoo.DAY, "lifetime": 365 * zoo.DAY}
ENDED_ROOT = pki.certificate("Lab Root CA", ROOT.key, pki.subject("Lab Root CA"), ROOT.key, ca=True, **LAST_YEAR)


@functools.cache
def faults() -> dict[str, list[Fault]]:
    """What is made for each entry of the clinic: at least one fault for each of its causes that a run can show."""
    servers, clients = zoo.servers(HOST), zoo.clients(f"alice@{HOST}")
    stranger = pki.new_root("Inspection CA")
    inspected = replace(stranger.issue_server(HOST), intermediates=(stranger.certificate,))
    mutual = replace(GOOD, server_trusts=ROOT.certificate)
    with_its_root = replace(stranger.issue_client(f"alice@{HOST}"), intermediates=(stranger.certificate,))
    old_list = ROOT.crl(last_update=datetime.now(UTC) - 30 * zoo.DAY)

    def shows(name: str, **more) -> Fault:
        """The server shows this certificate of the zoo."""
        return Fault(servers[name].credential, servers[name].root, servers[name].wanted, **more)

    def client_shows(name: str, **more) -> Fault:
        return replace(GOOD, client=clients[name].credential, server_trusts=clients[name].root, **more)

    old = {"client_versions": ("1.2", "1.2")}
    # The openssl command has the same words for both versions, and to start it takes long.
    old_too = ({}, {**old, "only": ("Python", "curl", "Node")})
    without_node, without_curl = ("Python", "openssl", "curl"), ("Python", "openssl", "Node")
    weak_key = shows("weak key", only=without_node)  # older versions of Node accept it by default
    # Another cause of the same words. OpenSSL decides in all four programs, and to start two more each time takes long.
    again = {"only": ("Python", "Node")}
    strict = {"strict": True, "only": ("Python", "openssl")}
    in_python = {"only": ("Python",)}
    alice_comes = replace(mutual, client=ALICE)
    only_for_secrets = ROOT.issue("alice", usages=[zoo.CLIENT], key_usage=pki.key_may("key_encipherment"))
    cannot_sign = ROOT.issue(HOST, alternative_names=[x509.DNSName(HOST)], key_usage=pki.key_may("key_encipherment"))
    copied_client = replace(mutual, client=pki.copied(ALICE.certificate))
    return {
        "no-way-to-a-root": [
            shows("missing intermediate"),
            shows("untrusted root", **again),
            replace(GOOD, root=stranger.certificate, **again),
            replace(GOOD, root=None),
        ],
        "self-signed": [shows("self-signed")],
        "self-signed-in-chain": [replace(GOOD, server=inspected)],
        "expired": [shows("expired"), shows("expired CA", **again), replace(GOOD, root=ENDED_ROOT, **again)],
        "not-yet-valid": [shows("not yet valid")],
        "wrong-host": [shows("wrong host")],
        "wrong-address": [shows("wrong address"), replace(GOOD, host="127.0.0.1")],
        "wrong-purpose": [
            shows("wrong usage"),
            *(shows(name, **again) for name in ("CA for others", "wrong key usage")),
        ],
        "revoked": [replace(GOOD, crls=(ROOT.crl(BANK),))],
        "no-usable-list": [replace(GOOD, crls=(stranger.crl(),)), replace(GOOD, crls=(old_list,))],
        "may-not-issue": [
            shows("CA that may not sign", **again),
            *(shows(name) for name in ("issued by a leaf", "path length", "name constraint")),
        ],
        "unknown-extension": [shows("unknown critical extension")],
        "strict-client": [
            shows("no authority key identifier", **strict),
            *(replace(GOOD, root=root.certificate, **strict) for root in LAX_ROOTS),
            replace(GOOD, server=LAX.issue_server(HOST), **strict),
        ],
        "too-weak": [weak_key, shows("weak signature")],
        "impostor": [replace(GOOD, server=pki.copied(BANK.certificate))],
        "no-client-certificate": [mutual, replace(mutual, **old)],
        "client-unknown-ca": [
            *(client_shows("untrusted root", **v) for v in old_too),
            *(client_shows(name, only=without_curl) for name in ("self-signed", "issued by a leaf", "path length")),
            replace(mutual, client=with_its_root),
            client_shows("missing intermediate", **again),
        ],
        "client-dates": [
            *(client_shows(n, **v) for n in ("expired", "not yet valid") for v in old_too),
            client_shows("expired CA", **again),
            replace(alice_comes, server_trusts=ENDED_ROOT, **again),
        ],
        "client-wrong-purpose": [
            *(client_shows("wrong usage", **v) for v in old_too),
            client_shows("CA for others", **again),
            replace(mutual, client=only_for_secrets, **again),
        ],
        "client-certificate-unknown": [
            *(client_shows("unknown critical extension", **v) for v in old_too),
            client_shows("name constraint", only=without_curl),
            client_shows("no authority key identifier", server_strict=True, only=("Python", "openssl")),
            *(replace(alice_comes, server_trusts=root.certificate, server_strict=True, **in_python) for root in LAX_ROOTS),
            replace(alice_comes, client=LAX.issue_client(f"alice@{HOST}"), server_strict=True, **in_python),
        ],
        "client-revoked": [replace(alice_comes, server_crls=(ROOT.crl(ALICE),), **v) for v in old_too],
        "client-no-usable-list": [replace(alice_comes, server_crls=(crl,)) for crl in (stranger.crl(), old_list)],
        "client-copied": [replace(copied_client, **v) for v in old_too],
        "hung-up": [client_shows("untrusted root", only=("Node",))],
        "no-common-version": [
            replace(GOOD, client_versions=("1.2", "1.2"), server_versions=("1.3", "1.3")),
            replace(GOOD, client_versions=("1.3", "1.3"), server_versions=("1.2", "1.2")),
            replace(GOOD, client_versions=("1.2", "1.2"), server_versions=("1", "1"), only=without_node),
        ],
        "no-common-cipher": [
            replace(GOOD, **old, server=cannot_sign, **again),
            *(replace(GOOD, **old, server_ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", client_ciphers=f"{ciphers}-AES256-GCM-SHA384")
            for ciphers in ("ECDHE-ECDSA", "ECDHE-RSA")),
        ],
    }  # fmt: skip


# What a server reads from clients that refuse for different reasons.
ALERTS = {
    "alert-unknown-ca": ("no-way-to-a-root", "self-signed", "self-signed-in-chain", "may-not-issue", "no-usable-list"),
    "alert-bad-certificate": ("not-yet-valid", "wrong-host", "wrong-address", "too-weak"),
    "alert-certificate-expired": ("expired", "no-usable-list"),
    "alert-certificate-revoked": ("revoked",),
    "alert-certificate-unknown": ("strict-client", "unknown-extension", "may-not-issue"),
}


def seen(program: str, entry: str) -> list[Said]:
    """What this program and its peer wrote in the runs of this entry."""
    if entry in ALERTS:
        alert = entry.replace("-", " ")
        every = [said for other in ALERTS[entry] for said in said_by(program).get(other, ())]
        return [said for said in every if any(alert in line for line in said["server"])]
    if entry == "hung-up" and program != "Node":
        return said_by(program)[entry] + refused_by_node(program)
    return said_by(program).get(entry, [])


RUN = {"Python": runs.python, "openssl": runs.openssl, "curl": runs.curl}
VISIT = {"Python": runs.visit_with_python, "openssl": runs.s_client, "curl": runs.visit_with_curl}


@functools.cache
def said_by(program: str) -> dict[str, list[Said]]:
    """What this program and its peer wrote in all runs: each is made once."""
    plans = [(name, fault) for name, some in faults().items() for fault in some if program in fault.only]
    log: list[str] = []
    with contextlib.ExitStack() as stack:
        doors = [
            ("nobody-listens", runs.nobody()),
            ("server-speaks-no-tls", runs.plain_http(log)),
            ("hung-up", runs.listening(runs.hang_up)),
            ("hung-up", runs.listening(runs.reset)),
            ("old-renegotiation", runs.old_server(b"\3\3", [])),
        ]
        if program == "Node":  # as a server, it does not always notice that such a client has refused it
            doors.append(("no-common-version", runs.old_server(b"\3\1", [])))
        doors = [(name, stack.enter_context(door)) for name, door in doors]
        if program == "Node":
            made = said_by_node(plans, doors)
        else:
            pool = stack.enter_context(ThreadPoolExecutor(4))
            made = list(
                zip((name for name, _ in plans), pool.map(RUN[program], (fault for _, fault in plans)), strict=True)
            )
            made += [(name, {"client": VISIT[program](GOOD, port)}) for name, port in doors]
            made.append(("client-speaks-no-tls", without_tls(program)))
            made += [("key-of-another", loaded(program, pair)) for pair in MISMATCHED]
    if program == "Python":
        made.append(("server-speaks-no-tls", {"server": log}))
    return {name: [said for other, said in made if other == name] for name, _ in made}


def said_by_node(plans, doors) -> list[tuple[str, Said]]:
    """The same for Node, which makes all its runs in one go."""
    given = [(name, runs.node_plan(fault)) for name, fault in plans]
    given += [(name, runs.node_plan(GOOD, port)) for name, port in doors if name != "server-speaks-no-tls"]
    given += [
        ("server-speaks-no-tls", runs.node_plan(GOOD, server={})),
        ("client-speaks-no-tls", runs.node_plan(GOOD, scheme="http")),
        *(("key-of-another", runs.node_plan(replace(GOOD, server=pair))) for pair in MISMATCHED),
    ]
    return list(zip((name for name, _ in given), runs.node([plan for _, plan in given]), strict=True))


def without_tls(program: str) -> Said:
    """A client that speaks plain HTTP comes to a server that speaks TLS."""
    if program == "Python":
        log: list[str] = []
        with runs.python_over_tcp(GOOD, log) as port:
            return {"client": runs.visit_with_python(None, port), "server": log}
    with runs.s_server(GOOD) as server:
        if program == "curl":
            return {"client": runs.visit_with_curl(GOOD, server.port, scheme="http")}
        runs.visit_with_python(None, server.port)
        runs.wait_until(lambda: runs.openssl_lines(server.log), timeout=2)
    return {"server": runs.openssl_lines(server.log)}


def loaded(program: str, pair: pki.Credential) -> Said:
    """What a program says when it loads this pair. curl is no server, so it loads it as a client."""
    fault = replace(GOOD, server=pair, client=pair)
    if program == "Python":
        with pytest.raises(ssl.SSLError) as caught:
            runs.server_context(fault)
        return {"server": [runs.plain(runs.error_text(caught.value))]}
    if program == "openssl":
        result = programs.run_to_end("openssl", *runs.s_server_arguments(fault), files=runs.files(fault))
        return {"server": runs.openssl_lines(result.errors)}
    with runs.s_server(GOOD) as server:
        return {"client": runs.visit_with_curl(fault, server.port)}


@functools.cache
def refused_by_node(program: str) -> list[Said]:
    """Node as a server refuses a client, and says nothing."""
    (fault,) = faults()["hung-up"]
    with runs.node_as_server(fault) as server:
        return [{"client": VISIT[program](fault, server.port)} for _ in range(4)]


# Each text is what its program really wrote.

ENTRIES = {entry.id: entry for entry in clinic.load()}
NEEDED = {"Python": (), "openssl": ("openssl",), "curl": ("curl", "openssl"), "Node": ("node",)}


def cases():
    for program, needed in NEEDED.items():
        for entry in clinic.load():
            if any(text.program == program for text in entry.texts):
                more = ("node",) if entry.id == "hung-up" else ()
                # To start openssl for each fault takes seconds. Node makes all its runs in one go, and Python in memory.
                slow = [pytest.mark.long] if "openssl" in needed else []
                marks = [pytest.mark.needs(*needed, *more), *slow]
                yield pytest.param(program, entry, id=f"{program}, {entry.id}", marks=marks)


@pytest.mark.parametrize(("program", "entry"), list(cases()))
def test_a_text_is_what_the_program_wrote_at_this_end(program, entry):
    skip_another_curl(program)
    for end in clinic.ENDS:
        listed = [{text.text, *text.others} for text in entry.at(end) if text.program == program]
        written = [set(said[end]) for said in seen(program, entry.id) if said.get(end)]
        for wordings in listed:
            assert any(wordings & lines for lines in written), f"nobody wrote {wordings}, but: {written}"
        known = set().union(*listed)
        if end == "client" and entry.group == "server refuses":
            known |= hung_up(program)  # refused late, it may read no alert any more, but only the end of the connection
        for lines in written:
            assert lines & known, f"none of {lines} stands in the clinic"
            if program != "openssl":  # which writes many lines for each error
                assert lines <= known


def hung_up(program):
    return {
        words
        for text in ENTRIES["hung-up"].at("client")
        if text.program == program
        for words in (text.text, *text.others)
    }


def skip_another_curl(program):
    """The curl of macOS and of Windows is built with another TLS library, and that has words of its own."""
    if program == "curl" and "OpenSSL/" not in programs.run_to_end("curl", "--version").output:
        pytest.skip("this curl is not built with OpenSSL")


def test_every_entry_comes_from_a_run():
    ours = {*faults(), *ALERTS, "nobody-listens", "server-speaks-no-tls", "client-speaks-no-tls", "key-of-another"}
    assert set(ENTRIES) == ours | {"old-renegotiation"}
    assert len(ENTRIES) >= 18


def test_python_over_a_network_reads_the_alert_or_only_the_end():
    """The race of TLS 1.3: whichever way it ends, the clinic knows the words."""
    (fault, _older) = faults()["no-client-certificate"]
    log = []
    with runs.python_over_tcp(fault, log) as port:
        read = {line for _ in range(20) for line in runs.visit_with_python(fault, port)}
    assert read <= {"[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"} | hung_up("Python")
    assert set(log) == {"[SSL: PEER_DID_NOT_RETURN_A_CERTIFICATE] peer did not return a certificate"}


@pytest.mark.long
@pytest.mark.needs("openssl")
def test_openssl_is_content_with_the_server_that_refuses_it():
    for entry in ("no-client-certificate", "client-unknown-ca"):
        for said in seen("openssl", entry):
            assert "Verify return code: 0 (ok)" in said["client"]


# What the clinic says of the texts holds in runs, too.


@pytest.mark.needs("node")
def test_node_has_one_code_for_a_missing_intermediate_and_for_an_unknown_root():
    missing, unknown_above_it, unknown, _empty = said_by("Node")["no-way-to-a-root"]
    lone = ["UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate"]
    assert missing["client"] == unknown["client"] == lone
    assert unknown_above_it["client"] == ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unable to get local issuer certificate"]


@pytest.mark.parametrize(
    ("use", "server_accepted", "client_accepted"),
    [
        ("digital_signature", True, True),
        ("key_encipherment", True, False),
        ("key_agreement", True, True),
        ("content_commitment", False, False),
        ("data_encipherment", False, False),
    ],
)
def test_which_key_usage_is_enough(use, server_accepted, client_accepted):
    usage = {"key_usage": pki.key_may(use)}
    server = ROOT.issue(HOST, alternative_names=[x509.DNSName(HOST)], usages=[zoo.SERVER], **usage)
    client = ROOT.issue("alice", usages=[zoo.CLIENT], **usage)
    for fault, accepted in (
        (replace(GOOD, server=server), server_accepted),
        (replace(GOOD, client=client, server_trusts=ROOT.certificate), client_accepted),
    ):
        said = runs.python(fault)
        assert (said == {"client": [], "server": []}) == accepted
        assert accepted or "unsuitable certificate purpose" in str(said)


def test_a_new_certificate_for_the_same_root_is_enough():
    for root in (ENDED_ROOT, *(lax.certificate for lax in LAX_ROOTS)):
        assert runs.python(replace(GOOD, root=root, strict=True))["client"]
    assert runs.python(replace(GOOD, strict=True)) == {"client": [], "server": []}


def test_who_refuses_the_version_says_so_and_sends_the_alert():
    heard = []
    with runs.old_server(b"\3\1", heard) as port:
        assert runs.visit_with_python(GOOD, port) == ["[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol"]
    assert [reply[-2:] for reply in heard] == [bytes([2, 70])]  # fatal, protocol_version


# What people paste is found.

PYTHON_CLIENT = """Traceback (most recent call last):
  File "/usr/lib/python3.11/urllib/request.py", line 1348, in do_open
    h.request(req.get_method(), req.selector, req.data, headers,
  File "/usr/lib/python3.11/ssl.py", line 1379, in do_handshake
    self._sslobj.do_handshake()
{error} (_ssl.c:1006)

During handling of the above exception, another exception occurred:

urllib.error.URLError: <urlopen error {error} (_ssl.c:1006)>"""
VERIFY = "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
REQUESTS = """requests.exceptions.SSLError: HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with url: / \
(Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why} (_ssl.c:1129)')))"""
PYTHON_SERVER = """Exception happened during processing of request from ('10.0.0.7', 51234)
  File "/usr/lib/python3.12/socketserver.py", line 318, in _handle_request_noblock
    self.process_request(request, client_address)
  File "/srv/app/server.py", line 31, in get_request
    return context.wrap_socket(connection, server_side=True), address
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ssl.SSLError: {error} (_ssl.c:1000)"""
NODE = """node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: {message}
    at TLSSocket.onConnectSecure (node:_tls_wrap:1674:34)
    at TLSSocket.emit (node:events:519:28)
    at ssl.onhandshakedone (node:_tls_wrap:871:8)
Emitted 'error' event on ClientRequest instance at:
    at emitErrorEvent (node:_http_client:103:11) {{
  code: '{code}'
}}

Node.js v20.20.2"""
CURL = """* Host bank.example:8443 was resolved.
*   Trying 192.0.2.7:8443...
{line}
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it."""
S_CLIENT = """CONNECTED(00000003)
depth=0 CN = bank.example
{line}
40E7B1A8BE7F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:../ssl/statem/statem_clnt.c:1889:
---
no peer certificate available
---"""
NGINX = "2026/03/12 14:19:06 [info] 28762#28762: *54 SSL_do_handshake() failed (SSL: {error}) while SSL handshaking, client: 192.0.2.96, server: 0.0.0.0:443"

PASTED = {
    "no-way-to-a-root": [
        PYTHON_CLIENT.format(error=VERIFY + "unable to get local issuer certificate"),
        REQUESTS.format(host="dd.example", why="unable to get local issuer certificate"),
        "CERTIFICATE VERIFY FAILED: UNABLE TO GET LOCAL ISSUER CERTIFICATE",
        NODE.format(message="unable to verify the first certificate", code="UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        NODE.format(message="unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca", code="UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        "npm ERR! code UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        CURL.format(line="curl: (60) SSL certificate problem: unable to get local issuer certificate"),
        S_CLIENT.format(line="verify error:num=20:unable to get local issuer certificate"),
        "    Verify return code: 20 (unable to get local issuer certificate)",
        "curl: (77) error setting certificate file: /etc/ssl/certs/ca-certificates.crt",
    ],
    "self-signed": [
        PYTHON_CLIENT.format(error=VERIFY + "self signed certificate"),
        PYTHON_CLIENT.format(error=VERIFY + "self-signed certificate"),
        NODE.format(message="self-signed certificate", code="DEPTH_ZERO_SELF_SIGNED_CERT"),
        CURL.format(line="curl: (60) SSL certificate problem: self signed certificate"),
        "error 18 at 0 depth lookup: self-signed certificate\nerror cert.pem: verification failed",
    ],
    "self-signed-in-chain": [
        REQUESTS.format(host="pypi.org", why="self-signed certificate in certificate chain"),
        NODE.format(message="self-signed certificate in certificate chain", code="SELF_SIGNED_CERT_IN_CHAIN"),
        "npm ERR! request to https://registry.example/ failed, reason: self signed certificate in certificate chain",
    ],
    "expired": [
        PYTHON_CLIENT.format(error=VERIFY + "certificate has expired"),
        NODE.format(message="certificate has expired", code="CERT_HAS_EXPIRED"),
        "curl: (60) SSL certificate OpenSSL verify result: certificate has expired (10)",
    ],
    "not-yet-valid": [
        PYTHON_CLIENT.format(error=VERIFY + "certificate is not yet valid"),
        "verify error:num=9:certificate is not yet valid or the system clock is incorrect",
    ],
    "wrong-host": [
        PYTHON_CLIENT.format(error=VERIFY + "Hostname mismatch, certificate is not valid for 'shop.example'."),
        NODE.format(message="Hostname/IP does not match certificate's altnames: Host: a.example. is not in the cert's altnames: DNS:b.example", code="ERR_TLS_CERT_ALTNAME_INVALID"),
        "curl: (60) SSL: no alternative certificate subject name matches target hostname 'expired.example'",
        "verify error:num=62:Hostname mismatch",
    ],
    "wrong-address": [
        PYTHON_CLIENT.format(error=VERIFY + "IP address mismatch, certificate is not valid for '192.0.2.7'."),
        NODE.format(message="Hostname/IP does not match certificate's altnames: IP: 192.0.2.7 is not in the cert's list: ", code="ERR_TLS_CERT_ALTNAME_INVALID"),
        "curl: (60) SSL: no alternative certificate subject name matches target ipv4 address '192.0.2.7'",
    ],
    "wrong-purpose": [
        PYTHON_CLIENT.format(error=VERIFY + "unsuitable certificate purpose"),
        "verify error:num=26:unsupported certificate purpose",
        NODE.format(message="unsuitable certificate purpose", code="INVALID_PURPOSE"),
    ],
    "impostor": [
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: BAD_SIGNATURE] bad signature"),
        "curl: (35) OpenSSL/3.0.22: error:0A00007B:SSL routines::bad signature",
    ],
    "revoked": ["SSL certificate problem: certificate revoked", PYTHON_CLIENT.format(error=VERIFY + "certificate revoked"), "certificate revoked"],
    "no-usable-list": [PYTHON_CLIENT.format(error=VERIFY + "unable to get certificate CRL"), "CRL_HAS_EXPIRED: CRL has expired"],
    "may-not-issue": [
        PYTHON_CLIENT.format(error=VERIFY + "invalid CA certificate"),
        "verify error:num=24:invalid CA certificate",
        NODE.format(message="key usage does not include certificate signing", code="UNSPECIFIED"),
        "curl: (60) SSL certificate problem: path length constraint exceeded",
        NODE.format(message="permitted subtree violation", code="UNSPECIFIED"),
    ],
    "unknown-extension": [PYTHON_CLIENT.format(error=VERIFY + "unhandled critical extension"), "error 34 at 0 depth lookup: unhandled critical extension"],
    "strict-client": [
        PYTHON_CLIENT.format(error=VERIFY + "CA cert does not include key usage extension"),
        REQUESTS.format(host="x.example", why="Basic Constraints of CA cert not marked critical"),
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Missing Subject Key Identifier (_ssl.c:1028)",
        "verify error:num=81:Path length given without key usage keyCertSign",
        PYTHON_CLIENT.format(error=VERIFY + "Missing Authority Key Identifier"),
        REQUESTS.format(host="x.example", why="Missing Authority Key Identifier"),
    ],
    "too-weak": [
        PYTHON_CLIENT.format(error=VERIFY + "EE certificate key too weak"),
        "curl: (60) SSL certificate problem: EE certificate key too weak",
        "ssl.SSLError: [SSL: CA_MD_TOO_WEAK] ca md too weak (_ssl.c:3874)",
    ],
    "alert-unknown-ca": [
        PYTHON_SERVER.format(error="[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"),
        NGINX.format(error="error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:SSL alert number 48"),
    ],
    "alert-bad-certificate": [
        PYTHON_SERVER.format(error="[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate"),
        PYTHON_SERVER.format(error="[SSL: SSL/TLS_ALERT_BAD_CERTIFICATE] ssl/tls alert bad certificate"),
        "http: TLS handshake error from 192.0.2.7:51234: remote error: tls: bad certificate",
    ],
    "alert-certificate-expired": [NGINX.format(error="error:0A000415:SSL routines::sslv3 alert certificate expired:SSL alert number 45")],
    "alert-certificate-revoked": [NGINX.format(error="error:0A000414:SSL routines::sslv3 alert certificate revoked:SSL alert number 44")],
    "alert-certificate-unknown": [NGINX.format(error="error:14094416:SSL routines:ssl3_read_bytes:sslv3 alert certificate unknown:SSL alert number 46")],
    "no-client-certificate": [
        PYTHON_SERVER.format(error="[SSL: PEER_DID_NOT_RETURN_A_CERTIFICATE] peer did not return a certificate"),
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"),
        "curl: (56) OpenSSL SSL_read: OpenSSL/3.0.13: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0",
        "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "curl: (35) OpenSSL/3.0.22: error:0A000410:SSL routines::sslv3 alert handshake failure",
        "4077B49D2F7F0000:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:ssl/record/rec_layer_s3.c:916:SSL alert number 40",
    ],
    "client-unknown-ca": [
        "curl: (56) OpenSSL SSL_read: OpenSSL/3.0.2: error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0",
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"),
        PYTHON_SERVER.format(error="[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"),
    ],
    "client-dates": [
        "curl: (60) SSL certificate verification failed",
        "curl: (56) OpenSSL SSL_read: error:0A000415:SSL routines::sslv3 alert certificate expired, errno 0",
        PYTHON_SERVER.format(error="[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired"),
    ],
    "client-wrong-purpose": [
        PYTHON_SERVER.format(error="[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unsuitable certificate purpose"),
        "curl: (35) error:0A000413:SSL routines::sslv3 alert unsupported certificate",
    ],
    "client-certificate-unknown": [
        "curl: (56) OpenSSL SSL_read: error:0A000416:SSL routines::sslv3 alert certificate unknown, errno 0",
        PYTHON_SERVER.format(error=VERIFY + "Missing Authority Key Identifier"),
        PYTHON_SERVER.format(error=VERIFY + "unhandled critical extension"),
    ],
    "client-revoked": [
        "curl: (56) OpenSSL SSL_read: error:0A000414:SSL routines::sslv3 alert certificate revoked, errno 0",
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: SSLV3_ALERT_CERTIFICATE_REVOKED] sslv3 alert certificate revoked"),
        PYTHON_SERVER.format(error=VERIFY + "certificate revoked"),
    ],
    "client-no-usable-list": [
        PYTHON_SERVER.format(error=VERIFY + "unable to get certificate CRL"),
        PYTHON_SERVER.format(error=VERIFY + "CRL has expired"),
    ],
    "client-copied": [
        "curl: (56) OpenSSL SSL_read: OpenSSL/3.0.22: error:0A00041B:SSL routines::tlsv1 alert decrypt error, errno 0",
        PYTHON_SERVER.format(error="[SSL: BAD_SIGNATURE] bad signature"),
    ],
    "hung-up": [
        PYTHON_CLIENT.format(error="ssl.SSLEOFError: EOF occurred in violation of protocol"),
        "ssl.SSLEOFError: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol (_ssl.c:1006)",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        "ConnectionResetError: [WinError 10054] An existing connection was forcibly closed by the remote host",
        NODE.format(message="socket hang up", code="ECONNRESET"),
        "Error: read ECONNRESET\n    at TLSWrap.onStreamRead (node:internal/stream_base_commons:217:20)",
        "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to www.bank.example:443 ",
        "http.client.RemoteDisconnected: Remote end closed connection without response",
        "curl: (55) getpeername() failed with errno 107: Transport endpoint is not connected",
    ],
    "nobody-listens": [
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "curl: (7) Failed to connect to localhost port 8443 after 0 ms: Couldn't connect to server",
        "Error: connect ECONNREFUSED ::1:8443\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)",
        "connect:errno=111",
        "ConnectionRefusedError: [WinError 10061] No connection could be made because the target machine actively refused it",
    ],
    "server-speaks-no-tls": [
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number"),
        "curl: (35) TLS connect error: error:0A00010B:SSL routines::wrong version number",
        "Error: write EPROTO 809CE717077F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/openssl/ssl/record/ssl3_record.c:350:",
        '127.0.0.1 - - [24/Nov/2026 14:00:00] code 400, message Bad request version ("\\x16\\x03")',
    ],
    "client-speaks-no-tls": [PYTHON_SERVER.format(error="[SSL: HTTP_REQUEST] http request"), "ERR_SSL_HTTP_REQUEST: 801C:error:0A00009C:SSL routines:ssl3_get_record:http request:x.c:341:"],
    "no-common-version": [
        "curl: (35) error:0A00042E:SSL routines::tlsv1 alert protocol version",
        PYTHON_SERVER.format(error="[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol"),
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: UNSUPPORTED_PROTOCOL] unsupported protocol"),
        "curl: (35) error:0A000102:SSL routines::unsupported protocol",
        "error:1425F102:SSL routines:ssl_choose_client_version:unsupported protocol",
        "javax.net.ssl.SSLHandshakeException: Received fatal alert: protocol_version",
        NGINX.format(error="error:14209102:SSL routines:tls_early_post_process_client_hello:unsupported protocol"),
    ],
    "old-renegotiation": [
        PYTHON_CLIENT.format(error="ssl.SSLError: [SSL: UNSAFE_LEGACY_RENEGOTIATION_DISABLED] unsafe legacy renegotiation disabled"),
        "curl: (35) error:0A000152:SSL routines::unsafe legacy renegotiation disabled",
        NODE.format(message="write EPROTO 80:error:0A000152:SSL routines:final_renegotiate:unsafe legacy renegotiation disabled:x.c:922:", code="EPROTO"),
    ],
    "no-common-cipher": [PYTHON_SERVER.format(error="[SSL: NO_SHARED_CIPHER] no shared cipher"), NGINX.format(error="error:0A0000C1:SSL routines::no shared cipher")],
    "key-of-another": [
        "ssl.SSLError: [X509: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3926)",
        "curl: (58) unable to set private key file: 'key.pem' type PEM",
        'nginx: [emerg] SSL_CTX_use_PrivateKey("/etc/nginx/key.pem") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)',
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "pasted"),
    [(name, text) for name, texts in PASTED.items() for text in texts],
    ids=lambda value: value[-40:],
)
def test_what_people_paste_leads_to_the_right_entry_first(wanted, pasted):
    assert clinic.find(pasted)[0].id == wanted


def test_every_entry_is_found_in_the_words_of_somebody():
    assert set(PASTED) == set(ENTRIES)


@pytest.mark.parametrize(
    "pasted",
    [
        "", "   \n\t ", "…", "ssl", "SSL", "error", "certificate", "alert", "x", "0", "(", "[SSL: ", "\\", "curl: (6)",
        "curl: (6) Could not resolve host: bank.example",
        "getaddrinfo ENOTFOUND bank.example",
        "socket.gaierror: [Errno -2] Name or service not known",
        "ModuleNotFoundError: No module named 'requests'",
        "TimeoutError: timed out",
        "curl: (28) Operation timed out after 5000 milliseconds",
        "curl: (22) The requested URL returned error: 404",
        "Permission denied (publickey).",
        "Host key verification failed.",
        "GET / HTTP/1.1\nHost: bank.example",
        "The request failed: HTTP request was not successful, the certificate of the course is required",
        "ssl.SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:852)",
        "unable to get local issuer certificates", "selfsigned certificate", "hostname",
        "Verify return code: 0 (ok)",
        "<script>alert(1)</script>",
        "Protocol version mismatch: SSH-1.99",
        "docker: client protocol version is too new",
        "WebSocket handshake failure",
        "SASL handshake failure",
        "Kerberos: Decrypt error",
        "pam: certificate expired", "a bad certificate", "certificate unknown to the church",
        "axios: Unsupported protocol ftp:",
        "gpg: BAD signature from somebody",
        "401: client certificate required",
    ],
)  # fmt: skip
def test_what_fits_nothing_finds_nothing(pasted):
    assert clinic.find(pasted) == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("unknown ca", ["alert-unknown-ca", "client-unknown-ca"]),
        ("bad certificate", ["alert-bad-certificate", "client-dates"]),
        ("certificate expired", ["alert-certificate-expired", "client-dates"]),
        ("certificate revoked", ["alert-certificate-revoked", "client-revoked", "revoked"]),
        ("certificate unknown", ["alert-certificate-unknown", "client-certificate-unknown"]),
        ("unsupported certificate", ["wrong-purpose", "client-wrong-purpose"]),
        ("certificate required", ["no-client-certificate"]),
        ("handshake failure", ["no-client-certificate", "no-common-cipher"]),
        ("decrypt error", ["impostor", "client-copied"]),
        ("bad signature", ["impostor", "client-copied"]),
        ("protocol version", ["no-common-version"]),
        ("unsupported protocol", ["no-common-version"]),
    ],
)
def test_a_name_is_found_alone_or_where_tls_is_spoken_of(name, wanted):
    said = [name, name.title(), name.replace(" ", "_"), f"“{name}”.", f" {name}\n"]
    said += [f"Alert {name}", f"ssl/tls alert {name}", f"OpenSSL: {name}", f"SSLHandshakeException: {name} (1)"]
    for text in said:
        assert {entry.id for entry in clinic.find(text)} <= set(wanted), text
        assert {entry.id for entry in clinic.find(text)} >= set(wanted) - {"revoked", "alert-certificate-revoked"}, text
    if name != "certificate revoked":
        assert clinic.find(f"postfix: {name}") == []


@pytest.mark.needs("openssl", "curl")
def test_a_good_visit_finds_nothing():
    with runs.s_server(GOOD) as server:
        where, files = f"127.0.0.1:{server.port}", runs.files(GOOD)
        to_here = ["--resolve", f"{HOST}:{server.port}:127.0.0.1", "--cacert", "root.pem"]
        visits = [
            programs.run_to_end(
                "openssl", "s_client", "-connect", where, "-CAfile", "root.pem", files=files, input=b"Q\n"
            ),
            programs.run_to_end("curl", "-q", "-v", *to_here, f"https://{HOST}:{server.port}/", files=files),
        ]
    for visit in visits:
        assert "TLSv1.3" in visit.output + visit.errors
        assert clinic.find(visit.output + visit.errors) == []


def test_a_text_that_fits_twice_finds_both():
    def found(text):
        return [entry.id for entry in clinic.find(text)]

    assert found("tlsv1 alert unknown ca") == ["alert-unknown-ca", "client-unknown-ca"]
    assert found("sslv3 alert handshake failure") == ["no-client-certificate", "no-common-cipher"]
    assert found("self-signed certificate in certificate chain") == [
        "self-signed-in-chain",
        "client-unknown-ca",
    ]
    both = "first self-signed certificate, then self-signed certificate in certificate chain"
    assert found(both) == ["self-signed-in-chain", "self-signed", "client-unknown-ca"]
    assert found("no shared cipher, and then: connection refused") == ["nobody-listens", "no-common-cipher"]


def test_each_text_of_the_clinic_finds_its_entry():
    for entry in clinic.load():
        for text in entry.at(entry.prints):
            for words in (text.text, *text.others):
                # A server in Node refuses without a word, whatever the reason.
                wanted = "hung-up" if words.startswith("ECONNRESET") else entry.id
                assert wanted in [found.id for found in clinic.find(words)], words


def test_a_long_text_takes_no_long_time():
    assert clinic.find("self-signed certificate " * 2000)[0].id == "self-signed"
    assert clinic.find("a" * 1_000_000) == []


# The file.

GOOD_FILE = """
entries:
  - id: one
    title: One
    group: client refuses
    prints: client
    keys: [it went wrong]
    client: {Python: It went wrong, curl: [{text: "It went wrong!", or: [It went badly]}, again]}
    server: {Node: [read]}
    causes: [{cause: a, tell: b, mend: c}]
    source: s
"""


def loaded_from(tmp_path, text):
    path = tmp_path / "clinic.yaml"
    path.write_text(text, encoding="utf-8")
    return clinic.load(path)


def test_the_file_is_read(tmp_path):
    (entry,) = loaded_from(tmp_path, GOOD_FILE)
    assert entry.at("client") == (
        clinic.Text("Python", "client", "It went wrong", ()),
        clinic.Text("curl", "client", "It went wrong!", ("It went badly",)),
        clinic.Text("curl", "client", "again", ()),
    )
    assert entry.at("server") == (clinic.Text("Node", "server", "read", ()),)
    assert entry.causes == (clinic.Cause("a", "b", "c"),)
    assert entry.note == ""
    assert clinic.find("And then IT WENT wrong.", [entry]) == [entry]


def test_a_file_may_have_names_in_the_place_of_keys(tmp_path):
    (entry,) = loaded_from(tmp_path, GOOD_FILE.replace("keys:", "names:"))
    assert (entry.keys, entry.names) == ((), ("it went wrong",))
    assert [clinic.find(text, [entry]) for text in ("It went wrong", "And then it went wrong.")] == [[entry], []]


BROKEN = {
    "is not a text file with YAML": ("entries:", "entries: ["),
    "must hold 'entries:', a list, and nothing else": ("entries:", "entry:"),
    "two entries with the id 'one'": ("    source: s\n", "    source: s\n" + GOOD_FILE.partition("entries:\n")[2]),
    "entry 'one': it has no 'source'": ("    source: s\n", ""),
    "entry 'one': it has the unknown key 'sauce'": ("source: s", "source: s\n    sauce: t"),
    "'title' must be text, not 1": ("title: One", "title: 1"),
    "'note' must be text, not ''": ("source: s", "source: s\n    note: ''"),
    "its 'group' is 'nobody refuses'": ("client refuses", "nobody refuses"),
    "its 'prints' is 'both'": ("prints: client", "prints: both"),
    "'keys' must be a list": ("[it went wrong]", "it went wrong"),
    "its 'causes' must not be empty": ("[{cause: a, tell: b, mend: c}]", "[]"),
    "a cause has no 'mend'": (", mend: c", ""),
    "a cause must have cause, tell, mend, and is 'a'": ("{cause: a, tell: b, mend: c}", "a"),
    "a key is words in small letters with one space between, and 'It went' is not": ("[it went wrong]", "[It went]"),
    "and 1 is not": ("[it went wrong]", "[1]"),
    "there is no program 'Perl'": ("{Node: [read]}", "{Perl: read}"),
    "'server' must be texts by program": ("{Node: [read]}", "read"),
    "a text of Node at the server must have text, or, and is 7": ("{Node: [read]}", "{Node: 7}"),
    "a text of curl at the client has no 'text'": ('text: "It went wrong!", or', "or"),
    "'or' of curl at the client must be a list of texts": ("[It went badly]", "[1]"),
    "none of its keys and names stands in what the client prints": ("[it went wrong]", "[]"),
    "none of its keys and names stands in what the server prints": ("prints: client", "prints: server"),
    "it must have id, title": ("entries:", "entries:\n  - 5"),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_a_broken_file_gets_a_sentence(tmp_path, sentence):
    old, new = BROKEN[sentence]
    assert old in GOOD_FILE
    with pytest.raises(clinic.ClinicFileError) as caught:
        loaded_from(tmp_path, GOOD_FILE.replace(old, new, 1))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("clinic.yaml")


def test_a_file_that_is_no_text_gets_a_sentence(tmp_path):
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(clinic.ClinicFileError, match="is not a text file with YAML"):
        clinic.load(tmp_path / "bad.yaml")


def test_no_mend_switches_the_check_off():
    off = r"verify\s*=\s*False|CERT_NONE|check_hostname|--insecure|(^|\s)-k\b|rejectUnauthorized|NODE_TLS|SECLEVEL|strict-ssl"
    for entry in clinic.load():
        for cause in entry.causes:
            assert not re.search(off, f"{cause.mend} {cause.tell} {entry.note}"), entry.id


def test_where_an_entry_names_another_there_is_one():
    titles = " | ".join(entry.title for entry in clinic.load())
    named = re.findall(r"entry “([^”]+)”", str(clinic.load()))
    assert len(named) > 5
    assert [title for title in named if title not in titles] == []


# The widget, without a browser.


def test_the_widget_says_what_it_found():
    widget = view.Clinic()
    for text, message, found in [
        (" \n", "Paste an error text first. All entries are shown.", []),
        (
            "404 Not Found",
            "Nothing here fits. This clinic knows Python, openssl, curl and Node. All entries are shown.",
            [],
        ),
        ("EE certificate key too weak", "1 entry fits.", ["too-weak"]),
        (
            "bad_signature: ssl bad signature",
            "2 entries fit. Which end printed the text? Take the entry for that end.",
            ["impostor", "client-copied"],
        ),
        ("a line of a log\n" * 5000 + "EE certificate key too weak", "1 entry fits.", ["too-weak"]),
    ]:
        widget._on_message(widget, {"action": "find", "text": text}, [])
        assert (widget.said["message"], widget.said["found"]) == (message, found)


def test_the_stored_form_is_the_whole_list_and_the_same_each_time():
    stored, again = (view.Clinic()._repr_mimebundle_()[0] for _ in range(2))
    for kind in ("text/html", "text/plain"):
        assert stored[kind] == again[kind]
    html = stored["text/html"]
    assert html.count("<details") == html.count("</details>") == len(ENTRIES)
    assert html.index("The client refuses the server") < html.index("The server refuses the client")
    for entry in clinic.load():
        assert html.count(view._entry(entry)) == 1
    assert "\n" not in stored["text/plain"]
    assert f"{len(ENTRIES)} entries" in stored["text/plain"]


def test_an_entry_shows_all_that_it_has():
    shown = view._entry(ENTRIES["no-way-to-a-root"])
    for part in (
        "<summary>The client finds no way from the server&#x27;s certificate to a root CA that it trusts</summary>",
        "<b>The client prints one of these:</b>",
        "<li>openssl: <code>verify error:num=20:unable to get local issuer certificate</code></li>",
        "curl: (77) error setting certificate file: none.pem</code><br>or: <code>curl: (77) error adding trust anchors",
        "<b>The other end, the server, prints one of these:</b>",
        "<li>Python: <code>[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca</code></li>",
        "<b>The server does not send the certificate of the intermediate CA.</b><br><i>How to tell:</i> <code>openssl s_client",
        "<i>Mend:</i> At the server, put the intermediate certificate into the same file",
        "Source: RFC 5280, section 6.1",
    ):
        assert part in shown
    assert "<b>The server prints one of these:</b>" in view._entry(ENTRIES["alert-unknown-ca"])
    assert "The other end" not in view._entry(ENTRIES["nobody-listens"])


def test_nothing_in_an_entry_is_taken_for_markup():
    evil = "<script>alert('x')</script>\u202e&"
    text = clinic.Text(evil, "client", evil, (evil,))
    texts = (text, replace(text, end="server"))
    entry = clinic.Entry(
        evil, evil, "client refuses", "client", (), (), texts, (clinic.Cause(evil, evil, evil),), evil, evil
    )
    shown = view._entry(entry)
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert shown.count("&lt;script&gt;") == 13


def test_code_is_marked_in_every_explanation():
    for entry in clinic.load():
        for part in (entry.note, *(text for cause in entry.causes for text in (cause.cause, cause.tell, cause.mend))):
            assert part.count("`") % 2 == 0, part
            assert not part or part.endswith((".", "?")), part
