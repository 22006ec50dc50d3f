"""Whose certificate is it? Compares the name that was asked for with the names in the certificate (RFC 9525)."""

import ipaddress
import re
from dataclasses import dataclass

from cryptography import x509

from helpers.display.text import short
from helpers.trust.reading import Reading, shown
from helpers.trust.report import Problem

# RFC 1034, section 3.5, as modified by RFC 1123, section 2.1: a label has letters, digits and hyphens, and neither
# begins nor ends with a hyphen.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class LooksLikeAnAddress(ValueError):
    """A name that could be taken for an IP address, and is none as it is written."""


@dataclass(frozen=True)
class Reference:
    """The name that the client wants to reach. `kind` is "DNS name", "IP address" or "e-mail address".

    RFC 9525, section 6.1.1: the client MUST construct it "independently of the identifiers presented by the server."
    """

    kind: str
    value: str | ipaddress.IPv4Address | ipaddress.IPv6Address


def reference(name: str) -> Reference:
    """What kind of name it is. An internationalised name becomes the form that DNS and certificates use ("xn--...").

    Raises ValueError where it can be no name at all.
    """
    # RFC 9525, section 3: the text of an IPv4 address can look like a DNS name. So that is tested first.
    try:
        return Reference("IP address", ipaddress.ip_address(name))
    except ValueError:
        pass
    if "@" in name:
        # RFC 5280, section 7.5: the host of an e-mail address is compared in the form of DNS, too.
        local, _, host = name.rpartition("@")
        return Reference("e-mail address", f"{local}@{dns_name(host)}")
    return Reference("DNS name", dns_name(name))


def is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # "fe80::1%eth0" names a network card of this computer as well


def dns_name(name: str) -> str:
    """A DNS name in lower case and ASCII. Raises ValueError where it is none."""
    name = name.removesuffix(".")
    if not name.isascii():
        import idna  # only here: its tables take a while to load

        # RFC 9525, section 6.3: "the client MUST convert any U-labels [IDNA-DEFS] in the domain name to A-labels".
        name = idna.encode(name, uts46=True).decode()
    # An underscore may not stand in a host name (RFC 1123), but people do look such names up.
    if not is_dns_name(name.replace("_", "-")):
        raise ValueError(f"this is no DNS name: {name!r}")
    # A top-level domain is never a number. "127.1" and "0x7f.1" are old ways to write an IPv4 address.
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise LooksLikeAnAddress(f"this is no DNS name, and no IP address as it should be: {name!r}")
    return name.lower()


def is_dns_name(name: str) -> bool:
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))


def check(leaf: Reading, wanted: Reference) -> Problem | None:
    """Why the leaf is not for the name that was asked for, or None where it is."""
    names = leaf.get(x509.SubjectAlternativeName)
    if names is None:
        # RFC 9525, section 2: the common name "MUST NOT be used to identify a service".
        return Problem("no_san", "It has no subject alternative name. A common name does not count.")
    if any(_matches(wanted, name) for name in names):
        return None
    asked = f"The {wanted.kind} {wanted.value} was asked for."
    return Problem("hostname_mismatch", f"{asked} The certificate is for {_listed(names, wanted.kind)}.")


def _matches(wanted: Reference, presented: x509.GeneralName) -> bool:
    match wanted.kind, presented:
        case "DNS name", x509.DNSName():
            return dns_matches(wanted.value, presented.value)
        case "IP address", x509.IPAddress():
            # RFC 9525, section 6.4: "an octet-for-octet comparison of the bytes"
            return wanted.value == presented.value
        case "e-mail address", x509.RFC822Name():
            return mailbox(wanted.value) == mailbox(presented.value)
    return False


def dns_matches(wanted: str, presented: str) -> bool:
    # RFC 9525, section 6.3: "a case-insensitive ASCII comparison"
    presented = presented.lower()
    if "*" not in presented:
        return wanted == presented
    # RFC 9525, section 6.3: "There is only one wildcard character", and it "appears only as the complete content of the
    # left-most label". And: "A wildcard in a presented identifier can only match one label in a reference
    # identifier."
    star, _, domain = presented.partition(".")
    label, _, rest = wanted.partition(".")
    return star == "*" and bool(label) and rest == domain and not is_public(domain)


def is_public(domain: str) -> bool:
    """Whether a whole top-level domain stands under the wildcard ("*.com").

    RFC 9525 leaves that open (section 7.1). OpenSSL refuses it just as this does: two labels are needed. Browsers have
    the Public Suffix List, which knows that co.uk is public as well.
    """
    return domain.count(".") < 1


def mailbox(address: str) -> tuple[str, str]:
    """RFC 5280, section 7.5: the host of an e-mail address is compared without case, the local part exactly."""
    local, _, host = address.rpartition("@")
    return local, host.lower()


KINDS = {
    x509.DNSName: "DNS name",
    x509.IPAddress: "IP address",
    x509.RFC822Name: "e-mail address",
    x509.UniformResourceIdentifier: "URI",
    x509.DirectoryName: "directory name",
}


def presented(name: x509.GeneralName) -> tuple[str, str]:
    """The kind of a name in a certificate, and the name, for people."""
    if type(name) not in KINDS:
        return "name of another kind", "(not shown)"
    return KINDS[type(name)], shown(name.value) if isinstance(name, x509.DirectoryName) else short(str(name.value))


def _listed(names: x509.SubjectAlternativeName, asked_kind: str) -> str:
    listed = [value if kind == asked_kind else f"the {kind} {value}" for kind, value in map(presented, [*names][:3])]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(listed) + more
