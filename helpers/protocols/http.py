"""The little of HTTP (RFC 9112) that the lessons need: requests and responses as bytes, and what was in them."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode

from helpers.display.text import short

PLAIN = "text/plain; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


def request(method: str, host: str, path: str, body: str = "", **headers: str) -> bytes:
    """A request. Each header's name is written with _ for -, as in `X_Client_Name="alice"`."""
    return _message(f"{method} {path} HTTP/1.1", {"Host": host, **headers}, body)


def post(host: str, path: str, fields: dict[str, str]) -> bytes:
    """A form, as a browser sends it."""
    return request("POST", host, path, urlencode(fields), Content_Type=FORM)


def response(status: str, text: str) -> bytes:
    return _message(f"HTTP/1.1 {status}", {"Content_Type": PLAIN, "Connection": "close"}, text)


def _message(start: str, named: dict[str, str], body: str) -> bytes:
    content = body.encode()
    named = {**named, "Content_Length": str(len(content))}
    lines = [start, *(f"{name.replace('_', '-')}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def is_whole(message: bytes) -> bool:
    """Whether this is a whole message: its head, and as much body as the head says."""
    head, end, body = message.partition(b"\r\n\r\n")
    declared = headers(message)
    if "transfer-encoding" in declared:
        return body.endswith(b"0\r\n\r\n")
    # RFC 9112, section 6.3: a request without a declared length has no body. The body of such a response lasts until
    # the server closes the connection.
    if "content-length" not in declared:
        return bool(end) and not head.startswith(b"HTTP/")
    length = declared["content-length"]
    return bool(end) and length.isdecimal() and len(body) >= int(length)


def fields(form: bytes) -> dict[str, str]:
    """The fields of a form that was posted."""
    sent = parse_qs(form.decode().partition("\r\n\r\n")[2], keep_blank_values=True)
    return {name: values[0] for name, values in sent.items()}


def headers(message: bytes) -> dict[str, str]:
    """The headers, by their names in small letters. Of two with the same name, the first one."""
    lines = message.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return dict(reversed(pairs))


def answer(message: bytes) -> tuple[str, str]:
    """The status and the text of a response: ("200 OK", "welcome")."""
    head, _, body = message.partition(b"\r\n\r\n")
    if "transfer-encoding" in headers(message):
        body = b"".join(_chunks(body))
    status = head.decode(errors="replace").partition("\r\n")[0].partition(" ")[2]
    return short(status), short(body.decode(errors="replace").strip(), 200)


def _chunks(body: bytes) -> Iterator[bytes]:
    """RFC 9112, section 7.1: each chunk is its length in hexadecimal, a line break, the bytes, and a line break.

    Behind the length there may be an extension, after a semicolon. The last chunk has the length 0.
    """
    while body:
        length, _, body = body.partition(b"\r\n")
        digits = length.partition(b";")[0].strip()
        size = int(digits, 16) if digits.isalnum() and not digits.strip(b"0123456789abcdefABCDEF") else 0
        if size == 0:
            return
        yield body[:size]
        body = body[size + 2 :]
