"""A daemon of its own for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.house import House, new_database, open_house


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
