from __future__ import annotations

from dataclasses import astuple

import pytest

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import Fields
from pgrok.http.head import MAX_HEAD_LINES, Framing, RequestHead
from pgrok.http.parsing import parse_request, parse_response
from support.heads import GET, REFUSED_HEADS, TOO_MANY_LINES, UPGRADE, Refused, request


@pytest.mark.parametrize("vector", [*REFUSED_HEADS, TOO_MANY_LINES], ids=str)
def test_a_request_with_two_meanings_or_none_is_refused(vector: Refused) -> None:
    head, end, _ = vector.data.partition(b"\r\n\r\n")
    with pytest.raises(RemoteProtocolError) as refused:
        parse_request(head + end)
    assert refused.value.status == vector.status


def test_a_plain_request() -> None:
    data = b"GET /a?b=c HTTP/1.1\r\nHost: A.b:80\r\nX-y:  z \r\n\r\n"
    fields = Fields.of((b"Host", b"A.b:80"), (b"X-y", b"z"))
    expected = RequestHead(b"GET", b"/a?b=c", fields, b"A.b:80")
    expected.measure(len(data))
    assert astuple(parse_request(data)) == astuple(expected)


@pytest.mark.parametrize("method", [b"DELETE", b"PATCH", b"PROPFIND", b"M-SEARCH", b"LIST"])
def test_methods_of_other_documents_are_taken(method: bytes) -> None:
    assert parse_request(request(start=b"%b / HTTP/1.1" % method)).method == method


@pytest.mark.parametrize(
    "target", [b"/", b"//a/b", b"/a%20b?c=d&e", b"/?a=http://b/", b'/<>"{}|\\^`', b"/:80/@x"]
)
def test_targets_are_kept_to_the_letter(target: bytes) -> None:
    assert parse_request(request(start=b"GET %b HTTP/1.1" % target)).target == target


def test_an_asterisk_is_for_options() -> None:
    assert parse_request(request(start=b"OPTIONS * HTTP/1.1")).target == b"*"


@pytest.mark.parametrize("host", [b"a", b"a:", b"A.b:80", b"a_b.c", b"[::1]:80", b"127.0.0.1"])
def test_hosts(host: bytes) -> None:
    assert parse_request(b"GET / HTTP/1.0\r\nHost: %b\r\n\r\n" % host).host == host


def test_lengths_and_codings_become_a_framing() -> None:
    counted = parse_request(request(b"content-LENGTH: 0042 ", b"X: y"))
    assert (counted.framing, counted.length) == (Framing.LENGTH, 42)
    for line in (b"TRANSFER-encoding: Chunked", b"Transfer-Encoding:chunked\t"):
        chunked = parse_request(request(line))
        assert (chunked.framing, chunked.length) == (Framing.CHUNKED, None)
    plain = parse_request(GET)
    assert (plain.framing, plain.length) == (Framing.NONE, None)


@pytest.mark.parametrize(
    ("version", "lines", "kept"),
    [
        (b"1.1", [], True),
        (b"1.1", [b"Connection: close"], False),
        (b"1.1", [b"Connection: keep-alive, CLOSE"], False),
        (b"1.1", [b"Connection: x", b"Connection: close"], False),
        (b"1.1", [b"Connection: closed"], True),
        (b"1.0", [], False),
        (b"1.0", [b"Connection: keep-alive"], False),
    ],
)
def test_whether_a_request_keeps_its_connection(
    version: bytes, lines: list[bytes], kept: bool
) -> None:
    assert parse_request(request(*lines, start=b"GET / HTTP/%b" % version)).keep_alive is kept


WEBSOCKET = (b"Upgrade: WebSocket", b"Connection: keep-alive, Upgrade")


@pytest.mark.parametrize(
    ("start", "lines", "asked"),
    [
        (b"GET / HTTP/1.1", WEBSOCKET, True),
        (b"GET / HTTP/1.1", (*WEBSOCKET, b"Content-Length: 0"), True),
        (b"GET / HTTP/1.0", WEBSOCKET, False),
        (b"POST / HTTP/1.1", WEBSOCKET, False),
        (b"GET / HTTP/1.1", WEBSOCKET[:1], False),
        (b"GET / HTTP/1.1", WEBSOCKET[1:], False),
        (b"GET / HTTP/1.1", (b"Upgrade: h2c, websocket", *WEBSOCKET[1:]), False),
        (b"GET / HTTP/1.1", (b"Upgrade: h2c", *UPGRADE), False),
        (b"POST / HTTP/1.1", (b"Upgrade: h2c", *UPGRADE, b"Content-Length: 0"), False),
    ],
)
def test_only_a_websocket_is_an_upgrade(
    start: bytes, lines: tuple[bytes, ...], asked: bool
) -> None:
    assert parse_request(request(*lines, start=start)).websocket is asked


