"""No tunnel at all: what the machine, the load and the origin would allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.delay import Link, near
from bench.network import Endpoint
from bench.peers.base import Tunnel
from bench.workplace import Workplace


class Direct:
    """The origin itself."""

    name = "no tunnel"

    def missing(self) -> str:
        """Nothing is needed."""
        return ""

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Give the origin."""
        with link(place, target) as port:
            yield Tunnel(Endpoint(port))
