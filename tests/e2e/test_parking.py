"""A blip costs no request: those that find no tunnel wait for it to come back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import IncompleteRead
from itertools import count
from threading import Event
from typing import Any

import pytest

from support.daemon import Daemon, Person
from support.origin import Origin
from support.processes import until
from support.visitor import visit

Start = Callable[..., Any]

VISITORS = 4
KILLS = 3


class Visitors:
    """People who ask for pages one after the other; each page says what was asked for.

    An answer that had begun when its client died can't be saved, but its visitor sees that it was
    `cut` off: it is never shorter than it says without a word.
    """

    def __init__(self, url: str) -> None:
        self.answered = self.cut = 0
        self._url = url
        self._numbers = count()
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(VISITORS)
        self._running: list[Future[None]] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Raises what went wrong for one of them, at the end."""
        self._running = [self._pool.submit(self._ask) for _ in range(VISITORS)]
        try:
            yield
        finally:
            self._stopped.set()
            self._pool.shutdown()
        for running in self._running:
            running.result()

    def await_answers(self, more: int = 20) -> None:
        """Return when there were so many more answers; raises what went wrong for a visitor."""
        expected = self.answered + more
        until(lambda: self.answered >= expected or self._failed(), "answers", timeout=30)

    def _failed(self) -> bool:
        return any(running.done() for running in self._running)

    def _ask(self) -> None:
        while not self._stopped.is_set():
            target = f"/page/{next(self._numbers)}"
            try:
                answer = visit(self._url + target)
            except IncompleteRead:
                self.cut += 1
                continue
            assert answer.status == 200, (target, answer.status, answer.body)
            assert answer.json()["target"] == target
            self.answered += 1


@pytest.mark.parametrize("kind", ["pgrok", "go", "ssh"])
def test_a_client_that_is_killed_again_and_again_costs_no_request(
    kind: str, daemon: Daemon, person: Person, start: Start, origin: Origin
) -> None:
    client = start(kind, origin.http)
    url = client.url()
    visitors = Visitors(url)
    with visitors.at_work():
        for _ in range(KILLS):
            visitors.await_answers()
            client.kill()
            client = start(kind, origin.http)
            assert client.url() == url
        visitors.await_answers()
    assert visitors.cut <= VISITORS * KILLS


def test_a_client_that_says_goodbye_is_not_waited_for(start: Start, origin: Origin) -> None:
    client = start("pgrok", origin.http)
    url = client.url()
    client.stop(signal.SIGINT)
    answer = visit(url)
    assert (answer.status, answer.fields["X-Pgrok-Error"]) == (502, "no-tunnel")
