from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from pgrok.http.fields import Fields
from pgrok.http.forwarding import (
    MAX_TOLD,
    ForwardedResponse,
    Visitor,
    forward_request,
    forward_response,
)
from pgrok.http.head import (
    FROM_OTHER_END,
    MAX_HEAD_BYTES,
    MAX_HEAD_LINES,
    Framing,
    RequestHead,
    ResponseHead,
)
from pgrok.http.parsing import MAX_HOST, parse_request, parse_response
from support.events import read_requests, read_response
from support.heads import UPGRADE, request

STRANGER = Visitor("203.0.113.9", "https", trusted=False)
PROXY = Visitor("127.0.0.1", "http", trusted=True)


def asked(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> RequestHead:
    return parse_request(request(*lines, start=start))


def answered(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> ResponseHead:
    return parse_response(b"\r\n".join([start, *lines, b"", b""]), b"GET")


PLAIN = asked()


def passed_on(response: ResponseHead, *, host: str | None = None) -> ForwardedResponse:
    return forward_response(response, 1, True, host)


def is_trusted(address: str) -> bool:
    return ip_address(address) in ip_network("127.0.0.0/8")


def told(request: RequestHead, visitor: Visitor) -> Fields:
    """Return the fields that the application gets to see."""
    head = forward_request(request, None, visitor, is_trusted)
    return parse_request(head).fields


# Requests


def test_a_request_goes_on_without_the_fields_of_its_connection() -> None:
    head = forward_request(
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
    assert head == (
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic y\r\n"
        b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    )


def test_a_websocket_is_asked_for_in_words_of_our_own() -> None:
    head = forward_request(
        asked(b"Upgrade: WEBSOCKET", b"Connection: Upgrade, X-Hop", b"X-Hop: 1", b"Origin: b")
    )
    assert head == (
        b"GET / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )


def test_h2c_is_not_asked_for() -> None:
    head = forward_request(asked(b"Upgrade: h2c", *UPGRADE))
    assert head == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("value", "told"), [(b"trailers", True), (b"gzip, Trailers", True), (b"gzip", False)]
)
def test_trailers_are_passed_on_and_asked_for(value: bytes, told: bool) -> None:
    head = forward_request(asked(b"TE: " + value))
    expected = b"TE: trailers\r\nConnection: TE\r\n" if told else b""
    assert head == b"GET / HTTP/1.1\r\nHost: a\r\n" + expected + b"\r\n"


def test_a_request_may_get_another_target() -> None:
    assert forward_request(asked(), b"/b") == b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"


# Responses

OLD = asked(start=b"GET / HTTP/1.0")
LAST = asked(b"Connection: close")
CLOSE = b"\r\nConnection: close\r\n"


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
    response = forward_response(answered(line), visitor.minor_version, visitor.keep_alive)
    assert (response.framing, response.keep_alive) == (framing, kept)
    assert (CLOSE in response.head) is not kept


def test_this_end_may_want_to_close() -> None:
    response = forward_response(answered(b"Content-Length: 0"), 1, False)
    assert not response.keep_alive
    assert CLOSE in response.head


def test_a_response_goes_on_without_the_fields_of_its_connection() -> None:
    response = forward_response(
        answered(
            b"Connection: X-Hop",
            b"X-Hop: 1",
            b"Keep-Alive: timeout=5",
            b"Upgrade: h2c",
            b"Trailer: X-Sum",
            b"ETag: x",
            b"Transfer-Encoding: chunked",
        ),
        1,
        True,
    )
    assert response.head == b"HTTP/1.1 200 OK\r\nETag: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_length_without_a_body_goes_on() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    response = parse_response(head, b"HEAD")
    assert passed_on(response).head == head


def test_an_interim_response_says_nothing_of_the_connection() -> None:
    response = answered(b"Link: </a>", start=b"HTTP/1.1 103 Early Hints")
    assert forward_response(response, 1, True).head == (
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
    assert passed_on(response).head == (
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
    assert told(asked(*CLAIMS, b"X: y"), STRANGER).pairs() == [
        (b"Host", b"a"),
        (b"X", b"y"),
        (b"X-Forwarded-For", b"203.0.113.9"),
        (b"X-Forwarded-Host", b"a"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Real-IP", b"203.0.113.9"),
        (b"Forwarded", b'for=203.0.113.9;host="a";proto=https'),
    ]


UNKNOWN = (
    *(b"X-Forwarded-Port", b"x-forwarded-prefix", b"X-FORWARDED-SSL", b"X-Forwarded-Server"),
    *(b"X-Forwarded", b"X-Forwarded-", b"X-ForwardedFor"),
)
MISSPELT = (
    *(b"X_Forwarded_Port", b"x-forwarded_prefix", b"X_FORWARDED-SSL", b"X_Forwarded"),
    *(b"X-Forwarded-Client_Cert", b"X_ForwardedFor"),
)


@pytest.mark.parametrize("name", [*UNKNOWN, *MISSPELT])
def test_a_stranger_says_nothing_in_the_name_of_a_proxy(name: bytes) -> None:
    fields = told(asked(b"X: y", name + b": x", b"Y: z"), STRANGER)
    assert fields == told(asked(b"X: y", b"Y: z"), STRANGER)


def test_names_that_only_hold_that_of_a_proxys_field_are_anybodys() -> None:
    lines = (b"Not-X-Forwarded-Port: x", b"X-Forward: y", b"X: x-forwarded-port", b"XForwarded: z")
    head = forward_request(asked(*lines), None, STRANGER)
    assert all(line in head for line in lines)


@pytest.mark.parametrize("name", UNKNOWN)
def test_whatever_else_a_trusted_proxy_says_is_kept(name: bytes) -> None:
    for nominated in (b"X: y", b"Connection: " + name):
        assert name + b": x" in told(asked(name + b": x", nominated), PROXY).lines


@pytest.mark.parametrize("name", MISSPELT)
def test_no_proxy_writes_underscores(name: bytes) -> None:
    assert name.lower() not in told(asked(name + b": x"), PROXY).names


def test_what_a_trusted_proxy_says_is_kept() -> None:
    assert told(asked(*CLAIMS), PROXY).pairs() == [
        (b"Host", b"a"),
        (b"X-Forwarded-For", b"198.51.100.7, 127.0.0.1"),
        (b"X-Forwarded-Host", b"b"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Real-IP", b"198.51.100.7"),
        (b"Forwarded", b'for=198.51.100.7;host="b";proto=https'),
    ]


# What a proxy passes on that knows X-Forwarded-For only: Caddy does, if not told otherwise.
LIES = [
    b"X-Real-IP: 203.0.113.6",
    b"Forwarded: for=203.0.113.6",
    b"Forwarded: for=198.51.100.7, for=203.0.113.6",
    b"Forwarded: for=203.0.113.6, for=198.51.100.7",
    b'Forwarded: for="198.51.100.7";host=evil;proto=http',
]


@pytest.mark.parametrize("line", LIES)
def test_a_trusted_proxy_is_not_believed_what_it_has_not_said_itself(line: bytes) -> None:
    said = (b"X-Forwarded-For: 198.51.100.7", b"X-Forwarded-Proto: https")
    assert told(asked(line, *said), PROXY) == told(asked(*said), PROXY)


@pytest.mark.parametrize(
    ("said", "sender"),
    [
        (b"203.0.113.6, 198.51.100.7", b"198.51.100.7"),
        (b"203.0.113.6, 198.51.100.7, 127.0.0.2,127.0.0.3", b"198.51.100.7"),
        (b"198.51.100.7, 127.0.0.2\r\nX-Forwarded-For: 127.0.0.3", b"198.51.100.7"),
        (b"127.0.0.2, 127.0.0.3", b"127.0.0.2"),
        (b"198.51.100.7, unknown, 127.0.0.2", b"unknown"),
        (b"198.51.100.7,, ", b"198.51.100.7"),
    ],
)
def test_the_sender_is_whom_the_farthest_trusted_proxy_saw(said: bytes, sender: bytes) -> None:
    fields = dict(
        told(asked(b"X-Real-IP: 203.0.113.6", b"X-Forwarded-For: " + said), PROXY).pairs()
    )
    assert fields[b"X-Real-IP"] == sender
    assert fields[b"Forwarded"] == b'for=%b;host="a";proto=http' % sender


@pytest.mark.parametrize("nothing", [b"X: y", b"X-Forwarded-For:", b"X-Forwarded-For: , "])
def test_without_addresses_in_a_list_a_trusted_proxys_other_fields_count(nothing: bytes) -> None:
    fields = dict(told(asked(nothing, b"X-Real-IP: 198.51.100.7"), PROXY).pairs())
    assert fields[b"X-Real-IP"] == b"198.51.100.7"
    assert fields[b"Forwarded"] == b'for=198.51.100.7;host="a";proto=http'
    fields = dict(told(asked(nothing, b"Forwarded: for=198.51.100.7"), PROXY).pairs())
    assert fields[b"Forwarded"] == b'for=198.51.100.7, for=127.0.0.1;host="a";proto=http'


@pytest.mark.parametrize("visitor", [STRANGER, PROXY])
def test_connection_cannot_take_away_who_asked(visitor: Visitor) -> None:
    names = b"Forwarded, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Real-IP"
    fields = told(asked(b"Connection: close, " + names), visitor)
    assert [name for name, _ in fields.pairs()[1:]] == [
        *(b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Real-IP"),
        b"Forwarded",
    ]


def test_what_a_trusted_proxy_leaves_empty_is_as_if_not_said() -> None:
    fields = dict(told(asked(b"X-Forwarded-For:", b"Forwarded:"), PROXY).pairs())
    assert fields[b"X-Forwarded-For"] == b"127.0.0.1"
    assert fields[b"Forwarded"] == b'for=127.0.0.1;host="a";proto=http'


def test_what_a_trusted_proxy_does_not_say_is_added() -> None:
    fields = dict(told(asked(), PROXY).pairs())
    assert fields[b"X-Forwarded-For"] == b"127.0.0.1"
    assert fields[b"X-Forwarded-Host"] == b"a"


def test_a_trusted_proxy_that_says_only_part_is_not_contradicted() -> None:
    request = asked(b"X-Forwarded-For: 192.0.2.1, 198.51.100.7", b"X-Forwarded-Proto: https")
    fields = dict(told(request, PROXY).pairs())
    assert fields[b"X-Forwarded-For"] == b"192.0.2.1, 198.51.100.7, 127.0.0.1"
    assert fields[b"X-Real-IP"] == b"198.51.100.7"
    assert fields[b"Forwarded"] == b'for=198.51.100.7;host="a";proto=https'


def test_what_a_proxy_says_cannot_break_out_of_forwarded() -> None:
    request = asked(b'X-Forwarded-For: x";by=y', b"X-Forwarded-Proto: https;a")
    fields = dict(told(request, PROXY).pairs())
    assert fields[b"Forwarded"] == b'for="x;by=y";host="a";proto="https;a"'


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"x-forwarded_proto", b"X_REAL-IP"])
def test_underscores_make_no_second_name(name: bytes) -> None:
    for visitor in (STRANGER, PROXY):
        assert name.lower() not in told(asked(name + b": x"), visitor).names


@pytest.mark.parametrize("line", [b"Content_Length: 0", b"TRANSFER_ENCODING: chunked"])
def test_underscores_make_no_second_framing(line: bytes) -> None:
    head = forward_request(asked(b"Content-Length: 5", line))
    assert line not in head
    assert b"Content-Length: 5" in head
    assert line not in passed_on(answered(b"Content-Length: 5", line)).head


def test_ipv6_addresses_are_quoted_in_forwarded() -> None:
    visitor = Visitor("2001:db8::1", "http", trusted=False)
    fields = dict(told(asked(), visitor).pairs())
    assert fields[b"X-Forwarded-For"] == b"2001:db8::1"
    assert fields[b"Forwarded"] == b'for="[2001:db8::1]";host="a";proto=http'


# What the other end takes

FAR = "fe80:1111:2222:3333:4444:5555:6666:7777%interface-of-15"
LONGEST = b"h" * MAX_TOLD
GROWING = [
    (Visitor(FAR, "https", trusted=False), ()),
    (Visitor(FAR, "https", trusted=True), ()),
    (
        Visitor(FAR, "https", trusted=True),
        (b"X-Forwarded-For:" + LONGEST, b"X-Forwarded-Host:" + LONGEST),
    ),
    (
        Visitor(FAR, "https", trusted=True),
        (
            *(b"X-Forwarded-For:" + LONGEST, b"X-Forwarded-Host:" + LONGEST),
            b"X-Forwarded-Proto:" + b";" * MAX_TOLD,
        ),
    ),
    (Visitor(FAR, "https", trusted=True), (b"Forwarded:for=a", b"X-Real-IP:" + LONGEST)),
    (Visitor(FAR, "https", trusted=True), (b"X-Real-IP:" + LONGEST,)),
]


def filled(head: bytes) -> list[bytes]:
    """Return heads like `head` with as many octets, and as many lines, as one may have."""
    octets = b"X:" + b"y" * (MAX_HEAD_BYTES - len(head) - 4) + b"\r\n"
    lines = b"X:y\r\n" * (MAX_HEAD_LINES + 1 - head.count(b"\r\n"))
    return [head[:-2] + more + b"\r\n" for more in (octets, lines)]


@pytest.mark.parametrize(("visitor", "said"), GROWING)
@pytest.mark.parametrize(
    "more",
    [
        (b"TE:trailers", b"Content-Length:1"),
        (b"TE:trailers", b"Transfer-Encoding:chunked"),
        (b"Upgrade:websocket", b"Connection:Upgrade"),
    ],
)
def test_a_request_that_was_taken_is_taken_by_the_other_end(
    visitor: Visitor, said: tuple[bytes, ...], more: tuple[bytes, ...]
) -> None:
    lines = [b"GET / HTTP/1.1", b"Host:" + b"h" * MAX_HOST, *said, *more, b"", b""]
    for head in filled(b"\r\n".join(lines)):
        (taken, *_) = read_requests([head])
        assert isinstance(taken, RequestHead)
        forwarded = forward_request(taken, None, visitor, is_trusted)
        assert len(forwarded) > MAX_HEAD_BYTES or forwarded.count(b"\n") > MAX_HEAD_LINES + 1
        assert isinstance(read_requests([forwarded], limits=FROM_OTHER_END)[0], RequestHead)


@pytest.mark.parametrize("more", [(), (b"Content-Length:1",), (b"Transfer-Encoding:chunked",)])
def test_a_response_that_was_taken_is_taken_by_the_other_end(more: tuple[bytes, ...]) -> None:
    for head in filled(b"\r\n".join([b"HTTP/1.1 200", *more, b"", b""])):
        (taken, *_) = read_response([head])
        assert isinstance(taken, ResponseHead)
        forwarded = forward_response(taken, 1, False).head
        assert len(forwarded) > MAX_HEAD_BYTES or forwarded.count(b"\n") > MAX_HEAD_LINES + 1
        assert isinstance(read_response([forwarded], limits=FROM_OTHER_END)[0], ResponseHead)


@pytest.mark.parametrize(
    "name", [b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Real-IP"]
)
def test_what_is_too_long_to_be_meant_is_as_if_not_said(name: bytes) -> None:
    said = told(asked(name + b": " + LONGEST), PROXY)
    assert said != told(asked(), PROXY)
    assert told(asked(name + b": h" + LONGEST), PROXY) == told(asked(), PROXY)


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
        (b"a=b; Domain=example.org", False),
        (b"a=b; Domain=xbob.example.com", False),
        (b"a=b; Domain=ex%61mple.com", False),
        ("a=b; Domain=\uff45xample.com".encode(), False),
        ("a=b; Domain=example\u3002com".encode(), False),
    ],
)
def test_cookies_for_neighbours_are_dropped(cookie: bytes, kept: bool) -> None:
    line = b"SET-Cookie: " + cookie
    response = passed_on(answered(line, b"X: y"), host="bob.example.com")
    assert (line in response.head) is kept
    assert b"X: y" in response.head


def test_cookies_for_neighbours_are_the_business_of_one_end() -> None:
    line = b"Set-Cookie: a=b; Domain=com"
    assert line in passed_on(answered(line)).head
