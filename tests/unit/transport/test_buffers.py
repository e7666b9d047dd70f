from __future__ import annotations

import sys

import pytest

from pgrok.transport.buffers import HIGH_WATER, LARGE, PIECE, Inbox, Outbox


def outbox(window: int, max_packet: int = 1 << 20) -> Outbox:
    made = Outbox()
    made.window, made.max_packet = window, max_packet
    return made


def take(box: Outbox) -> bytes | None:
    packet = box.take()
    return None if packet is None else bytes(packet)


def test_packets_are_as_large_as_window_and_peer_allow() -> None:
    box = outbox(window=7, max_packet=3)
    box.put(b"abcdefghij")
    assert [take(box) for _ in range(4)] == [b"abc", b"def", b"g", None]
    assert box.size == 3
    box.window = 10
    assert take(box) == b"hij"
    assert not box
    assert box.window == 7


def test_what_was_put_first_goes_first() -> None:
    box = outbox(window=100)
    box.put(b"ab")
    box.put(b"cd")
    assert [take(box), take(box)] == [b"ab", b"cd"]
    assert not box


def test_a_cleared_outbox_is_empty() -> None:
    box = outbox(window=1)
    box.put(b"ab")
    box.clear()
    assert not box
    assert box.size == 0


@pytest.mark.parametrize(
    ("high", "low", "limits"),
    [
        (None, None, (HIGH_WATER // 4, HIGH_WATER)),
        (100, None, (25, 100)),
        (None, 100, (100, 400)),
        (0, 0, (0, 0)),
    ],
)
def test_limits_are_those_of_asyncio(
    high: int | None, low: int | None, limits: tuple[int, int]
) -> None:
    box = Outbox()
    box.set_limits(high, low)
    assert box.limits == limits


@pytest.mark.parametrize(("high", "low"), [(1, 2), (1, -1)])
def test_limits_that_make_no_sense_are_refused(high: int, low: int) -> None:
    with pytest.raises(ValueError, match="must be at least low"):
        Outbox().set_limits(high, low)


def test_no_more_is_taken_than_was_asked_for() -> None:
    box = outbox(window=100)
    box.put(b"abcde")
    packets = [box.take(at_most=3), box.take()]
    assert [bytes(packet or b"") for packet in packets] == [b"abc", b"de"]


def test_an_inbox_keeps_the_order() -> None:
    box = Inbox()
    pieces = [b"a" * LARGE, b"b", b"c" * (LARGE - 1), b"d" * LARGE, b"e"]
    for piece in pieces:
        box.put(piece)
    taken = []
    while box:
        taken.append(box.take())
    assert b"".join(taken) == b"".join(pieces)
    assert [len(piece) for piece in taken] == [LARGE, LARGE, LARGE, 1]


def test_large_data_is_kept_as_it_came() -> None:
    box = Inbox()
    data = memoryview(b"a" * LARGE)
    box.put(b"b")
    box.put(data)
    assert box.take() == b"b"
    assert box.take() is data


def test_octets_that_arrive_one_by_one_cost_little_more_than_octets() -> None:
    box = Inbox()
    for _ in range(4 * PIECE):
        box.put(b"ab")
    held = sum(sys.getsizeof(piece) for piece in box.pieces)
    assert held < 1.2 * 8 * PIECE


def test_a_cleared_inbox_is_empty() -> None:
    box = Inbox()
    box.put(b"a" * PIECE)
    box.put(b"b")
    assert box.clear() == PIECE + 1
    assert not box
