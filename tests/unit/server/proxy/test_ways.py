from __future__ import annotations

import pytest

from pgrok.errors import ConnectionLost
from pgrok.http.forwarding import Visitor
from pgrok.http.pages import Code, Problem
from pgrok.http.parsing import parse_request
from pgrok.server.proxy.ways import Ways, canonical_host, explain


@pytest.mark.parametrize(
    ("sent", "looked_up"),
    [
        (b"bob.example.com", "bob.example.com"),
        (b"BOB.Example.COM:8080", "bob.example.com"),
        (b"bob.example.com.", "bob.example.com"),
        (b"bob.example.com.:80", "bob.example.com"),
        (b"bob.example.com..", "bob.example.com."),
        (b"[::1]:80", "[::1]:80"),
        (b"", ""),
        (b"\xe9.example.com", "\xe9.example.com"),
    ],
)
def test_hosts_are_looked_up_without_case_port_and_dot(sent: bytes, looked_up: str) -> None:
    assert canonical_host(sent) == looked_up


def test_no_error_is_told_to_visitors() -> None:
    assert explain(OSError("/etc/secret")) == Problem(Code.TARGET_DOWN, 502)
    assert explain(ConnectionLost("/etc/secret")) == Problem(Code.TUNNEL_LOST, 502)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], b""),
        ([b"192.0.2.1, 10.0.0.7"], b"192.0.2.1, 10.0.0.7"),
        ([b"192.0.2.1", b"10.0.0.7"], b"192.0.2.1, 10.0.0.7"),
    ],
)
def test_what_proxies_tell_of_the_sender_may_stand_in_lines_of_their_own(
    lines: list[bytes], told: bytes
) -> None:
    fields = b"".join(b"X-Forwarded-For: %b\r\n" % line for line in lines)
    request = parse_request(b"GET / HTTP/1.1\r\nHost: bob.example.com\r\n%b\r\n" % fields)
    ways = Ways("example.com", lambda address: address.startswith("10."))
    proxy = Visitor("10.0.0.8", "https", trusted=True)
    stranger = Visitor("192.0.2.9", "https", trusted=False)
    assert ways.find(request, proxy).forwarded_for == told
    assert ways.find(request, stranger).forwarded_for == b""
