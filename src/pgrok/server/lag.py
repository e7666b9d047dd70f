"""How late the event loop is: what everybody on it has to wait for."""

from __future__ import annotations

import asyncio

from pgrok.server.counts import Histogram

SECONDS = 1.0
"""Between two looks."""


async def watch(lag: Histogram) -> None:
    """Add how late the loop is to `lag`, once a second, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + SECONDS
        await asyncio.sleep(SECONDS)
        lag.add(max(0.0, loop.time() - due))
