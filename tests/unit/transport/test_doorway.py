from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from pgrok.transport.admission import Admission
from pgrok.transport.doorway import MAX_BEFORE_LOGIN, Doorway, Entrance
from pgrok.transport.turns import Turns
from pgrok.transport.waiting import WaitingRoom
from support.manual_loop import manual_loop
from support.transports import MemoryTransport

ADDRESS = "192.0.2.1"
PATIENCE = 10.0


class Connection(asyncio.Protocol):
    """Stands for an SSH connection, and notes what it is told."""

    def __init__(self, authenticated: Callable[[], None]) -> None:
        self.authenticated = authenticated
        self.events: list[object] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.events.append(data)
        if data.endswith(b"token"):
            self.authenticated()

    def eof_received(self) -> None:
        self.events.append("eof")

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")


class House:
    """A server with one place for half-open connections of an address."""

    def __init__(self, *, places: int = 1, waiting: int = 9) -> None:
        self.loop = manual_loop()
        self.connections: list[Connection] = []
        self.refusals: list[str] = []
        room = WaitingRoom[Doorway](
            Admission(per_address=places), in_all=waiting, per_address=waiting
        )
        self.entrance = Entrance(self.loop, room, Turns(self.loop), self.make, self.note, PATIENCE)

    def note(self, _address: str, reason: str) -> None:
        self.refusals.append(reason)

    def make(self, authenticated: Callable[[], None]) -> Connection:
        self.connections.append(Connection(authenticated))
        return self.connections[-1]

    def come(self) -> MemoryTransport:
        """Return the client's end of a new connection."""
        doorway = Doorway(self.entrance)
        transport = MemoryTransport(self.loop, doorway, peername=(ADDRESS, 50_000))
        transport.connect()
        return transport

    @property
    def events(self) -> list[list[object]]:
        return [connection.events for connection in self.connections]


def test_whoever_has_a_place_is_served() -> None:
    house = House()
    client = house.come()
    client.send(b"version")
    assert house.events == [["made", b"version"]]
    client.end()
    assert house.events == [["made", b"version", "eof", "lost"]]


def test_nothing_of_ssh_begins_while_somebody_waits() -> None:
    house = House()
    first, second = house.come(), house.come()
    second.send(b"version")
    second.send(b", keys")
    assert len(house.connections) == 1
    first.reset()
    assert house.events[1] == ["made", b"version, keys"]


def test_whoever_has_authenticated_leaves_the_place_and_gets_bytes_directly() -> None:
    house = House()
    first, second = house.come(), house.come()
    first.send(b"token")
    assert first.get_protocol() is house.connections[0]
    assert house.events == [["made", b"token"], ["made"]]
    second.send(b"version")
    assert house.events[1] == ["made", b"version"]


def test_what_comes_in_the_meantime_keeps_its_place_in_the_stream() -> None:
    house = House()
    client = house.come()
    doorway = cast(Doorway, client.get_protocol())
    doorway.data_received(b"before, ")
    house.connections[0].authenticated()
    doorway.data_received(b"after")
    house.loop.run()
    assert house.events == [["made", b"before, after"]]
    assert client.get_protocol() is house.connections[0]


def test_a_connection_that_has_the_socket_read_elsewhere_keeps_it_so() -> None:
    house = House()
    client = house.come()
    elsewhere = asyncio.Protocol()

    class Eager(Connection):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            client.set_protocol(elsewhere)

    house.connections[0].__class__ = Eager
    client.send(b"token")
    assert client.get_protocol() is elsewhere


def test_whoever_waits_too_long_is_turned_away() -> None:
    house = House()
    _, second = house.come(), house.come()
    house.loop.advance(PATIENCE - 1)
    assert second.open
    house.loop.advance(1)
    assert second.aborted
    assert list(house.entrance.room) == []
    assert house.refusals == ["waited in vain"]


def test_whoever_came_in_has_time() -> None:
    house = House()
    first, second = house.come(), house.come()
    first.send(b"token")
    house.loop.advance(2 * PATIENCE)
    assert second.open


def test_whoever_gives_up_frees_the_place_in_the_queue() -> None:
    house = House(waiting=1)
    first, second = house.come(), house.come()
    assert house.come().aborted
    second.end()
    third = house.come()
    assert third.open
    first.reset()
    assert len(house.connections) == 2


def test_where_the_queue_is_full_the_connection_is_closed() -> None:
    house = House(waiting=1)
    house.come()
    house.come()
    refused = house.come()
    assert refused.aborted
    assert len(house.connections) == 1


@pytest.mark.parametrize("places", [0, 1])
def test_nobody_may_say_much_before_authenticating(places: int) -> None:
    house = House(places=places)
    client = house.come()
    client.send(b"x" * (MAX_BEFORE_LOGIN - 1))
    assert client.open
    client.send(b"xx")
    assert client.aborted


def test_after_it_there_is_no_such_bound() -> None:
    house = House()
    client = house.come()
    client.send(b"token")
    client.send(b"x" * (MAX_BEFORE_LOGIN + 1))
    assert client.open


def test_the_connection_hears_when_the_client_does_not_read() -> None:
    house = House()
    client = house.come()
    client.stop_taking()
    client.write(b"x" * 100_000)
    client.go_on_taking()
    assert house.events == [["made", "pause", "resume"]]


def test_closing_turns_away_those_who_wait_and_nobody_else() -> None:
    house = House()
    first, second, third = house.come(), house.come(), house.come()
    house.entrance.close()
    house.loop.run()
    assert first.open
    assert second.aborted
    assert third.aborted
    first.reset()
    assert house.events == [["made", "lost"]]


def test_a_client_that_is_gone_before_its_turn_costs_nothing() -> None:
    house = House()
    transport = MemoryTransport(house.loop, Doorway(house.entrance), peername=(ADDRESS, 1))
    transport.get_protocol().connection_made(transport)
    transport.abort()
    house.loop.run()
    assert house.connections == []
