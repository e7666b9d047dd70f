from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.errors import RemoteProtocolError
from pgrok.transport.window import (
    GRANT,
    INITIAL_WINDOW,
    MAX_PACKET,
    MAX_WINDOW,
    SHORTEST_PATH,
    ReceiveWindow,
    longest_window,
)

PACKET = 32 * 1024
SMALL_WINDOW = 6 * MAX_PACKET
LONG, SHORT = 0.1, 0.0001
"""Round trips, in seconds."""


def arrive(window: ReceiveWindow, octets: int) -> None:
    """Octets arrive and are read at once."""
    window.pass_on(octets)


def use_up(window: ReceiveWindow) -> None:
    """Arrive until a grant is due."""
    while not window.is_due():
        arrive(window, PACKET)


class Path:
    """A reader at the end of a path; its peer sends whatever it may, a window each round trip."""

    def __init__(self, round_trip: float = LONG) -> None:
        self.window = ReceiveWindow()
        self.now = 0.0
        self.in_flight = INITIAL_WINDOW
        self._round_trip = round_trip

    def round_trips(self, count: int, *, read: int = MAX_WINDOW) -> None:
        """Let `count` windows arrive, of which no more than `read` octets are read in time."""
        for _ in range(count):
            arriving, self.in_flight = self.in_flight, self.in_flight % PACKET
            seconds = max(1.0, arriving / read) * self._round_trip
            if arriving > read:
                self.window.stall()
            for _ in range(arriving // PACKET):
                self.now += seconds / (arriving // PACKET)
                arrive(self.window, PACKET)
                if self.window.is_due():
                    self.in_flight += self.window.grant(self.now, self._round_trip)


def test_a_grant_is_due_when_half_the_window_has_been_read() -> None:
    window = ReceiveWindow()
    arrive(window, INITIAL_WINDOW // 2 - 1)
    assert not window.is_due()
    arrive(window, 1)
    assert window.is_due()
    assert window.grant(0.0, SHORT) == INITIAL_WINDOW // 2
    assert not window.is_due()


def test_a_large_window_is_granted_two_packets_at_a_time() -> None:
    path = Path()
    path.round_trips(10)
    window = path.window
    arrive(window, MAX_PACKET)
    window.grant(path.now, LONG)
    arrive(window, GRANT - 1)
    assert not window.is_due()
    arrive(window, 1)
    assert window.grant(path.now, LONG) == GRANT == 2 * MAX_PACKET


@given(
    reads=st.lists(st.integers(1, 4), min_size=1, max_size=50),
    round_trip=st.floats(0.0001, 0.2),
    stalls=st.sets(st.integers(0, 50)),
)
def test_whole_packets_that_are_read_make_room_for_whole_packets(
    reads: list[int], round_trip: float, stalls: set[int]
) -> None:
    window, now, granted = ReceiveWindow(), 0.0, INITIAL_WINDOW
    for number, packets in enumerate(reads):
        now += round_trip
        if number in stalls:
            window.stall()
        octets = min(packets * MAX_PACKET, granted)
        arrive(window, octets)
        granted -= octets
        if window.is_due():
            granted += window.grant(now, round_trip)
        assert granted % MAX_PACKET == window.size % MAX_PACKET == 0


def test_nothing_is_granted_for_what_nobody_has_read() -> None:
    window = ReceiveWindow()
    window.take(INITIAL_WINDOW)
    assert not window.is_due()
    window.read(INITIAL_WINDOW)
    assert window.grant(0.0, SHORT) == INITIAL_WINDOW


def test_data_beyond_the_window_is_refused() -> None:
    window = ReceiveWindow()
    arrive(window, INITIAL_WINDOW - 1)
    with pytest.raises(RemoteProtocolError, match="2 octets in a window of 1"):
        window.take(2)


def test_data_beyond_the_window_is_refused_while_it_is_read_as_it_arrives() -> None:
    window = ReceiveWindow()
    arrive(window, INITIAL_WINDOW - 1)
    with pytest.raises(RemoteProtocolError, match="2 octets in a window of 1"):
        window.pass_on(2)


@given(st.lists(st.integers(0, PACKET), max_size=20))
def test_what_is_read_as_it_arrives_counts_as_if_it_was_read_later(pieces: list[int]) -> None:
    at_once, later = ReceiveWindow(), ReceiveWindow()
    for octets in pieces:
        if at_once.is_due():
            assert at_once.grant(1.0, LONG) == later.grant(1.0, LONG)
        later.take(octets)
        assert at_once.pass_on(octets) is later.read(octets) is later.is_due()


def test_a_window_that_limits_the_peer_grows_to_its_maximum() -> None:
    path = Path()
    path.round_trips(10)
    assert path.window.size == MAX_WINDOW
    assert MAX_WINDOW - GRANT < path.in_flight <= MAX_WINDOW


def test_a_window_is_a_few_times_what_its_reader_takes_in_a_round_trip() -> None:
    path = Path()
    path.round_trips(20, read=512 * 1024)
    assert 1024 * 1024 <= path.window.size <= 4 * 512 * 1024


def test_a_window_grows_little_on_a_short_path() -> None:
    path = Path(SHORT)
    path.round_trips(1000)
    assert path.window.size == SMALL_WINDOW


def test_a_window_does_not_grow_on_a_short_path_before_its_reader_has_shown_that_he_is_fast() -> (
    None
):
    path = Path(SHORT)
    path.round_trips(20)
    assert path.now < SHORTEST_PATH
    assert path.window.size == INITIAL_WINDOW


@pytest.mark.parametrize(
    ("milliseconds", "packets"), [(0, 6), (6.5, 6), (7, 7), (8, 8), (32, 32), (99, 32)]
)
def test_how_far_a_window_grows_depends_on_the_round_trip(milliseconds: int, packets: int) -> None:
    assert longest_window(milliseconds / 1000) == packets * MAX_PACKET


def test_a_window_shrinks_when_the_path_turns_out_to_be_short() -> None:
    path = Path()
    path.round_trips(10)
    arrive(path.window, path.in_flight - SMALL_WINDOW + GRANT)
    assert path.window.grant(path.now + 1, SHORT) == GRANT
    assert path.window.size == SMALL_WINDOW


def test_a_reader_who_became_slow_gets_a_smaller_window() -> None:
    path = Path()
    path.round_trips(10)
    path.round_trips(10, read=256 * 1024)
    assert path.window.size <= 4 * 256 * 1024
    assert path.in_flight <= path.window.size


def test_what_was_granted_before_a_stall_stays_granted() -> None:
    path = Path()
    path.round_trips(10)
    path.window.stall()
    arrive(path.window, path.in_flight)
    assert path.window.grant(path.now + 100 * LONG, LONG) == INITIAL_WINDOW


def test_a_pause_of_the_peer_leaves_the_window_as_it_is() -> None:
    path = Path()
    path.round_trips(10)
    path.now += 100 * LONG
    path.round_trips(1)
    assert path.window.size == MAX_WINDOW


def test_a_window_does_not_grow_by_what_waited_for_its_reader() -> None:
    window = ReceiveWindow()
    window.stall()
    arrive(window, INITIAL_WINDOW)
    assert window.grant(0.0, LONG) == INITIAL_WINDOW
