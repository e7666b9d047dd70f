"""Puts the client's parts together and runs them until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from pgrok import __version__
from pgrok.client.backoff import Backoff
from pgrok.client.console import Console
from pgrok.client.forwarder import http_acceptor, tcp_acceptor
from pgrok.client.known_hosts import KnownHosts
from pgrok.client.network import Network
from pgrok.client.session import Accept, Connection
from pgrok.client.settings import Settings
from pgrok.client.tunnel import Tunnel
from pgrok.descriptors import make_room
from pgrok.errors import HostKeyMismatch
from pgrok.loop import loop_factory
from pgrok.protocol import TunnelKind
from pgrok.transport.client import connect

CLIENT_VERSION = f"pgrok_{__version__}"
"""What the client calls itself (RFC 4253 4.2), after `SSH-2.0-`."""

DESCRIPTORS = 2048
"""Open files and sockets: one for each channel that a server may open, and some more."""


async def serve(
    settings: Settings, kind: TunnelKind, console: Console, *, known_hosts: Path
) -> NoReturn:
    """Keep the tunnel up that the settings describe; `known_hosts` records servers' keys.

    Raises `ConfigError` when they say no target, and what `Tunnel.run` raises.
    """
    accept = _acceptor(settings, kind, console)
    hosts = KnownHosts(settings.remote_addr, known_hosts, settings.fingerprint)
    tunnel = Tunnel(
        kind,
        accept,
        dial=partial(_dial, settings, hosts),
        progress=console,
        backoff=Backoff(random.SystemRandom()),
        network=Network(),
    )
    console.connecting()
    await tunnel.run()


def run(work: Coroutine[Any, Any, NoReturn]) -> None:
    """Run `work` until it raises, or quietly end it at Ctrl-C or SIGTERM.

    To be called once, at the end of a process: the loop is left as it is, because closing it
    waits for name look-ups, which nothing can cancel.
    """
    make_room(DESCRIPTORS)
    runner = asyncio.Runner(loop_factory=loop_factory())
    with contextlib.suppress(KeyboardInterrupt):  # where the loop takes no signals: Windows
        runner.run(_until_told_to_end(work))


async def _until_told_to_end(work: Coroutine[Any, Any, NoReturn]) -> None:
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _dial(settings: Settings, hosts: KnownHosts) -> Connection:
    while True:
        try:
            connection = await connect(
                settings.remote_addr,
                token=settings.token.get_secret_value(),
                check_host_key=hosts.check,
                host_key_algorithms=hosts.algorithms,
                client_version=CLIENT_VERSION,
            )
        except HostKeyMismatch:
            if not hosts.another_may_be_pinned:
                raise
        else:
            hosts.confirm()
            return connection


def _acceptor(settings: Settings, kind: TunnelKind, console: Console) -> Accept:
    if kind is TunnelKind.HTTP:
        return http_acceptor(settings.http_rules(), console.request)
    return tcp_acceptor(settings.tcp_target())
