"""How soon either end notices that the other has died without a word."""

from __future__ import annotations

from pgrok.address import Address
from pgrok.server.settings import LimitSettings, TimeoutSettings
from pgrok.transport.client import _options
from pgrok.transport.ssh.liveness import TOGETHER_SECONDS

LONGEST = 45.0
"""Seconds after which a dead peer is gone, and its names with it."""


def test_a_dead_server_is_noticed_within_45_seconds() -> None:
    options = _options(Address("localhost", 1), "token", "test", ())
    # asyncssh gives up at the question after the last that it counts.
    seconds = (options.keepalive_interval + TOGETHER_SECONDS) * (options.keepalive_count_max + 1)
    assert options.keepalive_interval > 0, "it never asks"
    assert seconds < LONGEST


def test_a_dead_client_is_noticed_within_45_seconds() -> None:
    questions = LimitSettings().unanswered_keepalives + 1
    assert (TimeoutSettings().keepalive + TOGETHER_SECONDS) * questions < LONGEST
