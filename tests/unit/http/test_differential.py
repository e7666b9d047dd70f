"""Whatever is accepted, h11 and our own other end read the same out of what goes on."""

from __future__ import annotations

import h11
from hypothesis import given
from hypothesis import strategies as st

from pgrok.http.body import encode_body
from pgrok.http.fields import Fields, permitted_trailers
from pgrok.http.forwarding import Visitor, forward_request, forward_response
from pgrok.http.head import Framing, RequestHead, ResponseHead
from pgrok.http.parsing import parse_request
from support.events import Outcome, one_by_one, read_requests, read_response
from support.heads import SMUGGLED, request

VISITOR = Visitor("203.0.113.9", "https", trusted=False)

# What is sent

NAMES = [
    *(b"Accept", b"X-A", b"x_b", b"Connection", b"Expect", b"TE", b"Upgrade", b"Trailer"),
    *(b"Transfer-Encoding", b"Content_Length", b"X-Forwarded-For", b"Forwarded", b"Keep-Alive"),
]
VALUES = [
    *(b"", b"a", b"close", b"keep-alive, x-a", b"100-continue", b"trailers", b"websocket"),
    *(b"h2c", b"chunked", b"upgrade, te", b"a\tb", b"\xff", b"a\0", b"5", b'"x\\"', b"host"),
]
FRAMINGS = [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"content-length:\t05 "]
lines = st.lists(
    st.one_of(
        st.builds(b"%b: %b".__mod__, st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES))),
        st.sampled_from([*FRAMINGS, b"Host: b", b" x"]),
    ),
    max_size=5,
)
request_start = st.sampled_from(
    [b"GET / HTTP/1.1"] * 3
    + [b"POST /a?b HTTP/1.1"] * 3
    + [b"OPTIONS * HTTP/1.1", b"GET //x HTTP/1.0", b"HEAD /%20 HTTP/1.1", b"GET a HTTP/1.1"]
)
chunk = st.builds(
    lambda data, extension: b"%x%b\r\n%b\r\n" % (len(data), extension, data),
    st.sampled_from([b"a", b"hello", b"\r\n", b"0\r\n\r\n", SMUGGLED]),
    st.sampled_from([b"", b"", b";a", b' ;a="b"', b";\n"]),
)
trailer = st.sampled_from(
    [b"A: b\r\n", b"Host: b\r\n", b"Content_Length: 5\r\n", b"A\r\n", b" b\r\n"]
)
chunks = st.builds(
    lambda parts, trailers: b"".join([*parts, b"0\r\n", *trailers, b"\r\n"]),
    st.lists(chunk, max_size=3),
    st.lists(trailer, max_size=2),
)
body = st.one_of(st.sampled_from([b"", b"hello", b"0\r\n", SMUGGLED]), chunks)
framed = st.one_of(
    st.builds(lambda some: ([*some, b"Content-Length: 5"], b"hello"), lines),
    st.builds(lambda some, data: ([*some, b"Transfer-Encoding: chunked"], data), lines, chunks),
    st.tuples(lines, body),
)
some_request = st.builds(
    lambda start, rest: request(*rest[0], start=start, body=rest[1]), request_start, framed
)


def mutated(data: bytes, at: int, octet: bytes) -> bytes:
    at %= len(data)
    return data[:at] + octet + data[at + len(octet) :]


hostile_request = st.one_of(
    some_request,
    some_request,
    st.builds(
        mutated,
        some_request,
        st.integers(0, 1000),
        st.one_of(st.binary(max_size=1), st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b":"])),
    ),
)
pipeline = st.lists(hostile_request, min_size=1, max_size=4).map(b"".join)

# What goes on


def forwarded(outcome: Outcome, visitor: Visitor | None) -> list[bytes]:
    """Return each complete request in `outcome` as it goes on."""
    messages: list[bytes] = []
    message, framing = b"", Framing.NONE
    for part in outcome:
        if isinstance(part, RequestHead):
            message, framing = forward_request(part, None, visitor), part.framing
        elif isinstance(part, bytes):
            message += b"".join(encode_body(framing, [memoryview(part)], None))
        elif isinstance(part, Fields):
            messages.append(message + b"".join(encode_body(framing, [], part)))
    return messages


def meaning(outcome: Outcome) -> list[tuple[bytes, bytes, bytes, list[bytes]]]:
    """Return method, target, body and trailers that may go on of each complete request."""
    asked = []
    head, data = parse_request(request()), b""
    for part in outcome:
        if isinstance(part, RequestHead):
            head, data = part, b""
        elif isinstance(part, bytes):
            data = part
        elif isinstance(part, Fields):
            asked.append((head.method, head.target, data, permitted_trailers(part)))
    return asked


