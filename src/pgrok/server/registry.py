"""Who holds which name and port right now: leases, in the memory of the one active daemon.

A lease is the right to a public name or port while a tunnel lives. It changes hands within one
step of the loop and is released by identity, never by name: a connection that was displaced and
dies later releases nothing. Who *owns* a name is another question, which the store answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Generic, Protocol, TypeVar

from pgrok.protocol import TunnelKind

REMEMBERED_SECONDS = 60.0
"""How long after its end a tunnel's instance may come back to the same name, if it is free."""

MAX_REMEMBERED = 200
"""Ended tunnels of one person that are kept in mind: twice as many as may live at once."""

Key = tuple[TunnelKind, str | int]
"""A public name (http) or port (tcp)."""


class Holder(Protocol):
    """What the registry needs to know of a tunnel."""

    @property
    def person_id(self) -> int:
        """Whose tunnel it is."""


HolderT = TypeVar("HolderT", bound=Holder)


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish for a name or port.

    `key` is what the person would get if nothing stood in the way. `instance` and `generation`
    are what the client said of itself; without an instance it cannot be told from its ghost.
    """

    key: Key
    person_id: int
    instance: str | None = None
    generation: int = 0


class Lease(Generic[HolderT]):
    """The right to `key` while `holder` lives. Two leases are never equal."""

    def __init__(self, key: Key, holder: HolderT, claim: Claim) -> None:
        self.key = key
        self.holder = holder
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Granted(Generic[HolderT]):
    """The claim is met by `lease`; `displaced` held the name before and has to go."""

    lease: Lease[HolderT]
    displaced: Lease[HolderT] | None = None


@dataclass(frozen=True, slots=True)
class Contested(Generic[HolderT]):
    """A tunnel of the same person holds the name: ask it whether it lives, then claim again."""

    lease: Lease[HolderT]


@dataclass(frozen=True, slots=True)
class Occupied:
    """The name is taken, by whom is not to be argued with: claim another one."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """The same client has a newer connection: this one comes too late."""


Verdict = Granted[HolderT] | Contested[HolderT] | Occupied | Outdated

_Instance = tuple[TunnelKind, int, str]


@dataclass(frozen=True, slots=True)
class _Tenure:
    """What is kept of a lease when it ends: not its holder, nor a connection that is gone."""

    key: Key
    generation: int
    forgotten_at: float = inf


class Registry(Generic[HolderT]):
    """All leases. Nothing here waits: whoever calls has decided before anyone else is heard.

    `now` gives seconds on a clock that does not jump.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._leases: dict[Key, Lease[HolderT]] = {}
        self._of_person: dict[int, dict[Lease[HolderT], None]] = {}
        self._instances: dict[_Instance, Lease[HolderT]] = {}
        self._remembered: dict[_Instance, _Tenure] = {}
        self._remembered_of: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._leases)

    def __iter__(self) -> Iterator[Lease[HolderT]]:
        return iter(list(self._leases.values()))

    def find(self, key: Key) -> HolderT | None:
        """Return the tunnel that holds `key`."""
        lease = self._leases.get(key)
        return None if lease is None else lease.holder

    def holds(self, lease: Lease[HolderT]) -> bool:
        """Whether that very lease is in force."""
        return self._leases.get(lease.key) is lease

    def of_person(self, person_id: int) -> list[HolderT]:
        """Return the live tunnels of a person, oldest first."""
        return [lease.holder for lease in self._of_person.get(person_id, ())]

    def claim(
        self,
        claim: Claim,
        holder: HolderT,
        *,
        alive: Lease[HolderT] | None = None,
        silent: Lease[HolderT] | None = None,
    ) -> Verdict[HolderT]:
        """Decide who has `claim.key`, and record it.

        `alive` or `silent` is a lease whose holder was asked since the last verdict, and what
        came of it.
        """
        returning = self._claim_again(claim, holder)
        if returning is not None:
            return returning
        current = self._leases.get(claim.key)
        if current is None or current is silent:
            return self._grant(claim.key, claim, holder)
        if current.holder.person_id != claim.person_id or current is alive:
            return Occupied()
        return Contested(current)

    def claim_free(self, key: Key, claim: Claim, holder: HolderT) -> Lease[HolderT] | None:
        """Take `key` instead of the claimed one, or return None if it is not free."""
        if key in self._leases:
            return None
        return self._grant(key, claim, holder).lease

    def release(self, lease: Lease[HolderT], *, used: bool = True) -> bool:
        """End a lease; False if it was not in force any more, and nothing has changed.

        One that was never `used`, because its port could not be opened, is not remembered.
        """
        if not self.holds(lease):
            return False
        self._remove(lease)
        instance = _instance_of(lease.claim)
        if instance is not None and self._instances.get(instance) is lease:
            del self._instances[instance]
            if used:
                self._remember(instance, lease.key, lease.claim.generation)
        return True

    def tenures(self) -> list[Claim]:
        """Return who holds what: for each lease a claim on the very key that it has."""
        return [replace(lease.claim, key=lease.key) for lease in self._leases.values()]

    def recall(self, tenures: Iterable[Claim]) -> None:
        """Keep in mind who held what in the registry before this one, as if it had just ended."""
        for tenure in tenures:
            instance = _instance_of(tenure)
            if instance is not None:
                self._remember(instance, tenure.key, tenure.generation)

    def kept_for_others(self, person_id: int) -> set[Key]:
        """Return the free names and ports that clients of other people may come back to."""
        now = self._now()
        return {
            tenure.key
            for (_, whose, _), tenure in self._remembered.items()
            if whose != person_id and tenure.forgotten_at >= now and tenure.key not in self._leases
        }

    def _claim_again(self, claim: Claim, holder: HolderT) -> Verdict[HolderT] | None:
        """Decide for a client that has, or just had, a tunnel (it says so itself)."""
        instance = _instance_of(claim)
        previous = None if instance is None else self._previous(instance)
        if previous is None:
            return None
        if claim.generation <= previous.generation:
            return Outdated()
        current = self._leases.get(previous.key)
        if current is not None and _instance_of(current.claim) != instance:
            return None
        return self._grant(previous.key, claim, holder)

    def _previous(self, instance: _Instance) -> _Tenure | None:
        """Return what the instance has, or lost lately."""
        lease = self._instances.get(instance)
        if lease is not None:
            return _Tenure(lease.key, lease.claim.generation)
        tenure = self._remembered.get(instance)
        return tenure if tenure and tenure.forgotten_at >= self._now() else None

    def _grant(self, key: Key, claim: Claim, holder: HolderT) -> Granted[HolderT]:
        displaced = self._leases.get(key)
        if displaced is not None:
            self.release(displaced)
        lease = Lease(key, holder, claim)
        self._leases[key] = lease
        self._of_person.setdefault(holder.person_id, {})[lease] = None
        instance = _instance_of(claim)
        if instance is not None:
            self._instances[instance] = lease
            self._forget(instance)
        return Granted(lease, displaced)

    def _remove(self, lease: Lease[HolderT]) -> None:
        del self._leases[lease.key]
        person_id = lease.holder.person_id
        del self._of_person[person_id][lease]
        if not self._of_person[person_id]:
            del self._of_person[person_id]

    def _remember(self, instance: _Instance, key: Key, generation: int) -> None:
        now, (_, person_id, _) = self._now(), instance
        # Entries are in order of time, so that the oldest come first.
        while self._remembered:
            oldest = next(iter(self._remembered))
            if self._remembered[oldest].forgotten_at >= now:
                break
            self._forget(oldest)
        if self._remembered_of[person_id] < MAX_REMEMBERED:
            tenure = _Tenure(key, generation, now + REMEMBERED_SECONDS)
            self._remembered[instance] = tenure
            self._remembered_of[person_id] += 1

    def _forget(self, instance: _Instance) -> None:
        if self._remembered.pop(instance, None) is not None:
            _, person_id, _ = instance
            self._remembered_of[person_id] -= 1
            if not self._remembered_of[person_id]:
                del self._remembered_of[person_id]


@dataclass(frozen=True, slots=True)
class LiveTunnel:
    """One line of the dashboard's list."""

    kind: TunnelKind
    url: str
    since: datetime
    client: str
    peer: str


LiveTunnels = Callable[[int], Sequence[LiveTunnel]]
"""Gives the live tunnels of the person with that id."""


def _instance_of(claim: Claim) -> _Instance | None:
    if claim.instance is None:
        return None
    return claim.key[0], claim.person_id, claim.instance
