from __future__ import annotations

import pytest

from pgrok.http.fields import Fields, values
from pgrok.http.forwarding import (
    Visitor,
    request_for_upstream,
    response_for_downstream,
    tell_visitor,
    without_foreign_cookies,
)
from pgrok.http.head import Framing, RequestHead, ResponseHead
from pgrok.http.parsing import parse_request, parse_response
from support.heads import UPGRADE, request

STRANGER = Visitor("203.0.113.9", "https", trusted=False)
PROXY = Visitor("127.0.0.1", "http", trusted=True)


def asked(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> RequestHead:
    return parse_request(request(*lines, start=start))


def answered(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> ResponseHead:
    return parse_response(b"\r\n".join([start, *lines, b"", b""]), method=b"GET")


# Requests


def test_a_request_goes_on_without_the_fields_of_its_connection() -> None:
    head = request_for_upstream(
        asked(
            b"Connection: close, X-Hop",
            b"Keep-Alive: timeout=5",
            b"Proxy-Authorization: Basic x",
            b"X-Hop: 1",
            b"Authorization: Basic y",
            b"Expect: 100-continue",
            b"Content-Length: 3",
        )
    )
    assert head.encode() == (
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic y\r\n"
        b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    )


def test_a_websocket_is_asked_for_in_words_of_our_own() -> None:
    head = request_for_upstream(
        asked(b"Upgrade: WEBSOCKET", b"Connection: Upgrade, X-Hop", b"X-Hop: 1", b"Origin: b")
    )
    assert head.encode() == (
        b"GET / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )


def test_h2c_is_not_asked_for() -> None:
    head = request_for_upstream(asked(b"Upgrade: h2c", *UPGRADE))
    assert head.encode() == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("value", "told"), [(b"trailers", True), (b"gzip, Trailers", True), (b"gzip", False)]
)
def test_trailers_are_passed_on_and_asked_for(value: bytes, told: bool) -> None:
    head = request_for_upstream(asked(b"TE: " + value))
    expected = [(b"TE", b"trailers"), (b"Connection", b"TE")] if told else []
    assert head.fields == [(b"Host", b"a"), *expected]


# Responses

PLAIN = asked()
OLD = asked(start=b"GET / HTTP/1.0")
LAST = asked(b"Connection: close")
CLOSE = (b"Connection", b"close")


@pytest.mark.parametrize(
    ("visitor", "line", "framing", "kept"),
    [
        (PLAIN, b"Content-Length: 5", Framing.LENGTH, True),
        (PLAIN, b"Transfer-Encoding: chunked", Framing.CHUNKED, True),
        (PLAIN, b"X: y", Framing.CHUNKED, True),
        (PLAIN, b"Connection: close", Framing.CHUNKED, True),
        (LAST, b"Content-Length: 5", Framing.LENGTH, False),
        (LAST, b"X: y", Framing.CHUNKED, False),
        (OLD, b"Content-Length: 5", Framing.LENGTH, False),
        (OLD, b"Transfer-Encoding: chunked", Framing.UNTIL_CLOSE, False),
        (OLD, b"X: y", Framing.UNTIL_CLOSE, False),
    ],
)
def test_how_a_response_is_framed_for_its_visitor(
    visitor: RequestHead, line: bytes, framing: Framing, kept: bool
) -> None:
    response = response_for_downstream(answered(line), visitor, keep_alive=True)
    assert (response.framing, response.keep_alive) == (framing, kept)
    assert (CLOSE in response.fields) is not kept


def test_this_end_may_want_to_close() -> None:
    response = response_for_downstream(answered(b"Content-Length: 0"), PLAIN, keep_alive=False)
    assert not response.keep_alive
    assert response.fields == [CLOSE]


def test_a_response_goes_on_without_the_fields_of_its_connection() -> None:
    response = response_for_downstream(
        answered(
            b"Connection: X-Hop",
            b"X-Hop: 1",
            b"Keep-Alive: timeout=5",
            b"Upgrade: h2c",
            b"Trailer: X-Sum",
            b"ETag: x",
            b"Transfer-Encoding: chunked",
        ),
        PLAIN,
        keep_alive=True,
    )
    assert response.encode() == b"HTTP/1.1 200 OK\r\nETag: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_length_without_a_body_goes_on() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    response = parse_response(head, method=b"HEAD")
    assert response_for_downstream(response, PLAIN, keep_alive=True).encode() == head


def test_an_interim_response_says_nothing_of_the_connection() -> None:
    response = answered(b"Link: </a>", start=b"HTTP/1.1 103 Early Hints")
    assert response_for_downstream(response, LAST, keep_alive=True).encode() == (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    )


def test_a_switch_of_protocols() -> None:
    response = answered(
        b"Connection: upgrade, X-Hop",
        b"X-Hop: 1",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Accept: x",
        start=b"HTTP/1.1 101 Switching Protocols",
    )
    assert response_for_downstream(response, PLAIN, keep_alive=True).encode() == (
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )


# Who asked

CLAIMS = (
    b"X-Forwarded-For: 198.51.100.7",
    b"X-Forwarded-Host: b",
    b"X-Forwarded-Proto: https",
    b"X-Real-IP: 198.51.100.7",
    b"Forwarded: for=198.51.100.7",
)


def test_a_stranger_is_told_of_as_seen_here() -> None:
    assert tell_visitor(asked(*CLAIMS, b"X: y"), STRANGER).fields == [
        (b"Host", b"a"),
        (b"X", b"y"),
        (b"X-Forwarded-For", b"203.0.113.9"),
        (b"X-Forwarded-Host", b"a"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Real-IP", b"203.0.113.9"),
        (b"Forwarded", b'for=203.0.113.9;host="a";proto=https'),
    ]


def test_what_a_trusted_proxy_says_is_kept() -> None:
    assert tell_visitor(asked(*CLAIMS), PROXY).fields == [
        (b"Host", b"a"),
        (b"X-Forwarded-For", b"198.51.100.7, 127.0.0.1"),
        (b"X-Forwarded-Host", b"b"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Real-IP", b"198.51.100.7"),
        (b"Forwarded", b'for=198.51.100.7, for=127.0.0.1;host="a";proto=http'),
    ]


@pytest.mark.parametrize("visitor", [STRANGER, PROXY])
def test_connection_cannot_take_away_who_asked(visitor: Visitor) -> None:
    names = b"Forwarded, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Real-IP"
    head = request_for_upstream(tell_visitor(asked(b"Connection: close, " + names), visitor))
    assert [name for name, _ in head.fields[1:]] == [
        *(b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Real-IP"),
        b"Forwarded",
    ]


def test_what_a_trusted_proxy_leaves_empty_is_as_if_not_said() -> None:
    fields = dict(tell_visitor(asked(b"X-Forwarded-For:", b"Forwarded:"), PROXY).fields)
    assert fields[b"X-Forwarded-For"] == b"127.0.0.1"
    assert fields[b"Forwarded"] == b'for=127.0.0.1;host="a";proto=http'


def test_what_a_trusted_proxy_does_not_say_is_added() -> None:
    fields = dict(tell_visitor(asked(), PROXY).fields)
    assert fields[b"X-Forwarded-For"] == b"127.0.0.1"
    assert fields[b"X-Forwarded-Host"] == b"a"


def test_a_trusted_proxy_that_says_only_part_is_not_contradicted() -> None:
    request = asked(b"X-Forwarded-For: 192.0.2.1, 198.51.100.7", b"X-Forwarded-Proto: https")
    fields = dict(tell_visitor(request, PROXY).fields)
    assert fields[b"X-Forwarded-For"] == b"192.0.2.1, 198.51.100.7, 127.0.0.1"
    assert fields[b"X-Real-IP"] == b"198.51.100.7"
    assert fields[b"Forwarded"] == b'for=198.51.100.7;host="a";proto=https'


def test_what_a_proxy_says_cannot_break_out_of_forwarded() -> None:
    request = asked(b'X-Forwarded-For: x";by=y', b"X-Forwarded-Proto: https;a")
    fields = dict(tell_visitor(request, PROXY).fields)
    assert fields[b"Forwarded"] == b'for="x;by=y";host="a";proto="https;a"'


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"x-forwarded_proto", b"X_REAL-IP"])
def test_underscores_make_no_second_name(name: bytes) -> None:
    for visitor in (STRANGER, PROXY):
        assert not values(tell_visitor(asked(name + b": x"), visitor).fields, name.lower())


def test_ipv6_addresses_are_quoted_in_forwarded() -> None:
    visitor = Visitor("2001:db8::1", "http", trusted=False)
    fields = dict(tell_visitor(asked(), visitor).fields)
    assert fields[b"X-Forwarded-For"] == b"2001:db8::1"
    assert fields[b"Forwarded"] == b'for="[2001:db8::1]";host="a";proto=http'


# Cookies


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        (b"a=b", True),
        (b"a=b; Path=/; Secure", True),
        (b"a=b; Domain=bob.example.com", True),
        (b"a=b; Domain=x.bob.example.com", True),
        (b"a=b; domain=.BOB.example.com", True),
        (b"a=b; Domain=", True),
        (b"Domain=example.com", True),
        (b"a=b; Domain=example.com", False),
        (b"a=b; DOMAIN = .Example.Com ; Path=/", False),
        (b"a=b; Domain=example.com.", False),
        (b"a=b; Domain=com", False),
        (b'a=b; domain = "example.com"', False),
        (b"a=b; Domain=bob.example.com; Domain=example.com", False),
    ],
)
def test_cookies_for_neighbours_are_dropped(cookie: bytes, kept: bool) -> None:
    fields: Fields = [(b"SET-Cookie", cookie), (b"X", b"y")]
    response = without_foreign_cookies(ResponseHead(200, b"", fields), "bob.example.com")
    assert response.fields == (fields if kept else fields[1:])
