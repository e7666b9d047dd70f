from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.errors import LocalProtocolError, RemoteProtocolError
from pgrok.http.body import NO_TRAILERS
from pgrok.http.fields import Fields
from pgrok.http.head import (
    FROM_ANYBODY,
    FROM_OTHER_END,
    MAX_ADDED_BYTES,
    MAX_ADDED_LINES,
    MAX_HEAD_BYTES,
    MAX_HEAD_LINES,
    MAX_WHOLE_BYTES,
    HeadLimits,
    RequestHead,
    ResponseHead,
)
from pgrok.http.reader import Body, request_reader, response_reader
from support.events import cuts, read_requests, read_response
from support.heads import GET, REFUSED_HEADS, SMUGGLED, TOO_MANY_OCTETS, Refused, request
from support.smuggling import BROKEN_BODIES, FLOODED_BODIES

OK = b"HTTP/1.1 200 OK\r\n"


def bodies(outcome: object) -> list[bytes]:
    assert isinstance(outcome, list)
    return [part for part in outcome if isinstance(part, bytes)]


def targets(outcome: object) -> list[bytes]:
    assert isinstance(outcome, list)
    return [part.target for part in outcome if isinstance(part, RequestHead)]


# Requests


@pytest.mark.parametrize("vector", REFUSED_HEADS, ids=str)
def test_a_refused_head_is_refused_wherever_it_is_cut(vector: Refused) -> None:
    data = vector.data + SMUGGLED
    for parts in cuts(data):
        assert read_requests(parts) == [vector.status]


@pytest.mark.parametrize("vector", TOO_MANY_OCTETS, ids=str)
def test_too_many_octets_are_refused_as_they_come(vector: Refused) -> None:
    size = 5_000
    data = vector.data
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    assert read_requests([data]) == read_requests(parts) == [vector.status]


@pytest.mark.parametrize("limits", [FROM_ANYBODY, FROM_OTHER_END])
def test_a_head_of_exactly_the_limit(limits: HeadLimits) -> None:
    for octets, fits in ((limits.octets, True), (limits.octets + 1, False)):
        room = octets - len(request(b"X: "))
        head = request(b"X: " + b"y" * room)
        assert len(head) == octets
        for parts in ([head], [head[:-1], head[-1:]]):
            assert (read_requests(parts, limits=limits) != [431]) is fits
        answer = OK + b"X: " + b"y" * (octets - len(OK) - 7) + b"\r\n\r\n"
        assert len(answer) == octets
        for parts in ([answer], [answer[:-1], answer[-1:]]):
            assert (read_response(parts, limits=limits) != [431]) is fits


@pytest.mark.parametrize("limits", [FROM_ANYBODY, FROM_OTHER_END])
def test_a_head_of_exactly_so_many_lines(limits: HeadLimits) -> None:
    for lines, fits in ((limits.lines, True), (limits.lines + 1, False)):
        # A small head, which is remembered, and one that is not.
        for line in (b"X: y", b"X: " + b"y" * 100):
            head = request(*[line] * (lines - 2))
            answer = OK + (line + b"\r\n") * (lines - 1) + b"\r\n"
            assert head.count(b"\r\n") == answer.count(b"\r\n") == lines + 1
            assert (read_requests([head], limits=limits) != [431]) is fits
            assert (read_response([answer], limits=limits) != [431]) is fits


def test_what_is_remembered_of_our_other_end_is_none_of_a_visitors() -> None:
    head = request(*[b"X: y"] * (FROM_OTHER_END.lines - 2))
    assert read_requests([head], limits=FROM_OTHER_END) != [431]
    assert read_requests([head]) == [431]


def test_our_other_end_may_send_a_little_more() -> None:
    assert FROM_ANYBODY == (MAX_HEAD_BYTES, MAX_HEAD_LINES)
    assert FROM_OTHER_END == (MAX_HEAD_BYTES + MAX_ADDED_BYTES, MAX_HEAD_LINES + MAX_ADDED_LINES)


@pytest.mark.parametrize("vector", BROKEN_BODIES, ids=str)
def test_broken_chunks_end_everything(vector: Refused) -> None:
    data = request(b"Transfer-Encoding: chunked", body=vector.data) + SMUGGLED
    for parts in cuts(data):
        outcome = read_requests(parts)
        assert (targets(outcome), outcome[-1]) == ([b"/"], vector.status)


@pytest.mark.parametrize("vector", FLOODED_BODIES, ids=str)
def test_chunks_without_an_end_are_not_waited_for(vector: Refused) -> None:
    data = request(b"Transfer-Encoding: chunked", body=vector.data)
    for size in (len(data), 500, 7):
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        assert read_requests(parts)[1:] == [vector.status]


REQUESTS = (
    b"\r\n"
    + request(b"Content-Length: 5", start=b"POST /one HTTP/1.1", body=b"hello")
    + b"\r\n"
    + request(
        b"Transfer-Encoding: chunked",
        start=b"POST /two HTTP/1.1",
        body=b"3;x\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n",
    )
    + request(b"Content-Length: 0", start=b"PUT /three HTTP/1.1")
    + GET
)


