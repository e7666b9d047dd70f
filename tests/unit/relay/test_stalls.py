from __future__ import annotations

import pytest

from pgrok.relay.deadlines import Deadlines
from pgrok.relay.stalls import Stall
from support.channels import Noting
from support.manual_loop import manual_loop
from support.transports import HIGH_WATER, MemoryTransport

SECONDS = 60.0


class Watched:
    """A transport that holds more than it likes, and what watches it."""

    def __init__(self) -> None:
        self.loop = manual_loop()
        self.given_up = 0
        self.transport = MemoryTransport(self.loop, Noting())
        self.transport.connect()
        self.transport.stop_taking()
        self.transport.write(bytes(HIGH_WATER))
        self.stall = Stall(Deadlines(self.loop), self.transport, SECONDS, self.give_up)
        self.stall.watch()

    def give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_who_takes_nothing_is_given_up_once(watched: Watched) -> None:
    watched.loop.advance(SECONDS - 1)
    assert watched.given_up == 0
    watched.loop.advance(10 * SECONDS)
    assert watched.given_up == 1


def test_who_takes_an_octet_now_and_then_is_not(watched: Watched) -> None:
    for _ in range(20):
        watched.loop.advance(SECONDS - 1)
        watched.transport.take_some(1)
    assert watched.given_up == 0
    watched.loop.advance(3 * SECONDS)
    assert watched.given_up == 1


def test_nobody_is_given_up_while_nothing_has_to_be_taken(watched: Watched) -> None:
    watched.stall.rest()
    watched.loop.advance(10 * SECONDS)
    assert watched.given_up == 0
    watched.stall.watch()
    watched.loop.advance(SECONDS + 2)
    assert watched.given_up == 1


def test_after_the_end_no_clock_runs(watched: Watched) -> None:
    watched.stall.end()
    watched.loop.advance(2)
    assert not watched.loop.has_timers
