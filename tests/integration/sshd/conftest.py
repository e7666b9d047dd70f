"""A daemon of its own for every test, on the loop that the commands use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from support.house import House, new_database, open_house


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the loop to test on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database with nobody in it."""
    return new_database(tmp_path)


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    async with open_house(database) as opened:
        yield opened


@pytest.fixture
async def token(house: House) -> str:
    """A token of bob's."""
    return (await house.person("bob"))[1]