def test_requests_on_one_connection_wherever_they_are_cut() -> None:
    whole = read_requests([REQUESTS])
    assert targets(whole) == [b"/one", b"/two", b"/three", b"/"]
    assert bodies(whole) == [b"hello", b"abc"]
    assert [part for part in whole if isinstance(part, Fields)] == [
        Fields.of(),
        Fields.of((b"X-Sum", b"1"), (b"Host", b"b")),
        Fields.of(),
        Fields.of(),
    ]
    for parts in cuts(REQUESTS):
        assert read_requests(parts) == whole


def test_a_reader_never_runs_ahead() -> None:
    reader = request_reader()
    reader.receive(GET + GET)
    assert reader.next_event() is None
    reader.expect()
    assert isinstance(reader.next_event(), RequestHead)
    assert not reader.awaits_message
    assert reader.next_event() is None
    assert reader.buffered == len(GET)
    reader.expect()
    with pytest.raises(LocalProtocolError):
        reader.expect()
    assert isinstance(reader.next_event(), RequestHead)
    assert reader.buffered == 0


def test_empty_lines_between_requests_leave_nothing_behind() -> None:
    reader = request_reader()
    reader.expect()
    reader.receive(b"\r\n\r\n\r\n")
    assert (reader.next_event(), reader.buffered) == (None, 0)


def test_pieces_of_a_body_are_views_of_what_came() -> None:
    reader = request_reader()
    reader.expect()
    data = request(b"Content-Length: 5", body=b"hello")
    reader.receive(data)
    reader.next_event()
    event = reader.next_event()
    assert isinstance(event, Body)
    assert event.pieces[0].obj is data


def test_nothing_is_kept_of_a_message_that_is_over() -> None:
    """An idle connection would hold the last read of an upload, which may be large."""
    reader = request_reader()
    reader.expect()
    data = request(b"Content-Length: 5", body=b"hello")
    references = sys.getrefcount(data)
    reader.receive(data)
    while reader.awaits_message:
        reader.next_event()
    assert sys.getrefcount(data) == references


def test_what_comes_after_an_upgrade_is_left_to_it() -> None:
    reader = request_reader()
    reader.expect()
    reader.receive(request(b"Upgrade: websocket", b"Connection: upgrade", start=GET[:14]) + b"\x81")
    head = reader.next_event()
    assert isinstance(head, RequestHead)
    assert head.websocket
    assert not reader.awaits_message
    assert (reader.take_rest(), reader.buffered) == (b"\x81", 0)


@pytest.mark.parametrize("end", range(1, len(REQUESTS)))
def test_an_end_within_a_request_is_told_from_one_between_them(end: int) -> None:
    outcome = read_requests([REQUESTS[:end]], eof=True)
    complete = outcome == read_requests([REQUESTS[:end]])
    between = not outcome or isinstance(outcome[-1], Fields)
    assert complete is between
    assert between or outcome[-1] == 400


def test_an_end_does_not_overtake_what_came_before() -> None:
    reader = request_reader()
    reader.expect()
    reader.receive(request(b"Content-Length: 5", body=b"hello"))
    reader.receive_eof()
    assert isinstance(reader.next_event(), RequestHead)
    assert isinstance(reader.next_event(), Body)
    assert not reader.awaits_message


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\nHost: a\r\n\n", b"GET /\n\r\n"]
)
def test_a_head_without_cr_is_not_waited_for(head: bytes) -> None:
    for parts in cuts(head):
        assert read_requests(parts) == [400]


def test_a_client_of_ssh_is_not_waited_for() -> None:
    for parts in cuts(b"SSH-2.0-pgrok_1.0\r\n"):
        assert read_requests(parts) == [400]


@given(st.binary(max_size=200))
def test_noise_is_no_request(noise: bytes) -> None:
    assert targets(read_requests([noise, b"\r\n\r\n"])) == []


# Responses

RESPONSE = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
)


def test_a_response_after_interim_ones_wherever_it_is_cut() -> None:
    whole = read_response([RESPONSE])
    assert [part.status for part in whole if isinstance(part, ResponseHead)] == [100, 103, 200]
    assert whole[-2:] == [b"hello", Fields.of((b"X-Sum", b"1"))]
    for parts in cuts(RESPONSE):
        assert read_response(parts) == whole


@pytest.mark.parametrize("end", range(1, len(RESPONSE)))
def test_a_response_that_is_cut(end: int) -> None:
    outcome = read_response([RESPONSE[:end]], eof=True)
    between_heads = isinstance(outcome[-1], ResponseHead) and outcome[-1].interim
    assert between_heads or outcome[-1] == 400


