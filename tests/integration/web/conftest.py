"""The dashboard on a real database, with an identity provider in memory."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pgrok.server.decisions import Decisions
from pgrok.server.oidc.provider import Provider
from pgrok.server.readiness import Readiness
from pgrok.server.store import Store
from pgrok.server.web.monitoring import Monitoring
from support import scene as scenes
from support.clock import FakeClock
from support.identity_provider import IdentityProvider
from support.scene import Scene
from support.web import SETTINGS, SITE, Browser, World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nobody in it: making its RSA key takes longer than most tests."""
    file = tmp_path_factory.mktemp("web") / "pgrokd.db"

    async def make() -> None:
        await (await Store.open(f"sqlite:///{file}")).close()

    asyncio.run(make())
    return file


@pytest.fixture
async def world(template: Path, tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    file = shutil.copy(template, tmp_path / "pgrokd.db")
    store = await Store.open(f"sqlite:///{file}", clock=clock)
    idp = IdentityProvider(now=clock())
    settings = SETTINGS.identity_provider
    assert settings is not None
    async with idp.client() as http:
        provider = Provider(settings, http, external_url=SITE, clock=clock)
        decisions = Decisions(asyncio.get_running_loop().call_later)
        monitoring = Monitoring(Readiness(store.version).problem, decisions)
        yield World(store, clock, idp, provider, monitoring)
    await store.close()


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with world.browser() as opened:
        yield opened


@pytest.fixture
async def other(world: World) -> AsyncIterator[Browser]:
    """Somebody else's browser."""
    async with world.browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scenes.playing(tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@pytest.fixture
def scene(stage: Scene) -> Scene:
    """A running server; its identity provider is honest until it is told otherwise."""
    stage.begin_anew()
    return stage
