"""Registry, claims, sessions and parking together, through whatever clients may do.

Every verdict of the registry is checked as it falls, against a list of what was granted; and after
every step, that no name has two holders and none is held by, or kept for, somebody who is gone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pgrok.errors import ConnectionLost, TunnelRefused
from pgrok.http.pages import Code
from pgrok.protocol import Hint, TunnelKind
from pgrok.relay.deadlines import TICK
from pgrok.server.ports import Avoided, choose
from pgrok.server.registry import (
    REMEMBERED_SECONDS,
    Claim,
    Granted,
    Key,
    Lease,
    Outdated,
    Registry,
    Verdict,
)
from pgrok.server.settings import ProxySettings
from pgrok.server.sshd import opening as opening_module
from pgrok.server.sshd.claims import MAX_PROBE_SECONDS, MIN_PROBE_SECONDS, PROBE_ROUND_TRIPS
from pgrok.server.sshd.opening import SETTLING_SECONDS
from pgrok.server.sshd.session import Session
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.records import Person
from pgrok.transport.interfaces import Fault, Forward
from support.lobby import FarEnd, Lobby, Visit
from support.manual_loop import manual_loop

PEOPLE = [Person(n, name, name, datetime.now(UTC)) for n, name in enumerate(["bob", "eve"])]
PORTS = range(10_000, 10_003)
FORWARD = Forward(b"0.0.0.0", 0)
PARKING_SECONDS = ProxySettings().parking_seconds
A_MOMENT = 0.001

ANSWERS = st.sampled_from([0.01, 0.9, 1.5, 5.0, None])
"""Seconds until a sign of life, which may be late for everybody, or for those who are near."""


@dataclass(eq=False)
class Grant:
    """What was granted to whom, and when it ended."""

    lease: Lease[Tunnel]
    began: float
    ended: float | None = None


class Watched(Registry[Tunnel]):
    """A registry each of whose verdicts is held against `grants`, all that there ever were."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.grants: list[Grant] = []

    def claim(
        self,
        claim: Claim,
        holder: Tunnel,
        *,
        alive: Lease[Tunnel] | None = None,
        silent: Lease[Tunnel] | None = None,
    ) -> Verdict[Tunnel]:
        last = self.last_of(claim)
        mine = self.name_to_come_back_to(claim, last)
        spared = self.spared(claim.person_id)
        verdict = super().claim(claim, holder, alive=alive, silent=silent)
        if alive is not None:
            far_end = alive.holder.connection
            assert isinstance(far_end, FarEnd)
            assert self._now() - far_end.heard_at < A_MOMENT, "a silent one counts as alive"
        late = last is not None and claim.generation <= last.lease.claim.generation
        assert isinstance(verdict, Outdated) == late
        if mine is not None:
            assert isinstance(verdict, Granted), "a client that came back had to wait"
            assert verdict.lease.key == mine, "a client that came back has another name"
        if isinstance(verdict, Granted):
            if verdict.displaced is not None:
                self.check_displaced(verdict.displaced, verdict.lease)
            # Whoever was asked for a sign of life on it was a tunnel of the same person.
            if mine is None and silent is None:
                assert verdict.lease.key not in spared, "somebody else may come back to it"
            self.note(verdict.lease)
        return verdict

    def claim_free(self, key: Key, claim: Claim, holder: Tunnel) -> Lease[Tunnel] | None:
        lease = super().claim_free(key, claim, holder)
        if lease is not None:
            self.note(lease)
        return lease

    def release(self, lease: Lease[Tunnel], *, used: bool = True) -> bool:
        assert used, "there was a port"
        released = super().release(lease, used=used)
        (grant,) = [grant for grant in self.grants if grant.lease is lease]
        assert released == (grant.ended is None)
        grant.ended = self._now() if grant.ended is None else grant.ended
        return released

    def note(self, lease: Lease[Tunnel]) -> None:
        assert lease.key not in [g.lease.key for g in self.grants if g.ended is None]
        self.grants.append(Grant(lease, self._now()))

    def check_displaced(self, old: Lease[Tunnel], new: Lease[Tunnel]) -> None:
        """A tunnel that lives is displaced by nobody but its own client."""
        assert old.claim.person_id == new.claim.person_id
        same = old.claim.instance is not None and old.claim.instance == new.claim.instance
        far_end = old.holder.connection
        assert isinstance(far_end, FarEnd)
        waited = self._now() - far_end.silent_since
        silent = abs(waited - patience(far_end)) < A_MOMENT
        newer = same and new.claim.generation > old.claim.generation
        assert newer or silent or far_end.is_closed(), "a tunnel that lives was displaced"

    def last_of(self, claim: Claim) -> Grant | None:
        """Return the last grant to the same instance, if it is in force or was lately."""
        who = (claim.key[0], claim.person_id, claim.instance)
        mine = [
            grant
            for grant in self.grants
            if (grant.lease.key[0], grant.lease.claim.person_id, grant.lease.claim.instance) == who
        ]
        if claim.instance is None or not mine:
            return None
        last = mine[-1]
        recent = last.ended is None or last.ended + REMEMBERED_SECONDS >= self._now()
        return last if recent else None

    def spared(self, person_id: int) -> set[Key]:
        """Return the free ports that others may come back to, if there is another free one."""
        free = {(TunnelKind.TCP, port) for port in PORTS} - self._leases.keys()
        last = [self.last_of(grant.lease.claim) for grant in self.grants]
        kept = {g.lease.key for g in last if g and g.lease.claim.person_id != person_id}
        return kept & free if free - kept else set()

    def name_to_come_back_to(self, claim: Claim, last: Grant | None) -> Key | None:
        if last is None or claim.generation <= last.lease.claim.generation:
            return None
        holder = self._leases.get(last.lease.key)
        return last.lease.key if holder in (None, last.lease) else None


