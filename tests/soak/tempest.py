"""Faults as they are scheduled: several at a time, one a tunnel, and restarts of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from random import Random

from soak.schedule import Schedule, Strike
from soak.server import Server
from soak.troubles import Restart, Troubles
from soak.tunnels import Tunnel

REST = 2.0
"""Seconds after a fault in which its tunnel has none, so that all has to be well with it."""

VETERANS_REST = 60.0
"""The same for a client that lives from the start to the end: one that is cut off again and again
waits for longer and longer before it comes back."""


class Tempest:
    """Makes faults. One that is due while its tunnel suffers or rests is left out."""

    def __init__(self, schedule: Schedule, server: Server, troubles: Troubles) -> None:
        self._schedule, self._server, self._troubles = schedule, server, troubles
        self._restarting = False
        self._suffering: set[asyncio.Task[None]] = set()

    async def rage(self, until: float) -> None:
        """Make faults from now until then, by the monotonic clock."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for tunnel, strikes in self._schedule.strikes.items():
                due = [strike for strike in strikes if began + strike.at < until]
                group.create_task(self._haunt(tunnel, due, began))
            for at in self._schedule.restarts:
                await asyncio.sleep(began + at - time.monotonic())
                await self._restart()

    async def _haunt(self, tunnel: Tunnel, strikes: Sequence[Strike], began: float) -> None:
        """Make the faults of one tunnel."""
        rested = began
        for strike in strikes:
            if began + strike.at < rested:
                continue
            await asyncio.sleep(began + strike.at - time.monotonic())
            if not self._restarting:
                task = asyncio.create_task(self._suffer(tunnel, strike))
                self._suffering.add(task)
                task.add_done_callback(self._suffering.discard)
                await task
                lost = tunnel.veteran and strike.fault.losses
                rested = time.monotonic() + (VETERANS_REST if lost else REST)

    async def _suffer(self, tunnel: Tunnel, strike: Strike) -> None:
        with self._troubles.noted(strike.fault.trouble(tunnel)) as trouble:
            await strike.fault.make(tunnel, Random(strike.seed))
            trouble.done = time.monotonic()
            if strike.fault.ends_client:
                await tunnel.start()
            await tunnel.back()

    async def _restart(self) -> None:
        """Restart the server while nothing else is the matter."""
        self._restarting = True
        if self._suffering:
            await asyncio.wait(self._suffering)
        replacing = asyncio.create_task(self._replace_server())
        tunnels = self._schedule.strikes
        await asyncio.gather(*(self._outlast(tunnel, replacing) for tunnel in tunnels))
        self._restarting = False

    async def _replace_server(self) -> tuple[float, float]:
        """Return when the new one was started, and when it served."""
        await self._server.stop()
        await self._server.start()
        return self._server.began, time.monotonic()

    async def _outlast(self, tunnel: Tunnel, replacing: asyncio.Task[tuple[float, float]]) -> None:
        with self._troubles.noted(Restart("restart", tunnel.name)) as restart:
            restart.done, restart.serving = await replacing
            await tunnel.back()
