from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from pgrok.errors import TunnelRefused
from pgrok.protocol import TunnelKind
from pgrok.server.registry import Claim, Lease, Registry
from pgrok.server.settings import LimitSettings
from pgrok.server.sshd.quotas import OVER_LIMIT, Quotas
from pgrok.server.sshd.tunnels import Tunnel

ALICE, BOB = 1, 2

LIMITS = LimitSettings(
    connections_per_person=2,
    tunnels_per_connection=2,
    tunnels_per_person=2,
    tcp_tunnels_per_person=1,
    requests_per_person=2,
)


@dataclass(eq=False)
class Connection:
    """One with so many channels."""

    channels: int = 0


@dataclass(eq=False)
class Opened:
    """What quotas see of a tunnel."""

    kind: TunnelKind
    connection: Connection
    person_id: int


class World:
    """Quotas, and the registry that they look into."""

    def __init__(self) -> None:
        self.registry: Registry[Tunnel] = Registry(lambda: 0.0)
        self.quotas = Quotas(LIMITS, self.registry)

    def open(
        self,
        name: str | int,
        connection: Connection | None = None,
        *,
        person: int = ALICE,
        kind: TunnelKind = TunnelKind.HTTP,
    ) -> Lease[Tunnel]:
        tunnel = cast(Tunnel, Opened(kind, connection or Connection(), person))
        lease = self.registry.claim_free((kind, name), Claim((kind, name), person), tunnel)
        assert lease is not None
        return lease


@pytest.fixture
def world() -> World:
    return World()


def test_connections_of_a_person(world: World) -> None:
    quotas = world.quotas
    quotas.connect(ALICE)
    quotas.connect(ALICE)
    with pytest.raises(TunnelRefused, match="a person may have 2 connections") as refused:
        quotas.connect(ALICE)
    assert refused.value.reason == OVER_LIMIT
    quotas.connect(BOB)
    quotas.disconnect(ALICE)
    quotas.connect(ALICE)


def test_tunnels_of_a_connection(world: World) -> None:
    world.quotas.check_connection(1)
    with pytest.raises(TunnelRefused, match="a connection may have 2 tunnels"):
        world.quotas.check_connection(2)


def test_tunnels_of_a_person(world: World) -> None:
    world.open("one")
    second = world.open("two")
    world.quotas.check_tunnels(ALICE)
    world.open("three")
    with pytest.raises(TunnelRefused, match="a person may have 2 tunnels"):
        world.quotas.check_tunnels(ALICE)
    world.quotas.check_tunnels(BOB)
    world.registry.release(second)
    world.quotas.check_tunnels(ALICE)


def test_public_ports_of_a_person(world: World) -> None:
    world.open(10000, kind=TunnelKind.TCP)
    world.quotas.check_tunnels(ALICE)
    world.open(10001, kind=TunnelKind.TCP)
    with pytest.raises(TunnelRefused, match="a person may have 1 tcp tunnel"):
        world.quotas.check_tunnels(ALICE)


def test_requests_of_a_person_are_those_of_all_connections(world: World) -> None:
    first, second = Connection(), Connection()
    world.open("one", first)
    world.open("two", second)
    assert world.quotas.has_room(ALICE)
    first.channels = second.channels = 1
    assert not world.quotas.has_room(ALICE)
    assert world.quotas.has_room(BOB)


def test_requests_of_a_connection_with_two_tunnels_count_once(world: World) -> None:
    both = Connection(channels=1)
    world.open("one", both)
    world.open("two", both)
    assert world.quotas.has_room(ALICE)
