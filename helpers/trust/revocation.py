"""Has the CA taken the certificate back? Looks into the revocation lists (CRLs) that were given.

Only lists that are at hand are looked at. Nothing is fetched. The rules are those of RFC 5280, section 6.3.
"""

import itertools
import warnings
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from helpers.trust.der import SEQUENCE
from helpers.trust.reading import Reading, comparable, said
from helpers.trust.report import Problem

_KNOWN_CRITICAL = {ExtensionOID.ISSUING_DISTRIBUTION_POINT}
# Reasons for which an entry stands on the list without taking the certificate back.
_NOT_REVOKED = {x509.ReasonFlags.remove_from_crl}


def check(
    chain: Sequence[Reading], lists: Sequence[x509.CertificateRevocationList | None], at: datetime
) -> list[Problem]:
    """Problems of `chain`, the leaf first and the root last. For the leaf there must be a list that can be believed.

    `lists` are what `load` gives.

    A CA of the chain is looked up where its issuer's list was given. OpenSSL's CRL_CHECK, too, demands a list for the
    leaf only; CRL_CHECK_ALL demands one for every certificate.
    """
    if len(chain) == 1:
        return [Problem("crl_problem", "It is trusted itself. Its issuer is not here, so no list can be believed.")]
    at = at.replace(microsecond=0)  # the dates of a list are whole seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problems: list[Problem] = []
        for child, issuer in itertools.pairwise(chain):
            problems += _check_one(child, issuer, lists, at, required=child is chain[0])
        return problems


def load(crl: x509.CertificateRevocationList | bytes) -> x509.CertificateRevocationList | None:
    """A list, given as such or as PEM or DER bytes. None where it cannot be read."""
    if isinstance(crl, x509.CertificateRevocationList):
        return crl
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            crl = bytes(crl)
            # As with certificates: DER begins with the tag of a SEQUENCE.
            return x509.load_der_x509_crl(crl) if crl[:1] == bytes([SEQUENCE]) else x509.load_pem_x509_crl(crl)
        except Exception:
            return None


def _check_one(child: Reading, issuer: Reading, lists: Sequence, at: datetime, required: bool) -> list[Problem]:
    refused = []
    believed = False
    for crl in lists:
        if crl is None:
            refused.append("A list that was given cannot be read.")
            continue
        try:
            if comparable(crl.issuer) != comparable(child.certificate.issuer):
                continue
            if why := _unbelievable(crl, issuer, child, at):
                refused.append(why)
                continue
            entry = crl.get_revoked_certificate_by_serial_number(child.serial_number)
            if entry is not None and _takes_back(entry):
                return [Problem("revoked", "Its issuer has taken it back: it stands on the issuer's list.")]
        except Exception as error:
            refused.append(f"A list that was given cannot be read: {said(error)}.")
            continue
        believed = True
    if believed or not (required or refused):
        return []
    return [Problem("crl_problem", refused[0] if refused else "None of the lists given is from its issuer.")]


def _takes_back(entry: x509.RevokedCertificate) -> bool:
    for extension in entry.extensions:
        if extension.oid == CRLEntryExtensionOID.CRL_REASON:
            return extension.value.reason not in _NOT_REVOKED
    return True


def _unbelievable(crl: x509.CertificateRevocationList, issuer: Reading, child: Reading, at: datetime) -> str:
    """Why this list, which bears the issuer's name, does not count. An empty text where it does."""
    if issuer.key is None or not crl.is_signature_valid(issuer.key):
        return "The list bears the issuer's name, but not the signature of its key."
    usage = issuer.get(x509.KeyUsage)
    # RFC 5280, section 6.3.3 (f): "If a key usage extension is present in the CRL issuer's certificate, verify that the
    # cRLSign bit is set."
    if usage and not usage.crl_sign:
        return "The issuer's key may not sign lists (key usage cRLSign)."
    # RFC 5280, section 5.1.2.5: "Conforming CRL issuers MUST include the nextUpdate field in all CRLs."
    if crl.next_update_utc is None:
        return "The list does not say how long it is good for."
    if at > crl.next_update_utc:
        return "The list is too old: a newer one should be there by now."
    if at < crl.last_update_utc:
        return "The list is from the future."
    return _wrong_extensions(crl, child)


def _wrong_extensions(crl: x509.CertificateRevocationList, child: Reading) -> str:
    extensions = {extension.oid: extension for extension in crl.extensions}
    number = extensions.get(ExtensionOID.CRL_NUMBER)
    # RFC 5280, section 5.2.3: "CRL issuers conforming to this profile MUST include this extension in all CRLs and MUST
    # mark this extension as non-critical."
    if number is None or number.critical:
        return "The list must have a number (CRLNumber), and that must not be critical."
    if ExtensionOID.DELTA_CRL_INDICATOR in extensions:
        return "The list holds only changes to another list."
    # RFC 5280, section 5.3: "If a CRL contains a critical CRL entry extension that the application cannot process, then
    # the application MUST NOT use that CRL to determine the status of any certificates."
    if any(extension.critical for entry in crl for extension in entry.extensions):
        return "An entry of the list has a critical extension that this verifier does not process."
    for oid, extension in extensions.items():
        # RFC 5280, section 5.2: "If a CRL contains a critical extension that the application cannot process, then the
        # application MUST NOT use that CRL to determine the status of certificates."
        if extension.critical and oid not in _KNOWN_CRITICAL:
            return "The list has a critical extension that this verifier does not process."
    if scope := extensions.get(ExtensionOID.ISSUING_DISTRIBUTION_POINT):
        scope, is_ca = scope.value, child.is_ca
        if (scope.full_name or scope.relative_name) and not _names_meet(scope, child):
            return "The list is a part of the CA's, and this certificate belongs to another part."
        partial = scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs
        if partial or (scope.only_contains_user_certs and is_ca) or (scope.only_contains_ca_certs and not is_ca):
            return "The list is about other certificates than this one (issuing distribution point)."
    return ""


def _names_meet(scope: x509.IssuingDistributionPoint, child: Reading) -> bool:
    # RFC 5280, section 6.3.3 (b)(2)(i): "verify that one of the names in the IDP matches one of the names in the DP."
    points = child.get(x509.CRLDistributionPoints) or ()
    named = {name for point in points for name in (point.full_name or point.crl_issuer or ())}
    return not named.isdisjoint(scope.full_name or ())
