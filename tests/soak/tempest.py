"""Faults at random: several at a time, one a tunnel, and now and then a restart of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from random import Random

from soak import faults
from soak.faults import Fault
from soak.server import Server
from soak.troubles import Restart, Troubles
from soak.tunnels import Tunnel

PAUSE = 1.0
"""Seconds between two faults, at most."""

REST = 2.0
"""Seconds after a fault in which its tunnel has none, so that all has to be well with it."""

VETERANS_REST = 60.0
"""The same for a client that lives from the start to the end: one that is cut off again and again
waits for longer and longer before it comes back."""


class Tempest:
    """Makes faults; `seed` decides which, for whom, and when."""

    def __init__(
        self, seed: int, server: Server, tunnels: Sequence[Tunnel], troubles: Troubles
    ) -> None:
        self._chance = Random(f"{seed} faults")
        self._server, self._tunnels, self._troubles = server, tunnels, troubles
        self._resting = dict.fromkeys(tunnels, 0.0)
        """When each may have the next fault; never, while it has one."""
        self._running: set[asyncio.Task[None]] = set()

    async def rage(self, seconds: float, restarts: int) -> None:
        """Make faults for so long; the restarts are in the first half."""
        began = time.monotonic()
        due = sorted(began + self._chance.uniform(0.1, 0.5) * seconds for _ in range(restarts))
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < began + seconds:
                await asyncio.sleep(self._chance.uniform(0, PAUSE))
                if due and due[0] < time.monotonic():
                    due.pop(0)
                    await self._restart()
                else:
                    self._strike(group)

    def _strike(self, group: asyncio.TaskGroup) -> None:
        now = time.monotonic()
        ready = [tunnel for tunnel, rests in self._resting.items() if rests < now]
        if not ready:
            return
        tunnel = self._chance.choice(ready)
        fault = self._chance.choice(faults.possible(tunnel))
        self._resting[tunnel] = float("inf")
        task = group.create_task(self._suffer(tunnel, fault, Random(self._chance.random())))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _suffer(self, tunnel: Tunnel, fault: Fault, chance: Random) -> None:
        with self._troubles.noted(fault.trouble(tunnel)) as trouble:
            await fault.make(tunnel, chance)
            trouble.done = time.monotonic()
            if fault.ends_client:
                await tunnel.start()
            await tunnel.back()
        rest = VETERANS_REST if tunnel.veteran and fault.losses else REST
        self._resting[tunnel] = time.monotonic() + rest

    async def _restart(self) -> None:
        """Restart the server while nothing else is the matter."""
        if self._running:
            await asyncio.wait(self._running)
        replacing = asyncio.create_task(self._replace_server())
        await asyncio.gather(*(self._outlast(tunnel, replacing) for tunnel in self._tunnels))

    async def _replace_server(self) -> tuple[float, float]:
        """Return when the new one was started, and when it served."""
        await self._server.stop()
        await self._server.start()
        return self._server.began, time.monotonic()

    async def _outlast(self, tunnel: Tunnel, replacing: asyncio.Task[tuple[float, float]]) -> None:
        with self._troubles.noted(Restart("restart", tunnel.name)) as restart:
            restart.done, restart.serving = await replacing
            await tunnel.back()
