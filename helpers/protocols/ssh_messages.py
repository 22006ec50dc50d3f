"""The messages of SSH that matter for authentication: their names, what they are for, and what stands in them.

The numbers are those of RFC 4253, section 12, RFC 4252, sections 6 and 7, RFC 4256, section 5, and RFC 5656, section
7.1. All names begin with SSH_MSG_ there. What keeps the connection going, or comes after the login, is left out.
"""

from helpers.trust.ssh_wire import Fields

DISCONNECT, SERVICE_REQUEST, SERVICE_ACCEPT = 1, 5, 6
KEXINIT, NEWKEYS, KEX_ECDH_INIT, KEX_ECDH_REPLY = 20, 21, 30, 31
REQUEST, FAILURE, SUCCESS, ANSWER, INFO_RESPONSE = 50, 51, 52, 60, 61

_NAMES = {
    DISCONNECT: "DISCONNECT",
    SERVICE_REQUEST: "SERVICE_REQUEST",
    SERVICE_ACCEPT: "SERVICE_ACCEPT",
    KEXINIT: "KEXINIT",
    NEWKEYS: "NEWKEYS",
    KEX_ECDH_INIT: "KEX_ECDH_INIT",
    KEX_ECDH_REPLY: "KEX_ECDH_REPLY",
    REQUEST: "USERAUTH_REQUEST",
    FAILURE: "USERAUTH_FAILURE",
    SUCCESS: "USERAUTH_SUCCESS",
    INFO_RESPONSE: "USERAUTH_INFO_RESPONSE",
}
_NOTES = {
    DISCONNECT: "ends the connection",
    SERVICE_REQUEST: "asks for the next part: user authentication",
    KEXINIT: "which algorithms this end knows",
    NEWKEYS: "from here on, this end encrypts",
    KEX_ECDH_INIT: "a fresh value for the key exchange",
    KEX_ECDH_REPLY: "the host key, a fresh value, and a signature over the exchange hash",
    SUCCESS: "lets the user in",
}
# What a request to log in brings, by its method.
_BROUGHT = {
    "none": "asks which methods are allowed",
    "password": "the password itself",
    "keyboard-interactive": "asks the server to ask",
}
# RFC 4252, section 7, and RFC 4256, section 3.2, use the same number for different answers.
_ANSWERS = {
    "publickey": ("USERAUTH_PK_OK", "yes, this key would do"),
    "keyboard-interactive": ("USERAUTH_INFO_REQUEST", "asks for a code"),
}
KNOWN = frozenset(_NAMES) | {ANSWER}


class Read:
    """What one message says. `method` is that of a request to log in; `asked` that of the last request before it.

    `tells` is whether a longer story tells of it as well: what a user shows, and what comes of it. Raises Malformed
    where the message is cut off.
    """

    def __init__(self, payload: bytes, asked: str = "") -> None:
        self.number, self._fields = payload[0], Fields(payload[1:])
        self.name, self.note = _NAMES.get(self.number, ""), _NOTES.get(self.number, "")
        self.user = self.method = ""
        self.signature: bytes | None = None
        self.partial = False  # a failure that is none: this method did its part, and another one must follow
        if self.number == REQUEST:
            self._read_request()
        elif self.number == FAILURE:
            # RFC 4252, section 5.1: name-list authentications that can continue, boolean partial success.
            others = self._fields.string().decode(errors="replace")
            self.partial = self._fields.boolean()
            first = "these can be tried" if asked == "none" else "good, and now" if self.partial else "no; try"
            self.note = f"{first}: {others or 'none'}"
        elif self.number == ANSWER:
            self.name, self.note = _ANSWERS.get(asked, ("USERAUTH_60", ""))
        elif self.number == INFO_RESPONSE:
            self.note = "the code itself"
        elif self.number == DISCONNECT:
            self._fields.number(">I")  # a code
            self.note = f"ends the connection: {self._fields.string().decode(errors='replace')}"
        shows = self.signature is not None or self.method == "password" or self.number == INFO_RESPONSE
        self.tells = shows or self.number in (SUCCESS, DISCONNECT) or (self.number == FAILURE and asked != "none")

    def _read_request(self) -> None:
        # RFC 4252, section 5: string user name, string service name, string method name, method specific fields.
        self.user, _service, self.method = (self._fields.string().decode(errors="replace") for _ in range(3))
        self.name = f"USERAUTH_REQUEST {self.method}"
        self.note = _BROUGHT.get(self.method, "")
        if self.method == "publickey":
            # RFC 4252, section 7: boolean FALSE asks whether this key would do. TRUE comes with a signature.
            signed = self._fields.boolean()
            _algorithm, _key = self._fields.string(), self._fields.string()
            self.signature = self._fields.string() if signed else None
            self.note = "the key, and a signature made with it" if signed else "would this key do?"
