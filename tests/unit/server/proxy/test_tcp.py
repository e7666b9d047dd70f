from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pgrok.address import Address
from pgrok.server.proxy.tcp import _Visitor
from support.manual_loop import manual_loop
from support.transports import MemoryTransport


class Port:
    """A port that notes whom channels are opened for."""

    def __init__(self) -> None:
        self.visitors: list[Address] = []

    def enter(self, _address: str) -> Callable[[], None]:
        return lambda: None

    def open_channel(self, _protocol: asyncio.Protocol, visitor: Address) -> Callable[[], None]:
        self.visitors.append(visitor)
        return lambda: None


@pytest.mark.parametrize(
    ("peername", "told"),
    [
        (("192.0.2.1", 7), Address("192.0.2.1", 7)),
        (("2001:db8::1", 7, 0, 0), Address("2001:db8::1", 7)),
        (("fe80::1%eth0", 7, 0, 2), Address("fe80::1", 7)),
    ],
)
def test_the_client_is_told_a_literal_address(peername: tuple[object, ...], told: Address) -> None:
    port = Port()
    MemoryTransport(manual_loop(), _Visitor(port), peername=peername).connect()  # type: ignore[arg-type]
    assert port.visitors == [told]


def test_a_port_that_nobody_serves_closes_the_door() -> None:
    transport = MemoryTransport(manual_loop(), _Visitor(None))
    transport.connect()
    assert transport.is_closing()
