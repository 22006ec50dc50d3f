"""Real clients that visit a site on this computer: the programs `openssl` and `curl`, and what they say.

with Site(server) as site:
    clients.openssl(site, "bank.example", root.certificate)
"""

import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from helpers import programs
from helpers.display.error import error_text
from helpers.protocols.site import Site


def openssl(site: Site, host: str, root: x509.Certificate) -> str:
    """What `openssl s_client` says of the site's certificate when it trusts `root` and wants `host`.

    It checks no host unless it is told to (-verify_hostname). Raises CourseError where the program is missing.
    """
    arguments = ["s_client", "-connect", f"127.0.0.1:{site.port}", "-servername", host, "-verify_hostname", host]
    # Without this option it goes on after an error, and reports the last one that it met.
    arguments.append("-verify_return_error")
    # It takes trusted certificates from the system's folder as well, unless it is told not to.
    trust = ["-CAfile", "root.pem", "-no-CApath", "-no-CAstore"]
    result = programs.run_to_end("openssl", *arguments, *trust, files=_root_file(root))
    said = re.search(r"^\s*Verify return code: (.*)$", result.output, re.MULTILINE)
    return error_text(said[1] if said else result.errors)


def curl(site: Site, host: str, root: x509.Certificate) -> str:
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
    result = programs.run_to_end("curl", *arguments, f"https://{host}:{site.port}/", files=_root_file(root))
    # curl says more on further lines: how to switch the check off. That is no advice for a lesson.
    return result.output.strip() or error_text(result.errors.strip().partition("\n")[0])


def _root_file(root: x509.Certificate) -> dict[str, bytes]:
    return {"root.pem": root.public_bytes(Encoding.PEM)}
