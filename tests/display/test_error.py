"""Errors are sentences, and real error texts lose only what differs from run to run."""

import ssl

import pytest

from helpers.display.error import CourseError, error_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("[SSL: X] tlsv1 alert unknown ca (_ssl.c:2580)", "[SSL: X] tlsv1 alert unknown ca"),
        ("connect to 127.0.0.1:43121 refused", "connect to 127.0.0.1:PORT refused"),
        ("sshd, pid 4242, ended", "sshd, pid PID, ended"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate", "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] ssl/tls alert bad certificate"),
        ("curl: (60) no name matches target host name 'x'", "curl: (60) no name matches target hostname 'x'"),
        ("two\nlines", "two lines"),
    ],
)  # fmt: skip
def test_what_varies_is_taken_out(raw, text):
    assert error_text(raw) == text


def test_the_text_of_a_real_ssl_error():
    with pytest.raises(ssl.SSLError) as caught:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=b"no certificate")
    assert "_ssl.c" in str(caught.value)
    assert "_ssl.c" not in error_text(caught.value)
    assert error_text(caught.value).startswith("not enough data: cadata does not contain a certificate")


def test_a_notebook_shows_the_sentence_alone():
    assert CourseError("Do this.")._render_traceback_() == ["CourseError: Do this."]
