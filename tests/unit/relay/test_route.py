from __future__ import annotations

import pytest

from pgrok.http.forwarding import forward_response
from pgrok.http.parsing import parse_request, parse_response
from pgrok.http.remembering import MAX_REMEMBERED_BYTES
from pgrok.relay.route import Route
from support.heads import GET, request
from support.relay import Relay

OK = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain=example.com\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def route(relay: Relay, host: str | None = None, start: bytes = b"GET / HTTP/1.1") -> Route:
    return Route(parse_request(request(start=start)), GET, relay.explain, host)


def test_a_response_that_comes_again_is_not_looked_at_again(relay: Relay) -> None:
    way, response = route(relay), parse_response(OK, b"GET")
    assert way.forward_response(response, True) is way.forward_response(response, True)


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1", b"GET / HTTP/1.0"])
@pytest.mark.parametrize("host", [None, "bob.example.com"])
def test_each_response_goes_on_as_itself(relay: Relay, start: bytes, host: str | None) -> None:
    way, minor_version = route(relay, host, start), int(start[-1:])
    responses = [parse_response(head, b"GET") for head in (OK, CHUNKED)]
    for response in [*responses, *responses]:
        for keep_alive in (True, False, False, True):
            expected = forward_response(response, minor_version, keep_alive, host)
            assert way.forward_response(response, keep_alive) == expected


def test_long_heads_are_not_kept(relay: Relay) -> None:
    way = route(relay)
    long = OK.replace(b"\r\n\r\n", b"\r\nX: %b\r\n\r\n" % (b"y" * MAX_REMEMBERED_BYTES))
    response = parse_response(long, b"GET")
    assert way.forward_response(response, True) is not way.forward_response(response, True)
