"""A tunnel over all its connections, with a clock and a network that are not there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pgrok.address import Address
from pgrok.client.backoff import STABLE, Backoff
from pgrok.client.network import Network, Reading
from pgrok.client.tunnel import Tunnel, draw_instance
from pgrok.errors import (
    ConnectionLost,
    HostKeyMismatch,
    PgrokError,
    Replaced,
    ServerUnreachable,
    TokenRefused,
    TunnelRefused,
)
from pgrok.protocol import GOING_AWAY, TunnelKind
from support.fake_connection import URL, FakeConnection

Step = PgrokError | Callable[[], FakeConnection]


class OverError(Exception):
    """The test has seen enough."""


class World:
    """Time, network, a server and whoever watches; what happens is told in `story`.

    `steps` says what each attempt to connect meets, and each connection ends by `losses`, after
    it lived for that long.
    """

    def __init__(self, *steps: Step, losses: list[tuple[float, PgrokError]] | None = None) -> None:
        self.steps = list(steps)
        self.losses = list(losses or [])
        self.story: list[str] = []
        self.connections: list[FakeConnection] = []
        self.now = 0.0
        self.addresses: tuple[str, ...] = ("10.0.0.1",)
        self.when_asleep: Callable[[], object] = lambda: None

    async def run(self) -> None:
        instances = (f"{number:032x}" for number in range(1, 99))
        tunnel = Tunnel(
            TunnelKind.HTTP,
            accept,
            dial=self.dial,
            progress=self,
            backoff=Backoff(Highest()),
            network=Network(self.look, self.sleep),
            clock=lambda: self.now,
            draw_instance=lambda: next(instances),
        )
        await tunnel.run()

    async def dial(self) -> FakeConnection:
        if not self.steps:
            raise OverError
        step = self.steps.pop(0)
        if isinstance(step, PgrokError):
            raise step
        self.connections.append(step())
        return self.connections[-1]

    def ready(self, url: str) -> None:
        self.story.append(f"ready {url}")
        if self.losses:
            seconds, reason = self.losses.pop(0)
            self.now += seconds
            self.connections[-1].lose(reason)

    def waiting(self, reason: PgrokError, seconds: float) -> None:
        self.story.append(f"{reason}, {seconds:g} s")

    def look(self) -> Reading:
        return Reading(self.addresses, self.now, self.now)

    async def sleep(self, seconds: float) -> None:
        if self.connections and not self.connections[-1].is_closed():
            await asyncio.get_running_loop().create_future()
        self.now += seconds
        self.when_asleep()

    @property
    def hints(self) -> list[tuple[object, object]]:
        return [(c.hint["instance"], c.hint["generation"]) for c in self.connections]


class Highest(random.Random):
    """Draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


def accept(originator: Address) -> asyncio.Protocol:
    raise AssertionError("no channel comes")


async def told(*steps: Step, losses: list[tuple[float, PgrokError]]) -> list[str]:
    world = World(*steps, losses=losses)
    with pytest.raises(OverError):
        await world.run()
    return world.story


LOST = ConnectionLost("reset")
DOWN = ServerUnreachable("refused")


async def test_it_comes_back_with_growing_pauses() -> None:
    assert await told(
        FakeConnection, DOWN, DOWN, FakeConnection, losses=[(5, LOST), (5, LOST)]
    ) == [
        f"ready {URL}",
        "reset, 1 s",
        "refused, 2 s",
        "refused, 4 s",
        f"ready {URL}",
        "reset, 8 s",
    ]


async def test_a_connection_that_lived_long_makes_pauses_short_again() -> None:
    story = await told(FakeConnection, DOWN, FakeConnection, losses=[(5, LOST), (STABLE, LOST)])
    assert story[-1] == "reset, 1 s"


async def test_a_server_that_goes_away_is_soon_asked_again() -> None:
    story = await told(
        FakeConnection, DOWN, DOWN, FakeConnection,
        losses=[(5, LOST), (5, ServerUnreachable(GOING_AWAY))],
    )  # fmt: skip
    assert story[-1] == "going away, 2 s"


async def test_the_same_instance_with_a_rising_generation() -> None:
    world = World(FakeConnection, DOWN, FakeConnection, losses=[(5, LOST), (5, LOST)])
    with pytest.raises(OverError):
        await world.run()
    assert world.hints == [(f"{1:032x}", 1), (f"{1:032x}", 3)]


async def test_who_was_replaced_comes_back_as_another() -> None:
    losses: list[tuple[float, PgrokError]] = [(5, Replaced("replaced")), (5, LOST)]
    world = World(FakeConnection, FakeConnection, losses=losses)
    with pytest.raises(OverError):
        await world.run()
    assert world.hints == [(f"{1:032x}", 1), (f"{2:032x}", 2)]


@pytest.mark.parametrize(
    "error", [DOWN, TokenRefused("unknown"), HostKeyMismatch("another"), TunnelRefused("full")]
)
async def test_the_first_attempt_must_succeed(error: PgrokError) -> None:
    with pytest.raises(type(error)):
        await World(error).run()


async def test_a_tunnel_refused_at_first_ends_it_with_a_goodbye() -> None:
    world = World(lambda: FakeConnection({"forward": "too many tunnels"}))
    with pytest.raises(TunnelRefused, match="too many tunnels"):
        await world.run()
    assert world.connections[0].log[-2:] == ["goodbye", "abort"]


@pytest.mark.parametrize("error", [TokenRefused("revoked"), HostKeyMismatch("another")])
async def test_what_cannot_pass_ends_it_at_any_time(error: PgrokError) -> None:
    world = World(FakeConnection, error, losses=[(5, LOST)])
    with pytest.raises(type(error)):
        await world.run()


async def test_a_tunnel_refused_later_is_asked_for_again() -> None:
    story = await told(
        FakeConnection, lambda: FakeConnection({"forward": "not newer"}), losses=[(5, LOST)]
    )
    assert story[-1] == "not newer, 2 s"


async def test_a_network_that_comes_back_cuts_the_pause_short() -> None:
    world = World(FakeConnection, *[DOWN] * 5, losses=[(0, LOST)])

    def unplug_and_plug_in() -> None:
        if world.now > 8:
            world.addresses = ()
        if world.now >= 20:
            world.addresses = ("10.0.0.2",)

    world.when_asleep = unplug_and_plug_in
    with pytest.raises(OverError):
        await world.run()
    # 1, 2, 4, 8 seconds, of the sixteen that begin at 15 only five, and 30.
    assert world.now == 15 + 5 + 30


async def test_it_ends_at_once_with_a_goodbye() -> None:
    world = World(FakeConnection)
    task = asyncio.create_task(world.run())
    await until(lambda: bool(world.story))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.connections[0].log[-2:] == ["goodbye", "abort"]


async def test_it_ends_at_once_while_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    dialing = asyncio.Event()

    async def dial() -> Any:
        dialing.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(world, "dial", dial)
    task = asyncio.create_task(world.run())
    await dialing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await pass_the_turn()
    raise AssertionError("it did not come about")


def pass_the_turn() -> Awaitable[None]:
    return asyncio.sleep(0)


def test_an_instance_is_random_and_says_nothing() -> None:
    first, second = draw_instance(), draw_instance()
    assert first != second
    assert len(bytes.fromhex(first)) == 16
