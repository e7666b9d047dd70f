from __future__ import annotations

import pytest

from pgrok.http.fields import Fields
from pgrok.http.head import Framing, RequestHead, ResponseHead, encode_head
from pgrok.http.parsing import parse_response


def request(**changes: object) -> RequestHead:
    plain = {"method": b"GET", "target": b"/a", "host": b"h", "fields": Fields.of()}
    head = RequestHead(**(plain | changes))  # type: ignore[arg-type]
    head.measure(100)
    return head


@pytest.mark.parametrize(
    ("framing", "length", "line"),
    [
        (Framing.NONE, None, b""),
        (Framing.NONE, 7, b"Content-Length: 7\r\n"),
        (Framing.LENGTH, 7, b"Content-Length: 7\r\n"),
        (Framing.CHUNKED, None, b"Transfer-Encoding: chunked\r\n"),
        (Framing.UNTIL_CLOSE, None, b""),
    ],
)
def test_framing_fields_are_written_from_the_framing(
    framing: Framing, length: int | None, line: bytes
) -> None:
    written = encode_head(b"GET /a HTTP/1.1", [b"X: y"], framing, length)
    assert written == b"GET /a HTTP/1.1\r\nX: y\r\n" + line + b"\r\n"


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
    assert ResponseHead(status, b"", Fields.of()).interim is interim


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
    head = b"HTTP/1.1 200 OK\r\nKeep-Alive: %b\r\n\r\n" % value
    assert parse_response(head, b"GET").idle_seconds == seconds
