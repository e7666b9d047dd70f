"""What a tunnel is to the bench."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bench.delay import Link, near
from bench.network import Endpoint
from bench.processes import Process
from bench.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel that is up: where its visitors come in, and its two ends if there are any."""

    endpoint: Endpoint
    server: Process | None = None
    client: Process | None = None


class Peer(Protocol):
    """A kind of tunnel."""

    name: str

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""

    def opened(
        self, place: Workplace, target: int, link: Link = near
    ) -> AbstractContextManager[Tunnel]:
        """Run both ends of a tunnel to the loopback port `target`.

        The client reaches its server through `link`.
        """


def first_missing(*programs: str) -> str:
    """Return the first of the programs that is not installed, or nothing."""
    return next((program for program in programs if shutil.which(program) is None), "")
