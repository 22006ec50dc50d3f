"""Is this certificate to be believed? Thirteen separate checks, each of which can fail alone.

    verify_chain(bank.certificate, bank.intermediates, [root.certificate], name="bank.example")

Nobody is asked: no CA, no server. All that is needed stands in the certificates, in the roots that the verifier trusts,
and in revocation lists that it may have. The rules are those of RFC 5280, section 6 (the chain), and of RFC 9525 (the
name).

Others are stricter in places, and say so in rules of their own. These checks leave to them:

- the form of a trusted root, but for what could mislead: it is a name and a key (RFC 5280, section 6.1.1 (d)), and real
  trust stores hold roots that break the profile;
- the common name: it does not count (RFC 9525, section 2), so nothing is asked of it either;
- how a leaf's extended key usage looks, as long as it names the purpose or is missing (RFC 5280, section 4.2.1.12):
  also with "any" or others beside it, and critical;
- name constraints that are not critical: the Baseline Requirements, section 7.1.2.5.2, allow that;
- the Public Suffix List: a wildcard needs two labels after it, and those may be a registry's ("*.co.uk");
- a limit of the caller's own on the length of the chain.

And they are stricter than some: a CA's certificate is no leaf (Baseline Requirements), "any" alone is no purpose, and
servers and clients alike keep RFC 5280's profile.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from helpers.display.text import duration
from helpers.trust import constraints, names, profile, revocation
from helpers.trust.path import Path, paths
from helpers.trust.reading import Reading, read, said, shown
from helpers.trust.report import FAILED, NOT_ASKED, NOT_REACHED, PASSED, Check, Problem, Report

PURPOSES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH, None: None}
MAX_PATHS = 50  # judged for one report

Given = x509.Certificate | bytes


def verify_chain(
    leaf: Given,
    intermediates: Iterable[Given],
    roots: Iterable[Given],
    *,
    name: str | None,
    purpose: str | None = "server",
    at: datetime | None = None,
    crls: Iterable[x509.CertificateRevocationList | bytes] = (),
) -> Report:
    """Check `leaf` against the `roots` that are trusted, with the `intermediates` that came along in any order.

    Certificates and CRLs are objects of `cryptography`, or PEM or DER bytes. `name` is the DNS name, IP address or
    e-mail address that was asked for, or None: then nobody asks whose certificate it is. `purpose` is "server",
    "client" or None. `at` is the time, now without it. `crls` are revocation lists; with any, one must cover the leaf.

    Whatever the bytes hold, this reports and does not raise. It raises ValueError for an unknown purpose, for a time
    without a time zone, for a name that is no text, and for a single certificate or list where several belong.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"the purpose is 'server', 'client' or None, not {purpose!r}")
    at = at or datetime.now(UTC)
    if at.tzinfo is None:
        raise ValueError("the time needs a time zone, for example datetime.now(UTC)")
    if not isinstance(name, str | None):
        raise ValueError(f"the name is a text or None, not {name!r}")
    for several in (intermediates, roots, crls):
        if isinstance(several, bytes | x509.Certificate | x509.CertificateRevocationList):
            raise ValueError("intermediates, roots and crls are lists, also of one: [root]")
    asked = name, purpose, at, tuple(map(revocation.load, crls))
    title = f"Certificate for {name}" if name else "Certificate"
    first = read(leaf)
    if first.problem:
        return Report(title, _run(Case(Path((first,), first.problem), *asked)))
    best = None
    others, trusted = [read(one) for one in intermediates], [read(one) for one in roots]
    unreadable = sum(reading.certificate is None for reading in (*others, *trusted))
    for path in itertools.islice(paths(first, others, trusted), MAX_PATHS):
        report = Report(
            title, _run(Case(path, *asked, unreadable)), tuple(reading.certificate for reading in path.chain)
        )
        if report.ok:
            return report
        # Of two chains that fail, the one that came further and failed in less tells more.
        if best is None or _merit(report) > _merit(best):
            best = report
    return best


