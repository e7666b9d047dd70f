"""What both ends of an SSH connection are set to."""

from __future__ import annotations

from pgrok.transport.options import COMMON


def test_a_dead_peer_is_noticed_by_either_end_within_45_seconds() -> None:
    # asyncssh gives up at the question after the last that it counts.
    assert COMMON["keepalive_interval"] * (COMMON["keepalive_count_max"] + 1) < 45