def h11_meaning(data: bytes) -> list[tuple[bytes, bytes, bytes, list[bytes]]]:
    """Return the same of all that is in `data`, as h11 reads it; fail if it cannot."""
    parser = h11.Connection(h11.SERVER)
    if data:  # to h11, nothing is the end of the connection
        parser.receive_data(data)
    asked = []
    while isinstance(event := parser.next_event(), h11.Request):
        head, received = event, b""
        while isinstance(event := parser.next_event(), h11.Data):
            received += event.data
        assert isinstance(event, h11.EndOfMessage)
        trailers = [b"%b: %b" % pair for pair in event.headers.raw_items()]
        asked.append((head.method, head.target, received, trailers))
        parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        parser.send(h11.EndOfMessage())
        parser.start_next_cycle()
    assert event is h11.NEED_DATA
    assert parser.trailing_data == (b"", False)
    return asked


def without_partial_body(outcome: Outcome) -> Outcome:
    """Leave out what came of a body that broke, which depends on how it was cut."""
    broke = isinstance(outcome[-1], int) and isinstance(outcome[-2:][0], bytes)
    return [*outcome[:-2], outcome[-1]] if broke else outcome


@given(pipeline)
def test_h11_reads_the_same_requests(data: bytes) -> None:
    outcome = read_requests([data])
    for visitor in (VISITOR, None):
        assert h11_meaning(b"".join(forwarded(outcome, visitor))) == meaning(outcome)


@given(pipeline)
def test_the_other_end_reads_the_same_requests_and_changes_nothing(data: bytes) -> None:
    goes_on = forwarded(read_requests([data]), VISITOR)
    again = read_requests([b"".join(goes_on)])
    assert not any(isinstance(part, int) for part in again)
    assert forwarded(again, None) == goes_on


@given(pipeline)
def test_requests_one_octet_at_a_time_are_those_all_at_once(data: bytes) -> None:
    single = read_requests(one_by_one(data), eof=True)
    assert without_partial_body(single) == without_partial_body(read_requests([data], eof=True))


# Responses

response_start = st.sampled_from(
    [b"HTTP/1.1 200 OK"] * 4
    + [b"HTTP/1.0 200 OK", b"HTTP/1.1 100 Continue", b"HTTP/1.1 204", b"HTTP/1.1 304 -", b"ICY 200"]
)
response_lines = st.lists(
    st.sampled_from(
        [
            *(*FRAMINGS, b"Connection: close", b"Connection: X", b"X: y", b"Content_Length: 5"),
            *(b"Transfer-Encoding: gzip", b" x", b"A\0: b", b"Content-Length: 0", b"Trailer: A"),
        ]
    ),
    max_size=3,
)
response_body = st.one_of(body, chunks)
some_response = st.builds(
    lambda start, some, data: b"\r\n".join([start, *some, b"", data]),
    response_start,
    response_lines,
    response_body,
)
responses = st.lists(some_response, min_size=1, max_size=2).map(b"".join)
methods = st.sampled_from([b"GET", b"HEAD"])


def passed_on(outcome: Outcome, method: bytes) -> bytes:
    """Return what goes on of a response that is complete, and else nothing."""
    if not isinstance(outcome[-1], Fields):
        return b""
    sent, framing = b"", Framing.NONE
    for part in outcome:
        if isinstance(part, ResponseHead):
            response = forward_response(part, 1, True)
            sent, framing = sent + response.head, response.framing
        elif isinstance(part, bytes):
            sent += b"".join(encode_body(framing, [memoryview(part)], None))
        elif isinstance(part, Fields):
            sent += b"".join(encode_body(framing, [], part))
    return sent


def h11_response(data: bytes, method: bytes) -> tuple[int, bytes]:
    """Return status and body of the response in `data`, and fail if anything follows it."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(data)
    while isinstance(head := parser.next_event(), h11.InformationalResponse):
        pass
    assert isinstance(head, h11.Response)
    received = b""
    while isinstance(event := parser.next_event(), h11.Data):
        received += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert parser.trailing_data == (b"", False)
    return head.status_code, received


@given(responses, methods)
def test_h11_reads_the_same_response(data: bytes, method: bytes) -> None:
    outcome = read_response([data], method=method, eof=True)
    if goes_on := passed_on(outcome, method):
        heads = [part for part in outcome if isinstance(part, ResponseHead)]
        received = [part for part in outcome if isinstance(part, bytes)] or [b""]
        assert h11_response(goes_on, method) == (heads[-1].status, received[0])


@given(responses, methods)
def test_the_other_end_reads_the_same_response_and_changes_nothing(
    data: bytes, method: bytes
) -> None:
    outcome = read_response([data], method=method, eof=True)
    if goes_on := passed_on(outcome, method):
        assert passed_on(read_response([goes_on], method=method), method) == goes_on


@given(responses, methods)
def test_responses_one_octet_at_a_time_are_those_all_at_once(data: bytes, method: bytes) -> None:
    expected = read_response([data], method=method, eof=True)
    single = read_response(one_by_one(data), method=method, eof=True)
    assert without_partial_body(single) == without_partial_body(expected)
