"""What both ends of a tunnel hold when whoever is to read the bytes stops."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pgrok.transport.window import MAX_WINDOW
from support.daemon import Daemon
from support.ports import LOOPBACK
from support.processes import PATIENCE
from support.queues import queued
from support.visitor import port_of

MIB = 1 << 20
PIECE = bytes(64 * 1024)
STILL_SECONDS = 0.5
"""Nothing moves for so long: it has stopped. On a slow machine it may only seem so, and less
than what would be held is counted then."""

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
REQUEST = b"%b / HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """The target's socket."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        listening.settimeout(PATIENCE)
        yield listening


def ends(
    url: str, way: str, listening: socket.socket, stack: ExitStack
) -> tuple[socket.socket, socket.socket]:
    """Return the socket that bytes go into and the one they come out of, of one long body."""
    visitor = stack.enter_context(socket.create_connection((LOOPBACK, port_of(url))))
    is_http = url.startswith("http")
    if is_http:
        method, length = (b"GET", 0) if way == "down" else (b"PUT", 1_000_000_000)
        visitor.sendall(REQUEST % (method, url.removeprefix("http://").encode(), length))
    target = stack.enter_context(listening.accept()[0])
    if way == "up":
        return visitor, target
    if is_http:
        target.recv(65536)
        target.sendall(RESPONSE)
    return target, visitor


def flow(source: socket.socket, sink: socket.socket, *, read: int) -> int:
    """Send as much as goes in, but read no more than `read` octets; return what is under way."""
    sent = received = 0
    source.setblocking(False)
    while True:
        reading = [sink] if received < read else []
        readable, writable, _ = select.select(reading, [source], [], STILL_SECONDS)
        if not (readable or writable):
            return sent - received
        if writable:
            sent += source.send(PIECE)
        if readable:
            received += len(sink.recv(1 << 18))


@pytest.mark.parametrize("read", [0, 24 * MIB], ids=["at once", "after reading fast"])
@pytest.mark.parametrize(
    ("kind", "protocol", "way"),
    [
        ("pgrok", "http", "down"),
        ("pgrok", "http", "up"),
        ("pgrok", "tcp", "down"),
        ("pgrok", "tcp", "up"),
        ("ssh", "http", "down"),
    ],
)
def test_who_stops_reading_costs_little(
    kind: str,
    protocol: str,
    way: str,
    read: int,
    daemon: Daemon,
    start: Callable[..., Any],
    listening: socket.socket,
) -> None:
    client = start(kind, listening.getsockname()[1], protocol)
    with ExitStack() as stack:
        source, sink = ends(client.url(), way, listening, stack)
        under_way = flow(source, sink, read=read)
        held = under_way - queued([os.getpid(), daemon.process.pid, client.pid])
    # How far the window of a fast reader grew is a matter of the round trip that was measured,
    # and that of how busy the machine is.
    assert held < (2 * MIB if read == 0 else MAX_WINDOW + MIB)
