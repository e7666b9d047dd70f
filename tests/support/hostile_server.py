"""What a server that turns on its clients has at hand, and what they could be made to reach."""

from __future__ import annotations

import asyncio

from pgrok.address import parse_target
from pgrok.client.forwarder import http_acceptor
from pgrok.client.targets import Forward, Rules
from pgrok.transport.ssh.multiplexer import write_forwarded_open
from pgrok.transport.ssh.server import ServerConnection
from support.channels import Noting
from support.conditions import until
from support.ports import LOOPBACK
from support.public import Application
from support.recorder import Record
from support.transport import Accepting


class Listener:
    """Something on loopback that the client could connect to."""

    def __init__(self) -> None:
        self.record = Record()
        self.connections: list[Application] = []
        self.answers = True
        self.port = 0

    def _accept(self) -> Application:
        self.connections.append(self.record.serve() if self.answers else Application())
        return self.connections[-1]

    async def begin(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(self._accept, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def leave(self) -> None:
        for connection in self.connections:
            connection.transport.abort()


async def open_channel(
    server: ServerConnection, port: int, *, address: bytes, originator: tuple[str, int]
) -> Noting:
    """Have the server open a channel as it likes; return what became of it."""
    opened = Noting()
    opening = write_forwarded_open(address, port, originator)
    server.open_tunnel_channel(opened, "forwarded-tcpip", opening, {})
    await until(lambda: opened.events, "the client has answered")
    return opened


def http(target: Listener) -> Accepting:
    """Return what serves the channels of an http tunnel to `target`."""
    url = parse_target(f"http://{LOOPBACK}:{target.port}")
    api = Forward("/api", parse_target(f"http://{LOOPBACK}:{target.port}/base"))
    return http_acceptor(Rules(url, [api]), lambda *_: None)