@dataclass(frozen=True)
class Case:
    """One way from the leaf upwards, and what was asked of it."""

    path: Path
    name: str | None
    purpose: str | None
    at: datetime
    crls: tuple[x509.CertificateRevocationList | None, ...]  # None for one that cannot be read
    unreadable: int = 0  # certificates that came along, or that should be trusted, and that nobody can read

    @property
    def chain(self) -> tuple[Reading, ...]:
        """The leaf first, the trusted root last. Where no root was found, only the leaf is left to look at."""
        return self.path.chain if self.path.trusted else self.path.chain[:1]

    @property
    def leaf(self) -> Reading:
        return self.path.chain[0]


class Rule(NamedTuple):
    """A check: it finds problems, or says in a sentence that all is well.

    `after` are checks that it builds on: where one of them failed, this one is not reached. It can also be that nobody
    `asked` for it, or that it is not `reached` for a reason of its own; then the sentence beside these two says so.
    """

    name: str
    source: str
    find: Callable[[Case], Iterable[Problem]]
    all_well: Callable[[Case], str]
    after: tuple[str, ...] = ("Readable",)
    asked: Callable[[Case], bool] = lambda case: True
    not_asked: str = ""
    reached: Callable[[Case], bool] = lambda case: True
    not_reached: Callable[[Case], str] = lambda case: ""


def _merit(report: Report) -> tuple[int, int, int]:
    states = [check.state for check in report.checks]
    return -states.count(NOT_REACHED), -states.count(FAILED), len(report.path)


def _run(case: Case) -> tuple[Check, ...]:
    done: dict[str, Check] = {}
    for rule in RULES:
        blocker = next((name for name in rule.after if done[name].state == FAILED), None)
        if not rule.asked(case):
            done[rule.name] = Check(rule.name, NOT_ASKED, rule.not_asked, rule.source)
        elif blocker:
            done[rule.name] = Check(rule.name, NOT_REACHED, f"“{blocker}” comes first.", rule.source)
        elif not rule.reached(case):
            done[rule.name] = Check(rule.name, NOT_REACHED, rule.not_reached(case), rule.source)
        else:
            done[rule.name] = _apply(rule, case)
    return tuple(done.values())


def _apply(rule: Rule, case: Case) -> Check:
    try:
        problems = list(rule.find(case))
        all_well = "" if problems else rule.all_well(case)
    except Exception as error:  # what a certificate can hold has no end; whatever this one holds, it is no yes
        problems = [Problem("malformed", f"It cannot be judged: {said(error)}.")]
    if not problems:
        return Check(rule.name, PASSED, all_well, rule.source)
    text = " ".join(dict.fromkeys(problem.text for problem in problems))
    return Check(rule.name, FAILED, text, rule.source, tuple(dict.fromkeys(problem.reason for problem in problems)))


def _whose(reading: Reading, case: Case) -> str:
    return "It" if reading is case.leaf else f"The issuer “{shown(reading.certificate.subject)}”"


# Can all of it be read?


def _readable(case: Case) -> Iterator[Problem]:
    for reading in case.path.chain:
        if reading.problem:
            where = "" if reading is case.leaf else f"{_whose(reading, case)}: "
            yield Problem(reading.problem.reason, where + reading.problem.text)


# Who vouches for it?


def _signatures(case: Case) -> Iterator[Problem]:
    if case.path.problem and case.path.problem.reason == "bad_signature":
        yield case.path.problem


def _has_an_issuer(case: Case) -> bool:
    return case.path.trusted or len(case.path.chain) > 1 or case.path.problem.reason == "bad_signature"


def _no_issuer_said(case: Case) -> str:
    if case.leaf.self_issued:
        return "It names itself as its issuer. No other key here confirms its signature."
    return "No issuer is here whose key could confirm its signature."


