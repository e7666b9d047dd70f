"""Connections that wait for their turn to exchange keys, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest

from pgrok.errors import ServerUnreachable, TokenRefused
from pgrok.transport.bounds import Bounds
from pgrok.transport.doorway import Doorway
from pgrok.transport.waiting import WaitingRoom
from support.conditions import steps, until
from support.transport import BOUNDS, Served, connected, room_of, serving

ELSEWHERE = "127.0.0.77"


@asynccontextmanager
async def crowded(
    *, places: int = 1, in_all: int = 9, waiting: int = 9, bounds: Bounds = BOUNDS
) -> AsyncIterator[tuple[Served, WaitingRoom[Doorway]]]:
    """A server that has few places for half-open connections."""
    room = room_of(in_all=in_all, per_address=places, waiting=waiting)
    async with serving(room=room, bounds=bounds) as served:
        yield served, room


@contextmanager
def closing(*writers: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        for writer in writers:
            writer.close()


async def stranger(
    served: Served, address: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Somebody who connects, and does not say a word."""
    origin = (address, 0) if address else None
    place = served.address
    return await asyncio.open_connection(place.host, place.port, local_addr=origin)


async def crowd(
    served: Served, room: WaitingRoom[Doorway], count: int
) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """So many strangers, of whom the first has the place and the others wait."""
    strangers = [await stranger(served) for _ in range(count)]
    await until(lambda: len(list(room)) == count - 1 and served.clients)
    return strangers


async def test_more_than_an_address_may_have_wait_and_then_succeed() -> None:
    async with crowded() as (served, room):
        (first, second) = await crowd(served, room, 2)
        connecting = asyncio.ensure_future(connect_and_leave(served))
        await until(lambda: len(list(room)) == 2)
        with closing(first[1], second[1]):
            await steps()
            assert len(served.clients) == 1
        await connecting
        assert served.client.passwords != []


async def connect_and_leave(served: Served) -> None:
    async with connected(served):
        pass


async def test_many_that_come_at_once_are_all_served() -> None:
    async with crowded(places=2, waiting=30) as (served, _):
        await asyncio.gather(*(connect_and_leave(served) for _ in range(20)))
        assert len(served.clients) == 20


async def test_who_waits_hears_nothing_of_the_protocol() -> None:
    async with crowded() as (served, room):
        first, (reader, writer) = await crowd(served, room, 2)
        with closing(writer):
            writer.write(b"SSH-2.0-eager\r\n")
            with closing(first[1]):
                await steps()
                assert reader._buffer == b""  # type: ignore[attr-defined]
            assert (await reader.readline()).startswith(b"SSH-2.0-")
            await until(lambda: served.client.connection.client_version == "SSH-2.0-eager")


async def test_the_flood_of_one_address_leaves_another_served() -> None:
    async with crowded(in_all=2, waiting=5) as (served, room):
        flood = await crowd(served, room, 6)
        reader, writer = await stranger(served, ELSEWHERE)
        with closing(writer, *(other for _, other in flood)):
            assert (await reader.readline()).startswith(b"SSH-2.0-")


async def test_who_has_authenticated_does_not_count() -> None:
    async with crowded() as (served, _), connected(served), connected(served):
        assert len(served.clients) == 2


async def test_who_is_refused_makes_room() -> None:
    async with crowded() as (served, _):
        for _ in range(3):
            with pytest.raises(TokenRefused):
                async with connected(served, token="wrong"):
                    pass


async def test_who_gives_up_frees_the_place_in_the_queue() -> None:
    async with crowded(waiting=1) as (served, room):
        first, second = await crowd(served, room, 2)
        with closing(first[1]):
            second[1].close()
            await until(lambda: not list(room))
            third = await stranger(served)
            await until(lambda: list(room))
        with closing(third[1]):
            assert (await third[0].readline()).startswith(b"SSH-2.0-")


async def test_where_the_queue_is_full_the_connection_is_closed() -> None:
    async with crowded(waiting=1) as (served, room):
        strangers = await crowd(served, room, 2)
        with closing(*(writer for _, writer in strangers)):
            refused, writer = await stranger(served)
            with closing(writer):
                assert await refused.read() == b""


async def test_who_waits_too_long_is_turned_away() -> None:
    async with crowded(bounds=replace(BOUNDS, waiting=0.05)) as (served, room):
        strangers = await crowd(served, room, 1)
        with closing(strangers[0][1]):
            with pytest.raises(ServerUnreachable):
                await connect_and_leave(served)
            assert len(served.clients) == 1


async def test_who_does_not_sign_in_in_time_makes_room() -> None:
    async with crowded(bounds=replace(BOUNDS, login=0.2)) as (served, _):
        silent, waiting = await stranger(served), await stranger(served)
        with closing(silent[1], waiting[1]):
            assert (await waiting[0].readline()).startswith(b"SSH-2.0-")
            assert (await silent[0].read()).startswith(b"SSH-2.0-")


async def test_a_drain_turns_away_who_waits_and_serves_who_has_begun() -> None:
    async with crowded() as (served, room), connected(served) as connection:
        first, second = await crowd(served, room, 2)
        assert served.listener is not None
        with closing(first[1], second[1]):
            served.listener.close()
            assert await second[0].read() == b""
        assert await connection.request("hint", b"still here") == b"still here"
        assert list(room) == []
