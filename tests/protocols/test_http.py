"""Requests and responses, and what is read out of them."""

import pytest

from helpers.protocols import http


def test_a_request_and_its_parts():
    sent = http.post("bank.example", "/login", {"user": "älice & bob", "password": "a=b\r\n"})
    assert sent.startswith(b"POST /login HTTP/1.1\r\nHost: bank.example\r\n")
    assert http.fields(sent) == {"user": "älice & bob", "password": "a=b\r\n"}
    assert http.headers(sent)["content-type"] == "application/x-www-form-urlencoded"


def test_a_header_of_ones_own():
    assert http.headers(http.request("GET", "bank.example", "/", X_Client_Name="alice"))["x-client-name"] == "alice"


def test_an_answer():
    assert http.answer(http.response("403 Forbidden", "no accöunt\n")) == ("403 Forbidden", "no accöunt")


def test_an_answer_of_a_stranger_is_cut_and_never_raises():
    assert http.answer(b"") == ("", "")
    assert len(http.answer(b"HTTP/1.1 " + b"x" * 1000 + b"\r\n\r\n" + b"\xff" * 1000)[1]) == 201


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_message_that_is_cut_short_is_not_whole(cut):
    message = http.response("200 OK", "twelve bytes")
    assert http.is_whole(message)
    assert not http.is_whole(message[:-cut])


def test_a_length_that_is_no_number_is_not_whole():
    assert not http.is_whole(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    assert http.is_whole(b"GET / HTTP/1.1\r\n\r\n")


def test_a_response_without_a_length_lasts_until_the_end():
    assert not http.is_whole(b"HTTP/1.1 200 ok\r\n\r\nall that comes")


def test_a_response_in_chunks():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    message = head + b"6\r\nHello,\r\n8\r\n alice.\n\r\n0\r\n\r\n"
    assert http.is_whole(message)
    assert http.answer(message) == ("200 OK", "Hello, alice.")
    assert not http.is_whole(message[:-5])


@pytest.mark.parametrize("body", [b"zz\r\nx", b"-5\r\nx", b"5", b"", b"\r\n\r\n", b"ffffffffffff\r\nx"])
def test_chunks_that_make_no_sense_do_not_raise(body):
    assert http.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)[0] == "200 OK"


def test_a_chunk_may_have_an_extension_and_a_trailer_may_follow():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert http.answer(head + b"5;name=x\r\nHello\r\n0\r\nExpires: never\r\n\r\n") == ("200 OK", "Hello")
