"""What hostile applications answer, through our client and, where there is another one, without.

The visitor gets one right answer, a 502 of ours, or one that is visibly cut; the connection that
it came on is never used again, and whoever comes next is answered rightly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import h11
import pytest
import pytest_asyncio

from pgrok.relay import pool
from support.conditions import PATIENCE, until
from support.heads import request
from support.house import new_database, ok
from support.ports import LOOPBACK
from support.public import Application, Neighbour, addressed, send, tunnel_to
from support.responses import HOSTILE, LENGTH, POISON, RIGHT, Answer, Seen, response

pytestmark = pytest.mark.asyncio(loop_scope="module")

ATTACK, NEXT = b"/attack", b"/next"


class Hostile(Application):
    """Answers every request with its target, but `/attack` as it is told."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._received = b""
        self.targets: list[bytes] = []
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        self._received = b""
        target = head.split(b" ")[1]
        self.targets.append(target)
        if target == ATTACK:
            self._place.attack(self)
        else:
            self.transport.write(ok(target))

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True


class Place:
    """A front in use, with a hostile application behind it."""

    def __init__(self) -> None:
        self.port = 0
        self.connections: list[Hostile] = []
        self.attack: Callable[[Hostile], object] = id
        self.neighbour: Neighbour

    def serve(self) -> Hostile:
        self.connections.append(Hostile(self))
        return self.connections[-1]

    async def is_sound(self) -> None:
        """Check that others are answered rightly, and not where the attack came from."""
        stranger = await Neighbour.at(self.port)
        for _ in range(2):
            await self.neighbour.ask()
            await stranger.ask()
        stranger.leave()
        for connection in self.connections:
            assert ATTACK not in connection.targets[:-1]


@pytest.fixture(scope="module", params=[True, False], ids=["our client", "another client"])
def our_client(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def database(our_client: bool, tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_database(tmp_path_factory.mktemp("hostile"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(our_client: bool, database: str) -> AsyncIterator[Place]:
    place = Place()
    async with tunnel_to(place.serve, database, our_client=our_client) as place.port:
        place.neighbour = await Neighbour.at(place.port)
        yield place
        place.neighbour.leave()


def read_answer(received: bytes, method: bytes) -> tuple[int, bytes, bytes]:
    """Return status and body of the first answer as h11 reads them, and what is behind it.

    Raises `h11.RemoteProtocolError` if it is cut.
    """
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(received)
    parser.receive_data(b"")
    status, body = 0, b""
    while not isinstance(event := parser.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
    return status, body, parser.trailing_data[0]


def seen(received: bytes, method: bytes) -> tuple[Seen, bytes]:
    """Return what became of the first answer, and what came behind it."""
    try:
        status, body, rest = read_answer(received, method)
    except h11.RemoteProtocolError:
        return Seen.CUT, b""
    if status == 502:
        return Seen.REFUSED, rest
    assert body in (b"", RIGHT)
    return (Seen.RIGHT if body else Seen.EMPTY), rest


@pytest.mark.parametrize("answer", HOSTILE, ids=str)
async def test_a_hostile_answer(answer: Answer, place: Place) -> None:
    def attack(application: Hostile) -> None:
        application.transport.write(answer.data)
        if answer.closes:
            application.transport.close()

    place.attack = attack
    asked = [
        request(start=b"%b %b HTTP/1.1" % each)
        for each in ((answer.method, ATTACK), (b"GET", NEXT))
    ]
    received = await send(place.port, [addressed(b"".join(asked))], end=True)
    assert b"poison" not in received
    became, rest = seen(received, answer.method)
    assert became is answer.seen
    if became is not Seen.CUT:
        assert read_answer(rest, b"GET") == (200, NEXT, b"")
    await place.is_sound()


async def test_an_answer_before_a_request_has_ended(place: Place) -> None:
    place.attack = lambda application: application.transport.write(
        response(LENGTH, body=RIGHT) + POISON
    )
    reader, writer = await asyncio.open_connection(LOOPBACK, place.port)
    writer.write(addressed(request(b"Content-Length: 9", start=b"POST %b HTTP/1.1" % ATTACK)))
    async with asyncio.timeout(PATIENCE):
        received = await reader.readuntil(RIGHT)
        writer.write(b"body body" + addressed(request(start=b"GET %b HTTP/1.1" % NEXT)))
        writer.write_eof()
        received += await reader.read()
    writer.close()
    assert b"poison" not in received
    became, rest = seen(received, b"POST")
    assert became is Seen.RIGHT
    assert read_answer(rest, b"GET") == (200, NEXT, b"")
    await place.is_sound()


@pytest.mark.parametrize("octets", [b"\r\n", b"x", POISON, b"HTTP/1.1 408 Timeout\r\n\r\n"])
async def test_octets_while_a_connection_idles(
    octets: bytes, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 1000.0)
    right = response(LENGTH, b"Keep-Alive: timeout=1000", body=RIGHT)
    place.attack = lambda application: application.transport.write(right)
    data = addressed(request(start=b"GET %b HTTP/1.1" % ATTACK))
    assert seen(await send(place.port, [data], end=True), b"GET") == (Seen.RIGHT, b"")
    (attacker,) = [
        each for each in place.connections if each.targets[-1:] == [ATTACK] and not each.lost
    ]
    attacker.transport.write(octets)
    await until(lambda: attacker.lost, "the connection is closed")
    await place.is_sound()
