"""The daemon: has every room built, serves, and drains them when it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from os import environ, getpid
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from pgrok.errors import PgrokError
from pgrok.loop import run_in_loop
from pgrok.server import activation, descriptors, lag, logs
from pgrok.server.activation import Inherited
from pgrok.server.observer import Observer
from pgrok.server.registry import Registry
from pgrok.server.rooms import Rooms, fingerprints
from pgrok.server.settings import Settings
from pgrok.server.settings.secrecy import advice, told_to_everybody
from pgrok.server.sshd import listener as sshd
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.database import Store
from pgrok.server.store.records import Clock, HostKey, system_clock

if TYPE_CHECKING:
    from pgrok.server.oidc.provider import Provider

log = structlog.get_logger(__name__)


def run(settings: Settings, file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT, as `file` says. Raises `PgrokError` if it cannot begin."""
    with logs.written(settings.log):
        warn_of(file)
        run_in_loop(_serve_until_signalled(settings, activation.take(environ, getpid())))


def warn_of(file: Path | None) -> None:
    """Log which secrets of the settings file everybody on the machine may read."""
    if file is not None and (keys := told_to_everybody(file)):
        holds = ", ".join(keys)
        log.warning(
            "settings file open to everybody", file=str(file), holds=holds, advice=advice(file)
        )


async def _serve_until_signalled(settings: Settings, inherited: Inherited) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with only_reason():
        async with running(settings, inherited):
            _spare_collector()
            await stop.wait()
            log.info("stopping")
    log.info("stopped")


def _spare_collector() -> None:
    """Have collections leave out what is here to stay: the modules.

    Going over them held the loop up for 60 ms, again and again while many clients connected.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def only_reason() -> Iterator[None]:
    """Raise what made a task group fail in the group's place, if it is an error of ours."""
    try:
        yield
    except BaseExceptionGroup as group:
        reason: BaseException | None = group.subgroup(PgrokError)
        while isinstance(reason, BaseExceptionGroup):
            reason = reason.exceptions[0]
        if reason is None:
            raise
        raise reason from None


@dataclass(frozen=True)
class Running:
    """A daemon that serves."""

    store: Store
    host_keys: list[HostKey]
    registry: Registry[Tunnel]
    observer: Observer

    @property
    def fingerprints(self) -> list[str]:
        """The host keys' fingerprints, first of all the one that our client is shown."""
        return fingerprints(self.host_keys)


@asynccontextmanager
async def running(
    settings: Settings,
    inherited: Inherited = MappingProxyType({}),
    *,
    clock: Clock = system_clock,
) -> AsyncIterator[Running]:
    """Serve while the body runs, then drain.

    Sockets that are `inherited` take the place of addresses in the settings. `clock` tells when
    tokens and sessions end; it may jump, and deadlines follow the loop's own. Raises `StoreError`
    if the database cannot be used, `UsageError` if an address is taken.
    """
    descriptors.suffice(settings.limits)
    async with AsyncExitStack() as stack:
        store = await Store.open(
            settings.database.url,
            clock=clock,
            own_labels=settings.own_labels,
            lifetimes=settings.lifetimes,
        )
        stack.push_async_callback(store.close)
        await stack.enter_async_context(store.only_daemon())
        rooms = Rooms(settings, store, await store.host_keys.all(), inherited, clock)
        pages = rooms.pages(await _provider(settings, stack, clock))
        stack.callback(rooms.stop_listening)
        await rooms.expect_names()
        await rooms.listen()
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for server in pages:
            group.create_task(server.serve(), name="web")
        watchers = [
            group.create_task(sshd.watch_tokens(rooms.services), name="watch tokens"),
            group.create_task(lag.watch(rooms.observer.counts.lag), name="watch the loop"),
            group.create_task(descriptors.watch(), name="watch descriptors"),
        ]
        try:
            yield Running(store, rooms.host_keys, rooms.registry, rooms.observer)
        finally:
            await rooms.drain()
            for server in pages:
                server.should_exit = True
            for watcher in watchers:
                watcher.cancel()


async def _provider(settings: Settings, stack: AsyncExitStack, clock: Clock) -> Provider | None:
    """Return the identity provider, if there is one; only then is its room worth loading."""
    if settings.identity_provider is None:
        return None
    import httpx2

    from pgrok.server.oidc.provider import Provider

    return Provider(
        settings.identity_provider,
        await stack.enter_async_context(httpx2.AsyncClient()),
        external_url=settings.external_url,
        clock=clock,
    )
