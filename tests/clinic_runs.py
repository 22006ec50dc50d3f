"""The runs behind the error clinic: each fault is made for real, and what the programs at both ends write is kept.

A fault is what the two ends have. It runs in Python's own `ssl` (in memory), between `openssl s_client` and `s_server`,
with `curl` as the client of `s_server`, and in Node. A `Said` holds what came of it: for each end, its lines.
"""

import contextlib
import http.client
import http.server
import json
import re
import socket
import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import programs
from helpers.display.error import error_text
from helpers.running import wait_until
from helpers.trust import pki

HOST = "bank.example"
Said = dict[str, list[str]]  # "client" or "server" -> the lines that it wrote

# Whatever a server is told to show, it shows. To refuse it is for the client.
WEAK_TOO = "DEFAULT:@SECLEVEL=0"
# Debian's programs and Python ask for this level by default, older ones of others do not.
STRONG_ONLY = "DEFAULT:@SECLEVEL=2"
# What happens over TCP after a late refusal is a race: who closes first decides whether the alert is still read.
MOST_TRIES, MOST_NODE_TRIES = 20, 5  # Node is slow, and wins this race
LOST = "failure: |getpeername|Empty reply"  # what curl says then


@dataclass(frozen=True)
class Fault:
    """What the two ends have. Who has `crls` checks revocation. `only`: the programs that make this fault."""

    server: pki.Credential
    root: x509.Certificate | None
    host: str = HOST
    client: pki.Credential | None = None
    server_trusts: x509.Certificate | None = None
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    server_crls: tuple[x509.CertificateRevocationList, ...] = ()
    strict: bool = False
    server_strict: bool = False
    client_versions: tuple[str, str] = ("1.2", "1.3")
    server_versions: tuple[str, str] = ("1.2", "1.3")
    client_ciphers: str = STRONG_ONLY
    server_ciphers: str = WEAK_TOO
    only: tuple[str, ...] = ("Python", "openssl", "curl", "Node")

    @property
    def late(self) -> bool:
        """Whether a client that has completed its handshake may still be refused."""
        return self.server_trusts is not None and self.client_versions[1] == self.server_versions[1] == "1.3"


def plain(text: str) -> str:
    """A line as it stands in clinic.yaml: without what differs from run to run, and from version to version."""
    text = error_text(text)
    # OpenSSL's thread, the function in its source, the file and the line. curl and Node leave the function out as well.
    text = re.sub(r"\b[0-9A-F]{8,16}:(?=error:)", "", text)
    source = r"(error:[0-9A-F]{8}:[^:]+):[^:]*:([^:]+):(?:[A-Z]:)?[^:]+\.c:\d+:?"
    text = re.sub(source, r"\1::\2:", text).rstrip(": ").removesuffix(":ECDSA digest_verify_final")
    # curl: the library's version, and the words before an error of the library.
    text = re.sub(r"OpenSSL/\d[\w.-]*: |TLS connect error: ", "", text)
    text = re.sub(r"( port |bank\.example:)\d+", r"\1PORT", text)
    text = re.sub(r"after \d+ ms", "after N ms", text)
    # Node: advice that newer versions add.
    return re.sub(r"; if the root CA is installed locally.*", "", text)


# Python, in memory: nothing is on its way, so every run is the same.


def python(fault: Fault) -> Said:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        "client": client_context(fault).wrap_bio(to_client, to_server, server_hostname=fault.host),
        "server": server_context(fault).wrap_bio(to_server, to_client, server_side=True),
    }
    # A late refusal reaches the client with its first read.
    plans = {end: [connection.do_handshake, connection.read] for end, connection in ends.items()}
    said: Said = {"client": [], "server": []}
    for _ in range(6):
        for end, plan in plans.items():
            try:
                while plan:
                    plan[0]()
                    plan.pop(0)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                said[end].append(plain(error_text(error)))
                plan.clear()
    return said


def client_context(fault: Fault) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if fault.root:
        context.load_verify_locations(cadata=fault.root.public_bytes(Encoding.DER))
    check_more(context, fault.strict, fault.crls)
    if fault.client:
        load(context, fault.client)
    return limited(context, fault.client_versions, fault.client_ciphers)


