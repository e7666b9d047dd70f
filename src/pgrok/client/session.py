"""One life of a connection to the server: asking for the tunnel, holding it, leaving."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol

from pgrok.address import Address
from pgrok.errors import (
    ConnectError,
    ConnectionLost,
    RemoteProtocolError,
    ServerUnreachable,
    TransportError,
    TunnelRefused,
)
from pgrok.protocol import HINT, SERVER_INFO, Hint, ServerInfo, ServerInfoRequest, TunnelKind

OPENING_SECONDS = 30.0
"""How long a server may take to open a tunnel; a claim that needs a probe takes three."""

PROBE_SECONDS = 5.0
"""How long a server may take to give a sign of life after the network changed."""

GOODBYE_SECONDS = 0.05
"""How long a client waits for its goodbye to be heard; Ctrl-C is to end it within 0.1 s."""

Accept = Callable[[Address], asyncio.Protocol]
"""Gives the protocol that serves a channel, which comes from the visitor at that address."""


class Connection(Protocol):
    """An authenticated connection to the server, as `pgrok.transport.client` makes it."""

    async def request(self, name: str, payload: bytes) -> bytes:
        """Send a global request; raises `TunnelRefused`."""

    async def forward(self, accept: Accept) -> int:
        """Ask for a tunnel; raises `TunnelRefused`."""

    async def probe(self) -> None:
        """Return at the next sign of life; raises `ConnectionLost`."""

    async def wait_lost(self) -> None:
        """Raise why the connection went away once it did."""

    def is_closed(self) -> bool:
        """Whether the connection is gone."""

    def say_goodbye(self, reason: str) -> None:
        """Send DISCONNECT and close soon."""

    def abort(self) -> None:
        """Close at once."""


async def open_tunnel(connection: Connection, hint: Hint, accept: Accept) -> str:
    """Ask for a tunnel and return its public URL; `accept` serves its channels.

    Raises `TunnelRefused` when the server will not, `ServerUnreachable` when it does not
    answer, or why the connection was lost meanwhile.
    """
    try:
        async with asyncio.timeout(OPENING_SECONDS):
            await _send_hint(connection, hint)
            await connection.forward(accept)
            question = ServerInfoRequest(hint.kind).encode()
            answer = await connection.request(SERVER_INFO, question)
    except TimeoutError:
        text = f"the server opened no tunnel within {OPENING_SECONDS:.0f} seconds"
        raise ServerUnreachable(text) from None
    except TunnelRefused:
        # Requests that a lost connection leaves unanswered look refused.
        if connection.is_closed():
            await connection.wait_lost()
        raise
    try:
        return ServerInfo.decode(answer).host_url
    except RemoteProtocolError as error:
        raise TunnelRefused(f"the server does not say where the tunnel is: {error}") from None


async def hold(connection: Connection, network_change: Callable[[], Awaitable[None]]) -> NoReturn:
    """Wait until the connection is lost and raise why, one of the errors of `wait_lost`.

    After every network change the server has to give a sign of life: a connection that died
    with the old network would go unnoticed until its keepalive ran out.
    """
    async with asyncio.TaskGroup() as group:
        prober = group.create_task(_probe_after(connection, network_change))
        reason = await _loss(connection)
        prober.cancel()
    raise reason


async def leave(connection: Connection) -> None:
    """Say goodbye, so that the server frees the name at once, and close."""
    if not connection.is_closed():
        connection.say_goodbye("the client ends")
        with contextlib.suppress(TimeoutError, ConnectError, TransportError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await connection.wait_lost()
    connection.abort()


async def _send_hint(connection: Connection, hint: Hint) -> None:
    try:
        await connection.request(HINT, hint.encode())
    except TunnelRefused as error:
        # A server that knows no hints opens http tunnels.
        if hint.kind is not TunnelKind.HTTP or connection.is_closed():
            raise TunnelRefused(f"no {hint.kind} tunnel: {error}") from None


async def _loss(connection: Connection) -> ConnectError | TransportError:
    try:
        await connection.wait_lost()
    except (ConnectError, TransportError) as reason:
        return reason
    return ConnectionLost("the connection was closed")


async def _probe_after(
    connection: Connection, network_change: Callable[[], Awaitable[None]]
) -> None:
    while True:
        await network_change()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await connection.probe()
        except (TimeoutError, ConnectionLost):
            connection.abort()
            return
