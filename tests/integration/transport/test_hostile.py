"""Clients that break off anywhere, or send anything: it costs them their connection at most."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref

import pytest
from asyncssh import constants

from pgrok.address import Address
from pgrok.errors import ServerUnreachable
from pgrok.transport.admission import Admission
from pgrok.transport.client import connect
from pgrok.transport.doorway import Doorway
from pgrok.transport.ssh.server import ServerConnection
from pgrok.transport.waiting import WaitingRoom
from support.conditions import until
from support.transport import TOKEN, Served, channels, connected, raw, serving, trust

KINDS = sorted(
    {
        value
        for name, value in vars(constants).items()
        if name.startswith("MSG_") and isinstance(value, int) and value < 101
    }
)
PAYLOADS = [b"", b"\0", b"\0" * 12, b"\xff" * 12, random.Random(1).randbytes(64)]


@pytest.fixture
async def failures() -> list[object]:
    """What the loop reports: exceptions that nobody caught."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reported.append(report))
    return reported


@pytest.mark.parametrize("kind", KINDS)
async def test_any_packet_after_authentication(kind: int, failures: list[object]) -> None:
    async with serving() as served:
        for payload in PAYLOADS:
            async with raw(served) as connection:
                connection.send_packet(kind, payload)
                # It is dealt with when this is answered, or the connection is gone.
                await connection._make_global_request(b"hint")
        async with connected(served) as connection:
            assert await connection.request("hint", b"fine") == b"fine"
        await until(lambda: all(client.lost is not None for client in served.clients))
    assert failures == []


@pytest.mark.parametrize("seed", range(10))
async def test_any_bytes_before_it(seed: int, failures: list[object]) -> None:
    noise = random.Random(seed)
    async with serving() as served:
        for start in (b"", b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n\0\0\0\x0c\x04\x14"):
            reader, writer = await asyncio.open_connection(served.address.host, served.address.port)
            await reader.readline()
            writer.write(start + noise.randbytes(2000))
            writer.close()
        await until(lambda: len(served.clients) == 3)
        await until(lambda: all(client.lost is not None for client in served.clients))
        async with connected(served):
            pass
    assert failures == []


async def test_nothing_is_left_of_whoever_breaks_off() -> None:
    admission = Admission(in_all=4, per_address=4)
    room = WaitingRoom[Doorway](admission, in_all=1, per_address=1)
    async with serving(room=room) as served:
        for size in (0, 5, 12, 400, 1500, 1900):
            await break_off(served, size)
        async with connected(served):
            pass
        async with channels(served) as (opener, _, _):
            for _ in range(5):
                await opener.open()
        await until(lambda: all(client.lost is not None for client in served.clients))
        left = [weakref.ref(client.connection) for client in served.clients]
        served.clients.clear()
        del opener
        await until(lambda: collected(left), "all connections are freed")
        assert len(admission) == 0


async def break_off(served: Served, size: int) -> None:
    """Begin to connect, and break off when that many octets have gone through."""
    proxy = Cut(served, size)
    server = await asyncio.start_server(proxy.accept, served.address.host, 0)
    async with server:
        address = Address(*server.sockets[0].getsockname())
        with pytest.raises(ServerUnreachable):
            await connect(address, token=TOKEN, check_host_key=trust, client_version="test")


class Cut:
    """Passes on so many octets of a client, and hangs up."""

    def __init__(self, served: Served, size: int) -> None:
        self._served = served
        self._left = size

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = self._served.address
        back, forth = await asyncio.open_connection(address.host, address.port)
        answers = asyncio.ensure_future(self._copy(back, writer))
        while self._left and (data := await reader.read(self._left)):
            self._left -= len(data)
            forth.write(data)
        answers.cancel()
        forth.close()
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)


def collected(left: list[weakref.ref[ServerConnection]]) -> bool:
    gc.collect()
    return not any(reference() for reference in left)
