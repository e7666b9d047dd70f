"""Idle upstream connections, handed from request to request."""

from __future__ import annotations

from collections.abc import Callable

from pgrok.http.head import FROM_ANYBODY, HeadLimits
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.upstream import UpstreamConnection

IDLE_SECONDS = 4.0
"""How long a connection may idle: below the 5 s after which Node.js closes its end."""

FRESH_SECONDS = 1.0
"""How long one may have idled for a request that must not be sent twice."""

MAX_IDLE = 256
MAX_OPEN = 1024

Dial = Callable[[UpstreamConnection], Callable[[], object]]
"""Begins to connect; returns what gives the attempt up. `connection_made` or
`connection_lost` of the connection tells how it went, in a later step of the loop. May raise
`PoolFull` instead."""


class PoolFull(Exception):
    """As many connections as are allowed are busy, of this pool or of those it belongs with."""


class Pool:
    """The upstream connections to one place: one tunnel, or one target."""

    def __init__(
        self,
        dial: Dial,
        deadlines: Deadlines,
        *,
        max_open: int = MAX_OPEN,
        limits: HeadLimits = FROM_ANYBODY,
    ) -> None:
        self._dial = dial
        self._deadlines = deadlines
        self._now = deadlines.loop.time
        self._max_open = max_open
        self._limits = limits
        self._idle: list[UpstreamConnection] = []
        self._sweep = deadlines.new(self._close_expired)
        self._open: set[UpstreamConnection] = set()
        self._closed = False

    @property
    def open_connections(self) -> int:
        """Connections that stand or are being made."""
        return len(self._open)

    def take(self, repeatable: bool) -> UpstreamConnection:
        """Return an idle connection, the one used last, or a new one.

        A request that is not `repeatable` gets one that has idled for a moment only: the longer
        it was, the likelier its end is on the way. Raises `PoolFull`.
        """
        idle, now = self._idle, self._now()
        while idle:
            upstream = idle[-1]
            if upstream.idle_until <= now:
                # The sweep that does so may be a second late, and the other end is not.
                upstream.close()
                continue
            if not repeatable and now - upstream.idle_since > FRESH_SECONDS:
                break
            upstream.reused = True
            return idle.pop()
        return self.dial()

    def dial(self) -> UpstreamConnection:
        """Return a new connection, which is being made. Raises `PoolFull`."""
        if len(self._open) >= self._max_open:
            if not self._idle:
                raise PoolFull
            self._idle[0].close()
        upstream = UpstreamConnection(self, self._limits)
        upstream.give_up = self._dial(upstream)
        self._open.add(upstream)
        return upstream

    def release(self, upstream: UpstreamConnection, promised: float | None, now: float) -> None:
        """Take a connection back after its exchange; its end said how long it keeps it, or not."""
        seconds = IDLE_SECONDS if promised is None else min(IDLE_SECONDS, promised - 1.0)
        idle = self._idle
        if self._closed or len(idle) >= MAX_IDLE or seconds <= 0:
            upstream.close()
            return
        upstream.idle_since = now
        upstream.idle_until = until = now + seconds
        if not idle:
            self._sweep.move_to(until)
        idle.append(upstream)

    def forget(self, upstream: UpstreamConnection) -> None:
        """A connection is gone, or has become something else than HTTP."""
        self._open.discard(upstream)
        if upstream in self._idle:
            self._idle.remove(upstream)
            if not self._idle:
                self._sweep.end()

    def close(self) -> None:
        """Close what idles now, and later what is busy."""
        self._closed = True
        for upstream in list(self._idle):
            upstream.close()
        self._sweep.end()

    def lose(self, reason: Exception) -> None:
        """Give up all connections in the next step of the loop: nobody answers at their end."""
        self._closed = True
        self._sweep.end()
        for upstream in self._open:
            self._deadlines.loop.call_soon(upstream.connection_lost, reason)

    def _close_expired(self) -> None:
        now = self._now()
        for upstream in [one for one in self._idle if one.idle_until <= now]:
            upstream.close()
        if self._idle:
            self._sweep.move_to(min(one.idle_until for one in self._idle))
