"""Public TCP ports: each visitor's socket is coupled with a channel of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

from pgrok.address import Address
from pgrok.relay.splice import SpliceEnd
from pgrok.server.proxy.sockets import listen
from pgrok.server.proxy.streams import Streams
from pgrok.server.proxy.visitors import Visitors
from pgrok.sockets import reset

OpenChannel = Callable[[asyncio.Protocol, Address], Callable[[], None]]
"""Opens a channel under a protocol for the visitor at an address; returns what gives it up."""


class PublicPort:
    """One listening port. Who serves it may change; the socket stays."""

    def __init__(self, server: asyncio.Server, visitors: Visitors, streams: Streams) -> None:
        self._server = server
        self._visitors = visitors
        self._streams = streams
        self.open_channel: OpenChannel | None = None

    def serve(self, open_channel: OpenChannel) -> None:
        """Couple visitors, from now on, with channels that `open_channel` opens."""
        self.open_channel = open_channel

    def close(self) -> None:
        """Stop listening; visitors that are coupled stay so."""
        self.open_channel = None
        self._server.close()

    def enter(self, address: str) -> Callable[[], None] | None:
        """Let a visitor in; return what is to be called when he is gone, None if he is refused."""
        if self._visitors.enter(address) is not None:
            return None
        return self._streams.enter("tcp", partial(self._visitors.leave, address))


async def open_port(host: str, visitors: Visitors, streams: Streams, port: int) -> PublicPort:
    """Listen on a public port; raises `OSError` if another program has it."""
    holder: list[PublicPort] = []
    server = await listen(lambda: _Visitor(holder[0] if holder else None), host, port)
    holder.append(PublicPort(server, visitors, streams))
    return holder[0]


class _Visitor(SpliceEnd):
    """One visitor's socket; its channel is opened as soon as it stands."""

    __slots__ = ("_port",)

    def __init__(self, port: PublicPort | None) -> None:
        super().__init__()
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the channel."""
        peername = transport.get_extra_info("peername")
        port = self._port
        open_channel = port.open_channel if port else None
        if port is not None and open_channel is not None and peername:
            self.on_lost = port.enter(peername[0])
        if self.on_lost is None or open_channel is None:
            reset(cast("asyncio.Transport", transport))
            return
        channel_end = SpliceEnd()
        self.join(channel_end)
        super().connection_made(transport)
        # Clients want a literal address, which does not say on which interface it is local.
        visitor = Address(peername[0].partition("%")[0], peername[1])
        channel_end.give_up = open_channel(channel_end, visitor)
