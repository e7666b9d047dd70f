from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from pgrok.errors import ConnectionLost
from pgrok.http.head import ResponseHead
from pgrok.http.reader import Body
from pgrok.relay.deadlines import TICK, Deadlines
from pgrok.relay.pool import FRESH_SECONDS, IDLE_SECONDS, MAX_IDLE, Pool, PoolFull
from pgrok.relay.upstream import UpstreamConnection
from support.manual_loop import manual_loop
from support.relay import OK
from support.transports import MemoryTransport


class Nobody:
    """An exchange that takes note of nothing."""

    def upstream_ready(self) -> None: ...

    def whole_response(self, head: ResponseHead, body: bytes) -> None: ...

    def response_event(self, event: ResponseHead | Body) -> None: ...

    def response_paused(self) -> None: ...

    def upstream_full(self, full: bool) -> None: ...

    def upstream_failed(self, error: Exception | None) -> None: ...


class Pooled:
    """A pool, and what happens to its connections."""

    def __init__(self, *, max_open: int = 1024) -> None:
        self.loop = manual_loop()
        self.pool = Pool(self._dial, Deadlines(self.loop), max_open=max_open)

    def _dial(self, upstream: UpstreamConnection) -> Callable[[], object]:
        transport = MemoryTransport(self.loop, upstream)
        self.loop.call_soon(transport.connect)
        return transport.abort

    def take(self, *, repeatable: bool = True) -> UpstreamConnection:
        """Take a connection and send a request on it."""
        upstream = self.pool.take(repeatable)
        upstream.serve(Nobody(), b"GET")
        self.loop.run()
        return upstream

    def answer(
        self, upstream: UpstreamConnection, *, keep_alive: bool = True, promised: float | None = 60
    ) -> UpstreamConnection:
        """Let the response come, which ends the exchange."""
        transport(upstream).send(OK)
        upstream.finish(keep_alive, promised, self.loop.time())
        self.loop.run()
        return upstream

    def idle(self, **options: float | None) -> UpstreamConnection:
        """Return a new connection that idles."""
        upstream = self.pool.dial()
        upstream.serve(Nobody(), b"GET")
        self.loop.run()
        return self.answer(upstream, **options)  # type: ignore[arg-type]


def transport(upstream: UpstreamConnection) -> MemoryTransport:
    return cast(MemoryTransport, upstream.transport)


@pytest.fixture
def pooled() -> Pooled:
    return Pooled()


def test_a_connection_goes_from_request_to_request(pooled: Pooled) -> None:
    first = pooled.take()
    was_reused = first.reused
    pooled.answer(first)
    assert pooled.take() is first
    assert (was_reused, first.reused) == (False, True)
    assert pooled.pool.open_connections == 1


def test_busy_ones_are_not_shared(pooled: Pooled) -> None:
    assert pooled.take() is not pooled.take()
    assert pooled.pool.open_connections == 2


def test_the_one_used_last_is_taken_first(pooled: Pooled) -> None:
    older, newer = pooled.idle(), pooled.idle()
    assert [pooled.take(), pooled.take()] == [newer, older]


def test_idle_ones_do_not_stay(pooled: Pooled) -> None:
    upstream = pooled.idle()
    pooled.loop.advance(IDLE_SECONDS + 2 * TICK)
    assert transport(upstream).closed
    assert pooled.pool.open_connections == 0


@pytest.mark.parametrize(
    ("promised", "seconds"), [(None, 4.0), (60, 4.0), (5, 4.0), (4, 3.0), (2, 1.0), (1.5, 0.5)]
)
def test_how_long_one_may_idle(pooled: Pooled, promised: float | None, seconds: float) -> None:
    upstream = pooled.idle(promised=promised)
    pooled.loop.advance(seconds - 0.01)
    assert pooled.take() is upstream
    pooled.answer(upstream, promised=promised)
    pooled.loop.advance(seconds)
    assert pooled.take() is not upstream
    assert transport(upstream).closed


@pytest.mark.parametrize("promised", [1, 0.5, 0])
def test_a_promise_too_short_to_rely_on(pooled: Pooled, promised: float) -> None:
    assert transport(pooled.idle(promised=promised)).closed


