"""The SSH server as the rest of the house sees it: no type of asyncssh's in it."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence

import asyncssh

from pgrok.address import Address
from pgrok.transport import algorithms
from pgrok.transport.bounds import Bounds
from pgrok.transport.doorway import Doorway, Entrance, TurnedAway
from pgrok.transport.interfaces import Client, Connection
from pgrok.transport.options import COMMON
from pgrok.transport.ssh.server import ServerConnection
from pgrok.transport.turns import Turns
from pgrok.transport.waiting import WaitingRoom

BACKLOG = 1024
"""Connections that the system holds for us until we take them."""


class Listener:
    """A listening SSH server."""

    def __init__(self, servers: Sequence[asyncio.Server], entrance: Entrance) -> None:
        self._servers = servers
        self._entrance = entrance

    @property
    def addresses(self) -> list[Address]:
        """Where it listens."""
        sockets = [sock for server in self._servers for sock in server.sockets]
        return [Address(*sock.getsockname()[:2]) for sock in sockets]

    def close(self) -> None:
        """Accept no more connections, nor those that wait; those that have begun go on."""
        for server in self._servers:
            server.close()
        self._entrance.close()


async def listen(
    address: Address,
    *,
    host_keys: Sequence[bytes],
    accept: Callable[[Connection], Client],
    room: WaitingRoom[Doorway],
    bounds: Bounds,
    inherited: Sequence[socket.socket] = (),
    turned_away: TurnedAway = lambda _address, _reason: None,
) -> Listener:
    """Listen for SSH connections and call `accept` for each.

    `host_keys` are private keys in PEM; of several with the same algorithm the first is
    presented and the others are only announced. Who may exchange keys, and who has to wait, is
    for `room` to say; `bounds` are those of each connection. Sockets that are `inherited` listen
    already, and take the place of the address. `turned_away` is told of those who never got as
    far as `accept`. Raises `OSError` if the address is taken.
    """
    loop = asyncio.get_running_loop()
    options = await loop.run_in_executor(None, _options, host_keys, bounds)

    def make(authenticated: Callable[[], None]) -> ServerConnection:
        return ServerConnection(loop, options, accept=accept, on_login=authenticated, bounds=bounds)

    entrance = Entrance(loop, room, Turns(loop), make, turned_away, bounds.waiting)
    return Listener(await _listen(address, lambda: Doorway(entrance), inherited), entrance)


async def _listen(
    address: Address,
    accept: Callable[[], asyncio.Protocol],
    inherited: Sequence[socket.socket],
) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    if inherited:
        return [await loop.create_server(accept, sock=one, backlog=BACKLOG) for one in inherited]
    host, port = address.host, address.port
    return [await loop.create_server(accept, host, port, backlog=BACKLOG, reuse_address=True)]


def _options(host_keys: Sequence[bytes], bounds: Bounds) -> asyncssh.SSHServerConnectionOptions:
    options = asyncssh.SSHServerConnectionOptions(
        **COMMON,
        keepalive_interval=bounds.keepalive,
        keepalive_count_max=bounds.unanswered_keepalives,
        server_host_keys=[asyncssh.import_private_key(pem) for pem in host_keys],
        send_server_host_keys=True,
        password_auth=True,
        agent_forwarding=False,
        x11_forwarding=False,
        login_timeout=bounds.login,
        server_version="pgrok",
        encoding=None,
        line_editor=False,
    )
    # asyncssh offers whatever its keys can sign with, SHA-1 and a vendor's inventions included.
    keys = options.server_host_keys
    offered = [name.encode() for name in algorithms.SIGNATURES if name.encode() in keys]
    options.server_host_keys = OrderedDict((name, keys[name]) for name in offered)
    return options
