"""A network namespace at the end of a cable that can be pulled; root only."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from support.processes import run

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Cable:
    """A veth pair: `near` is this side's address; processes started `inside` are at the other.

    A cable that is pulled loses packets without a word, and nobody's socket closes.
    """

    def __init__(self) -> None:
        assert os.getuid() == 0, "network namespaces are root's"
        self._name = f"pgrok-{os.getpid()}"
        self._plug = f"pg{os.getpid()}"
        # Of the range that is for tests of networks (RFC 2544), apart from other tests' by the pid.
        high, low = divmod(os.getpid() % 8192 * 8, 256)
        self._addresses = [f"198.18.{high}.{low + place}" for place in (1, 2, 3)]
        self.near = self._addresses[0]

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self._name)
        run("ip", "link", "add", self._plug, "type", "veth", "peer", "eth0", "netns", self._name)
        run("ip", "address", "add", f"{self.near}/29", "dev", self._plug)
        run("ip", "link", "set", self._plug, "up")
        self._ip("link", "set", "lo", "up")
        self.plug_in()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        run("ip", "link", "delete", self._plug)
        run("ip", "netns", "delete", self._name)

    def plug_in(self, place: int = 1) -> None:
        """Connect the other side, which gets the address number `place` (1 or 2)."""
        self._ip("address", "flush", "dev", "eth0")
        self._ip("address", "add", f"{self._addresses[place]}/29", "dev", "eth0")
        self._ip("link", "set", "eth0", "up")
        self._ip("route", "replace", "default", "via", self.near)

    def pull(self) -> None:
        """Take the link down."""
        self._ip("link", "set", "eth0", "down")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread be there, for the processes that it starts."""
        here, there = Path("/proc/thread-self/ns/net"), Path("/run/netns", self._name)
        with here.open() as home, there.open() as away:
            _enter(away.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def _ip(self, *arguments: str) -> None:
        run("ip", "-n", self._name, *arguments)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
