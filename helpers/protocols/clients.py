"""Real clients that visit a site on this computer: the programs `openssl`, `curl` and `node`, and what they say.

with Site(server) as site:
    clients.openssl(site, "bank.example", root.certificate)
    clients.curl(site, "bank.example", root.certificate, root.issue_client("alice@bank.example"))

Any server with a `.port` on 127.0.0.1 can be visited so. A client with a `credential` shows it where the site asks.
All that they say comes on one line, and nothing in it is invisible.
"""

import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import programs
from helpers.display.error import error_text
from helpers.display.text import visible
from helpers.protocols.site import Site
from helpers.trust.pki import Credential

# A line of OpenSSL: thread, "error", number, library, function, reason, file, line, more. All but the reason varies.
_OPENSSL_ERROR = re.compile(r"[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):.*")


def openssl(site: Site, host: str, root: x509.Certificate, credential: Credential | None = None) -> str:
    """What `openssl s_client` says of the site's certificate when it trusts `root` and wants `host`.

    With a `credential` it gives the page that it gets. Where the site ends the connection, it gives the error: by
    itself, s_client says "0 (ok)" also then, because it accepts the site's certificate.

    It checks no host unless it is told to (-verify_hostname). Raises CourseError where the program is missing.
    """
    arguments = ["s_client", "-connect", f"127.0.0.1:{site.port}", "-servername", host, "-verify_hostname", host]
    # Without this option it goes on after an error, and reports the last one that it met.
    arguments.append("-verify_return_error")
    # It takes trusted certificates from the system's folder as well, unless it is told not to.
    arguments += ["-CAfile", "root.pem", "-no-CApath", "-no-CAstore"]
    if credential:
        arguments += ["-cert", "client.pem"]
        if credential.intermediates:
            arguments += ["-cert_chain", "intermediates.pem"]
    # Both have it wait for the site's answer. -quiet has it print that answer only.
    arguments.append("-quiet" if credential else "-ign_eof")
    request = f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"  # in HTTP/1.1 the page could come in pieces
    result = programs.run_to_end("openssl", *arguments, files=_files(root, credential), input=request.encode())
    refuses = re.search(r"^verify error:num=(\d+):(.*)$", result.errors, re.MULTILINE)
    if refuses:
        return _one_line(f"{refuses[1]} ({refuses[2]})")
    if result.status != 0:
        return last_error(result.errors)
    said = re.search(r"^\s*Verify return code: (.*)$", result.output, re.MULTILINE)
    return _one_line(said[1] if said else result.output.replace("\r\n", "\n").partition("\n\n")[2])


def curl(site: Site, host: str, root: x509.Certificate, credential: Credential | None = None) -> str:
    """The page that `curl` gets from the site when it trusts `root` and wants `host`, or why it does not.

    Raises CourseError where the program is missing.
    """
    # -q: without the learner's own settings. --resolve: the lab's names stand in no DNS.
    # --ssl-no-revoke: on Windows curl would ask the lab's CA for revocations, and it has no such service.
    arguments = [
        "-q",
        "--ssl-no-revoke",
        "--silent",
        "--show-error",
        "--resolve",
        f"{host}:{site.port}:127.0.0.1",
        "--cacert",
        "root.pem",
    ]
    if credential:
        arguments += ["--cert", "client.pem"]
    url = f"https://{host}:{site.port}/"
    result = programs.run_to_end("curl", *arguments, url, files=_files(root, credential))
    # curl says more on further lines: how to switch the check off. That is no advice for a lesson.
    error = re.sub(r"OpenSSL/\S+: ", "", result.errors.strip().partition("\n")[0])
    return _one_line(error if result.status else result.output)


def node(site: Site, host: str, root: x509.Certificate, credential: Credential | None = None) -> str:
    """The page that a client in Node.js gets when it trusts `root` and wants `host`, or the code and text of its error.

    Raises CourseError where the program is missing or too old.
    """
    files = _files(root, credential) | {"client.js": Path(__file__).with_name("node_client.js").read_bytes()}
    arguments = ["client.js", host, str(site.port), *(["client.pem"] if credential else [])]
    result = programs.run_to_end("node", *arguments, files=files)
    return node_error(last_error(result.errors)) if result.status else _one_line(result.output)


def node_error(text: str) -> str:
    """An error of Node, the same for its versions.

    Node builds its codes of OpenSSL's words, and OpenSSL 3.2 renamed the old alerts: the newer name stands for both.
    Node 24 adds, behind a semicolon, how to trust the system's roots as well: that is no advice for a lesson.
    """
    return text.replace("ERR_SSL_SSLV3_ALERT", "ERR_SSL_SSL/TLS_ALERT").partition("; if the root CA")[0]


def last_error(text: str) -> str:
    """The last line of what a program wrote, without what varies from run to run. Of an OpenSSL error, the reason."""
    lines = [line for line in text.splitlines() if line.strip()]
    return _one_line(_OPENSSL_ERROR.sub(r"\1", lines[-1])) if lines else ""


def _one_line(text: str) -> str:
    return visible(error_text(text))


def _files(root: x509.Certificate, credential: Credential | None) -> dict[str, bytes]:
    files = {"root.pem": root.public_bytes(Encoding.PEM)}
    if credential:
        intermediates = b"".join(one.public_bytes(Encoding.PEM) for one in credential.intermediates)
        files |= {"client.pem": credential.key_pem() + credential.chain_pem(), "intermediates.pem": intermediates}
    return files
