"""What every measure has at hand, and how samples of several tunnels are interleaved."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException

from bench.catalogue import HTTP, SSH, TCP
from bench.delay import Link, near
from bench.errors import BenchError
from bench.origin import Origin
from bench.peers.base import Peer, Tunnel
from bench.plan import Plan
from bench.results import Results
from bench.workplace import Workplace


@dataclass(frozen=True)
class Run:
    """One run of the bench."""

    place: Workplace
    origin: Origin
    plan: Plan
    results: Results
    peers: Sequence[Peer]

    @contextmanager
    def tunnels(
        self, target: int, link: Link = near, *, leave_out: Sequence[str] = ()
    ) -> Iterator[Mapping[str, Tunnel]]:
        """Open a tunnel of every kind at once; one that does not come up is left out.

        Raises `BenchError` if it is one of those that all is about.
        """
        opened: dict[str, Tunnel] = {}
        with ExitStack() as stack:
            for peer in self.peers:
                if peer.name in leave_out:
                    continue
                try:
                    tunnel = stack.enter_context(peer.opened(self.place, target, link))
                except BenchError as error:
                    if peer.name in REQUIRED:
                        raise
                    self.trouble(f"{peer.name} is left out: {error}")
                else:
                    opened[peer.name] = tunnel
            yield opened

    def interleave(
        self, what: str, rounds: int, tunnels: Mapping[str, Tunnel], sample: Sample
    ) -> None:
        """Take a sample of every tunnel in every round, another one first in each of them."""
        names = list(tunnels)
        for number in range(rounds):
            say(f"{what}, round {number + 1} of {rounds}")
            first = number % len(names)
            for name in names[first:] + names[:first]:
                try:
                    sample(name, tunnels[name])
                except FAILURES as error:
                    self.trouble(f"{what}, {name}: {error}")

    def trouble(self, text: str) -> None:
        """Note what makes the figures doubtful."""
        say(f"trouble: {text}")
        self.results.troubles.append(text)


Sample = Callable[[str, Tunnel], None]

REQUIRED = (SSH, HTTP, TCP)
"""The tunnels without which a run says nothing."""

FAILURES = (BenchError, OSError, HTTPException)
"""What a sample raises that came to nothing; the others are still worth having."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)
