"""Requests with two meanings, none or too much of it, sent raw to a public front.

The application behind the tunnel sees exactly the well-formed requests that were meant, or none,
and whoever comes next on any connection is answered rightly.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.events import one_by_one
from support.heads import (
    GET,
    REFUSED_HEADS,
    SMUGGLED,
    TOO_MANY_LINES,
    TOO_MANY_OCTETS,
    Refused,
    request,
)
from support.house import new_database
from support.public import Neighbour, addressed, send, tunnel_to
from support.recorder import Record
from support.smuggling import BROKEN_BODIES, FLOODED_BODIES, PASSED, Asked, Passed

pytestmark = pytest.mark.asyncio(loop_scope="module")

FINAL = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ")


class Place:
    """A front in use, and the record of what came through it."""

    def __init__(self, port: int, record: Record, neighbour: Neighbour) -> None:
        self._port = port
        self._record = record
        self._neighbour = neighbour

    async def send(self, data: bytes, *, slowly: bool = False, end: bool = False) -> list[int]:
        """Send a request of the corpora; return the statuses of all answers."""
        data = addressed(data)
        answers = await send(self._port, one_by_one(data) if slowly else [data], end=end)
        return [int(status) for status in FINAL.findall(answers)]

    async def saw(self) -> list[Asked]:
        """Return what the application was asked before others came, who are answered rightly."""
        targets = [await self._neighbour.ask()]
        stranger = await Neighbour.at(self._port)
        targets += [await stranger.ask(), await self._neighbour.ask()]
        stranger.leave()
        record = self._record.take()
        assert record.malformed == []
        assert [target for _, target, _ in record.asked[-3:]] == targets
        return record.asked[:-3]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_database(tmp_path_factory.mktemp("smuggling"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(database: str) -> AsyncIterator[Place]:
    record = Record()
    async with tunnel_to(record.serve, database) as port:
        neighbour = await Neighbour.at(port)
        yield Place(port, record, neighbour)
        neighbour.leave()


@pytest.mark.parametrize("slowly", [False, True], ids=["at once", "octet by octet"])
@pytest.mark.parametrize("vector", REFUSED_HEADS, ids=str)
async def test_a_head_without_one_meaning(vector: Refused, slowly: bool, place: Place) -> None:
    assert await place.send(vector.data + SMUGGLED, slowly=slowly) == [vector.status]
    assert await place.saw() == []


@pytest.mark.parametrize("vector", [TOO_MANY_LINES, *TOO_MANY_OCTETS], ids=str)
async def test_a_flood_of_a_head(vector: Refused, place: Place) -> None:
    assert await place.send(vector.data + SMUGGLED) == [vector.status]
    assert await place.saw() == []


@pytest.mark.parametrize("slowly", [False, True], ids=["at once", "octet by octet"])
@pytest.mark.parametrize("vector", BROKEN_BODIES, ids=str)
async def test_a_body_that_breaks(vector: Refused, slowly: bool, place: Place) -> None:
    data = request(b"Transfer-Encoding: chunked", body=vector.data) + SMUGGLED
    assert await place.send(data, slowly=slowly) == [vector.status]
    assert await place.saw() == []


@pytest.mark.parametrize("vector", FLOODED_BODIES, ids=str)
async def test_a_flood_of_what_is_no_body(vector: Refused, place: Place) -> None:
    data = request(b"Transfer-Encoding: chunked", body=vector.data)
    assert await place.send(data) == [vector.status]
    assert await place.saw() == []


@pytest.mark.parametrize("slowly", [False, True], ids=["at once", "octet by octet"])
@pytest.mark.parametrize("vector", PASSED, ids=str)
async def test_what_is_hidden_stays_what_it_is(vector: Passed, slowly: bool, place: Place) -> None:
    statuses = await place.send(vector.data, slowly=slowly, end=True)
    assert statuses == [200] * len(vector.asked) + ([vector.refused] if vector.refused else [])
    assert await place.saw() == list(vector.asked)


@pytest.mark.parametrize("half", [GET[:-2], request(b"Content-Length: 99", body=SMUGGLED)])
async def test_a_request_that_ends_early_is_none(half: bytes, place: Place) -> None:
    assert await place.send(half, end=True) == [400]
    assert await place.saw() == []


async def test_an_answer_of_ours_leaves_no_body_behind(place: Place) -> None:
    hidden = request(
        b"Content-Length: %d" % len(SMUGGLED), start=b"POST /nowhere HTTP/1.1", body=SMUGGLED
    ).replace(b"Host: a", b"Host: nobody.localhost", 1)
    assert await place.send(hidden) == [502]
    assert await place.saw() == []
