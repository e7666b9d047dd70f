from __future__ import annotations

import pytest

from pgrok.http.head import Framing, RequestHead, ResponseHead, expects_continue, keep_alive_timeout


def request(**changes: object) -> RequestHead:
    plain: dict[str, object] = {"method": b"GET", "target": b"/a", "host": b"h", "fields": []}
    return RequestHead(**(plain | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("framing", "line"),
    [
        (Framing.NONE, b""),
        (Framing.LENGTH, b"Content-Length: 7\r\n"),
        (Framing.CHUNKED, b"Transfer-Encoding: chunked\r\n"),
        (Framing.UNTIL_CLOSE, b""),
    ],
)
def test_framing_fields_are_written_from_the_framing(framing: Framing, line: bytes) -> None:
    fields = [(b"X", b"y")]
    asked = request(framing=framing, length=7, fields=fields)
    assert asked.encode() == b"GET /a HTTP/1.1\r\nX: y\r\n" + line + b"\r\n"
    answered = ResponseHead(200, b"OK", fields, framing=framing, length=7)
    assert answered.encode() == b"HTTP/1.1 200 OK\r\nX: y\r\n" + line + b"\r\n"


def test_a_head_is_always_written_as_http_1_1() -> None:
    assert request(minor_version=0).encode() == b"GET /a HTTP/1.1\r\n\r\n"
    old = ResponseHead(200, b"", [], minor_version=0)
    assert old.encode() == b"HTTP/1.1 200 \r\n\r\n"


@pytest.mark.parametrize(
    ("changes", "safe"),
    [
        ({}, True),
        ({"method": b"HEAD"}, True),
        ({"method": b"OPTIONS"}, True),
        ({"method": b"POST"}, False),
        ({"method": b"DELETE"}, False),
        ({"framing": Framing.CHUNKED}, False),
        ({"framing": Framing.LENGTH, "length": 1}, False),
        ({"websocket": True}, False),
    ],
)
def test_what_may_be_sent_twice(changes: dict[str, object], safe: bool) -> None:
    assert request(**changes).safe_to_repeat is safe


@pytest.mark.parametrize(
    ("status", "interim"), [(100, True), (101, False), (103, True), (200, False)]
)
def test_interim_responses(status: int, interim: bool) -> None:
    assert ResponseHead(status, b"", []).interim is interim


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"timeout=5", 5.0),
        (b"max=100, Timeout=7", 7.0),
        (b"timeout=0", 0.0),
        (b"timeout=soon", None),
        (b"timeout=-1", None),
        (b"max=3", None),
        (b"", None),
    ],
)
def test_how_long_an_idle_connection_is_kept(value: bytes, seconds: float | None) -> None:
    assert keep_alive_timeout(ResponseHead(200, b"", [(b"Keep-Alive", value)])) == seconds


def test_who_waits_for_a_100() -> None:
    fields = [(b"Expect", b"100-Continue")]
    assert expects_continue(request(fields=fields))
    assert not expects_continue(request(fields=fields, minor_version=0))
    assert not expects_continue(request())
