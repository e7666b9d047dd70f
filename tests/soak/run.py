"""One soak from its start to its end."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from soak.clients import Clients, Kind
from soak.ledger import Ledger
from soak.schedule import schedule
from soak.server import Server
from soak.tempest import Tempest
from soak.troubles import Troubles
from soak.tunnels import Tunnel
from soak.visitors import Visitor
from soak.watch import Watch
from support import go
from support.daemon import Person
from support.faults import FaultRelay
from support.origin import Origin
from support.postgres import PostgresServer

ENDING = 15.0
"""Seconds of the time that a soak has which are kept for its end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do; `seconds` are those of the whole, with start and end."""

    seed: int
    seconds: float
    postgres: bool = False
    visitors: int = 24


@dataclass(slots=True)
class Soak:
    """All that takes part."""

    plan: Plan
    server: Server
    tunnels: list[Tunnel]
    troubles: Troubles
    ledger: Ledger
    watch: Watch


async def soak(plan: Plan, folder: Path) -> Soak:
    """Start everything in that folder, let it rage, end it in order; return the books."""
    began = time.monotonic()
    with ExitStack() as stack:
        it = await _prepare(plan, folder, stack)
        await _storm(it, began + plan.seconds - ENDING)
        await _finish(it)
    return it


async def _prepare(plan: Plan, folder: Path, stack: ExitStack) -> Soak:
    ledger = Ledger(troubles := Troubles())
    server = Server(folder / "server", _database(plan, folder, stack), ledger, stack)
    alice, bob, carol, dave = map(server.daemon.add, ("alice", "bob", "carol", "dave"))
    await server.start()
    origin = stack.enter_context(Origin(module="soak.origin"))
    clients = Clients(folder, await asyncio.to_thread(go.build, folder / "go"), origin, stack)

    def tunnel(kind: Kind, person: Person, *, veteran: bool = False) -> Tunnel:
        relay = stack.enter_context(FaultRelay(server.daemon.ssh))
        return Tunnel(kind, person, clients, relay, ledger, veteran=veteran)

    tunnels = [
        tunnel(Kind.PGROK, alice, veteran=True),
        tunnel(Kind.PGROK_TCP, alice),
        tunnel(Kind.PGROK, bob),
        tunnel(Kind.PGROK_TCP, bob, veteran=True),
        tunnel(Kind.GO, carol),
        tunnel(Kind.SSH, dave),
    ]
    watch = Watch(server, tunnels, ledger)
    await watch.remember_empty()
    await asyncio.gather(*(each.begin(server.daemon) for each in tunnels))
    await watch.remember_calm()
    return Soak(plan, server, tunnels, troubles, ledger, watch)


def _database(plan: Plan, folder: Path, stack: ExitStack) -> str:
    if plan.postgres:
        return stack.enter_context(PostgresServer()).create_database()
    return f"sqlite:///{folder}/pgrok.db"


async def _storm(it: Soak, until: float) -> None:
    """Traffic and faults at the same time; what has begun then is brought to its end."""
    seed = it.plan.seed
    print(faults := schedule(seed, it.plan.seconds, it.tunnels), flush=True)
    tempest = Tempest(faults, it.server, it.troubles)
    it.ledger.began = time.monotonic()
    async with asyncio.TaskGroup() as watching:
        watch = watching.create_task(it.watch.keep())
        async with asyncio.TaskGroup() as group:
            group.create_task(tempest.rage(until))
            for number in range(it.plan.visitors):
                visitor = Visitor(number, seed, it.tunnels, it.ledger)
                group.create_task(visitor.stay(until))
        watch.cancel()


async def _finish(it: Soak) -> None:
    """No faults any more, and everything has to be as it was."""
    await asyncio.gather(*(tunnel.back() for tunnel in it.tunnels))
    await it.watch.check_calm()
    await it.watch.check_memory()
    await asyncio.gather(*(tunnel.stop() for tunnel in it.tunnels))
    await it.watch.check_empty()
    await it.server.stop()
