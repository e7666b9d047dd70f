from __future__ import annotations

from pgrok.http.fields import Fields
from pgrok.http.head import ResponseHead
from pgrok.http.pages import Code, Problem
from pgrok.http.parsing import parse_request, parse_response
from pgrok.http.reader import Body
from pgrok.relay.answer import Answer
from support.relay import GET, OK, status


def answer(request: bytes = GET, *, keep_alive: bool = True) -> Answer:
    return Answer(parse_request(request), keep_alive=keep_alive)


def head(data: bytes) -> ResponseHead:
    return parse_response(data[: data.index(b"\r\n\r\n") + 4], b"GET")


def output(answer: Answer) -> bytes:
    pieces = answer.take_output()
    assert all(pieces), "an empty piece would make the standard loop spin"
    return b"".join(pieces)


def test_a_response_is_written_as_it_comes() -> None:
    told = answer()
    told.begin(head(OK), host=None)
    assert output(told) == OK[:-2]
    told.add(Body([memoryview(b"h")]))
    told.add(Body([memoryview(b"i")], Fields.of()))
    assert (output(told), told.ended, told.keep_alive, told.status) == (b"hi", True, True, 200)
    assert output(told) == b""


def test_a_body_without_a_length_goes_on_in_chunks() -> None:
    told = answer()
    told.begin(head(b"HTTP/1.0 200 OK\r\n\r\n"), host=None)
    told.add(Body([memoryview(b"hi")]))
    told.add(Body([], Fields.of((b"X-Sum", b"1"))))
    assert output(told) == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"
    )


def test_interim_responses_come_before_the_answer() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    told = answer()
    told.add_interim(head(hints))
    assert (output(told), told.status, told.came) == (hints, 0, None)
    old = answer(GET.replace(b"1.1", b"1.0"))
    old.add_interim(head(hints))
    assert output(old) == b""


def test_a_head_may_be_all_of_a_response() -> None:
    told = answer()
    told.begin(head(b"HTTP/1.1 204 Nothing\r\n\r\n"), host=None)
    assert (output(told), told.ended) == (b"HTTP/1.1 204 Nothing\r\n\r\n", True)


def test_cookies_for_neighbours_are_left_out() -> None:
    cookie = b"HTTP/1.1 204 -\r\nSet-Cookie: a=b; Domain=example.com\r\n\r\n"
    told = answer()
    told.begin(head(cookie), host="bob.example.com")
    assert output(told) == b"HTTP/1.1 204 -\r\n\r\n"
    assert told.came is not None


def test_a_refusal_is_a_whole_answer() -> None:
    told = answer(keep_alive=False)
    told.refuse(Problem(Code.TARGET_SLOW, 504), request_read=True)
    assert status(output(told)) == 504
    assert (told.status, told.ended, told.keep_alive) == (504, True, False)
