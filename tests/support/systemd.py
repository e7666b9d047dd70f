"""Socket activation: the listening sockets that systemd holds while a server comes and goes."""

from __future__ import annotations

import fcntl
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.daemon import Daemon
from support.ports import LOOPBACK

ACTIVATE = ["systemd-socket-activate", "--fdname=web:proxy:sshd"]
ENVIRONMENT = [f"--setenv={name}" for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")]
LAUNCHER = str(Path(__file__).with_name("launcher.py"))
ABOVE = 100
"""Descriptors from here on are in nobody's way."""


def activate(daemon: Daemon) -> None:
    """Have each start open the sockets, and begin at the first connection."""
    ports = (daemon.web, daemon.proxy, daemon.ssh)
    listen = [f"--listen={LOOPBACK}:{port}" for port in ports]
    daemon.prefix = [*ACTIVATE, *ENVIRONMENT, *listen]


@contextmanager
def held_sockets(daemon: Daemon) -> Iterator[None]:
    """Hold the sockets, and hand them to each start that happens meanwhile."""
    with ExitStack() as stack:
        for port in (daemon.web, daemon.proxy, daemon.ssh):
            listening = stack.enter_context(socket.create_server((LOOPBACK, port), backlog=128))
            daemon.descriptors.append(fcntl.fcntl(listening, fcntl.F_DUPFD, ABOVE))
        numbers = ":".join(map(str, daemon.descriptors))
        daemon.prefix = [sys.executable, LAUNCHER, numbers, *ACTIVATE, *ENVIRONMENT]
        yield
        for descriptor in daemon.descriptors:
            socket.close(descriptor)
