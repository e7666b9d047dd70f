"""The registry through whatever clients may do, held against a list of what was granted."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from pgrok.protocol import TunnelKind
from pgrok.server.registry import (
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

KINDS = st.sampled_from(TunnelKind)
PEOPLE = st.sampled_from([1, 2])
INSTANCES = st.sampled_from([None, "i", "j"])
GENERATIONS = st.integers(1, 6)
PORTS = 4


@dataclass(eq=False)
class Tunnel:
    """A holder, which may be silent, and is dead once its connection was lost."""

    person_id: int
    alive: bool = True
    dead: bool = False


@dataclass(eq=False)
class Grant:
    """What the model knows of a lease: whose it was, and when it ended."""

    lease: Lease[Tunnel]
    ended: float | None = None

    @property
    def instance(self) -> tuple[TunnelKind, int, str | None]:
        claim = self.lease.claim
        return claim.key[0], claim.person_id, claim.instance


class Leases(RuleBasedStateMachine):
    """Clients come, go silent, die late, and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.registry: Registry[Tunnel] = Registry(lambda: self.now)
        self.grants: list[Grant] = []

    tunnels = Bundle("tunnels")

    @rule(
        target=tunnels,
        kind=KINDS,
        person=PEOPLE,
        instance=INSTANCES,
        generation=GENERATIONS,
        port=st.integers(0, PORTS - 1),
    )
    def come(
        self, kind: TunnelKind, person: int, instance: str | None, generation: int, port: int
    ) -> object:
        """A client claims, and every holder in its way is asked."""
        key: Key = (kind, f"name {person}" if kind is TunnelKind.HTTP else port)
        claim, tunnel = Claim(key, person, instance, generation), Tunnel(person)
        outdated, expected = self.outdated(claim), self.name_to_come_back_to(claim)
        probed: list[Lease[Tunnel]] = []
        verdict = self.registry.claim(claim, tunnel)
        while isinstance(verdict, Contested):
            holder = verdict.lease
            assert holder not in probed, "asked twice"
            assert holder.holder.person_id == person, "a stranger was asked"
            probed.append(holder)
            lives = holder.holder.alive
            verdict = self.registry.claim(
                claim, tunnel, alive=holder if lives else None, silent=None if lives else holder
            )
        assert isinstance(verdict, Outdated) == outdated
        if isinstance(verdict, Granted):
            if expected is not None:
                assert verdict.lease.key == expected, "not the name that was its own"
                assert not probed
            self.check_displaced(verdict, claim)
            self.note(verdict.lease)
            return tunnel
        assert expected is None
        if isinstance(verdict, Occupied):
            return self.take_another(claim, tunnel)
        return multiple()

    def take_another(self, claim: Claim, tunnel: Tunnel) -> object:
        """Take a name that nobody else would be given, as a second tunnel does."""
        another = claim.instance or f"random {len(self.grants)}"
        key: Key = (claim.key[0], f"{another} {claim.person_id}")
        taken = any(grant.lease.key == key for grant in self.in_force())
        lease = self.registry.claim_free(key, claim, tunnel)
        assert (lease is None) == taken
        if lease is None:
            return multiple()
        self.note(lease)
        return tunnel

    @rule(tunnel=tunnels)
    def die(self, tunnel: Tunnel) -> None:
        """A connection is lost, perhaps long after its tunnel was displaced."""
        for grant in self.grants:
            if grant.lease.holder is tunnel:
                assert self.registry.release(grant.lease) == (grant.ended is None)
                grant.ended = self.now if grant.ended is None else grant.ended
        tunnel.dead, tunnel.alive = True, False

    @rule(tunnel=tunnels)
    def fall_silent(self, tunnel: Tunnel) -> None:
        tunnel.alive = False

    @rule(tunnel=tunnels)
    def wake(self, tunnel: Tunnel) -> None:
        tunnel.alive = not tunnel.dead

    @rule(seconds=st.sampled_from([1.0, REMEMBERED_SECONDS - 1, REMEMBERED_SECONDS + 1]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_leases_in_force_are_those_that_were_granted_and_not_ended(self) -> None:
        in_force = self.in_force()
        assert {id(lease) for lease in self.registry} == {id(grant.lease) for grant in in_force}
        keys = [grant.lease.key for grant in in_force]
        assert len(keys) == len(set(keys)), "one name, two holders"
        for grant in in_force:
            assert self.registry.find(grant.lease.key) is grant.lease.holder

    @invariant()
    def everybody_has_their_own_tunnels(self) -> None:
        for person in (1, 2):
            holders = [grant.lease.holder for grant in self.in_force()]
            mine = [holder for holder in holders if holder.person_id == person]
            assert self.registry.of_person(person) == mine

    @invariant()
    def memories_are_of_the_last_minute_or_so(self) -> None:
        assert len(self.registry._remembered) <= len(
            {grant.instance for grant in self.grants if grant.ended is not None}
        )

    @invariant()
    def what_is_free_is_kept_in_mind_for_whoever_may_come_back(self) -> None:
        held = {grant.lease.key for grant in self.in_force()}
        last = [self.last_of(grant.lease.claim) for grant in self.grants]
        kept = {(g.lease.claim.person_id, g.lease.key) for g in last if g is not None}
        for person in (1, 2):
            others = {key for whose, key in kept if whose != person} - held
            assert self.registry.kept_for_others(person) == others

    # The model

    def in_force(self) -> list[Grant]:
        return [grant for grant in self.grants if grant.ended is None]

    def last_of(self, claim: Claim) -> Grant | None:
        """Return the last grant to the same instance, if it is in force or was lately."""
        who = (claim.key[0], claim.person_id, claim.instance)
        mine = [grant for grant in self.grants if grant.instance == who]
        if claim.instance is None or not mine:
            return None
        last = mine[-1]
        recent = last.ended is None or last.ended + REMEMBERED_SECONDS >= self.now
        return last if recent else None

    def outdated(self, claim: Claim) -> bool:
        last = self.last_of(claim)
        return last is not None and claim.generation <= last.lease.claim.generation

    def name_to_come_back_to(self, claim: Claim) -> Key | None:
        last = self.last_of(claim)
        if last is None or self.outdated(claim):
            return None
        key = last.lease.key
        others = [g for g in self.in_force() if g.lease.key == key and g is not last]
        return None if others else key

    def check_displaced(self, granted: Granted[Tunnel], claim: Claim) -> None:
        if granted.displaced is None:
            return
        (grant,) = [grant for grant in self.grants if grant.lease is granted.displaced]
        assert grant.ended is None
        silent = not grant.lease.holder.alive
        same = claim.instance is not None and grant.lease.claim.instance == claim.instance
        assert silent or same, "a tunnel that lives was displaced"
        assert grant.lease.holder.person_id == claim.person_id
        grant.ended = self.now

    def note(self, lease: Lease[Tunnel]) -> None:
        self.grants.append(Grant(lease))


Leases.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestLeases = Leases.TestCase
