from __future__ import annotations

from ipaddress import ip_network

import pytest

from pgrok.http.remembering import MAX_REMEMBERED_BYTES
from pgrok.relay.pool import Pool
from pgrok.server.counts import Counts
from pgrok.server.decisions import Decisions
from pgrok.server.proxy.front import Front
from pgrok.server.proxy.streams import Streams
from pgrok.server.proxy.visitors import Visitors
from pgrok.server.settings import LimitSettings
from support.relay import GET, OK, TIMEOUTS, Relay, get, status
from support.transports import MemoryTransport

PROXY, VISITOR, OTHER = "127.0.0.1", "192.0.2.1", "192.0.2.2"


class House:
    """A front in memory, whose requests all go to the targets of `relay`."""

    def __init__(self, *, requests_per_address: int = 8) -> None:
        self.relay = Relay()
        self.pool: Pool | None = self.relay.pool
        counts = Counts()
        limits = LimitSettings(requests_per_address=requests_per_address)
        decisions = Decisions(self.relay.loop.call_later)
        self.front = Front(
            lambda _label: self,
            domain="a",
            scheme="http",
            visitors=Visitors((ip_network(PROXY),), limits, decisions),
            deadlines=self.relay.deadlines,
            counts=counts,
            streams=Streams(counts),
            decisions=decisions,
            limits=limits,
            timeouts=TIMEOUTS,
            parking_seconds=0.0,
        )

    def visitor(self, address: str) -> MemoryTransport:
        """Return the end of a visitor's connection."""
        loop = self.relay.loop
        transport = MemoryTransport(loop, self.front.accept(), peername=(address, 5000))
        transport.connect()
        return transport

    def ask(self, address: str, request: bytes = GET) -> bytes:
        """Return what the target is asked when that is sent from there, and answer it."""
        self.visitor(address).send(request)
        asked = self.relay.target.take()
        self.relay.target.send(OK)
        return asked


@pytest.fixture
def house() -> House:
    return House()


def test_the_same_request_of_two_visitors_tells_of_two(house: House) -> None:
    for address in (VISITOR, OTHER, VISITOR):
        assert b"X-Forwarded-For: %b\r\n" % address.encode() in house.ask(address)


def test_the_sender_is_looked_for_behind_all_trusted_proxies(house: House) -> None:
    seen = b"X-Forwarded-For: %b, %b" % (VISITOR.encode(), PROXY.encode())
    assert b"X-Real-IP: %b\r\n" % VISITOR.encode() in house.ask(PROXY, get(b"/", seen))


def test_long_heads_are_not_kept(house: House) -> None:
    house.ask(VISITOR, get(b"/" + b"x" * MAX_REMEMBERED_BYTES))
    assert house.front._ways.recall.cache_info().currsize == 0
    house.ask(VISITOR)
    assert house.front._ways.recall.cache_info().currsize == 1


def test_a_request_that_is_sent_once_more_counts_once() -> None:
    house = House(requests_per_address=2)
    proxy = house.visitor(PROXY)
    asked = get(b"/", b"X-Forwarded-For: 192.0.2.1")
    for connections in range(1, 5):
        proxy.send(asked)
        if connections > 1:
            # The connection of the one before is lost under the request, which is sent anew.
            house.relay.target.reset()
        assert len(house.relay.targets) == connections
        house.relay.target.send(OK)
        assert status(proxy.take()) == 200
