"""A live tunnel, of either kind: what a lease is held by and visitors' bytes go through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pgrok.address import Address
from pgrok.errors import ChannelRefused, TransportError
from pgrok.http.head import FROM_OTHER_END
from pgrok.protocol import TunnelKind
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.pool import Pool, PoolFull
from pgrok.relay.upstream import UpstreamConnection
from pgrok.server.registry import LiveTunnel
from pgrok.transport.interfaces import Connection, Forward

NO_VISITOR = Address("127.0.0.1", 1)
"""Originator of the channels that many visitors share; Go's client wants a literal address."""


class PublicPort(Protocol):
    """A listening TCP port that visitors connect to."""

    def serve(self, open_channel: OpenChannel) -> None:
        """Couple visitors, from now on, with channels that `open_channel` opens."""

    def close(self) -> None:
        """Stop listening; visitors that are coupled stay so."""


OpenChannel = Callable[[asyncio.Protocol, Address], Callable[[], None]]
"""Opens a channel under a protocol for the visitor at an address; returns what gives it up."""

OpenPort = Callable[[int], Awaitable[PublicPort]]
"""Listens on a public TCP port; raises `OSError` if another program has it."""


@dataclass(eq=False)
class Tunnel:
    """One forward of one client. `end` ends the whole connection, with a reason."""

    kind: TunnelKind
    person_id: int
    connection: Connection
    forward: Forward
    since: datetime
    has_room: Callable[[], bool]
    """Whether its person may have one channel more."""
    url: str = ""
    pool: Pool | None = None
    port: PublicPort | None = None

    def open_channel(self, protocol: asyncio.Protocol, originator: Address) -> Callable[[], None]:
        """Open a channel to the client; return what gives the attempt up.

        If it cannot be opened, `protocol` is told so in the next step of the loop.
        """
        try:
            return self._open_channel(protocol, originator)
        except TransportError as error:
            asyncio.get_running_loop().call_soon(protocol.connection_lost, error)
            return _nothing

    def _open_channel(self, protocol: asyncio.Protocol, originator: Address) -> Callable[[], None]:
        if not self.has_room():
            raise ChannelRefused("this person's tunnels have as many channels as they may")
        return self.connection.open_channel(protocol, self.forward, originator).abort

    def make_pool(self, deadlines: Deadlines, max_requests: int) -> None:
        """Serve requests from now on, so many at once, and keep idle channels for them."""
        self.pool = Pool(self._dial, deadlines, max_open=max_requests, limits=FROM_OTHER_END)

    def serve(self) -> None:
        """Take the visitors of the public port."""
        if self.port is not None:
            self.port.serve(self.open_channel)

    def take_no_more(self) -> None:
        """Take no more visitors of the public port; those who are here stay."""
        if self.port is not None:
            self.port.close()

    def close(self) -> None:
        """Take no more visitors, and close the channels that idle."""
        if self.pool is not None:
            self.pool.close()
        self.take_no_more()

    def describe(self) -> LiveTunnel:
        """Return what the dashboard shows."""
        client = self.connection.client_version.removeprefix("SSH-2.0-")
        return LiveTunnel(self.kind, self.url, self.since, client, str(self.connection.peer))

    def _dial(self, upstream: UpstreamConnection) -> Callable[[], None]:
        try:
            return self._open_channel(upstream, NO_VISITOR)
        except ChannelRefused:
            raise PoolFull from None
        except TransportError as error:
            asyncio.get_running_loop().call_soon(upstream.connection_lost, error)
            return _nothing


def _nothing() -> None:
    """There is nothing to give up."""
