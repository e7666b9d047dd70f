"""Who waits while too many connections are half open, and whose turn it is."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from enum import Enum
from typing import Generic, TypeVar

from pgrok.transport.admission import Admission, origin_of

G = TypeVar("G", bound=Hashable)


class Place(Enum):
    """Where a connection is."""

    INSIDE = "inside"
    """It may exchange keys and sign in."""
    WAITING = "waiting"
    OUTSIDE = "outside"


class WaitingRoom(Generic[G]):
    """A queue for each address, first come, first served; the addresses take turns.

    So whoever floods the server waits behind their own connections and nobody else does. An
    address that has as many connections inside as it may have passes its turn. Nothing happens
    by itself here: `leave` says who comes in, and only then is there room for somebody.
    """

    def __init__(self, inside: Admission, *, in_all: int, per_address: int) -> None:
        self._inside = inside
        self._waiting = Admission(in_all=in_all, per_address=per_address)
        self._queues: dict[Hashable, dict[G, None]] = {}
        self._turns: dict[Hashable, str] = {}

    def __iter__(self) -> Iterator[G]:
        """Go over those who wait at the start of it; they may leave meanwhile."""
        return iter([guest for queue in self._queues.values() for guest in queue])

    def enter(self, guest: G, address: str) -> Place:
        """Return where a newcomer is now: outside if even to wait there is no room."""
        if self._inside.enter(address):
            return Place.INSIDE
        if not self._waiting.enter(address):
            return Place.OUTSIDE
        self._queues.setdefault(origin_of(address), {})[guest] = None
        self._take_turn(address)
        return Place.WAITING

    def leave(self, address: str) -> G | None:
        """Free a place inside; return who has it from now on, if anybody waits for it."""
        self._inside.leave(address)
        self._take_turn(address)
        return None if self._inside.is_full else self._next()

    def give_up(self, guest: G, address: str) -> None:
        """Somebody waits no longer."""
        origin = origin_of(address)
        queue = self._queues[origin]
        del queue[guest]
        self._waiting.leave(address)
        if not queue:
            del self._queues[origin]
            self._turns.pop(origin, None)

    def _take_turn(self, address: str) -> None:
        """Line an address up, behind all others, if it waits for nothing but room in all."""
        origin = origin_of(address)
        if origin in self._queues and self._inside.has_room(address):
            self._turns.setdefault(origin, address)

    def _next(self) -> G | None:
        if not self._turns:
            return None
        origin, address = next(iter(self._turns.items()))
        del self._turns[origin]
        guest = next(iter(self._queues[origin]))
        self.give_up(guest, address)
        self._inside.enter(address)
        self._take_turn(address)
        return guest
