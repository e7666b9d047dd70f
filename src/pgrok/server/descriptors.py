"""Says when there are too few file descriptors: event loops turn newcomers away without a word."""

from __future__ import annotations

import asyncio

import structlog

from pgrok.descriptors import are_exhausted, make_room
from pgrok.server.settings import LimitSettings

BESIDE_VISITORS = 2048
"""Descriptors beside those of visitors: of clients, the dashboard, listeners and the database."""

LOOK_SECONDS = 1.0
"""Between two looks whether there are any left."""

log = structlog.get_logger(__name__)


def suffice(limits: LimitSettings) -> None:
    """Make room for as many visitors as the settings allow; warn where the system does not."""
    wanted = limits.visitors + BESIDE_VISITORS
    allowed = make_room(wanted)
    if allowed < wanted:
        advice = "raise the limit of open files (LimitNOFILE=, ulimit -n) or lower limits.visitors"
        log.warning("few file descriptors", allowed=allowed, wanted=wanted, advice=advice)


async def watch() -> None:
    """Log when the last one is gone, and when there are some again, until cancelled."""
    exhausted = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if are_exhausted() is exhausted:
            continue
        exhausted = not exhausted
        if exhausted:
            advice = "raise the limit of open files (LimitNOFILE=, ulimit -n)"
            log.error("no file descriptors left", meanwhile="newcomers are cut", advice=advice)
        else:
            log.info("file descriptors are free again")
