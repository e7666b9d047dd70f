from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.errors import RemoteProtocolError
from pgrok.http.parsing import parse_request, parse_response, recall_request, recall_response
from pgrok.http.remembering import MAX_REMEMBERED, MAX_REMEMBERED_BYTES
from support.heads import GET, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def padded(head: bytes, octets: int) -> bytes:
    """Return a head with a field more, so that it has so many octets."""
    start, rest = head.split(b"\r\n", 1)
    line = b"X: " + b"x" * (octets - len(head) - 5)
    return b"\r\n".join([start, line, rest])


def parse(head: bytes) -> object:
    return parse_response(head, b"GET") if head.startswith(b"HTTP") else parse_request(head)


@pytest.mark.parametrize("head", [GET, OK], ids=["request", "response"])
def test_a_head_is_understood_once(head: bytes) -> None:
    assert parse(head) is parse(bytes(bytearray(head)))


def test_what_else_counts_is_remembered_too() -> None:
    assert parse_request(GET) is not parse_request(request(start=b"GET /b HTTP/1.1"))
    assert parse_response(OK, b"GET") is not parse_response(OK, b"HEAD")


@pytest.mark.parametrize("head", [GET, OK], ids=["request", "response"])
def test_long_heads_are_not_kept(head: bytes) -> None:
    for octets, kept in ((MAX_REMEMBERED_BYTES, True), (MAX_REMEMBERED_BYTES + 1, False)):
        long = padded(head, octets)
        assert len(long) == octets
        assert (parse(long) is parse(long)) is kept


@pytest.mark.parametrize("recall", [recall_request, recall_response])
def test_what_is_kept_is_bounded(recall: Callable[..., object]) -> None:
    assert recall.cache_parameters()["maxsize"] == MAX_REMEMBERED  # type: ignore[attr-defined]


def test_errors_are_not_kept() -> None:
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            parse_request(b"GET\r\n\r\n")
