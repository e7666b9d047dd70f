"""An event loop whose time passes only when it is told to, and that has no sockets."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class ManualLoop(asyncio.AbstractEventLoop):
    """Runs what is due in `run`, and moves on in `advance`.

    What callbacks report through `call_exception_handler` is noted in `failures`.
    """

    def __init__(self) -> None:
        self.failures: list[dict[str, Any]] = []
        self._now = 1000.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T]
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)

    def get_debug(self) -> bool:
        return False

    @property
    def has_timers(self) -> bool:
        """Whether anything would ever happen again by itself."""
        return any(not timer.cancelled() for timer in self._timers)

    def run(self) -> None:
        """Run what is due now, and what follows from it."""
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(outer)

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        self.run()
        end = self._now + seconds
        while self._timers and self._timers[0].when() <= end:
            handle = heapq.heappop(self._timers)
            self._now = handle.when()
            self._ready.append(handle)
            self.run()
        self._now = end
        self.run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to do: `run` passes over it."""


def manual_loop() -> ManualLoop:
    """Return a new loop; of the many things that others can do it leaves out most."""
    return ManualLoop()  # type: ignore[abstract]
