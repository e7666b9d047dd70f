"""What stands between a socket and its SSH connection until the client has authenticated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pgrok.transport.turns import Turns
from pgrok.transport.waiting import Place, WaitingRoom

MAX_BEFORE_LOGIN = 64 * 1024
"""Octets that a client may send before it has authenticated; a login takes less than 8 KiB.
It bounds whatever else can be asked for before: key exchanges, other ways in, empty packets."""


Make = Callable[[Callable[[], None]], asyncio.Protocol]
"""Makes an SSH connection, which calls back when its client has authenticated."""


TurnedAway = Callable[[str, str], None]
"""Told from which address somebody was turned away, and why, in one of few words."""


@dataclass(frozen=True)
class Entrance:
    """What all doorways of one listener share."""

    loop: asyncio.AbstractEventLoop
    room: WaitingRoom[Doorway]
    turns: Turns
    make: Make
    turned_away: TurnedAway
    patience: float
    """Seconds that a connection may wait for its place."""

    def close(self) -> None:
        """Turn away everybody who waits."""
        for doorway in self.room:
            doorway.turn_away()


class Doorway(asyncio.Protocol):
    """Lets a connection wait for a place, and then hands its bytes on when it has a turn.

    Nothing of SSH happens before: no connection of asyncssh's is made, and nothing is sent. What
    the client sends meanwhile is kept. It is read at all because whoever gives up would not be
    noticed otherwise.
    """

    __slots__ = (
        "_address",
        "_connection",
        "_entrance",
        "_heard",
        "_kept",
        "_patience",
        "_place",
        "_transport",
    )

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._place = Place.OUTSIDE
        self._address = ""
        self._transport: asyncio.Transport
        self._patience: asyncio.TimerHandle | None = None
        self._connection: asyncio.Protocol | None = None
        self._heard = 0
        self._kept = b""

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Come in, wait, or go away."""
        self._transport = cast(asyncio.Transport, transport)
        peername = transport.get_extra_info("peername")
        self._address = peername[0] if peername else ""
        self._place = self._entrance.room.enter(self, self._address)
        if self._place is Place.INSIDE:
            self.come_in()
        elif self._place is Place.WAITING:
            loop = self._entrance.loop
            self._patience = loop.call_later(self._entrance.patience, self.turn_away)
        else:
            self._refuse("no room")

    def data_received(self, data: bytes) -> None:
        """Keep what the client sends, of which there may be little, until there is a turn."""
        self._heard += len(data)
        if self._heard > MAX_BEFORE_LOGIN:
            self._refuse("too much before login")
            return
        self._kept += data
        if self._place is not Place.WAITING:
            self._entrance.turns.ask(self._take_turn)

    def eof_received(self) -> bool | None:
        """The client has gone; what it sent before is of no use to anybody."""
        return self._connection.eof_received() if self._connection else False

    def pause_writing(self) -> None:
        """The client does not read."""
        if self._connection is not None:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._connection is not None:
            self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place to somebody else."""
        self._leave()
        if self._connection is not None:
            self._connection.connection_lost(exc)

    # The place

    def come_in(self) -> None:
        """There is a place: begin with the next turn."""
        self._place = Place.INSIDE
        self._lose_patience()
        self._entrance.turns.ask(self._take_turn)

    def turn_away(self) -> None:
        """Close a connection that has waited in vain."""
        self._leave()
        self._refuse("waited in vain")

    def _refuse(self, reason: str) -> None:
        self._entrance.turned_away(self._address, reason)
        self._transport.abort()

    def _leave(self) -> None:
        place, self._place = self._place, Place.OUTSIDE
        self._lose_patience()
        if place is Place.WAITING:
            self._entrance.room.give_up(self, self._address)
        elif place is Place.INSIDE:
            successor = self._entrance.room.leave(self._address)
            if successor is not None:
                successor.come_in()

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    # The SSH connection

    def _take_turn(self) -> None:
        if self._transport.is_closing():
            return
        if self._connection is None:
            self._connection = self._entrance.make(self._authenticated)
            self._connection.connection_made(self._transport)
        kept, self._kept = self._kept, b""
        if kept:
            self._connection.data_received(kept)
        if self._place is Place.OUTSIDE:
            self._pass_on()

    def _authenticated(self) -> None:
        self._leave()
        self._pass_on()

    def _pass_on(self) -> None:
        """Get out of the way, as soon as nothing is kept that has to come first."""
        stands_here = self._transport.get_protocol() is self
        if stands_here and not self._kept and self._connection is not None:
            self._transport.set_protocol(self._connection)
