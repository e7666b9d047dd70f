"""Visitors at a steady pace, to see what others feel of something."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from types import TracebackType
from typing import Self

from bench.network import Endpoint
from bench.origin import SMALL_BODY, SMALL_PATH

PACE_SECONDS = 0.01


class LiveTraffic:
    """Asks for the small body a hundred times a second while its context is open."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection = endpoint.connect()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._seconds: list[float] = []
        self.failures = 0

    def p99(self) -> float:
        """Return the 99th percentile of the latencies in milliseconds."""
        if len(self._seconds) < 2:
            return float("inf")
        return statistics.quantiles(self._seconds, n=100)[98] * 1e3

    def _ask(self) -> None:
        due = time.perf_counter()
        while not self._ended.wait(max(0.0, due - time.perf_counter())):
            # From when it was due: a request that has to wait for another one is late, too.
            if not self._is_answered():
                self.failures += 1
                self._connection.close()
            self._seconds.append(time.perf_counter() - due)
            due += PACE_SECONDS
        self._connection.close()

    def _is_answered(self) -> bool:
        try:
            self._connection.request("GET", SMALL_PATH, headers={"Host": self._endpoint.host})
            return self._connection.getresponse().read() == SMALL_BODY
        except (OSError, http.client.HTTPException):
            return False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
