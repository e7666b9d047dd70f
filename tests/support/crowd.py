"""Many visitors who ask at a steady pace, each for a body that nobody else gets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from support.payload import payload
from support.ports import LOOPBACK
from support.processes import PATIENCE, until
from support.visitor import port_of

VISITORS = 48
"""How many ask at once: fewer than may wait for one name."""

PACE = 200
"""Requests a second that they begin, all together; what a pause kept them from they catch up on."""

LENGTH = 9000
"""Octets of each answer, which so takes more than one segment."""


class NotServed(AssertionError):
    """Somebody got nothing, or something else than they asked for."""


@dataclass
class Tally:
    """What became of the requests."""

    asked: int = 0
    answered: int = 0
    cut: int = 0
    """Answers that had begun and ended before their length, as their visitor could see."""
    refused: int = 0
    """Connections that nobody took, or that were taken and reset before an octet of an answer."""
    failures: list[str] = field(default_factory=list)
    longest: float = 0.0
    """Seconds from a request's head to the end of its answer."""


class Crowd:
    """Asks `url` for numbered bodies; what becomes of that is in `tally`.

    Those who find nobody listening come again, if they are `patient`.
    """

    def __init__(self, url: str, *, patient: bool = False) -> None:
        self.tally = Tally()
        self._host = url.removeprefix("http://")
        self._port = port_of(url)
        self._patient = patient
        self._numbers = count(1)
        self._stopped = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._come()))

    @contextmanager
    def at_work(self) -> Iterator[Tally]:
        """Raises what went wrong for one of them, at the end."""
        self._thread.start()
        try:
            yield self.tally
        finally:
            self._stopped = True
            self._thread.join(3 * PATIENCE)
        assert not self._thread.is_alive(), "somebody still waits"
        if self.tally.failures:
            raise NotServed(f"{len(self.tally.failures)} failed: {self.tally.failures[:5]}")

    def await_answers(self, more: int) -> None:
        """Return when there were so many more answers, or one of them failed."""
        expected = self.tally.answered + more
        until(lambda: self.tally.answered >= expected or bool(self.tally.failures), "answers")

    async def _come(self) -> None:
        self._began = time.monotonic()
        await asyncio.gather(*(self._visit() for _ in range(VISITORS)))

    async def _visit(self) -> None:
        while not (self._stopped or self.tally.failures):
            number = next(self._numbers)
            await asyncio.sleep(self._began + number / PACE - time.monotonic())
            self.tally.asked += 1
            began = time.monotonic()
            await self._insist(number)
            self.tally.longest = max(self.tally.longest, time.monotonic() - began)

    async def _insist(self, number: int) -> None:
        while not await self._is_heard(number):
            self.tally.refused += 1
            await asyncio.sleep(0.05)

    async def _is_heard(self, number: int) -> bool:
        """Ask once; False if there was nobody to hear it, and another attempt is in order."""
        answer = b""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        except OSError as error:
            return self._unheard(number, error)
        try:
            writer.write(self._request(number))
            while data := await reader.read(65536):
                answer += data
        except OSError as error:
            if not answer:
                return self._unheard(number, error)
        finally:
            writer.close()
        self._judge(number, answer)
        return True

    def _request(self, number: int) -> bytes:
        target = f"/bytes?n={LENGTH}&seed={number}"
        return f"GET {target} HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n".encode()

    def _unheard(self, number: int, error: OSError) -> bool:
        if not self._patient:
            self.tally.failures.append(f"{number}: {error!r}")
        return not self._patient

    def _judge(self, number: int, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        promised = b"\r\nContent-Length: %d\r\n" % LENGTH in head + b"\r\n"
        if not (head.startswith(b"HTTP/1.1 200 ") and promised):
            self.tally.failures.append(f"{number}: {answer[:200]!r}")
        elif body == payload(LENGTH, number):
            self.tally.answered += 1
        elif payload(LENGTH, number).startswith(body):
            self.tally.cut += 1
        else:
            self.tally.failures.append(f"{number}: somebody else's body")
