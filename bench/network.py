"""Ports, addresses and single requests on the loopback interface."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.errors import BenchError

LOOPBACK = "127.0.0.1"

PATIENCE = 30.0
"""Seconds to wait for something to be up."""

_given: set[int] = set()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where visitors come in: a loopback port, and the Host header that leads to the tunnel."""

    port: int
    host: str = "localhost"

    def connect(self, timeout: float = PATIENCE) -> http.client.HTTPConnection:
        """Return a connection that is opened by its first request."""
        return http.client.HTTPConnection(LOOPBACK, self.port, timeout=timeout)

    def get(self, path: str) -> bytes:
        """Return the body at `path`; raise `OSError` or `HTTPException` if there is none."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers={"Host": self.host})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise http.client.HTTPException(f"status {response.status} from port {self.port}")
        return body


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
    """Return free ports in a row, below those that the system hands out by itself."""
    for start in range(20000, 32000, count):
        ports = range(start, start + count)
        if _given.isdisjoint(ports) and not any(is_open(port) for port in ports):
            _given.update(ports)
            return ports
    raise BenchError(f"no {count} ports in a row are free on {LOOPBACK}: end what has them")


def is_open(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Ask until `condition` holds; raise `BenchError`, naming `what`, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"not within {timeout:g} s: {what}")
        time.sleep(0.02)
