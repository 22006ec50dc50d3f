"""Name constraints: a CA may be allowed to vouch only for some names (RFC 5280, section 4.2.1.10).

It "indicates a name space within which all subject names in subsequent certificates in a certification path MUST be
located."
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from helpers.display.text import short
from helpers.trust.names import is_dns_name, mailbox
from helpers.trust.reading import Reading, comparable, shown
from helpers.trust.report import Problem

MAX_COMPARISONS = 20_000  # of one certificate's names with one CA's constraints


def check(chain: Sequence[Reading]) -> Iterator[Problem]:
    """Problems of `chain`, the leaf first and the root last: names that a CA above them may not vouch for."""
    for position, issuer in enumerate(chain):
        constraints = issuer.get(x509.NameConstraints)
        if constraints is None:
            continue
        if position == 0:
            # RFC 5280, section 4.2.1.10: the extension "MUST be used only in a CA certificate".
            if not issuer.is_ca:
                yield Problem("name_constraints", "It is no CA's certificate, and still has name constraints.")
            continue
        if problem := _unclear(constraints):
            yield problem
            continue
        for below in range(position):
            # RFC 5280, section 6.1.3 (b): "If certificate i is self-issued and it is not the final certificate in the
            # path, skip this step". A CA's own name is not what it vouches for.
            if (below == 0 or not chain[below].self_issued) and (problem := _outside(issuer, chain[below])):
                yield problem


def _unclear(constraints: x509.NameConstraints) -> Problem | None:
    """A constraint that is no name of its kind could be read in two ways, and so it is refused."""
    for base in (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())):
        match base:
            # A leading full stop has a meaning for hosts and mailboxes, but not for DNS names.
            case x509.DNSName() if base.value and not is_dns_name(base.value):
                return Problem("name_constraints", f"“{short(base.value)}” is no DNS name that could constrain others.")
            case x509.RFC822Name() if base.value.count("@") > 1 or not base.value:
                return Problem("name_constraints", f"“{short(base.value)}” is no mailbox and no host.")
    return None


def _outside(issuer: Reading, reading: Reading) -> Problem | None:
    """The first name of `reading` that `issuer` may not vouch for. Many chains can share these two."""
    if reading not in issuer.found:
        issuer.found[reading] = _first_outside(issuer, reading)
    return issuer.found[reading]


def _first_outside(issuer: Reading, reading: Reading) -> Problem | None:
    constraints, names = issuer.get(x509.NameConstraints), list(_names(reading))
    permitted, excluded = constraints.permitted_subtrees or (), constraints.excluded_subtrees or ()
    if len(names) * (len(permitted) + len(excluded)) > MAX_COMPARISONS:
        return Problem("name_constraints", "There are too many names and constraints. This verifier stops here.")
    for name in names:
        bases = [base for base in excluded if type(base) is type(name)]
        if any(_may_lie_in(name, base) for base in bases):
            return Problem("name_constraints", f"A CA above it is forbidden to vouch for {_shown(name)}.")
        bases = [base for base in permitted if type(base) is type(name)]
        # RFC 5280, section 4.2.1.10: "If no name of the type is in the certificate, the certificate is acceptable."
        # And a constraint on one kind of name says nothing about the others.
        if bases and not any(_lies_in(name, base) for base in bases):
            return Problem("name_constraints", f"A CA above it may vouch for some names, but not for {_shown(name)}.")
    return None


def _names(reading: Reading) -> Iterator[x509.GeneralName]:
    """All that a certificate calls its subject: its subject field, and its alternative names."""
    subject = reading.certificate.subject
    if list(subject):
        yield x509.DirectoryName(subject)
    alternative = reading.get(x509.SubjectAlternativeName)
    yield from alternative or ()
    if alternative is None:
        # RFC 5280, section 4.2.1.10: without that extension, a constraint on mailboxes "MUST be applied to the
        # attribute of type emailAddress in the subject distinguished name".
        for attribute in subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            yield x509.RFC822Name(str(attribute.value))


def _lies_in(name: x509.GeneralName, base: x509.GeneralName) -> bool:
    """Whether all that `name` stands for lies in `base`. What cannot be told does not."""
    match name, base:
        case x509.DNSName(), x509.DNSName():
            # "*.example.com" lies in "example.com": each name that it stands for does.
            fixed = name.value.removeprefix("*.")
            return is_dns_name(fixed) and _dns_lies_in(fixed, base.value)
        case x509.IPAddress(), x509.IPAddress():
            return _is_address(name) and _ip_lies_in(name.value, base.value)
        case x509.RFC822Name(), x509.RFC822Name():
            return name.value.count("@") == 1 and _mailbox_lies_in(name.value, base.value)
        case x509.UniformResourceIdentifier(), x509.UniformResourceIdentifier():
            return _host_lies_in(_host(name.value), base.value)
        case x509.DirectoryName(), x509.DirectoryName():
            return _directory_lies_in(name.value, base.value)
    # RFC 5280, section 4.2.1.10, of a kind that the application cannot process: it "MUST either process the constraint
    # or reject the certificate."
    return False


def _may_lie_in(name: x509.GeneralName, base: x509.GeneralName) -> bool:
    """Whether anything that `name` stands for lies in `base`. What cannot be told may."""
    match name, base:
        case x509.DNSName(), x509.DNSName():
            domain = name.value.removeprefix("*.")
            if domain == name.value:
                return not is_dns_name(domain) or _dns_lies_in(domain, base.value)
            # "*.example.com" also stands for "bar.example.com".
            one_label_more = base.value.partition(".")[2].lower() == domain.lower()
            return _dns_lies_in(domain, base.value) or one_label_more
        case x509.IPAddress(), x509.IPAddress():
            return not _is_address(name) or _ip_lies_in(name.value, base.value)
        case x509.RFC822Name(), x509.RFC822Name():
            return name.value.count("@") != 1 or _mailbox_lies_in(name.value, base.value)
        case x509.UniformResourceIdentifier(), x509.UniformResourceIdentifier():
            return not _host(name.value) or _host_lies_in(_host(name.value), base.value)
        case x509.DirectoryName(), x509.DirectoryName():
            return _directory_lies_in(name.value, base.value)
    return True


def _dns_lies_in(name: str, base: str) -> bool:
    # RFC 5280, section 4.2.1.10: "Any DNS name that can be constructed by simply adding zero or more labels to the
    # left-hand side of the name satisfies the name constraint."
    return not base or f".{name}".lower().endswith(f".{base}".lower())


def _is_address(name: x509.IPAddress) -> bool:
    return isinstance(name.value, ipaddress.IPv4Address | ipaddress.IPv6Address)


def _ip_lies_in(address, network) -> bool:
    return address.version == network.version and address in network


def _mailbox_lies_in(address: str, base: str) -> bool:
    # RFC 5280, section 4.2.1.10: it "MAY specify a particular mailbox, all addresses at a particular host, or all
    # mailboxes in a domain."
    if "@" in base:
        return mailbox(address) == mailbox(base)
    return _host_lies_in(mailbox(address)[1], base)


def _host_lies_in(host: str, base: str) -> bool:
    """A constraint that begins with a full stop means all hosts below it, and one without means that host alone."""
    host, base = host.lower(), base.lower()
    return bool(host) and (host.endswith(base) if base.startswith(".") else host == base)


def _host(uri: str) -> str:
    """The host of a URI, or "" where it has none."""
    # RFC 3986, section 3.2: the authority "is terminated by the next slash ("/"), question mark ("?"), or number sign".
    authority = re.split(r"[/?#]", uri.partition("://")[2], maxsplit=1)[0]
    host = authority.partition(":")[0]  # with user information ("user@host") it is no host: better refused than misread
    return host if is_dns_name(host) and not host.rpartition(".")[2].isdigit() else ""


def _directory_lies_in(name: x509.Name, base: x509.Name) -> bool:
    # RFC 5280, section 7.1: a name lies in a subtree when the subtree's parts are its first ones.
    return comparable(name)[: len(base.rdns)] == comparable(base)


def _shown(name: x509.GeneralName) -> str:
    return f"“{shown(name.value) if isinstance(name.value, x509.Name) else short(str(name.value))}”"
