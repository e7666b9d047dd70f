"""Noticing that the network changed."""

from __future__ import annotations

import asyncio

import pytest

from pgrok.client.network import CONNECTED_INTERVAL, WAITING_INTERVAL, Network, Reading, changed

HOME, CAFE, NONE = ("192.168.1.2",), ("10.0.0.7", "2001:db8::7"), ()


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (HOME, HOME, False),
        (HOME, NONE, False),
        (NONE, NONE, False),
        (NONE, HOME, True),
        (HOME, CAFE, True),
    ],
)
def test_a_new_address_is_a_change(
    before: tuple[str, ...], now: tuple[str, ...], expected: bool
) -> None:
    assert changed(Reading(before, 0, 0), Reading(now, 1, 1)) is expected


@pytest.mark.parametrize(
    ("wall", "expected"), [(1.0, False), (3.0, False), (3601.0, True), (-9, False)]
)
def test_a_wall_clock_that_ran_ahead_is_sleep(wall: float, expected: bool) -> None:
    assert changed(Reading(HOME, 0, 0), Reading(HOME, wall, 1)) is expected


class Scene:
    """Gives one reading after another, the last one for ever, and notes each sleep."""

    def __init__(self, *addresses: tuple[str, ...]) -> None:
        self.addresses = list(addresses)
        self.slept: list[float] = []

    def look(self) -> Reading:
        now = sum(self.slept)
        return Reading(
            self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0], now, now
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def network(self) -> Network:
        return Network(self.look, self.sleep)


async def test_a_pause_lasts_as_long_as_it_should() -> None:
    scene = Scene(HOME)
    await scene.network().pause(2.5)
    assert scene.slept == [WAITING_INTERVAL, WAITING_INTERVAL, 0.5]


async def test_a_pause_ends_when_the_network_comes_back() -> None:
    scene = Scene(NONE, NONE, HOME)
    await scene.network().pause(30)
    assert scene.slept == [WAITING_INTERVAL] * 2


async def test_a_change_is_waited_for() -> None:
    scene = Scene(HOME, HOME, NONE, HOME)
    await scene.network().change()
    assert scene.slept == [CONNECTED_INTERVAL] * 3
