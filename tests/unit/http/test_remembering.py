from __future__ import annotations

import pytest

from pgrok.http.forwarding import Visitor, forward_request
from pgrok.http.parsing import parse_request, parse_response
from pgrok.http.remembering import MAX_REMEMBERED, MAX_REMEMBERED_BYTES, raw_octets, remembering
from support.heads import GET, request


class Measured:
    """A function of heads that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.measure = remembering(raw_octets)(self._measure)

    def _measure(self, head: bytes, /, unit: int = 1) -> int:
        self.asked += 1
        if not head:
            raise ValueError("no head")
        return len(head) // unit


@pytest.fixture
def measured() -> Measured:
    return Measured()


def test_a_head_is_understood_once(measured: Measured) -> None:
    assert [measured.measure(b"head"), measured.measure(b"".join([b"he", b"ad"]))] == [4, 4]
    assert measured.asked == 1


def test_the_other_arguments_count_too(measured: Measured) -> None:
    assert [measured.measure(b"head", 1), measured.measure(b"head", 2)] == [4, 2]


def test_long_heads_are_not_kept(measured: Measured) -> None:
    for octets, times in ((MAX_REMEMBERED_BYTES, 1), (MAX_REMEMBERED_BYTES + 1, 2)):
        measured.asked = 0
        for _ in range(2):
            measured.measure(b"x" * octets)
        assert measured.asked == times


def test_what_is_kept_is_bounded(measured: Measured) -> None:
    for number in range(MAX_REMEMBERED + 1):
        measured.measure(b"%d" % number)
    measured.asked = 0
    measured.measure(b"%d" % MAX_REMEMBERED)
    measured.measure(b"0")
    assert measured.asked == 1


def test_errors_are_not_kept(measured: Measured) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="no head"):
            measured.measure(b"")
    assert measured.asked == 2


def test_the_same_octets_are_the_same_head() -> None:
    assert parse_request(GET) is parse_request(bytes(bytearray(GET)))
    assert parse_request(GET) is not parse_request(request(start=b"GET /b HTTP/1.1"))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert parse_response(answer, b"GET") is not parse_response(answer, b"HEAD")


def test_the_same_request_of_two_visitors_tells_of_two() -> None:
    heads = {
        forward_request(parse_request(GET), None, Visitor(address, "http", trusted=False))
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
    }
    assert len(heads) == 2
