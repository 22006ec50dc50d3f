"""What a client signs in TLS 1.3, computed anew: why its signature is good for one conversation, and for no other.

fits(legs.front, over=legs.front), fits(legs.front, over=legs.back)
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from helpers.protocols.tls_session import Session

# RFC 8446, section 4.2.3: SignatureScheme. The lab's certificates are for EC keys on P-256, so this is the one.
ECDSA_SECP256R1_SHA256 = 0x0403


def fits(signed_in: Session, over: Session) -> bool:
    """Whether the signature that the client made in the session `signed_in` fits the conversation of `over`.

    Both are sessions of TLS 1.3 with an end of ours in which the client has signed. Raises ValueError where one is not.
    """
    if not signed_in.version == over.version == "TLS 1.3":
        raise ValueError("TLS 1.2 signs something else: this lesson knows only TLS 1.3")
    signature = _messages(signed_in)[-1]
    # RFC 8446, section 4.4.3: struct { SignatureScheme algorithm; opaque signature<0..2^16-1>; } CertificateVerify;
    # before it stand the message's type (one byte) and its length (three).
    if int.from_bytes(signature[4:6]) != ECDSA_SECP256R1_SHA256:
        raise ValueError("this lesson knows only signatures with an EC key on the curve P-256")
    key = signed_in.shown_by_client().public_key()
    try:
        key.verify(signature[8:], signed_content(over), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def signed_content(session: Session) -> bytes:
    """The bytes that the client of this session must sign.

    RFC 8446, section 4.4.3: "A string that consists of octet 32 (0x20) repeated 64 times", the context string, "A
    single 0 byte which serves as the separator", and "The content to be signed": the hash of all messages so far.
    """
    suite = session.client.object.cipher()[0]  # such as TLS_AES_256_GCM_SHA384: its hash is the handshake's
    digest = hashes.Hash(hashes.SHA384() if suite.endswith("SHA384") else hashes.SHA256())
    for message in _messages(session)[:-1]:
        digest.update(message)
    return b" " * 64 + b"TLS 1.3, client CertificateVerify" + b"\0" + digest.finalize()


def _messages(session: Session) -> list[bytes]:
    """The handshake messages of the session up to the client's CertificateVerify, which is the last of them."""
    ends = {session.client.party, session.server.party}
    messages = [sent for sent in session.transcript.sent if {sent.sender, sent.receiver} == ends]
    for index, sent in enumerate(messages):
        if (sent.sender, sent.name) == (session.client.party, "CertificateVerify"):
            return [message.content for message in messages[: index + 1]]
    raise ValueError(f"in this session, {session.client.party} has signed nothing")
