from __future__ import annotations

import pytest

from pgrok.server.proxy.senders import Senders, TooMany


@pytest.fixture
def counted() -> Senders:
    """Two requests for each; 10.0.0.0/8 are proxies."""
    return Senders(lambda address: address.startswith("10."), 2)


def test_everybody_has_as_many(counted: Senders) -> None:
    alice = counted.enter(b"192.0.2.1")
    counted.enter(b"192.0.2.1")
    with pytest.raises(TooMany):
        counted.enter(b"192.0.2.1")
    counted.enter(b"192.0.2.2")
    counted.leave(alice)
    assert counted.enter(b"192.0.2.1") == alice


@pytest.mark.parametrize(
    ("forwarded", "same"),
    [
        (b"203.0.113.9, 192.0.2.1", b"192.0.2.1"),
        (b"192.0.2.1, 10.0.0.7, 10.0.0.8", b"192.0.2.1"),
        (b"192.0.2.1, ,", b"192.0.2.1"),
        (b"::ffff:192.0.2.1", b"192.0.2.1"),
        (b"2001:db8::1", b"2001:db8::ffff:2"),
    ],
)
def test_a_sender_is_whom_the_nearest_proxy_saw(
    forwarded: bytes, same: bytes, counted: Senders
) -> None:
    assert counted.enter(forwarded) == counted.enter(same) is not None


@pytest.mark.parametrize(
    "forwarded", [b"", b"unknown", b"192.0.2.1, _hidden", b"10.0.0.1", b"10.0.0.1, 10.0.0.2"]
)
def test_who_cannot_be_told_is_not_counted(forwarded: bytes, counted: Senders) -> None:
    assert [counted.enter(forwarded) for _ in range(3)] == [None, None, None]


def test_who_has_gone_is_forgotten(counted: Senders) -> None:
    for _ in range(3):
        sender = counted.enter(b"192.0.2.1")
        assert sender is not None
        counted.leave(sender)


def test_what_a_stranger_wrote_at_length_is_not_kept(counted: Senders) -> None:
    at_length = b"203.0.113.9, " * 50 + b"192.0.2.1"
    alice = counted.enter(at_length)
    assert counted._sender.cache_info().currsize == 0
    assert counted.enter(b"192.0.2.1") == alice
    with pytest.raises(TooMany):
        counted.enter(at_length)
