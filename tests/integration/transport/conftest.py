"""Everything here runs on the loop that the commands use, and on the standard one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the loops to test on."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
