"""A server with a bystander's tunnel on it, and attackers who come one after the other."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncssh.constants import MSG_GLOBAL_REQUEST, MSG_REQUEST_SUCCESS
from asyncssh.packet import Boolean, String, UInt32

from pgrok.protocol import HINT, Hint, TunnelKind
from pgrok.server.sshd.session import Session
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.transport.ssh.server import ServerConnection
from support.alarms import Alarms, raised_alarms
from support.conditions import until
from support.hostile import HostileClient, hostile_client
from support.house import Client, House, application, get, ok, open_house
from support.messages import Message
from support.ports import LOOPBACK


@dataclass(frozen=True)
class Visit:
    """Somebody comes to the attacker's tunnel, if there is one."""


Move = Message | Visit

PARKING_SECONDS = 1.0
"""How long requests wait for an attacker to come back, and hold on to the tunnel that he had."""


class Arena:
    """Attacks, and what must be true after each."""

    def __init__(self, house: House, bystander: Client, token: str, alarms: Alarms) -> None:
        self.house = house
        self.token = token
        self._bystander = bystander
        self._alarms = alarms
        self._tasks = len(asyncio.all_tasks())
        self._kept = kept()

    async def attack(self, kind: TunnelKind | None, moves: Sequence[Move]) -> None:
        """Make these moves as somebody with a tunnel of that kind, and see that nobody minds."""
        attacker = await hostile_client(self.house.ssh, self.token)
        visitors: list[asyncio.StreamWriter] = []
        try:
            await self._open(attacker, kind)
            for move in moves:
                if isinstance(move, Visit):
                    visitors += await self._visit()
                else:
                    attacker.send(*move)
            await attacker.heard_out()
            await self.others_do_not_notice()
        finally:
            attacker.abort()
            for visitor in visitors:
                visitor.transport.abort()
        await self._nothing_is_left()

    async def others_do_not_notice(self) -> None:
        """See that the bystander's tunnel works, and that the server has no bug to tell of."""
        head, body = await get(self.house.settings.proxy.port, f"{self._bystander.label}.localhost")
        assert (head.split()[1], body) == ("200", b"as ever")
        self._alarms.check()

    async def forgets_them(self) -> None:
        """See that the memory holds what it held before the first attack, once nobody waits."""
        await until(lambda: kept() == self._kept, "attackers are forgotten")

    async def _open(self, attacker: HostileClient, kind: TunnelKind | None) -> None:
        if kind is None:
            return
        hint = String(HINT) + Boolean(True) + Hint(kind).encode()
        attacker.send(MSG_GLOBAL_REQUEST, hint)
        forward = String("tcpip-forward") + Boolean(True) + String("") + UInt32(0)
        attacker.send(MSG_GLOBAL_REQUEST, forward)
        await until(lambda: attacker.kinds().count(MSG_REQUEST_SUCCESS) == 2, "there is a tunnel")

    async def _visit(self) -> list[asyncio.StreamWriter]:
        others = [lease for lease in self.house.daemon.registry if lease.holder.person_id != 1]
        if not others:
            return []
        kind, name = others[0].key
        port = int(name) if kind is TunnelKind.TCP else self.house.settings.proxy.port
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except ConnectionRefusedError:  # the tunnel has been cancelled a moment ago
            return []
        writer.write(f"GET / HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n".encode())
        return [writer]

    async def _nothing_is_left(self) -> None:
        await until(lambda: len(self.house.daemon.registry) == 1, "the attacker's lease has gone")
        await until(lambda: len(asyncio.all_tasks()) <= self._tasks, "no task is left")
        self._alarms.check()


def kept() -> Counter[str]:
    """Count what a server has in its memory for whom it serves, but for what idles in a pool."""
    gc.collect()
    kinds = (ServerConnection, Session, Tunnel)
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds))


@asynccontextmanager
async def open_arena(database: str) -> AsyncIterator[Arena]:
    """Serve while the body runs."""
    with raised_alarms() as alarms:
        async with open_house(database, parking_seconds=PARKING_SECONDS) as house:
            _, token = await house.person("bystander")
            as_ever = application(lambda _: ok(b"as ever"))
            bystander = await house.http(token, acceptor=as_ever)
            yield Arena(house, bystander, (await house.person("mallory"))[1], alarms)