def server_context(fault: Fault) -> ssl.SSLContext:
    context = limited(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), fault.server_versions, fault.server_ciphers)
    load(context, fault.server)
    if fault.server_trusts:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=fault.server_trusts.public_bytes(Encoding.DER))
    check_more(context, fault.server_strict, fault.server_crls)
    return context


def check_more(context: ssl.SSLContext, strict: bool, crls: tuple[x509.CertificateRevocationList, ...]) -> None:
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    if crls:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    for crl in crls:
        with private_file(crl.public_bytes(Encoding.PEM)) as path:
            context.load_verify_locations(path)


def limited(context: ssl.SSLContext, versions: tuple[str, str], ciphers: str) -> ssl.SSLContext:
    context.minimum_version, context.maximum_version = (ssl.TLSVersion[f"TLSv{v.replace('.', '_')}"] for v in versions)
    context.set_ciphers(ciphers)
    return context


def load(context: ssl.SSLContext, credential: pki.Credential) -> None:
    with private_file(credential.key_pem() + credential.chain_pem()) as path:
        context.load_cert_chain(path)


@contextlib.contextmanager
def private_file(content: bytes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.pem"
        path.write_bytes(content)
        yield path


# openssl and curl, over TCP.


def files(fault: Fault) -> dict[str, bytes]:
    found = {"key.pem": fault.server.key_pem(), "chain.pem": fault.server.chain_pem(), "none.pem": b""}
    if fault.client:
        found |= {"client-key.pem": fault.client.key_pem(), "client.pem": fault.client.chain_pem()}
    roots = {"root.pem": fault.root, "client-root.pem": fault.server_trusts}
    found |= {name: root.public_bytes(Encoding.PEM) for name, root in roots.items() if root}
    lists = {"crl.pem": fault.crls, "server-crl.pem": fault.server_crls}
    return found | {name: b"".join(crl.public_bytes(Encoding.PEM) for crl in crls) for name, crls in lists.items()}


def s_server(fault: Fault):
    return programs.run("openssl", *s_server_arguments(fault), ready="ACCEPT", files=files(fault))


def s_server_arguments(fault: Fault) -> list[str]:
    arguments = ["s_server", "-accept", "127.0.0.1:{port}", "-www", "-key", "key.pem", "-cert", "chain.pem"]
    arguments += ["-cert_chain", "chain.pem", *openssl_limits(fault.server_versions, fault.server_ciphers)]
    if fault.server_trusts:
        arguments += ["-Verify", "3", "-verify_return_error", "-CAfile", "client-root.pem", "-no-CApath", "-no-CAstore"]
    arguments += ["-x509_strict"] if fault.server_strict else []
    arguments += ["-crl_check", "-CRL", "server-crl.pem"] if fault.server_crls else []
    return arguments


def openssl_limits(versions: tuple[str, str], ciphers: str) -> list[str]:
    only = [f"-tls{versions[0].replace('.', '_')}"] if versions[0] == versions[1] else []
    return ["-cipher", ciphers, *only]


def s_client(fault: Fault, port: int) -> list[str]:
    arguments = ["s_client", "-connect", f"127.0.0.1:{port}", "-verify_return_error", "-no-CApath", "-no-CAstore"]
    arguments += ["-CAfile", "root.pem"] if fault.root else ["-no-CAfile"]
    # It must not end when its input does (there is none), or it would not wait for what the server has to say.
    arguments += ["-ign_eof", *openssl_limits(fault.client_versions, fault.client_ciphers)]
    is_address = fault.host[0].isdigit()
    arguments += (
        ["-verify_ip", fault.host] if is_address else ["-verify_hostname", fault.host, "-servername", fault.host]
    )
    if fault.client:
        arguments += ["-cert", "client.pem", "-cert_chain", "client.pem", "-key", "client-key.pem"]
    arguments += ["-x509_strict"] if fault.strict else []
    arguments += ["-crl_check", "-CRL", "crl.pem"] if fault.crls else []
    result = programs.run_to_end("openssl", *arguments, files=files(fault))
    return openssl_lines(result.output + result.errors)


def openssl_lines(log: str) -> list[str]:
    telling = r"verify error:|Verify return code:|[0-9A-F]+:error:|error setting|\w+:errno="
    return [plain(line) for line in log.splitlines() if re.match(telling, line.strip())]


def openssl(fault: Fault) -> Said:
    with s_server(fault) as server:
        said = {"client": s_client(fault, server.port)}
        wait_until(lambda: openssl_lines(server.log), timeout=2)
    return said | {"server": openssl_lines(server.log)}


def visit_with_curl(fault: Fault, port: int, scheme: str = "https") -> list[str]:
    arguments = ["-q", "--silent", "--show-error", "--max-time", "5"]
    arguments += [] if fault.host[0].isdigit() else ["--resolve", f"{fault.host}:{port}:127.0.0.1"]
    arguments += ["--cacert", "root.pem" if fault.root else "none.pem", "--ciphers", fault.client_ciphers]
    arguments += ["--cert", "client.pem", "--key", "client-key.pem"] if fault.client else []
    arguments += ["--crlfile", "crl.pem"] if fault.crls else []
    arguments += ["--tls-max", fault.client_versions[1], f"--tlsv{fault.client_versions[0]}"]
    result = programs.run_to_end("curl", *arguments, f"{scheme}://{fault.host}:{port}/", files=files(fault))
    # On further lines curl says how to switch the check off.
    return [plain(line) for line in result.errors.splitlines()[:1]]


def curl(fault: Fault) -> Said:
    said: list[str] = []
    with s_server(fault) as server:
        for _ in range(MOST_TRIES if fault.late else 1):
            said += visit_with_curl(fault, server.port)
            if not re.search(LOST, " ".join(said[-1:])):
                break
    return {"client": said}


# Node, over TCP. Starting it is slow, so one Node makes all the faults.

NODE = """
const https = require("https"), http = require("http");
const shown = error => `${error.code}: ${error.message}`;
const ask = (get, options, heard) => new Promise(done =>
  get({host: "127.0.0.1", agent: false, ...options}, answer => answer.resume().on("end", done))
    .on("error", error => { heard.push(shown(error)); done(); }));

async function run({server: config, client, port, tries, scheme}) {
  const said = {client: [], server: []};
  let server;
  if (config) {
    try { server = (config.key ? https : http).createServer(config, (request, response) => response.end("hello")); }
    catch (error) { return {server: [shown(error)]}; }
    server.on("tlsClientError", error => said.server.push(shown(error)));
    if (!config.key) server.on("clientError", (error, socket) => {
      said.server.push(shown(error));
      socket.end("HTTP/1.1 400 Bad Request\\r\\n\\r\\n");
    });
    await new Promise(done => server.listen(0, "127.0.0.1", done));
    port = server.address().port;
  }
  for (let count = 0; count < tries && said.client.every(line => line.startsWith("ECONNRESET")); count++)
    await ask(scheme === "http" ? http.get : https.get, {port, ...client}, said.client);
  if (server) await new Promise(done => server.close(done));
  return said;
}

const plans = JSON.parse(require("fs").readFileSync("plans.json"));
Promise.all(plans.map(run)).then(all => console.log(JSON.stringify(all)));
"""


def node(plans: list[dict]) -> list[Said]:
    result = programs.run_to_end("node", "-e", NODE, files={"plans.json": json.dumps(plans).encode()}, timeout=60)
    assert result.output, result.errors
    return [{end: [plain(line) for line in lines] for end, lines in said.items()} for said in json.loads(result.output)]


def node_plan(fault: Fault, port: int | None = None, **more) -> dict:
    client = {"servername": "" if fault.host[0].isdigit() else fault.host, "ca": pem_or_none(fault.root)}
    client |= node_limits(fault.client_versions, fault.client_ciphers)
    if fault.client:
        client |= {"key": fault.client.key_pem().decode(), "cert": fault.client.chain_pem().decode()}
    if fault.crls:
        client["crl"] = [crl.public_bytes(Encoding.PEM).decode() for crl in fault.crls]
    there = {"port": port} if port else {"server": node_server_options(fault)}
    return {"client": client, "tries": MOST_NODE_TRIES if fault.late else 1, **there, **more}


def node_server_options(fault: Fault) -> dict:
    options = {"key": fault.server.key_pem().decode(), "cert": fault.server.chain_pem().decode()}
    options |= node_limits(fault.server_versions, fault.server_ciphers)
    if fault.server_trusts:
        options |= {"requestCert": True, "rejectUnauthorized": True, "ca": pem_or_none(fault.server_trusts)}
    if fault.server_crls:
        options["crl"] = [crl.public_bytes(Encoding.PEM).decode() for crl in fault.server_crls]
    return options


def node_limits(versions: tuple[str, str], ciphers: str) -> dict:
    return {"minVersion": f"TLSv{versions[0]}", "maxVersion": f"TLSv{versions[1]}", "ciphers": ciphers}


def pem_or_none(root: x509.Certificate | None) -> str | list:
    return root.public_bytes(Encoding.PEM).decode() if root else []


# Where no fault of a certificate is made: nobody listens, somebody speaks no TLS, or hangs up.


@contextlib.contextmanager
def listening(answer):
    """A port of this computer. Each connection that comes in is given to `answer`, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        ended = threading.Event()

        def let_in():
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    connection, _address = listener.accept()
                    with connection:
                        connection.settimeout(5)
                        answer(connection)

        door = threading.Thread(target=let_in, daemon=True)
        door.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            door.join()


@contextlib.contextmanager
def nobody():
    with socket.socket() as taken:  # nobody else can take the port meanwhile, and nobody listens there
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def hang_up(connection: socket.socket) -> None:
    connection.recv(65536)


def old_server(version: bytes, heard: list[bytes]):
    """It answers with a ServerHello of this version, without extensions, as very old servers do. It keeps the reply."""
    body = version + bytes(32) + b"\0" + b"\xc0\x13" + b"\0"  # random, no session id, a cipher suite, no compression
    message = b"\2" + len(body).to_bytes(3, "big") + body

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x16" + version + len(message).to_bytes(2, "big") + message)
        heard.append(connection.recv(65536))

    return listening(answer)


def reset(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@contextlib.contextmanager
def plain_http(log: list[str]):
    """Python's own HTTP server, without TLS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_error(self, format, *values):
            # In brackets it repeats what it has read: random bytes of the ClientHello.
            log.append((format % values).partition(" (")[0])

        def log_message(self, format, *values):
            """No line for each request."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def python_over_tcp(fault: Fault, log: list[str]):
    """Python's `ssl` as a server."""

    def answer(connection: socket.socket) -> None:
        try:
            with server_context(fault).wrap_socket(connection, server_side=True) as secure:
                secure.recv(4096)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except ssl.SSLError as error:
            log.append(plain(error_text(error)))

    return listening(answer)


def visit_with_python(fault: Fault | None, port: int) -> list[str]:
    """Asks for a page as most clients do, who write first and read then. Without a fault, it does so without TLS."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.connect()
        with connection.sock as plain_socket, contextlib.ExitStack() as stack:
            if fault:
                secure = client_context(fault).wrap_socket(plain_socket, server_hostname=fault.host)
                connection.sock = stack.enter_context(secure)
            connection.request("GET", "/")
            connection.getresponse()
    except OSError as error:
        return [plain(error_text(error))]
    return []


NODE_SERVER = """
const options = JSON.parse(require("fs").readFileSync("options.json"));
require("https").createServer(options, (request, response) => response.end("hello"))
  .listen(process.argv[1], "127.0.0.1", () => console.log("it listens"));
"""


def node_as_server(fault: Fault):
    options = {"options.json": json.dumps(node_server_options(fault)).encode()}
    return programs.run("node", "-e", NODE_SERVER, "{port}", ready="it listens", files=options)
