"""Whether what is used comes back to where it was: memory, descriptors, tasks, leases."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from soak.ledger import Ledger
from soak.server import Look, Server
from soak.tunnels import Tunnel
from support.processes import memory

WARM_UP = 20.0
"""Seconds under load in which a process may grow: its pools, caches and arenas fill."""

GROWTH = 24 << 20
"""Octets that it may grow by after that; four million are usual, and do not become more."""

CALM = 20.0
"""Seconds in which all that transfers used is given back; idle connections are kept for four."""

LOOK_EVERY = 1.0

SPARE = 2
"""Descriptors and tasks more than before that are no leak: whatever happens at the moment."""


class Growth:
    """The memory of one process: at its most while warming up, and now."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.warm = self.last = 0
        self._began = time.monotonic()

    def note(self, resident: int) -> None:
        """Note how much it has."""
        if time.monotonic() < self._began + WARM_UP:
            self.warm = max(self.warm, resident)
        self.last = resident

    @property
    def octets(self) -> int:
        """How much it has grown since it was warm."""
        return self.last - self.warm

    def __str__(self) -> str:
        return f"{self.name} {self.warm >> 20} -> {self.last >> 20} MiB"


class Watch:
    """Watches the server, and those clients that live from start to end."""

    _empty: Look
    _calm: Look

    def __init__(self, server: Server, tunnels: Sequence[Tunnel], ledger: Ledger) -> None:
        self.growths: dict[int, Growth] = {}
        """By process id."""
        self.looks: list[Look] = []
        """What the server had when nobody was there, and when all was calm, before and after."""
        self._server, self._tunnels, self._ledger = server, tunnels, ledger
        self._of_clients: dict[Tunnel, int] = {}

    async def remember_empty(self) -> None:
        """Remember what the server has before any client came."""
        self._empty = await self._look()

    async def remember_calm(self) -> None:
        """Remember what server and clients have with all tunnels up and no visitor."""
        self._calm = await self._look()
        ours = (each for each in self._tunnels if each.kind.is_ours)
        self._of_clients = {each: descriptors(each.process.pid) for each in ours}

    async def keep(self) -> None:
        """Note how memory grows, until cancelled."""
        while True:
            with contextlib.suppress(OSError):  # while the server restarts
                await self._note()
            await asyncio.sleep(LOOK_EVERY)

    async def check_calm(self) -> None:
        """All tunnels are up, and what visitors used is given back, by clients too."""
        await self._settle(len(self._tunnels), self._calm)
        for tunnel, before in self._of_clients.items():
            await self._settle_client(tunnel, before + SPARE)

    async def check_empty(self) -> None:
        """No client is there, and nothing of them is left."""
        await self._settle(0, self._empty)

    async def check_memory(self) -> None:
        """No process has grown beyond its bound."""
        await self._note()
        for growth in self.growths.values():
            if growth.octets > GROWTH:
                self._ledger.fail("memory", f"grew without end: {growth}")

    async def _settle(self, clients: int, before: Look) -> None:
        """Wait until the server has that many clients, and else no more than before."""
        began = time.monotonic()
        while True:
            look = await self._server.look()
            if (look.tunnels, look.clients, look.visitors) == (clients, clients, 0) and (
                look.tasks <= before.tasks + SPARE
                and look.descriptors <= before.descriptors + SPARE
            ):
                self.looks.append(look)
                return
            if time.monotonic() > began + CALM:
                self._ledger.fail("pgrokd", f"left over: {look}; there was {before}", since=began)
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _settle_client(self, tunnel: Tunnel, most: int) -> None:
        began = time.monotonic()
        while (now := descriptors(tunnel.process.pid)) > most:
            if time.monotonic() > began + CALM:
                reason = f"{now} descriptors, {most} at most expected"
                self._ledger.fail("client", reason, tunnel.name, began)
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> Look:
        self.looks.append(look := await self._server.look())
        return look

    async def _note(self) -> None:
        self._note_one(self._server.process.pid, "pgrokd", (await self._server.look()).memory)
        for tunnel in self._tunnels:
            if tunnel.veteran:
                pid = tunnel.process.pid
                self._note_one(pid, tunnel.name, memory(pid))

    def _note_one(self, pid: int, name: str, resident: int) -> None:
        if pid not in self.growths:
            self.growths[pid] = Growth(name)
        self.growths[pid].note(resident)


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
