"""Notices that the network came back, changed, or that the machine slept; sends nothing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

SLEPT = 5.0
"""Seconds that the wall clock has to run ahead of the monotonic one, which stands still while
the machine is suspended, to count as sleep rather than as an adjusted clock."""

WAITING_INTERVAL = 1.0
"""Seconds between two looks while there is no connection."""

CONNECTED_INTERVAL = 5.0
"""Seconds between two looks while there is one."""

_ROUTES = (
    (socket.AF_INET, "192.0.2.1"),  # TEST-NET-1 (RFC 5737)
    (socket.AF_INET6, "2001:db8::1"),  # documentation (RFC 3849)
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What tells one network from another: our addresses on the way out, and both clocks."""

    addresses: tuple[str, ...]
    wall: float
    monotonic: float


def changed(before: Reading, now: Reading) -> bool:
    """Whether a server that could not be reached at `before` may be reachable at `now`."""
    slept = (now.wall - before.wall) - (now.monotonic - before.monotonic)
    return slept >= SLEPT or (bool(now.addresses) and now.addresses != before.addresses)


def read() -> Reading:
    """Look at the network and the clocks."""
    return Reading(tuple(_own_addresses()), time.time(), time.monotonic())


class Network:
    """Waits for the network."""

    def __init__(
        self,
        look: Callable[[], Reading] = read,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._look = look
        self._sleep = sleep

    async def change(self) -> None:
        """Return when the network has changed."""
        await self._watch(CONNECTED_INTERVAL, math.inf)

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or less if the network changes before."""
        await self._watch(WAITING_INTERVAL, seconds)

    async def _watch(self, interval: float, limit: float) -> None:
        before = self._look()
        while limit > 0:
            step = min(interval, limit)
            await self._sleep(step)
            limit -= step
            now = self._look()
            if changed(before, now):
                return
            before = now


def _own_addresses() -> list[str]:
    found = []
    for family, destination in _ROUTES:
        # Connecting a datagram socket only looks up the route.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((destination, 9))
            found.append(probe.getsockname()[0])
    return found
