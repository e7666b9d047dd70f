"""Whose tunnel a request is for is decided once, by its Host alone."""

from __future__ import annotations

import itertools

from support.house import House, application, get, ok

FIELDS = [
    "Forwarded", "Origin", "Referer", "X-Forwarded-Host", "X-Forwarded-Server", "X-Host",
    "X-HTTP-Host-Override", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL",
]  # fmt: skip
OTHERS = ["bob.localhost", "http://bob.localhost/", "host=bob.localhost"]


async def test_no_other_field_leads_elsewhere(house: House, token: str) -> None:
    """What peers were routed by in one place and asked about in another."""
    _, alices = await house.person("alice")
    await house.http(token, acceptor=application(lambda _: ok(b"bob")))
    await house.http(alices, acceptor=application(lambda _: ok(b"alice")))
    port = house.settings.proxy.port
    for field, other in itertools.product(FIELDS, OTHERS):
        assert (await get(port, "alice.localhost", f"{field}: {other}"))[1] == b"alice", field
        head, body = await get(port, "nobody.localhost", f"{field}: {other}")
        assert head.startswith("HTTP/1.1 502"), field
        assert b"bob" not in body
