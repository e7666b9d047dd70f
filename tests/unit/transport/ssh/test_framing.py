from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.transport.ssh.framing import Cutter
from pgrok.transport.ssh.gcm import TAG

LARGEST = 1000

PACKETS = st.lists(st.integers(12, LARGEST).map(lambda length: packet(length)), max_size=6)


def packet(length: int) -> bytes:
    return length.to_bytes(4, "big") + bytes(n % 251 for n in range(length + TAG))


def cut(cutter: Cutter, *pieces: bytes) -> list[bytes]:
    return [b"".join(parts) for piece in pieces for parts in cutter.packets(piece)]


def pieces(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut a stream at some places."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(edges)]


def test_packets_come_whole_wherever_the_stream_is_cut_in_two() -> None:
    packets = [packet(12), packet(16), packet(40)]
    stream = b"".join(packets)
    for place in range(len(stream) + 1):
        assert cut(Cutter(LARGEST), stream[:place], stream[place:]) == packets


@given(packets=PACKETS, places=st.lists(st.integers(0, 1 << 20), max_size=30))
def test_packets_come_whole_however_the_stream_is_cut(
    packets: list[bytes], places: list[int]
) -> None:
    assert cut(Cutter(LARGEST), *pieces(b"".join(packets), places)) == packets


def test_octets_may_come_one_by_one() -> None:
    packets = [packet(16), packet(900)]
    stream = b"".join(packets)
    assert cut(Cutter(LARGEST), *(bytes([octet]) for octet in stream)) == packets


@pytest.mark.parametrize("held", [0, 1, 3, 4, 5, 30])
def test_what_is_not_whole_can_be_had_back(held: int) -> None:
    cutter, stream = Cutter(LARGEST), packet(16)
    assert cut(cutter, stream + stream[:held]) == [stream]
    assert cutter.give_up() == stream[:held]
    assert cutter.give_up() == b""
    assert cut(cutter, stream) == [stream]


@pytest.mark.parametrize("held", [0, 1, 4, 20])
@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 7, id="too long"),
        pytest.param(packet(16) + bytes(40), id="too short"),
    ],
)
def test_who_stops_gets_the_rest_back_uncut(held: int, rest: bytes) -> None:
    cutter, stream = Cutter(LARGEST), packet(16)
    assert cut(cutter, stream[:held]) == []
    packets = cutter.packets(stream[held:] + rest)
    assert b"".join(next(packets)) == stream
    packets.close()
    assert cutter.give_up() == rest
    assert cut(cutter, stream) == [stream]


@pytest.mark.parametrize(
    ("length", "error"),
    [
        (LARGEST + 1, asyncssh.ProtocolError),
        (0xFFFFFFFF, asyncssh.ProtocolError),
        (11, asyncssh.MACError),
        (0, asyncssh.MACError),
    ],
)
@pytest.mark.parametrize("at", [1, 4])
def test_lengths_that_cannot_be_are_refused(
    length: int, error: type[asyncssh.DisconnectError], at: int
) -> None:
    cutter, stream = Cutter(LARGEST), packet(16) + length.to_bytes(4, "big")
    with pytest.raises(error):
        cut(cutter, stream[:-at], stream[-at:])
