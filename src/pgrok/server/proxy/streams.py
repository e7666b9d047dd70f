"""Visitors' connections that carry bytes and no requests: WebSockets and public TCP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pgrok.server.counts import Counts
from pgrok.server.members import Members

KINDS = ("websocket", "tcp")


class Streams:
    """All of them; `present` counts them by kind, one of `KINDS`."""

    def __init__(self, counts: Counts) -> None:
        self.members: Members[object] = Members()
        self.present: Counter[str] = Counter()
        self._counts = counts

    def enter(self, kind: str, on_lost: Callable[[], None]) -> Callable[[], None]:
        """Count a stream that begins; return what is to be called once, when it is lost.

        `on_lost` is called by that, when the stream is counted no more.
        """
        stream = object()
        self._counts.visitors[kind] += 1
        self.present[kind] += 1
        self.members.enter(stream)

        def leave() -> None:
            self.present[kind] -= 1
            self.members.leave(stream)
            on_lost()

        return leave