def test_who_waits_for_a_100() -> None:
    assert parse_request(request(b"Expect: 100-Continue")).expects_continue
    old = request(b"Expect: 100-continue", start=b"POST / HTTP/1.0")
    assert not parse_request(old).expects_continue
    assert not parse_request(GET).expects_continue


def test_the_limit_of_lines() -> None:
    fields = [b"X: y"] * (MAX_HEAD_LINES - 2)
    assert len(parse_request(request(*fields)).fields.lines) == MAX_HEAD_LINES - 1


def test_a_plain_response() -> None:
    response = parse_response(b"HTTP/1.1 404 Not Found\r\nX: y\r\n\r\n", b"GET")
    assert (response.status, response.reason, response.fields) == (
        404,
        b"Not Found",
        Fields.of((b"X", b"y")),
    )


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"HTTP/1.1 200", b""),
        (b"HTTP/1.1 200 ", b""),
        (b"HTTP/1.0 200 Tout va tr\xe8s bien\t!", b"Tout va tr\xe8s bien\t!"),
        (b"HTTP/1.1 999 Go away", b"Go away"),
    ],
)
def test_reasons_and_statuses(start: bytes, reason: bytes) -> None:
    assert parse_response(start + b"\r\n\r\n", b"GET").reason == reason


@pytest.mark.parametrize(
    ("method", "start", "line", "framing"),
    [
        (b"GET", b"HTTP/1.1 200 OK", b"Content-Length: 5", Framing.LENGTH),
        (b"GET", b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", Framing.CHUNKED),
        (b"GET", b"HTTP/1.1 200 OK", b"X: y", Framing.UNTIL_CLOSE),
        (b"HEAD", b"HTTP/1.1 200 OK", b"Content-Length: 5", Framing.NONE),
        (b"HEAD", b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", Framing.NONE),
        (b"HEAD", b"HTTP/1.1 200 OK", b"X: y", Framing.NONE),
        (b"GET", b"HTTP/1.1 204 No Content", b"Content-Length: 5", Framing.NONE),
        (b"GET", b"HTTP/1.1 304 Not Modified", b"Content-Length: 5", Framing.NONE),
        (b"GET", b"HTTP/1.1 304 Not Modified", b"X: y", Framing.NONE),
        (b"GET", b"HTTP/1.1 100 Continue", b"Content-Length: 5", Framing.NONE),
        (b"GET", b"HTTP/1.1 101 -", b"\r\n".join((*WEBSOCKET, b"Content-Length: 0")), Framing.NONE),
    ],
)
def test_how_a_response_ends(method: bytes, start: bytes, line: bytes, framing: Framing) -> None:
    response = parse_response(b"%b\r\n%b\r\n\r\n" % (start, line), method)
    assert response.framing is framing


@pytest.mark.parametrize(
    ("method", "status", "told"),
    [(b"HEAD", 200, True), (b"GET", 304, True), (b"GET", 204, False), (b"HEAD", 103, False)],
)
def test_a_length_that_frames_nothing_is_told_where_it_may_be(
    method: bytes, status: int, told: bool
) -> None:
    head = b"HTTP/1.1 %d -\r\nContent-Length: 5\r\n\r\n" % status
    assert parse_response(head, method).length == (5 if told else None)


@pytest.mark.parametrize(
    ("version", "lines", "kept"),
    [
        (b"1.1", [b"Content-Length: 0"], True),
        (b"1.1", [b"Content-Length: 0", b"Connection: Close"], False),
        (b"1.1", [b"X: y"], False),
        (b"1.0", [b"Content-Length: 0"], False),
        (b"1.0", [b"Content-Length: 0", b"Connection: Keep-Alive"], True),
    ],
)
def test_whether_a_response_keeps_its_connection(
    version: bytes, lines: list[bytes], kept: bool
) -> None:
    head = b"\r\n".join([b"HTTP/%b 200 OK" % version, *lines, b"", b""])
    assert parse_response(head, b"GET").keep_alive is kept


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x01K\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\r\n\r\n",
        b"HTTP/1.1 101 To what?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX y: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEAD_LINES + b"\r\n",
    ],
)
def test_a_response_that_cannot_be_passed_on(head: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_response(head, b"GET")
