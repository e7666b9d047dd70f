from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from asyncssh.constants import MSG_CHANNEL_DATA
from hypothesis import given
from hypothesis import strategies as st

from pgrok.transport.ssh.framing import plain_packet, sealed_octets
from pgrok.transport.ssh.gcm import LENGTH, TAG
from pgrok.transport.ssh.rooms import LENT, SSH_READ, PacketRoom, rooms
from pgrok.transport.window import MAX_PACKET
from support.payload import payload

CHANNEL = 0xFEDCBA98


def packet(data: bytes) -> bytes:
    return plain_packet(MSG_CHANNEL_DATA, CHANNEL, len(data), data)


@given(sizes=st.lists(st.integers(1, 70), min_size=1, max_size=20))
def test_packets_are_made_where_the_data_is(sizes: list[int]) -> None:
    room, data = PacketRoom(), payload(sum(sizes))
    room.data[: len(data)] = data
    begin = 0
    for size in sizes:
        expected = packet(data[begin : begin + size])
        assert bytes(room.frame(CHANNEL, begin, size)) == expected
        begin += size
        room.unframe(begin)
        assert room.data[begin : len(data)] == data[begin:]


@pytest.mark.parametrize("last", [1, 6, 20, MAX_PACKET])
def test_the_room_may_be_full(last: int) -> None:
    room, data = PacketRoom(), payload(LENT)
    room.data[:] = data
    first = LENT - last
    room.frame(CHANNEL, 0, first)
    room.unframe(first)
    assert bytes(room.frame(CHANNEL, first, last)) == packet(data[first:])
    room.unframe(LENT)
    assert len(room.data) == LENT == 2 * MAX_PACKET


@pytest.mark.parametrize("data", [0, 1, 5, 6, 21, 22, 32_768, MAX_PACKET])
def test_a_packet_has_so_many_octets_on_the_wire(data: int) -> None:
    assert sealed_octets(data) == LENGTH + len(packet(bytes(data))) + TAG


def test_two_of_the_largest_packets_are_one_read() -> None:
    assert 2 * (LENGTH + len(packet(bytes(MAX_PACKET))) + TAG) == SSH_READ == len(rooms.ssh_read)


def test_loops_in_other_threads_have_rooms_of_their_own() -> None:
    with ThreadPoolExecutor(1) as thread:
        ssh_read, lent = thread.submit(lambda: (rooms.ssh_read, rooms.lent)).result()
    assert ssh_read is not rooms.ssh_read
    assert lent is not rooms.lent