def _signatures_said(case: Case) -> str:
    count = len(case.path.chain) - 1
    if not count:
        return "It is trusted itself, so nobody needs to have signed it."
    return f"{count} signature{'s' * (count > 1)} confirmed, each with the key of the one that issued it."


def _trusted_root(case: Case) -> Iterator[Problem]:
    if case.path.problem:
        reason, text = case.path.problem
        yield Problem(reason, f"{text} ({case.unreadable} of those given cannot be read.)" if case.unreadable else text)


def _trusted_root_said(case: Case) -> str:
    if len(case.chain) == 1:
        return "It is itself one of those that are trusted here. Nobody needs to vouch for it."
    root = shown(case.chain[-1].certificate.subject)
    return f"The chain of {len(case.chain)} ends at “{root}”, which is trusted here."


# When?


def _dates(case: Case) -> Iterator[Problem]:
    # RFC 5280, section 4.1.2.5: the validity period runs "from notBefore through notAfter, inclusive". Both are whole
    # seconds, so the fraction of a second in the clock does not count.
    at = case.at.replace(microsecond=0)
    for reading in case.chain:
        begins, ends = reading.begins, reading.ends
        if at > ends:
            yield Problem("expired", f"{_whose(reading, case)} expired {duration(at - ends)} ago.")
        if at < begins:
            yield Problem("not_yet_valid", f"{_whose(reading, case)} becomes valid in {duration(begins - at)}.")


def _dates_said(case: Case) -> str:
    ends = min(reading.ends for reading in case.chain)
    which = "The first one to end" if case.path.trusted else "Only its own were looked at. It"
    return f"Valid at this time. {which} has {duration(ends - case.at)} left."


# Whose?


def _name(case: Case) -> Iterator[Problem]:
    try:
        wanted = names.reference(case.name)
    except ValueError:
        yield Problem("hostname_mismatch", f"“{case.name}” is no name that a certificate could have.")
        return
    if problem := names.check(case.leaf, wanted):
        yield problem


# For what?


def _purpose(case: Case) -> Iterator[Problem]:
    wanted = PURPOSES[case.purpose]
    for reading in case.chain:
        usages = reading.get(x509.ExtendedKeyUsage)
        # RFC 5280, section 4.2.1.12: "If the extension is present, then the certificate MUST only be used for one of
        # the purposes indicated." In a CA's certificate, it limits those below. RFC 5280 does not say so; OpenSSL and
        # cryptography do it, too.
        if usages is None or wanted in usages:
            continue
        if reading is not case.leaf and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages:
            continue
        yield Problem("eku", f"{_whose(reading, case)} does not name a {case.purpose} in its extended key usage.")


def _purpose_said(case: Case) -> str:
    if case.leaf.get(x509.ExtendedKeyUsage) is None:
        return "Its use is not limited: it has no extended key usage."
    return f"It is good for a {case.purpose} (extended key usage)."


def _key_usage(case: Case) -> Iterator[Problem]:
    for reading in case.chain[1:]:
        usage = reading.get(x509.KeyUsage)
        # RFC 5280, section 6.1.4 (n): "If a key usage extension is present, verify that the keyCertSign bit is set."
        if usage and not usage.key_cert_sign:
            yield Problem("key_usage", f"{_whose(reading, case)} has a key that may not sign certificates.")
    usage = case.leaf.get(x509.KeyUsage)
    if usage is None:
        return
    # RFC 5280, section 4.2.1.9: "If the cA boolean is not asserted, then the keyCertSign bit in the key usage extension
    # MUST NOT be asserted."
    if usage.key_cert_sign and not case.leaf.is_ca:
        yield Problem("key_usage", "Its key may sign certificates, although it is no CA.")
    # RFC 5280, section 4.2.1.12, names the bits that go with each purpose.
    allowed = usage.digital_signature or usage.key_agreement or (usage.key_encipherment and case.purpose != "client")
    if case.purpose and not allowed:
        yield Problem("key_usage", f"Its key may do nothing that a {case.purpose} does in a handshake.")


