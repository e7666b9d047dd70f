from __future__ import annotations

import pytest

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import Fields
from pgrok.http.forwarding import forward_response
from pgrok.http.parsing import parse_request, parse_response
from pgrok.http.reader import Body
from pgrok.relay.answer import MAX_INTERIM, Answer
from support.relay import GET, OK

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def answer(request: bytes = GET) -> Answer:
    return Answer(parse_request(request))


def begin(told: Answer, data: bytes) -> None:
    head = parse_response(data[: data.index(b"\r\n\r\n") + 4], b"GET")
    told.begin(head, forward_response(head, 1, True))


def output(answer: Answer) -> bytes:
    pieces = answer.take_output()
    assert all(pieces), "an empty piece would make the standard loop spin"
    return b"".join(pieces)


def test_a_response_is_written_as_it_comes() -> None:
    told = answer()
    begin(told, OK)
    assert output(told) == OK[:-2]
    told.add(Body([memoryview(b"h")]))
    assert not told.ended
    told.add(Body([memoryview(b"i")], Fields.of()))
    assert (output(told), told.ended) == (b"hi", True)
    assert output(told) == b""


def test_a_body_without_a_length_goes_on_in_chunks() -> None:
    told = answer()
    begin(told, b"HTTP/1.0 200 OK\r\n\r\n")
    told.add(Body([memoryview(b"hi")]))
    told.add(Body([], Fields.of((b"X-Sum", b"1"))))
    assert output(told) == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"
    )


def test_interim_responses_come_before_the_answer() -> None:
    told = answer()
    told.add_interim(parse_response(HINTS, b"GET"))
    begin(told, OK)
    assert output(told) == HINTS + OK[:-2]


def test_http_1_0_is_told_of_no_interim_responses() -> None:
    old = answer(GET.replace(b"1.1", b"1.0"))
    old.add_interim(parse_response(HINTS, b"GET"))
    assert output(old) == b""


def test_interim_responses_without_an_end() -> None:
    told = answer()
    for _ in range(MAX_INTERIM):
        told.add_interim(parse_response(HINTS, b"GET"))
    with pytest.raises(RemoteProtocolError, match=f"more than {MAX_INTERIM}"):
        told.add_interim(parse_response(HINTS, b"GET"))


def test_a_head_may_be_all_of_a_response() -> None:
    told = answer()
    begin(told, b"HTTP/1.1 204 Nothing\r\n\r\n")
    assert (output(told), told.ended) == (b"HTTP/1.1 204 Nothing\r\n\r\n", True)
