from __future__ import annotations

import pytest

from pgrok.errors import RemoteProtocolError
from pgrok.transport.window import INITIAL_WINDOW, MAX_WINDOW, ReceiveWindow

PACKET = 32 * 1024
LONG, SHORT = 0.1, 0.0001
"""Round trips, in seconds."""


def arrive(window: ReceiveWindow, octets: int) -> None:
    """Octets arrive and are read at once."""
    window.take(octets)
    window.read(octets)


def use_up(window: ReceiveWindow) -> None:
    """Arrive until a grant is due."""
    while not window.is_due():
        arrive(window, PACKET)


def test_a_grant_is_due_when_half_the_window_has_been_read() -> None:
    window = ReceiveWindow()
    arrive(window, INITIAL_WINDOW // 2 - 1)
    assert not window.is_due()
    arrive(window, 1)
    assert window.is_due()
    assert window.grant(0.0, SHORT) == INITIAL_WINDOW // 2
    assert not window.is_due()


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


def test_a_window_that_limits_the_peer_grows_to_its_maximum() -> None:
    window = ReceiveWindow()
    now = 0.0
    for _ in range(20):
        use_up(window)
        window.grant(now, LONG)
        now += LONG / 2  # half a window, twice a round trip
    assert window.size == MAX_WINDOW


def test_a_window_large_enough_stays_as_it_is() -> None:
    window = ReceiveWindow()
    now = 0.0
    for _ in range(20):
        use_up(window)
        window.grant(now, SHORT)
        now += 2 * SHORT
    assert window.size == INITIAL_WINDOW


def test_a_stall_falls_back_and_what_was_granted_stays_granted() -> None:
    window = ReceiveWindow()
    for _ in range(3):
        use_up(window)
        window.grant(0.0, LONG)
    grown = window.size
    assert grown == 4 * INITIAL_WINDOW
    window.stall()
    assert window.size == INITIAL_WINDOW
    arrive(window, grown)
    assert window.grant(0.0, LONG) == INITIAL_WINDOW


def test_the_first_grant_after_a_stall_does_not_grow() -> None:
    window = ReceiveWindow()
    use_up(window)
    window.grant(0.0, LONG)
    window.stall()
    use_up(window)
    window.grant(0.0, LONG)
    assert window.size == INITIAL_WINDOW


def test_a_window_does_not_grow_while_something_is_unread() -> None:
    window = ReceiveWindow()
    use_up(window)
    window.grant(0.0, LONG)
    window.take(PACKET)
    use_up(window)
    window.grant(0.0, LONG)
    assert window.size == INITIAL_WINDOW