# Which of them may vouch for others?


def _authorities(case: Case) -> Iterator[Problem]:
    # Baseline Requirements, section 7.1.2.7.8: in a server's certificate, cA MUST be FALSE. RFC 5280, section 4.2.1.9,
    # allows it: the last certificate "can be a CA certificate".
    if case.leaf.is_ca and len(case.chain) > 1:
        yield Problem("leaf_is_ca", "It is the certificate of a CA.")
    cas_below = 0  # those that count: RFC 5280, section 4.2.1.9, leaves out the self-issued ones
    for reading in case.chain[1:]:
        # RFC 5280, section 4.2.1.9: without the extension or the boolean, "the certified public key MUST NOT be used to
        # verify certificate signatures."
        if not reading.is_ca:
            yield Problem("not_a_ca", f"{_whose(reading, case)} is no CA (basic constraints).")
        elif (most := reading.get(x509.BasicConstraints).path_length) is not None and cas_below > most:
            yield Problem("pathlen", f"{_whose(reading, case)} may have {most} CAs below it, and has {cas_below}.")
        cas_below += not reading.self_issued


def _authorities_said(case: Case) -> str:
    return "Each issuer is a CA, and none has more CAs below it than it may."


NEEDS_CHAIN = ("Readable", "Signatures", "Trusted root")

RULES = (
    Rule("Readable", "RFC 5280, 4.1", _readable, lambda case: "All of it can be read.", after=()),
    Rule(
        "Signatures",
        "RFC 5280, 6.1.3 (a)(1)",
        _signatures,
        _signatures_said,
        reached=_has_an_issuer,
        not_reached=_no_issuer_said,
    ),
    Rule("Trusted root", "RFC 5280, 6.1.1 (d)", _trusted_root, _trusted_root_said, after=("Readable", "Signatures")),
    Rule(
        "Critical extensions",
        "RFC 5280, 4.2",
        lambda case: profile.critical_extensions(case.chain),
        lambda case: "None is critical and unknown.",
    ),
    Rule("Dates", "RFC 5280, 6.1.3 (a)(2)", _dates, _dates_said),
    Rule("CA or not", "RFC 5280, 4.2.1.9", _authorities, _authorities_said, after=NEEDS_CHAIN),
    Rule("Key usage", "RFC 5280, 4.2.1.3", _key_usage, lambda case: "No key does what it may not do."),
    Rule(
        "Purpose",
        "RFC 5280, 4.2.1.12",
        _purpose,
        _purpose_said,
        asked=lambda case: case.purpose is not None,
        not_asked="No purpose was asked for.",
    ),
    Rule(
        "Name constraints",
        "RFC 5280, 4.2.1.10",
        lambda case: constraints.check(case.chain),
        lambda case: "No CA vouches for a name that it may not vouch for.",
        after=NEEDS_CHAIN,
    ),
    Rule(
        "Strength",
        "Baseline Requirements, 6.1.5 and 7.1.3",
        lambda case: profile.strength(case.chain, case.path.trusted),
        lambda case: "No weak key, and no weak signature.",
    ),
    Rule(
        "Profile",
        "RFC 5280, 4",
        lambda case: profile.profile(case.chain, case.path.trusted, case.purpose),
        lambda case: "It keeps the rules for certificates on the internet.",
    ),
    Rule(
        "Name",
        "RFC 9525, 6",
        _name,
        lambda case: f"It is for {case.name.removesuffix('.')}.",
        asked=lambda case: case.name is not None,
        not_asked="No name was asked for. It is somebody's certificate, but nobody asked whose.",
    ),
    Rule(
        "Revocation",
        "RFC 5280, 6.3",
        lambda case: revocation.check(case.chain, case.crls, case.at),
        lambda case: "It is not on the revocation list of its issuer.",
        after=NEEDS_CHAIN,
        asked=lambda case: bool(case.crls),
        not_asked="No revocation list was given. So nobody looked whether it was taken back.",
    ),
)
