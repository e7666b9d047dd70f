"""A daemon of its own for every test, on the loop that the commands use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from pgrok.server.settings import LimitSettings
from support.house import LIMITS, House, new_database, open_house


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the loop to test on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database with nobody in it."""
    return new_database(tmp_path)


@pytest.fixture
def limits() -> LimitSettings:
    """What the house allows; tests that want it to allow less give another."""
    return LIMITS


@pytest.fixture
async def house(database: str, limits: LimitSettings) -> AsyncIterator[House]:
    async with open_house(database, limits=limits) as opened:
        yield opened


@pytest.fixture
async def token(house: House) -> str:
    """A token of bob's."""
    return (await house.person("bob"))[1]
