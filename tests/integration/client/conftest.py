"""A server that does as its test says, and what its client was told to reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from support.hostile_server import Listener
from support.transport import Served, serving


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the loop to test on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def target() -> AsyncIterator[Listener]:
    """What the client's person named."""
    listener = Listener()
    async with await listener.begin():
        yield listener
        listener.leave()


@pytest.fixture
async def decoy() -> AsyncIterator[Listener]:
    """What nobody named, and only the server would like to reach."""
    listener = Listener()
    async with await listener.begin():
        yield listener
        listener.leave()
