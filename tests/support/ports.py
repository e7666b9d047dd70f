"""TCP ports of the loopback interface that are free when asked for."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"

_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on and that was not returned before."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def free_range(count: int) -> range:
    """Return that many free ports in a row, below those the system hands out by itself.

    They are drawn at random: other tests that run on this machine look for some too.
    """
    starts = range(20000, 32000 - count, count)
    for start in random.sample(starts, len(starts)):
        ports = range(start, start + count)
        if not _given.intersection(ports) and all(is_free(port) for port in ports):
            _given.update(ports)
            return ports
    raise AssertionError(f"no {count} free ports in a row")


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
