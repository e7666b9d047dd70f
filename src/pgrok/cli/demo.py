"""`pgrokd demo`: server, person, small application and client together, to see it work."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from pgrok.address import Address
from pgrok.cli.demo_screen import Screen, Sights
from pgrok.client import launch, settings_file
from pgrok.client.settings import load as load_client_settings
from pgrok.errors import UsageError
from pgrok.loop import run_in_loop
from pgrok.protocol import TunnelKind
from pgrok.server import logs
from pgrok.server.daemon import Running, only_reason, running
from pgrok.server.settings import Settings, load
from pgrok.server.store import Store
from pgrok.server.store.records import Person, system_clock
from pgrok.server.web.demo import application
from pgrok.server.web.serving import WebServer, listen

LOOPBACK = "127.0.0.1"
NAME = "demo"
PORTS_TRIED = 100

LISTENERS = {"proxy": "visitors", "web": "the dashboard", "sshd": "clients"}
"""The settings whose port may be taken, and who comes to it."""


def run() -> None:
    """Show it until Ctrl-C or SIGTERM. Raises `PgrokError` if it cannot begin."""
    settings, moved = _settings_with_free_ports()
    with logs.written(settings.log), only_reason():
        run_in_loop(_show(settings, moved))


async def _show(settings: Settings, moved: list[str]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings) as server, _application(settings) as target:
        # Not before: where another server has the database, other ports are no news.
        for line in moved:
            click.echo(line)
        client_file = _client_file(settings)
        person = await _person(server.store)
        await _write_client_file(client_file, settings, server, person)
        link = await server.store.sign_ins.issue_link(person.id)
        sights = Sights(
            dashboard=f"{settings.external_url}/-/link/{link}",
            client_file=client_file,
        )
        async with asyncio.TaskGroup() as group:
            client = group.create_task(_tunnel(client_file, target, Screen(sights)))
            await stop.wait()
            client.cancel()
    click.echo("\nEverything has ended.")


async def _tunnel(client_file: Path, target: Address, screen: Screen) -> None:
    settings, _ = load_client_settings(client_file, {"forward_addr": f"http://{target}"})
    known_hosts = client_file.with_name("demo_known_hosts")
    await launch.serve(settings, TunnelKind.HTTP, screen, known_hosts=known_hosts)


@asynccontextmanager
async def _application(settings: Settings) -> AsyncIterator[Address]:
    """Serve the demo application on a port that the system chooses."""
    listening = listen(LOOPBACK, 0)
    demonstration = application.build(system_clock)
    server = WebServer(
        demonstration, [listening], limits=settings.limits, timeouts=settings.timeouts
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(), name="demo application")
        try:
            yield Address(*listening.getsockname()[:2])
        finally:
            server.should_exit = True


async def _person(store: Store) -> Person:
    return await store.people.by_name(NAME) or await store.people.add(NAME, "Demo")


async def _write_client_file(
    path: Path, settings: Settings, server: Running, person: Person
) -> None:
    """Give the person a token for this run, in a file that only they can read.

    The tokens of earlier runs end, so that none is forgotten.
    """
    tokens = server.store.tokens
    for token in await tokens.active(person.id):
        if token.label == NAME:
            await tokens.revoke(token.id)
    values = {
        "remote_addr": settings.client_address,
        "fingerprint": server.fingerprints[0],
        "token": await tokens.issue(person.id, NAME),
    }
    settings_file.write(path, values)


def _client_file(settings: Settings) -> Path:
    """Return where the client's settings are written: beside the database."""
    return Path(settings.database.url.removeprefix("sqlite:///")).with_name("demo.yml")


def _settings_with_free_ports() -> tuple[Settings, list[str]]:
    """Return the settings of a server for its own machine, on ports that are free.

    There is a line for each port that is not the usual one.
    """
    environ = {"PGROKD_LOG__LEVEL": "warning"}
    wanted = load(None, environ)
    taken: set[int] = set()
    moved = []
    for section, who in LISTENERS.items():
        first = getattr(wanted, section).port
        port = _free_port(first, taken)
        taken.add(port)
        if port != first:
            moved.append(f"Port {first} is taken: using {port} for {who} instead.")
            environ[f"PGROKD_{section.upper()}__PORT"] = str(port)
    return load(None, environ), moved


def _free_port(first: int, taken: set[int]) -> int:
    for port in range(first, first + PORTS_TRIED):
        if port not in taken and _is_free(port):
            return port
    raise UsageError(f"no port from {first} to {first + PORTS_TRIED - 1} is free on {LOOPBACK}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            # What the server does: a port whose last connections linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
