"""A login with several methods in one TLS session, as somebody chooses them: it is really run, and its Exchange shows
who proved what.

    run({"password", "one-time code"})
    run({"password", "PIN"}, checks_name=False)
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.exchange import Exchange, Factor
from helpers.protocols import otp, tls
from helpers.protocols.authenticator import Authenticator, Browser
from helpers.protocols.login import Accounts, LoginPage, User, fill_in, visit
from helpers.protocols.passkey import RelyingParty
from helpers.protocols.passkey_login import PasskeyPage, answer_challenge, register
from helpers.protocols.push import Phone
from helpers.trust import pki

NAME, USER = "bank.example", "alice"
# What the lab can run, in the order in which a login asks for it: the name here, and the name in the catalogue of
# methods (helpers.factors).
METHODS = {
    "client certificate": "client certificate",
    "password": "password",
    "PIN": "PIN",
    "one-time code": "authenticator app",
    "push with number matching (simulated)": "push with number matching",
    "security key, touch only": "security key, touch only",
    "passkey with fingerprint": "passkey with fingerprint",
}
_FORMS = ("password", "PIN", "one-time code", "push with number matching (simulated)")
_PASSKEYS = {"security key, touch only": None, "passkey with fingerprint": Factor.INHERENCE}


@dataclass(frozen=True)
class _Lab:
    """Alice, her bank, and what she has. Made once: keys cost time."""

    root: pki.Credential
    certificate: pki.Credential
    bank: tls.Server
    asking_bank: tls.Server
    relying_party: RelyingParty
    browsers: dict[str, Browser]


@functools.cache
def _lab() -> _Lab:
    root = pki.new_root("Lab Root CA")
    shown = root.issue_server(NAME)
    relying_party = RelyingParty(NAME, f"https://{NAME}")
    browsers = {name: register(relying_party, USER, Authenticator(unlock=unlock)) for name, unlock in _PASSKEYS.items()}
    certificate = root.issue_client(f"{USER}@{NAME}")
    bank, asking_bank = tls.Server(NAME, shown), tls.Server(NAME, shown, trust=root.certificate)
    return _Lab(root, certificate, bank, asking_bank, relying_party, browsers)


def run(chosen: Iterable[str], checks_name: bool = True) -> Exchange:
    """Alice logs in to her bank with these `METHODS`. Without one, she only connects.

    With `checks_name` off, her program does not look for whom the bank's certificate is. Raises ValueError for a method
    that the lab cannot run.
    """
    wanted = set(chosen)
    if unknown := wanted - METHODS.keys():
        raise ValueError(f"the lab cannot run {', '.join(sorted(unknown))}; it can run {', '.join(METHODS)}")
    lab, title = _lab(), ", ".join(name for name in METHODS if name in wanted) or "nothing but HTTPS"
    shows, asks = (lab.certificate, lab.asking_bank) if "client certificate" in wanted else (None, lab.bank)
    alice = tls.Client(USER, lab.root.certificate, shows, check_name=checks_name)
    with tls.Session(alice, asks, NAME) as session:
        if wanted & set(_FORMS):
            _fill_in_forms(session, wanted)
        for name, browser in lab.browsers.items():
            if name in wanted:
                page = PasskeyPage(session, lab.relying_party, browser.authenticator.unlock)
                answer_challenge(visit(session, page), browser, session)
        return session.exchange(title if checks_name else f"{title}; name not checked")


def _fill_in_forms(session: tls.Session, wanted: set[str]) -> None:
    password, pin, key, phone = (
        made if name in wanted else None
        for name, made in zip(_FORMS, ("correct horse", "2468", otp.new_key(), Phone(USER)), strict=True)
    )
    accounts = Accounts().add(USER, password, key, pin=pin, phone=phone)
    app = otp.authenticator_app(key) if key else None
    fill_in(visit(session, LoginPage(session, accounts)), User(USER, password, app, pin or "", phone))