def test_one_that_is_taken_again_and_again_lives_on(pooled: Pooled) -> None:
    upstream = pooled.idle()
    for _ in range(10):
        pooled.loop.advance(IDLE_SECONDS - 1)
        assert pooled.take() is upstream
        pooled.loop.advance(100)
        pooled.answer(upstream)
    assert not transport(upstream).closed


def test_what_may_not_be_sent_twice_goes_on_a_fresh_connection(pooled: Pooled) -> None:
    upstream = pooled.idle()
    pooled.loop.advance(FRESH_SECONDS)
    assert pooled.take(repeatable=False) is upstream
    pooled.answer(upstream)
    pooled.loop.advance(FRESH_SECONDS + 0.01)
    assert pooled.take(repeatable=False) is not upstream
    assert pooled.take() is upstream


def test_an_end_that_does_not_keep_alive(pooled: Pooled) -> None:
    upstream = pooled.answer(pooled.take(), keep_alive=False)
    assert transport(upstream).closed
    assert pooled.pool.open_connections == 0


@pytest.mark.parametrize("event", ["octets", "end", "reset"])
def test_one_that_does_anything_while_it_idles_is_gone(pooled: Pooled, event: str) -> None:
    upstream = pooled.idle()
    if event == "octets":
        transport(upstream).send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    elif event == "end":
        transport(upstream).end()
    else:
        transport(upstream).reset()
    assert pooled.pool.open_connections == 0
    assert pooled.take() is not upstream


def test_one_that_was_slow_to_take_its_request_reads_on_when_idle(pooled: Pooled) -> None:
    upstream = pooled.take()
    transport(upstream).send(OK)
    upstream.hold_reading(True)
    upstream.finish(True, 60, pooled.loop.time())
    transport(upstream).end()
    assert transport(upstream).closed


def test_there_is_a_limit(pooled: Pooled) -> None:
    pooled = Pooled(max_open=2)
    first = pooled.take()
    pooled.take()
    with pytest.raises(PoolFull):
        pooled.take()
    pooled.answer(first)
    assert pooled.take() is first


def test_an_idle_one_makes_room_for_one_that_is_needed() -> None:
    pooled = Pooled(max_open=1)
    stale = pooled.idle()
    pooled.loop.advance(FRESH_SECONDS + 1)
    assert pooled.take(repeatable=False) is not stale
    assert transport(stale).closed
    assert pooled.pool.open_connections == 1


def test_not_too_many_idle(pooled: Pooled) -> None:
    busy = [pooled.take() for _ in range(MAX_IDLE + 1)]
    for upstream in busy:
        pooled.answer(upstream)
    assert pooled.pool.open_connections == MAX_IDLE
    assert transport(busy[-1]).closed


def test_a_closed_pool_keeps_nothing(pooled: Pooled) -> None:
    idle, busy = pooled.idle(), pooled.pool.dial()
    busy.serve(Nobody(), b"GET")
    pooled.loop.run()
    pooled.pool.close()
    pooled.loop.run()
    assert transport(idle).closed
    assert transport(busy).open
    pooled.answer(busy)
    assert transport(busy).closed
    assert pooled.pool.open_connections == 0


def test_a_pool_whose_other_end_is_gone_tells_everyone_in_the_next_step(pooled: Pooled) -> None:
    told: list[Exception | None] = []

    class Told(Nobody):
        def upstream_failed(self, error: Exception | None) -> None:
            told.append(error)

    pooled.idle()
    busy, begun = pooled.pool.dial(), pooled.pool.dial()
    busy.serve(Told(), b"GET")
    begun.serve(Told(), b"GET")
    reason = ConnectionLost("gone")
    pooled.pool.lose(reason)
    assert told == []
    pooled.loop.run()
    assert told == [reason, reason]
    assert pooled.pool.open_connections == 0


def test_an_attempt_that_fails_is_not_counted(pooled: Pooled) -> None:
    upstream = pooled.pool.dial()
    assert pooled.pool.open_connections == 1
    upstream.connection_lost(ConnectionRefusedError())
    assert pooled.pool.open_connections == 0


def test_nothing_is_kept_of_connections_that_are_gone(pooled: Pooled) -> None:
    for _ in range(5):
        transport(pooled.idle()).end()
    pooled.loop.advance(2 * TICK)
    assert not pooled.loop.has_timers