def test_a_response_that_ends_with_its_connection() -> None:
    head = OK + b"\r\n"
    assert read_response([head + b"hel", b"lo"], eof=True)[1:] == [b"hello", Fields.of()]
    assert read_response([head], eof=True)[1:] == [Fields.of()]
    assert len(read_response([head])) == 1


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", OK + b"Content-Length: 5\r\n\r\n"),
        (b"HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n"),
        (b"HEAD", OK + b"\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", OK + b"Content-Length: 0\r\n\r\n"),
    ],
)
def test_a_response_without_a_body_ends_at_its_head(method: bytes, head: bytes) -> None:
    reader = response_reader()
    reader.expect(method)
    reader.receive(head)
    assert isinstance(reader.next_event(), ResponseHead)
    if reader.awaits_message:
        assert reader.next_event() == Body([], Fields.of())
    assert (reader.awaits_message, reader.clean) == (False, True)


def test_octets_after_a_response_are_noticed() -> None:
    reader = response_reader()
    reader.expect(b"GET")
    reader.receive(OK + b"Content-Length: 0\r\n\r\nmore")
    reader.next_event()
    reader.next_event()
    assert (reader.awaits_message, reader.clean) == (False, False)
    assert reader.next_event() is None


def test_one_response_at_a_time() -> None:
    reader = response_reader()
    reader.expect(b"GET")
    with pytest.raises(LocalProtocolError):
        reader.expect(b"GET")


def test_what_comes_after_a_101() -> None:
    reader = response_reader()
    reader.expect(b"GET")
    head = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    reader.receive(head + b"\x81\x00")
    event = reader.next_event()
    assert isinstance(event, ResponseHead)
    assert event.status == 101
    assert reader.take_rest() == b"\x81\x00"


def test_an_endless_head_is_not_waited_for() -> None:
    parts = [b"y" * 1000] * (MAX_HEAD_BYTES // 1000 + 1)
    assert read_response([OK + b"X: ", *parts]) == [431]


# Messages that are whole.

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_a_response_may_be_whole_after_an_interim_one() -> None:
    reader = response_reader()
    reader.expect(b"GET")
    reader.receive(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert isinstance(reader.next_event(), ResponseHead)
    assert (reader.awaits_message, reader.clean) == (True, True)
    assert reader.whole(WHOLE) is not None


def test_a_whole_message_is_over_at_once() -> None:
    reader = response_reader()
    reader.expect(b"GET")
    head = reader.whole(WHOLE)
    assert head is not None
    assert WHOLE[head.octets :] == b"hi"
    assert (reader.awaits_message, reader.clean) == (False, True)
    assert not reader.expect(b"GET")


@pytest.mark.parametrize(
    "data",
    [
        WHOLE[:-1],
        WHOLE + b"!",
        b"\r\n" + WHOLE,
        b"HTTP/1.1 200 OK\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 101 -\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_WHOLE_BYTES + b"x" * MAX_WHOLE_BYTES,
        b"ICY 200 OK\r\n\r\n",
        b"\r\n\r\n",
        b"",
    ],
)
def test_what_is_not_one_whole_message_is_left_alone(data: bytes) -> None:
    reader = response_reader()
    reader.expect(b"GET")
    assert reader.whole(data) is None
    assert (reader.awaits_message, reader.buffered) == (True, 0)


def test_a_body_that_looks_like_a_message_is_a_body() -> None:
    reader = response_reader()
    reader.expect(b"GET")
    reader.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
    assert isinstance(reader.next_event(), ResponseHead)
    assert reader.next_event() == Body([memoryview(b"begun")])
    assert reader.whole(WHOLE) is None


def test_what_nobody_waits_for_is_no_message() -> None:
    assert response_reader().whole(WHOLE) is None


def test_a_body_of_known_length_may_pass_by() -> None:
    reader = request_reader()
    reader.expect()
    reader.receive(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegun")
    assert isinstance(reader.next_event(), RequestHead)
    assert reader.body_left == 0, "some of it is here"
    assert reader.next_event() == Body([memoryview(b"begun")])
    assert reader.body_left == 995
    reader.pass_by(990)
    assert reader.next_event() is None
    reader.receive(b"ended")
    assert reader.next_event() == Body([memoryview(b"ended")], NO_TRAILERS)
    assert reader.body_left == 0
    assert not reader.awaits_message


def test_all_that_was_left_of_a_body_may_pass_by() -> None:
    reader = request_reader()
    reader.expect()
    reader.receive(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    assert isinstance(reader.next_event(), RequestHead)
    reader.pass_by(5)
    assert reader.body_left == 0
    assert reader.next_event() == Body([], NO_TRAILERS)


def test_a_body_that_passed_by_may_be_cut() -> None:
    reader = request_reader()
    reader.expect()
    reader.receive(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    assert isinstance(reader.next_event(), RequestHead)
    reader.pass_by(3)
    reader.receive_eof()
    with pytest.raises(RemoteProtocolError, match="2 octets early"):
        reader.next_event()


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Content-Length: 0"])
def test_no_other_body_passes_by(framing: bytes) -> None:
    reader = request_reader()
    reader.expect()
    assert reader.body_left == 0
    reader.receive(b"PUT / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing)
    assert isinstance(reader.next_event(), RequestHead)
    assert reader.body_left == 0
