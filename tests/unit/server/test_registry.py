from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field, replace

import pytest

from pgrok.protocol import TunnelKind
from pgrok.server.registry import (
    MAX_REMEMBERED,
    REMEMBERED_SECONDS,
    Claim,
    Contested,
    Granted,
    Key,
    Lease,
    Occupied,
    Outdated,
    Registry,
)

BOB, EVE = 1, 2
NAME: Key = (TunnelKind.HTTP, "bob")
OTHER_NAME: Key = (TunnelKind.HTTP, "0-bob")
PORT: Key = (TunnelKind.TCP, 10_000)


@dataclass(eq=False)
class Tunnel:
    """What holds a lease."""

    person_id: int = BOB


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A registry, and shorthands for what is done to it."""

    clock: Clock = field(default_factory=Clock)
    registry: Registry[Tunnel] = field(init=False)

    def __post_init__(self) -> None:
        self.registry = Registry(self.clock)

    def grant(self, claim: Claim, **asked: Lease[Tunnel]) -> Granted[Tunnel]:
        verdict = self.registry.claim(claim, Tunnel(claim.person_id), **asked)
        assert isinstance(verdict, Granted), verdict
        assert self.registry.holds(verdict.lease)
        return verdict

    def ask(self, claim: Claim, **asked: Lease[Tunnel]) -> object:
        return self.registry.claim(claim, Tunnel(claim.person_id), **asked)


@pytest.fixture
def world() -> World:
    return World()


def bob(instance: str | None = None, generation: int = 0, key: Key = NAME) -> Claim:
    return Claim(key, BOB, instance, generation)


def test_a_free_name_is_granted(world: World) -> None:
    granted = world.grant(bob())
    assert granted.displaced is None
    assert granted.lease.key == NAME
    assert world.registry.find(NAME) is granted.lease.holder


def test_nobody_holds_what_nobody_claimed(world: World) -> None:
    assert world.registry.find(NAME) is None
    assert len(world.registry) == 0


def test_a_name_that_is_held_is_contested(world: World) -> None:
    held = world.grant(bob()).lease
    assert world.ask(bob()) == Contested(held)


def test_a_name_whose_holder_lives_is_occupied(world: World) -> None:
    held = world.grant(bob()).lease
    assert world.ask(bob(), alive=held) == Occupied()


def test_a_silent_holder_is_displaced(world: World) -> None:
    held = world.grant(bob()).lease
    granted = world.grant(bob(), silent=held)
    assert granted.displaced is held
    assert not world.registry.holds(held)


def test_a_verdict_about_an_earlier_holder_counts_for_nothing(world: World) -> None:
    first = world.grant(bob()).lease
    second = world.grant(bob(), silent=first).lease
    assert world.ask(bob(), silent=first) == Contested(second)
    assert world.ask(bob(), alive=first) == Contested(second)


def test_a_name_of_somebody_else_is_occupied_without_a_question(world: World) -> None:
    world.grant(Claim(PORT, EVE))
    assert world.ask(bob(key=PORT)) == Occupied()


def test_names_and_ports_are_different_things(world: World) -> None:
    name, port = world.grant(bob()).lease, world.grant(bob(key=PORT)).lease
    assert [lease.key for lease in world.registry] == [NAME, PORT]
    assert world.registry.of_person(BOB) == [name.holder, port.holder]
    assert world.registry.of_person(EVE) == []


class TestReleasing:
    def test_frees_the_name(self, world: World) -> None:
        held = world.grant(bob()).lease
        assert world.registry.release(held)
        assert world.registry.find(NAME) is None
        world.grant(bob())

    def test_twice_is_once(self, world: World) -> None:
        held = world.grant(bob()).lease
        world.registry.release(held)
        assert not world.registry.release(held)

    def test_a_displaced_lease_changes_nothing(self, world: World) -> None:
        first = world.grant(bob()).lease
        second = world.grant(bob(), silent=first).lease
        assert not world.registry.release(first)
        assert world.registry.holds(second)


class TestAlternatives:
    def test_are_granted_where_free(self, world: World) -> None:
        world.grant(bob())
        lease = world.registry.claim_free(OTHER_NAME, bob(), Tunnel())
        assert lease is not None
        assert world.registry.holds(lease)

    def test_are_not_granted_where_taken(self, world: World) -> None:
        held = world.grant(bob()).lease
        assert world.registry.claim_free(NAME, bob(), Tunnel()) is None
        assert world.registry.holds(held)


class TestReturning:
    """A client that names its instance takes back what it has, or had."""

    def test_it_displaces_its_own_ghost_without_a_question(self, world: World) -> None:
        ghost = world.grant(bob("i", 1)).lease
        assert world.grant(bob("i", 2)).displaced is ghost

    def test_it_takes_a_released_name_back(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 1)).lease)
        assert world.grant(bob("i", 2)).lease.key == NAME

    def test_it_takes_its_alternative_back_although_the_first_is_free(self, world: World) -> None:
        first = world.grant(bob()).lease
        lease = world.registry.claim_free(OTHER_NAME, bob("i", 1), Tunnel())
        assert lease is not None
        world.registry.release(first)
        assert world.grant(bob("i", 2)).lease.key == OTHER_NAME
        assert world.registry.find(NAME) is None

    def test_it_takes_its_port_back_whatever_it_asks_for(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 1, PORT)).lease)
        elsewhere = bob("i", 2, (TunnelKind.TCP, 10_001))
        assert world.grant(elsewhere).lease.key == PORT

    @pytest.mark.parametrize("generation", [1, 2])
    @pytest.mark.parametrize("released", [False, True])
    def test_an_older_attempt_comes_too_late(
        self, generation: int, released: bool, world: World
    ) -> None:
        lease = world.grant(bob("i", 2)).lease
        if released:
            world.registry.release(lease)
        assert world.ask(bob("i", generation)) == Outdated()

    def test_an_older_attempt_comes_too_late_for_a_name_that_is_taken_too(
        self, world: World
    ) -> None:
        world.registry.release(world.grant(bob("i", 2)).lease)
        world.grant(bob())
        assert world.ask(bob("i", 1)) == Outdated()

    def test_it_does_not_take_its_name_from_whoever_has_it_now(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 1)).lease)
        other = world.grant(bob()).lease
        assert world.ask(bob("i", 2)) == Contested(other)

    def test_a_displaced_instance_does_not_come_back_by_its_name(self, world: World) -> None:
        ghost = world.grant(bob("i", 1)).lease
        newcomer = world.grant(bob("j", 1), silent=ghost).lease
        assert world.ask(bob("i", 2)) == Contested(newcomer)

    def test_it_is_remembered_for_a_minute(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 2)).lease)
        world.clock.now += REMEMBERED_SECONDS
        assert world.ask(bob("i", 1)) == Outdated()
        world.clock.now += 0.1
        assert world.grant(bob("i", 1)).lease.key == NAME

    def test_the_next_registry_remembers_what_this_one_had(self, world: World) -> None:
        base = world.grant(bob("i", 1)).lease
        further = world.registry.claim_free((TunnelKind.HTTP, "x-bob"), bob("j", 5), Tunnel(BOB))
        world.grant(bob(key=PORT))
        assert further
        after = World()
        after.registry.recall(world.registry.tenures())
        assert after.ask(bob("j", 5)) == Outdated()
        assert after.grant(bob("j", 6)).lease.key == further.key
        assert after.grant(bob("i", 2)).lease.key == base.key

    def test_others_are_told_what_is_kept_in_mind_for_it_for_a_minute(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 1, PORT)).lease)
        assert world.registry.kept_for_others(EVE) == {PORT}
        assert world.registry.kept_for_others(BOB) == set()
        world.clock.now += REMEMBERED_SECONDS
        assert world.registry.kept_for_others(EVE) == {PORT}
        world.clock.now += 0.1
        assert world.registry.kept_for_others(EVE) == set()

    def test_what_somebody_holds_is_kept_for_nobody(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 1, PORT)).lease)
        lease = world.grant(Claim(PORT, EVE)).lease
        assert world.registry.kept_for_others(EVE) == set()
        world.registry.release(lease)
        assert world.registry.kept_for_others(EVE) == {PORT}

    def test_whoever_is_back_is_not_kept_anything(self, world: World) -> None:
        world.registry.release(world.grant(bob("i", 1, PORT)).lease)
        world.grant(bob("i", 2, PORT))
        assert world.registry.kept_for_others(EVE) == set()

    def test_the_next_registry_keeps_it_for_them_too(self, world: World) -> None:
        world.grant(bob("i", 1, PORT))
        after = World()
        after.registry.recall(world.registry.tenures())
        assert after.registry.kept_for_others(EVE) == {PORT}

    def test_what_was_never_used_is_not_remembered(self, world: World) -> None:
        lease = world.grant(bob("i", 1, PORT)).lease
        assert world.registry.release(lease, used=False)
        assert world.grant(bob("i", 1, (TunnelKind.TCP, 10_001))).lease.key[1] == 10_001

    def test_an_instance_is_of_one_person_and_one_kind(self, world: World) -> None:
        world.grant(bob("i", 5))
        assert world.grant(Claim((TunnelKind.HTTP, "eve"), EVE, "i", 1)).displaced is None
        assert world.grant(bob("i", 1, PORT)).displaced is None

    def test_memories_do_not_pile_up(self, world: World) -> None:
        for number in range(1000):
            world.registry.release(world.grant(bob(f"{number}", 1)).lease)
            world.clock.now += 1
        assert len(world.registry._remembered) <= REMEMBERED_SECONDS + 1

    def test_whoever_has_gone_is_kept_by_nothing(self, world: World) -> None:
        """A holder holds its connection, which may come and go a thousand times in that minute."""
        lease = world.grant(bob("i", 1)).lease
        gone = weakref.ref(lease.holder)
        world.registry.release(lease)
        del lease
        gc.collect()
        assert gone() is None

    def test_one_person_is_remembered_so_often_and_costs_nobody_their_memory(
        self, world: World
    ) -> None:
        eve = Claim((TunnelKind.HTTP, "eve"), EVE, "i", 2)
        world.registry.release(world.grant(eve).lease)
        for number in range(3 * MAX_REMEMBERED):
            world.registry.release(world.grant(bob(f"{number}", 1)).lease)
        assert len(world.registry._remembered) == MAX_REMEMBERED + 1
        assert world.ask(replace(eve, generation=1)) == Outdated()
        world.clock.now += REMEMBERED_SECONDS + 1
        world.registry.release(world.grant(bob("another", 1)).lease)
        assert len(world.registry._remembered) == 1
        assert world.registry._remembered_of.total() == 1
