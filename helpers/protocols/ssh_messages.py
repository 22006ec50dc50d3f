"""The messages of SSH that matter for authentication: their names, what they are for, and what stands in them.

The numbers are those of RFC 4253, section 12, RFC 4252, sections 6 and 7, RFC 4256, section 5, and RFC 5656, section
7.1. All names begin with SSH_MSG_ there. What keeps the connection going, or comes after the login, is left out.
"""

import struct

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
ABOUT_LOGIN = frozenset({REQUEST, FAILURE, ANSWER, INFO_RESPONSE, DISCONNECT})


class Read:
    """What one message says. `method` is that of a request to log in; `asked` that of the last request before it."""

    def __init__(self, payload: bytes, asked: str = "") -> None:
        self.number, self._payload, self._at = payload[0], payload, 1
        self.name, self.note = _NAMES.get(self.number, ""), _NOTES.get(self.number, "")
        self.user = self.method = ""
        self.signature: bytes | None = None
        self.host_key: bytes | None = None
        self.partial = False  # a failure that is none: this method did its part, and another one must follow
        if self.number == REQUEST:
            self._read_request()
        elif self.number == FAILURE:
            # RFC 4252, section 5.1: name-list authentications that can continue, boolean partial success.
            others = self._string().decode()
            self.partial = self._boolean()
            self.note = f"{'good, and now' if self.partial else 'no; these can be tried'}: {others or 'none'}"
        elif self.number == ANSWER:
            self.name, self.note = _ANSWERS.get(asked, ("USERAUTH_60", ""))
        elif self.number == INFO_RESPONSE:
            self.note = "the code itself"
        elif self.number == KEX_ECDH_REPLY:
            # RFC 5656, section 4: string K_S, server's public host key; string Q_S; string the signature.
            self.host_key = self._string()
        elif self.number == DISCONNECT:
            self._take(4)  # a code
            self.note = f"ends the connection: {self._string().decode(errors='replace')}"

    def _read_request(self) -> None:
        # RFC 4252, section 5: string user name, string service name, string method name, method specific fields.
        self.user, _service, self.method = (self._string().decode(errors="replace") for _ in range(3))
        self.name = f"USERAUTH_REQUEST {self.method}"
        self.note = _BROUGHT.get(self.method, "")
        if self.method == "publickey":
            # RFC 4252, section 7: boolean FALSE asks whether this key would do. TRUE comes with a signature.
            signed = self._boolean()
            _algorithm, _key = self._string(), self._string()
            self.signature = self._string() if signed else None
            self.note = "the key, and a signature made with it" if signed else "would this key do?"

    def _take(self, length: int) -> bytes:
        self._at += length
        return self._payload[self._at - length : self._at]

    def _string(self) -> bytes:
        # RFC 4251, section 5: "a uint32 containing its length (number of bytes that follow)", then the bytes.
        return self._take(struct.unpack(">I", self._take(4))[0])

    def _boolean(self) -> bool:
        return self._take(1) != b"\0"
