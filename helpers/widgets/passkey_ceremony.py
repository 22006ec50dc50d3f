"""The passkey ceremony: the learner's own browser and device make a real passkey, and the server is this notebook.

The browser part is WebAuthn itself (W3C Web Authentication, Level 3): see the .js beside this module. What the server
checks stands in `helpers.protocols.passkey`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import traitlets

from helpers.display.error import CourseError
from helpers.display.table import Table
from helpers.display.text import as_html, inline, short, visible
from helpers.exchange import Exchange, Factor, Failure, Message, Proof
from helpers.protocols.authenticator import origin_and_host, secure, to_base64url
from helpers.protocols.passkey import Passkey, PasskeyRefused, RelyingParty, SignIn, signed_parts
from helpers.protocols.passkey_login import proof_by
from helpers.trust.names import LooksLikeAnAddress, dns_name, is_ip_address
from helpers.widgets.acting import ActingWidget, script

USER, SERVER = "learner", "this notebook"
CALLED = f"{USER} (authentication course)"  # so that people find it among their passkeys
ANOTHER_SITE = "bank.example"
SECONDS = 60

ABOUT = (
    "This makes a **real passkey**, with your own browser and your own device. The server is this notebook. You can"
    " leave it out: nothing else here needs it.",
    "Your device asks for your fingerprint, your face or its PIN, and checks that itself. None of this is ever sent.",
    "The passkey is stored on your device, or in your password manager. There it is called"
    f" **“{CALLED}”**, and stands under the host name of this page: mostly `localhost`.",
    "The server has the other half, the public key, in its memory only. When the kernel restarts, it is gone. The"
    " passkey on your device stays, and has no use any more: delete it.",
)
# After the help pages of Microsoft, Apple and Google, and guides to the newer versions. They change from time to time.
DELETE = (
    "**Windows 11:** Settings, Accounts, Passkeys.",
    "**Mac, iPhone, iPad:** the app Passwords. Before macOS 15 and iOS 18: Passwords, in the settings.",
    "**Android:** Google Password Manager, unless you keep your passkeys in another app.",
    "**Chrome on a computer:** Google Password Manager, in the menu. Those that only this computer has:"
    " `chrome://settings/passkeys`.",
    "**Another password manager, or a security key:** in the program that belongs to it.",
)
CHANGES = "Such places change. If it is not there, search the settings of your device for “passkey”."

UNKNOWN = "unknown"
UNLOCKS = {
    UNKNOWN: "I don't know yet",
    Factor.INHERENCE.value: "By fingerprint or face",
    Factor.KNOWLEDGE.value: "By PIN, password or pattern",
}

# WebAuthn Level 3 lists the errors that create() and get() end with (sections 5.1.3.1 and 5.1.4.3). Two more come in
# practice: Chromium's OperationError, and the TimeoutError of our own view.
ERRORS = {
    "NotAllowedError": "No passkey was made or used. It was cancelled, or the time was up, or your device has no"
    " passkey that fits. Browsers do not say which: that is no business of the site.",
    "TimeoutError": "No passkey was made or used: the time was up. Press the button again when you are ready.",
    "AbortError": "You cancelled. No passkey was made or used, and the server accepts no answer to this challenge any"
    " more.",
    "InvalidStateError": "Your device already has a passkey for this server, and makes no second one. Press “Sign in”.",
    "NotSupportedError": "No passkey was made: your device can make no key of a kind that the server knows. A phone or"
    " a security key may be able to.",
    "ConstraintError": "No passkey was made: your device cannot keep one in the way that the server requires. A phone"
    " or a security key may be able to.",
    "OperationError": "Your browser is busy with another request for a passkey. Answer or cancel that one first.",
}
UNKNOWN_ERROR = "No passkey was made or used. Your browser reports an error that this course does not know."
NUMBER = (
    "A passkey belongs to a name, and this address is a number (an IP address). If it is this computer's own, open the"
    " page with localhost in place of the number, and type that."
)
# Whence the server has the address that it expects: never from the message that it checks.
TYPED = "the address that you typed"
FIRST_USE = "trust on first use: the address of this registration"
KEPT = "the address that it has kept from the registration"
LATE = "Refused: this is an answer to a challenge that was cancelled or replaced. Each challenge counts once."
NO_CONNECTION = (
    "Not watched here: the connection between your browser and the notebook. So nothing is marked as encrypted, and the"
    " picture does not say what your browser checked of the notebook."
)
NO_SECRET = (
    "None of this is secret. The private key was made by your device or your password manager, and the server never"
    " sees it. With a public key alone, nobody can sign in."
)
RELAY = (
    "What is signed has the address of the page that your browser really shows. So what was signed on one page is"
    " refused by the server of another one, even if somebody passes it on."
)


class _Problem(CourseError):
    """What was asked for cannot be begun. The message says what to do."""


@dataclass(frozen=True)
class _Attempt:
    """The one request that is open. `token` is the view's name for it.

    `expected` is the origin that the server expects, None for trust on first use, and `why` says whence it has it.
    `unlock` is what the learner said of the device: for the picture, since the server is not told.
    """

    token: str
    kind: str
    server: RelyingParty
    expected: str | None
    why: str
    unlock: str


class PasskeyCeremony(ActingWidget):
    """Makes passkeys and signs in with them. One request is open at a time, and the newest counts.

    To the view that asked goes the message {"token", "call": "create" or "get", "options"}. It answers with the action
    "answer" or "failed". `said`: {"message": sentence, "html": what was stored or signed}.
    """

    _esm = script("passkey_ceremony.js")
    _css = Path(__file__).with_name("passkey_ceremony.css")
    about = traitlets.Unicode().tag(sync=True)
    unlocks = traitlets.List().tag(sync=True)
    seconds = traitlets.Int(SECONDS).tag(sync=True)

    def __init__(self) -> None:
        about = _about()
        first = "Run this cell to make a real passkey with your own device, and to sign in with it."
        super().__init__(
            {"begin": self._begin, "answer": self._answer, "failed": self._failed},
            about=about,
            unlocks=[list(pair) for pair in UNLOCKS.items()],
            fallback_html=f"<p><em>{as_html(first)}</em></p>\n{about}",
            fallback_text=first,
        )
        self._servers: dict[str, RelyingParty] = {}  # those that have a passkey, by RP ID
        self._passkeys: dict[str, list[Passkey]] = {}
        self._open: _Attempt | None = None

    def _begin(self, content: dict) -> dict | None:
        try:
            attempt = self._attempt(content)
        except _Problem as problem:
            return {"message": f"{problem}", "html": ""}
        if attempt.kind == "register":
            call, options = "create", attempt.server.begin_registration(USER)
            # Only shown: the server knows the account by the user handle.
            options["user"] |= {"name": CALLED, "displayName": CALLED}
        else:
            call, options = "get", attempt.server.begin_sign_in()
            # It names the passkeys that the server has. So a device offers none from before the kernel was restarted,
            # and a security key that verifies nobody can sign, too: without a list, Chromium does not let it.
            known = self._passkeys.get(attempt.server.rp_id, [])
            options["allowCredentials"] = [
                {"type": "public-key", "id": to_base64url(one.credential_id)} for one in known
            ]
        # The view counts the seconds, and says when they are over. The browser's own end would come without a reason.
        options["timeout"] = (self.seconds + 10) * 1000
        self._open = attempt
        self.send({"token": attempt.token, "call": call, "options": options})
        return None

    def _attempt(self, content: dict) -> _Attempt:
        kind, rest = content["kind"], {"token": content["token"], "unlock": content["unlock"]}
        if kind == "another site":
            server = RelyingParty(ANOTHER_SITE, f"https://{ANOTHER_SITE}")
            return _Attempt(kind=kind, server=server, expected=server.origin, why="its own", **rest)
        typed = _typed_origin(content["address"]) if content["address"].strip() else None
        rp_id = urlsplit(typed).hostname if typed else _host(content["host"])
        server = self._servers.get(rp_id)
        if server is None and kind != "register":
            raise _Problem(f"The server knows no passkey for {rp_id} yet. Press “Create a passkey” first.")
        server = server or RelyingParty(rp_id, name="Authentication course")
        expected, why = server.origin, KEPT if server.origin else FIRST_USE
        if typed:
            expected, why = typed, TYPED
        if kind == "another port":
            expected, why = _with_another_port(expected), "another port, for the experiment"
        return _Attempt(kind=kind, server=server, expected=expected, why=why, **rest)

    def _answer(self, content: dict) -> dict:
        attempt = self._open
        if attempt is None or attempt.token != content["token"]:
            return {"message": LATE, "html": ""}
        self._open = None
        server, response = attempt.server, content["response"]
        fixed, server.origin = server.origin, attempt.expected
        try:
            if attempt.kind == "register":
                passkey = server.finish_registration(response)
                fixed = server.origin
                self._servers[server.rp_id] = server
                self._passkeys.setdefault(server.rp_id, []).append(passkey)
                return _registered(attempt, passkey)
            return _signed_in(attempt, server.finish_sign_in(response))
        except PasskeyRefused as refused:
            return _refused(attempt, refused, response)
        finally:
            server.origin = fixed

    def _failed(self, content: dict) -> dict:
        attempt = self._open
        if attempt is not None and attempt.token == content["token"]:
            self._open = None
        else:
            attempt = None
        return _stopped(attempt, content["error"])


# The address that the learner types.

_PORTS = {"http": 80, "https": 443}


def _typed_origin(text: str) -> str:
    """The origin that an address begins with, as browsers write it. A path behind it is left out.

    Raises _Problem where it is none, or where a page at this address can have no passkeys.
    """
    scheme, found, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if not found:
        raise _Problem("Type the address with its beginning, http:// or https://, as in http://localhost:8888")
    if scheme not in _PORTS:
        raise _Problem(f"The address of a page begins with http:// or https://, not with {visible(short(scheme))}://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise _Problem("Only the host and its port stand behind http:// or https://, and no name with an “@”.")
    if authority.count(":") > 1:
        raise _Problem(NUMBER)  # an IPv6 address
    name, colon, port = authority.partition(":")
    if not name:
        raise _Problem("The host is missing. Type the address as in http://localhost:8888")
    host = _host(name)
    if colon and not (re.fullmatch("[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        raise _Problem(f"Behind the colon stands the port, a number from 1 to 65535. “{visible(short(port))}” is none.")
    origin, _ = origin_and_host(f"{scheme}://{host}{colon}{port}")
    if not secure(origin):
        raise _Problem(f"Over http://, browsers have passkeys for localhost only. For {host} it must be https://")
    return origin


def _host(name: str) -> str:
    """The host as browsers write it. Raises _Problem where it cannot be an RP ID."""
    try:
        if name.startswith("[") or is_ip_address(name):
            raise LooksLikeAnAddress
        return dns_name(name)
    except LooksLikeAnAddress as error:
        raise _Problem(NUMBER) from error
    except ValueError as error:
        raise _Problem(
            f"“{visible(short(name))}” is no host name. Type it as it stands in your address bar."
        ) from error


def _with_another_port(origin: str) -> str:
    parts = urlsplit(origin)
    port = parts.port or _PORTS[parts.scheme]
    another = port + 1 if port < 65535 else port - 1
    return origin_and_host(f"{parts.scheme}://{parts.hostname}:{another}")[0]


# What is shown.


def _about() -> str:
    paragraphs = "\n".join(f"<p>{inline(text)}</p>" for text in ABOUT)
    places = "\n".join(f"<li>{inline(place)}</li>" for place in DELETE)
    return (
        f"{paragraphs}\n<details><summary>How to delete the passkey afterwards</summary>\n<ul>\n{places}\n</ul>\n"
        f"<p>{inline(CHANGES)}</p>\n</details>"
    )


def _registered(attempt: _Attempt, passkey: Passkey) -> dict:
    server = attempt.server
    rows = [
        ("account", passkey.user),
        ("RP ID: the host that the passkey is for", server.rp_id),
        ("address (origin) that it expects from now on", f"{server.origin} ({attempt.why})"),
        ("public key", _bytes(passkey.public_key)),
        ("credential ID: which passkey it is", _bytes(passkey.credential_id)),
        ("counter", f"{passkey.sign_count}"),
        ("can be copied to other devices (BE)", "yes" if passkey.backup_eligible else "no"),
    ]
    table = Table("What the server stored", ("What", "Value"), rows)
    return {
        "message": f"Registered: the server has the public key of “{passkey.user}”. Now you can sign in.",
        "html": f"{table._repr_html_()}\n<p>{inline(NO_SECRET)}</p>",
    }


def _signed_in(attempt: _Attempt, found: SignIn) -> dict:
    factors = {Factor.POSSESSION}
    if found.user_verified and attempt.unlock != UNKNOWN:
        factors.add(Factor(attempt.unlock))
    proof = proof_by(found, USER, SERVER, factors, at=1)
    if not found.user_verified:
        verified = "Your device did not check who you are (UV is not set). So this shows possession alone."
    elif attempt.unlock == UNKNOWN:
        verified = (
            "Your device checked that it is you (UV is set). That is a second factor, knowledge or inherence. The"
            " server is not told which, and you did not say: so the picture shows possession alone."
        )
    else:
        verified = (
            "Your device checked that it is you (UV is set). It does not tell the server how: the picture takes"
            f" “{attempt.unlock}” from what you chose above."
        )
    said = (verified, f"The server expected {attempt.expected}: {attempt.why}. {RELAY}")
    html = "\n".join((_signed(found.signed), *(f"<p>{as_html(text)}</p>" for text in said), _picture(attempt, proof)))
    return {"message": f"Signed in as “{found.user}”: the server verified the signature.", "html": html}


def _refused(attempt: _Attempt, refused: PasskeyRefused, response: dict) -> dict:
    if attempt.kind == "register":
        return {"message": f"The server refused, and stored nothing: {refused}", "html": ""}
    try:
        signed = _signed(signed_parts(response))
    except CourseError:  # it cannot be read
        signed = ""
    html = signed + (f"<p>{as_html(RELAY)}</p>\n" if refused.field == "origin" else "")
    failure = Failure(SERVER, f"{refused}", at=1, learned_by=USER, learned_at=2)
    return {"message": f"The server refused: {refused}", "html": html + _picture(attempt, None, failure)}


def _stopped(attempt: _Attempt | None, error: str) -> dict:
    """`error` is the name of the browser's error, or "TimeoutError"."""
    if error == "SecurityError":
        rp_id = attempt.server.rp_id if attempt else "another site"
        sentence = (
            f"Your browser refused, and nothing was signed: this page may not ask for passkeys of {rp_id}. A page may"
            " ask only for those of its own host, or of a domain above it."
        )
        related = (
            f"Newer browsers look at one thing more before they refuse: whether {rp_id} itself lists this page, at"
            f" `https://{rp_id}/.well-known/webauthn` (WebAuthn Level 3, section 5.11)."
        )
        return {"message": f"{sentence} (The browser calls it {error}.)", "html": f"<p>{inline(related)}</p>"}
    if error == "TimeoutError":  # the view's own word, not one of the browser
        return {"message": ERRORS[error], "html": ""}
    name = visible(short(error))
    return {"message": f"{ERRORS.get(error, UNKNOWN_ERROR)} (The browser calls it {name}.)", "html": ""}


def _bytes(value: bytes) -> str:
    return f"{len(value)} bytes, which begin with {value[:8].hex(' ')}"


def _signed(parts: Mapping[str, str]) -> str:
    return Table("What the passkey signed", ("What", "Value"), list(parts.items()))._repr_html_() + "\n"


def _picture(attempt: _Attempt, proof: Proof | None, failure: Failure | None = None) -> str:
    messages = (
        Message(SERVER, USER, "challenge", f"for passkeys of {attempt.server.rp_id}"),
        Message(USER, SERVER, "assertion", "the signature, and what was signed"),
        Message(SERVER, USER, "answer", "welcome" if proof else "refused"),
    )
    exchange = Exchange(
        f"{USER} signs in with a passkey",
        (USER, SERVER),
        messages,
        (proof,) if proof else (),
        failure,
        seen_by=SERVER,  # the other end is the learner's own browser: what that one verifies is not seen here
    )
    return f"{exchange._repr_html_()}\n<p>{as_html(NO_CONNECTION)}</p>"
