from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from pgrok.errors import TunnelRefused
from pgrok.protocol import TunnelKind
from pgrok.server.registry import Claim, Granted, Lease, Registry
from pgrok.server.settings import LimitSettings
from pgrok.server.sshd.holdings import Holdings
from pgrok.server.sshd.quotas import Quotas
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import OpenChannel, Tunnel
from pgrok.transport.interfaces import Connection, Forward

ALICE = 1
HTTP, TCP = TunnelKind.HTTP, TunnelKind.TCP


@dataclass
class Parking:
    """Notes for whom requests wait."""

    expected: set[str] = field(default_factory=set)

    def vanished(self, label: str) -> None:
        self.expected.add(label)

    def arrived(self, label: str) -> None:
        self.expected.discard(label)


@dataclass
class Port:
    """A public port that is open until it is closed."""

    is_open: bool = True

    def serve(self, open_channel: OpenChannel) -> None:
        raise AssertionError("nobody is served here")

    def close(self) -> None:
        self.is_open = False


class World:
    """One connection's holdings, and what they change."""

    def __init__(self) -> None:
        self.registry: Registry[Tunnel] = Registry(lambda: 0.0)
        self.parking = Parking()
        services = SimpleNamespace(
            claims=SimpleNamespace(registry=self.registry),
            quotas=Quotas(LimitSettings(tunnels_per_person=2), self.registry),
            parking=self.parking,
        )
        self.holdings = Holdings(cast(Services, services))

    def grant(self, name: str | int, instance: str | None = None) -> Lease[Tunnel]:
        """Return the lease of a name or port that nobody holds."""
        kind = HTTP if isinstance(name, str) else TCP
        port = self.holdings.make_up_port() if kind is HTTP else int(name)
        tunnel = Tunnel(
            kind,
            ALICE,
            cast(Connection, None),
            Forward(b"", port),
            datetime.now(UTC),
            has_room=lambda: True,
        )
        claim = Claim((kind, name), ALICE, instance, 1)
        lease = self.registry.claim_free((kind, name), claim, tunnel)
        assert lease is not None
        return lease

    def hold(self, name: str | int) -> Lease[Tunnel]:
        lease = self.grant(name)
        self.holdings.hold(lease)
        return lease


@pytest.fixture
def world() -> World:
    return World()


def test_tunnels_come_in_their_order(world: World) -> None:
    leases = [world.hold("alice"), world.hold(10_000)]
    assert world.holdings.tunnels == [lease.holder for lease in leases]


def test_one_too_many_is_closed_and_not_held(world: World) -> None:
    for name in ("alice", "other"):
        world.hold(name)
    lease = world.grant(10_000)
    lease.holder.port = port = Port()
    with pytest.raises(TunnelRefused, match="a person may have 2 tunnels"):
        world.holdings.hold(lease)
    assert not world.registry.holds(lease)
    assert not port.is_open
    assert len(world.holdings.tunnels) == 2


def test_what_is_given_back_is_not_remembered(world: World) -> None:
    lease = world.grant(10_000, "1" * 32)
    world.holdings.hold(lease)
    world.holdings.give_back(lease)
    assert world.holdings.tunnels == []
    assert not world.registry.holds(lease)
    again = Claim((TCP, 10_001), ALICE, "1" * 32, 2)
    verdict = world.registry.claim(again, lease.holder)
    assert isinstance(verdict, Granted)
    assert verdict.lease.key == (TCP, 10_001)


def test_one_is_released_by_its_forward_and_once(world: World) -> None:
    first, second = world.hold("alice"), world.hold("other")
    world.holdings.release(first.holder.forward)
    assert world.holdings.tunnels == [second.holder]
    assert not world.registry.holds(first)
    with pytest.raises(TunnelRefused, match="there is no tunnel on port 1"):
        world.holdings.release(first.holder.forward)


def test_nobody_waits_for_what_was_released(world: World) -> None:
    lease = world.hold("alice")
    world.parking.vanished("alice")
    world.holdings.release(lease.holder.forward)
    assert world.parking.expected == set()


@pytest.mark.parametrize("vanished", [True, False])
def test_all_are_released_and_names_that_vanished_are_waited_for(
    vanished: bool, world: World
) -> None:
    world.hold("alice")
    lease = world.hold(10_000)
    lease.holder.port = port = Port()
    world.holdings.release_all(vanished=vanished)
    assert world.holdings.tunnels == []
    assert len(world.registry) == 0
    assert not port.is_open
    assert world.parking.expected == ({"alice"} if vanished else set())


def test_a_name_that_somebody_else_has_by_now_stays_theirs(world: World) -> None:
    world.registry.release(world.hold("alice"))
    theirs = world.grant("alice")
    world.holdings.release_all(vanished=True)
    assert world.registry.holds(theirs)
    assert world.parking.expected == set()