def by_rote(
    last: int | None, ports: range, taken: Container[int], avoided: Avoided, _: Any
) -> Iterator[int]:
    return choose(last, ports, taken, avoided, Random(0))


def settles(grant: Grant) -> float:
    """Return when the client of an http tunnel knows that it has it."""
    return grant.began + (0.0 if grant.lease.claim.instance else SETTLING_SECONDS)


def patience(far_end: FarEnd) -> float:
    """Return how many seconds a sign of life may take."""
    seconds = PROBE_ROUND_TRIPS * far_end.round_trip
    return min(max(seconds, MIN_PROBE_SECONDS), MAX_PROBE_SECONDS)


@dataclass(eq=False)
class Guest:
    """A client, what it asks for, and the claims it has made."""

    person: Person
    far_end: FarEnd
    session: Session
    openings: list[asyncio.Task[int]] = field(default_factory=list)

    @property
    def leases(self) -> dict[Forward, Lease[Tunnel]]:
        """What its connection holds."""
        return self.session._holdings._leases

    @property
    def is_opening(self) -> bool:
        return not all(opening.done() for opening in self.openings)


class Leases(RuleBasedStateMachine):
    """Clients of two people come, claim, fall silent, wake, crash, leave; visitors come too."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = manual_loop()
        self.registry = Watched(self.loop.time)
        self.lobby = Lobby(self.loop, self.registry, PORTS)
        self.guests: list[Guest] = []
        self.visits: list[Visit] = []
        self.expected: dict[str, float] = {}
        """Names of tunnels that were lost, and when."""
        # Ports are drawn at random; an example has to run the same way twice.
        self.chosen = patch.object(opening_module, "choose", by_rote)
        self.chosen.start()
        self.logs = structlog.testing.capture_logs()
        self.logs.__enter__()

    here = st.runner().flatmap(lambda machine: st.sampled_from(machine.present()))

    def present(self) -> list[Guest]:
        return [guest for guest in self.guests if not guest.far_end.lost]

    def anybody(self) -> bool:
        return bool(self.present())

    # What happens

    @rule(
        person=st.sampled_from(PEOPLE),
        kind=st.sampled_from(TunnelKind),
        instance=st.sampled_from([None, "1" * 32, "2" * 32]),
        generation=st.integers(1, 5),
        round_trip=st.sampled_from([0.01, 0.5, 2.0]),
        answers=ANSWERS,
    )
    def come(
        self,
        person: Person,
        kind: TunnelKind,
        instance: str | None,
        generation: int,
        round_trip: float,
        answers: float | None,
    ) -> None:
        far_end = FarEnd(self.lobby, round_trip, answers)
        hint = Hint(kind, instance, generation)
        guest = Guest(person, far_end, self.lobby.sign_in(person, far_end, hint))
        far_end.lose = partial(self.lose, guest, goodbye=False)
        self.guests.append(guest)
        claim = Claim((kind, person.name), person.id, instance, generation)
        mine = self.registry.name_to_come_back_to(claim, self.registry.last_of(claim))
        self.open(guest)
        if mine is not None:
            (lease,) = guest.leases.values()
            assert lease.key == mine, "a client that came back had to wait, or has another name"

    @precondition(anybody)
    @rule(guest=here)
    def ask_for_another_tunnel(self, guest: Guest) -> None:
        if not guest.is_opening:
            self.open(guest)

    def open(self, guest: Guest) -> None:
        guest.openings.append(self.loop.create_task(guest.session.forward(FORWARD)))
        self.loop.run()

    @precondition(anybody)
    @rule(guest=here)
    def fall_silent(self, guest: Guest) -> None:
        guest.far_end.answers = None

    @precondition(anybody)
    @rule(guest=here, seconds=st.sampled_from([0.01, 1.5]))
    def wake(self, guest: Guest, seconds: float) -> None:
        guest.far_end.answers = seconds
        guest.far_end.answer()

    @precondition(anybody)
    @rule(guest=here, goodbye=st.booleans())
    def go(self, guest: Guest, goodbye: bool) -> None:
        self.lose(guest, goodbye=goodbye)
        self.loop.run()

    def lose(self, guest: Guest, *, goodbye: bool) -> None:
        if guest.far_end.lost:
            return
        for label in self.labels(guest):
            self.expected.pop(label, None)
            if not goodbye:
                self.expected[label] = self.loop.time()
        guest.far_end.lose_signs()
        guest.session.connection_lost(goodbye=goodbye, fault=Fault.LOST, reason="")

    @precondition(anybody)
    @rule(guest=here)
    def cancel(self, guest: Guest) -> None:
        for forward, lease in list(guest.leases.items())[:1]:
            if self.registry.holds(lease):
                self.expected.pop(str(lease.key[1]), None)
            self.loop.create_task(guest.session.cancel(forward))
            self.loop.run()

    @rule(label=st.sampled_from([person.name for person in PEOPLE]))
    def visit(self, label: str) -> None:
        visit = Visit(self.loop, label)
        self.visits.append(visit)
        self.lobby.route(visit)

    @rule(seconds=st.sampled_from([0.05, 0.2, 1.0, 3.0, PARKING_SECONDS, REMEMBERED_SECONDS + 1]))
    def time_passes(self, seconds: float) -> None:
        self.loop.advance(seconds)

    # What holds at any time

    @invariant()
    def nobody_who_is_gone_holds_anything(self) -> None:
        owned = [lease for guest in self.present() for lease in guest.leases.values()]
        assert all(lease in owned for lease in self.registry)

    @invariant()
    def the_leases_in_force_are_those_that_were_granted_and_not_ended(self) -> None:
        granted = [grant.lease for grant in self.registry.grants if grant.ended is None]
        assert sorted(map(id, self.registry)) == sorted(map(id, granted))

    @invariant()
    def no_address_was_told_to_two_who_are_there(self) -> None:
        there = [guest for guest in self.present() if not guest.far_end.is_closed()]
        told = [lease.holder.url for guest in there for lease in guest.leases.values()]
        assert len(told) == len(set(told))

    @invariant()
    def everybody_has_names_of_their_own(self) -> None:
        for guest in self.present():
            for label in self.labels(guest):
                assert re.fullmatch(rf"([0-9a-f]{{32}}-)?{guest.person.name}", label)

    @invariant()
    def a_client_of_ours_has_one_alternative_name(self) -> None:
        names: dict[tuple[int, str], str] = {}
        for claim, label in [(g.lease.claim, str(g.lease.key[1])) for g in self.registry.grants]:
            if claim.instance is not None and "-" in label:
                assert names.setdefault((claim.person_id, claim.instance), label) == label

    @invariant()
    def a_port_is_open_for_each_tcp_tunnel_and_no_other(self) -> None:
        held = {lease.key[1]: lease for lease in self.registry if lease.key[0] is TunnelKind.TCP}
        assert set(self.lobby.ports) == set(held)
        for number, lease in held.items():
            assert lease.holder.port is self.lobby.ports[int(number)]

    @invariant()
    def whoever_waits_for_a_name_waits_for_a_sign_of_life_and_not_for_long(self) -> None:
        asked = [(g.far_end, since) for g in self.guests for since in g.far_end.asked.values()]
        for far_end, since in asked:
            assert self.loop.time() - since < patience(far_end) + A_MOMENT
        assert len(asked) == len(self.lobby.claims._probes), "asked twice at once"
        assert asked or not any(guest.is_opening for guest in self.guests)

    @invariant()
    def openings_end_with_a_tunnel_or_a_reason(self) -> None:
        for guest in self.guests:
            for opening in guest.openings:
                if opening.done() and (error := opening.exception()) is not None:
                    if isinstance(error, ConnectionLost):
                        assert guest.far_end.is_closed()
                    else:
                        assert isinstance(error, TunnelRefused)
                        assert error.reason in ("outdated", "none free", "over limit")

    @invariant()
    def visitors_wait_exactly_while_somebody_is_expected(self) -> None:
        for visit in self.visits:
            since = (visit.over_at or self.loop.time()) - self.expected.get(visit.label, -1000.0)
            if visit.served_by is not None:
                assert self.has_settled(visit), "the client did not know of its tunnel yet"
            elif visit.problem is not None:
                assert visit.problem.code is Code.NO_TUNNEL
                assert since >= PARKING_SECONDS, "somebody was expected"
            elif self.registry.find((TunnelKind.HTTP, visit.label)) is None:
                assert since <= PARKING_SECONDS + 2 * TICK, "nobody comes any more"
        self.visits = [visit for visit in self.visits if visit.over_at is None]

    @invariant()
    def nobody_waits_for_a_tunnel_that_is_there(self) -> None:
        waited_for = {visit.label for visit in self.visits if visit.over_at is None}
        for grant in self.registry.grants:
            kind, name = grant.lease.key
            if grant.ended is None and kind is TunnelKind.HTTP and name in waited_for:
                assert self.loop.time() <= settles(grant) + A_MOMENT

    def has_settled(self, visit: Visit) -> bool:
        (grant,) = [g for g in self.registry.grants if g.lease.holder is visit.served_by]
        return visit.over_at is not None and visit.over_at >= settles(grant) - A_MOMENT

    def labels(self, guest: Guest) -> list[str]:
        """Return the names that a guest holds."""
        leases = guest.leases.values()
        held = [lease.key for lease in leases if self.registry.holds(lease)]
        return [str(name) for kind, name in held if kind is TunnelKind.HTTP]

    def teardown(self) -> None:
        """When all have gone nothing is left of them."""
        for guest in self.guests:
            self.lose(guest, goodbye=True)
        self.loop.advance(PARKING_SECONDS + REMEMBERED_SECONDS)
        assert len(self.registry) == len(self.lobby.claims._probes) == len(self.lobby.ports) == 0
        assert all(visit.over_at is not None for visit in self.visits)
        assert not any(guest.is_opening for guest in self.guests)
        assert len(self.lobby.services.sessions) == 0
        assert not self.lobby.quotas._connections
        assert not self.loop.has_timers
        assert self.loop.failures == []
        self.chosen.stop()
        self.logs.__exit__(None, None, None)


Leases.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestLeases = Leases.TestCase
