from __future__ import annotations

import pytest

from pgrok.errors import ConnectionLost
from pgrok.http.pages import Code, Problem
from pgrok.server.proxy.ways import canonical_host, explain


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
