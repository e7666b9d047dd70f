"""Waiting for what the loop will bring about, without guessing how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 10.0
"""Seconds to wait for something that takes milliseconds on an idle machine."""

LOOK_EVERY = 0.005


async def until(condition: Callable[[], object], what: str = "", seconds: float = PATIENCE) -> None:
    """Return when `condition` holds; fail, naming `what`, after that many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what or condition}") from None


async def steps(count: int = 10) -> None:
    """Let the loop go through a few steps, for what must not happen in them."""
    for _ in range(count):
        await asyncio.sleep(0)
