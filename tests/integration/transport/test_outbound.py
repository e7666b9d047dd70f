"""When what is sent goes to the socket."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from asyncssh.constants import MSG_DEBUG
from asyncssh.packet import Boolean, String

from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.gcm import PacketCipher
from pgrok.transport.ssh.liveness import ANSWER
from pgrok.transport.ssh.multiplexer import MAX_UNSENT
from pgrok.transport.ssh.outbound import BULK_FLUSH_AT, FLUSH_AT, SMALL
from support.conditions import steps
from support.payload import payload
from support.replay import Keys, SilentSocket, replayed_client


class Socket(SilentSocket):
    """Notes each write, and the calls that end it all."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int | str] = []

    def writelines(self, list_of_data: Any) -> None:
        data = b"".join(list_of_data)
        self.calls.append(len(data))
        super().write(data)

    def write_eof(self) -> None:
        self.calls.append("eof")

    def abort(self) -> None:
        self.calls.append("abort")


@pytest.fixture
async def socket() -> Socket:
    return Socket()


@pytest.fixture
async def connection(socket: Socket) -> ClientConnection:
    """A connection that stands, its next packet going past asyncssh."""
    client = replayed_client(Keys(), fast=True).connection
    assert isinstance(client, ClientConnection)
    client._transport = socket
    client._send_enchdrlen, client._send_blocksize = 1, 16
    client._sealer = client._send_encryption = PacketCipher(Keys().cipher())
    return client


def debug(connection: ClientConnection) -> None:
    """Send something through asyncssh."""
    connection.send_packet(MSG_DEBUG, Boolean(False), String("x"), String(""))


async def test_what_one_step_sends_leaves_in_one_write(
    connection: ClientConnection, socket: Socket
) -> None:
    for channel in range(20):
        connection.send_data(channel, b"little")
    debug(connection)
    assert socket.calls == []
    await steps()
    assert len(socket.calls) == 1


@pytest.mark.parametrize(("octets", "limit"), [(1024, FLUSH_AT), (30 * 1024, BULK_FLUSH_AT)])
@pytest.mark.parametrize("fast", [True, False])
async def test_much_is_written_before_the_end_of_the_step(
    octets: int, limit: int, fast: bool, connection: ClientConnection, socket: Socket
) -> None:
    if not fast:
        connection._sealer = None
    for sent in range(octets, limit + 1, octets):
        assert socket.calls == [], sent
        connection.send_data(0, bytes(octets))
    assert len(socket.calls) == 1
    connection.send_data(0, b"little")
    assert len(socket.calls) == 1
    await steps()
    assert len(socket.calls) == 2


async def test_a_grant_does_not_wait_for_the_end_of_the_step(
    connection: ClientConnection, socket: Socket
) -> None:
    connection.send_data(0, b"little")
    connection.send_window_adjust(0, 1)
    assert len(socket.calls) == 1


async def test_whatever_the_way_it_leaves_in_the_order_it_was_sealed(
    connection: ClientConnection, socket: Socket
) -> None:
    connection.send_data(0, b"data")
    debug(connection)
    connection.send_data(0, bytes(SMALL))
    debug(connection)
    connection.lent[:5] = b"lent!"
    connection.send_lent(0, 0, 5)
    connection.send_window_adjust(0, 1)
    await steps()
    assert [packet[1] for packet in packets(socket)] == [94, MSG_DEBUG, 94, MSG_DEBUG, 94, 93]


def packets(socket: Socket) -> Iterable[bytes]:
    """Yield what was written, opened one by one."""
    opener, written = PacketCipher(Keys().cipher()), socket.written
    while written:
        end = 4 + int.from_bytes(written[:4], "big") + 16
        packet = opener.open(written[4:end], written[:4])
        assert packet
        yield packet
        written = written[end:]


@pytest.mark.parametrize("fast", [True, False])
async def test_what_was_lent_is_sent_as_any_other_data(
    fast: bool, connection: ClientConnection, socket: Socket
) -> None:
    data = payload(3 * SMALL + 100)
    connection.lent[: len(data)] = data
    edges = [0, 1, 100, 5_000, 5_001, 3 * SMALL, len(data)]
    if not fast:
        connection._sealer = None
    for begin, end in pairwise(edges):
        connection.send_lent(7, begin, end - begin)
    await steps()
    assert connection.octets_sent == len(data)
    sent = [(packet[2:6], packet[10 : -packet[0]]) for packet in packets(socket)]
    assert sent == [(bytes([0, 0, 0, 7]), data[begin:end]) for begin, end in pairwise(edges)]


async def test_the_last_words_are_written_before_the_socket_is_aborted(
    connection: ClientConnection, socket: Socket
) -> None:
    connection._send_disconnect(2, "broken", "")
    connection._force_close(None)
    await steps()
    [octets, last] = socket.calls
    assert octets
    assert last == "abort"


async def test_nothing_follows_a_goodbye(connection: ClientConnection, socket: Socket) -> None:
    connection.send_data(0, b"before")
    connection.say_goodbye("bye")
    connection.send_data(0, b"after")
    connection.send_data(0, bytes(SMALL))
    debug(connection)
    await steps()
    [octets, end] = socket.calls
    assert octets
    assert end == "eof"
    connection.abort()
    await steps()


async def test_a_socket_that_is_closing_is_left_alone(
    connection: ClientConnection, socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Socket, "is_closing", lambda _: True)
    connection.send_data(0, b"late")
    await steps()
    assert socket.calls == []


async def test_what_a_peer_who_reads_nothing_is_sent_is_bounded(
    connection: ClientConnection, socket: Socket
) -> None:
    connection.pause_writing()
    for _ in range(MAX_UNSENT // 16):
        connection.send_message(ANSWER)
    await steps()
    assert socket.calls[-1] == "abort"
    assert 0.9 * MAX_UNSENT < len(socket.written) < 1.1 * MAX_UNSENT
