"""Visitors: each does one thing after the other, drawn at random, and enters it in the books."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

from soak import requests, streams
from soak.ends import Outcome, Sort
from soak.http import Connection
from soak.ledger import Ledger
from soak.tunnels import Tunnel

Request = Callable[[Connection, Random], Awaitable[int]]
Stream = Callable[[str, int, Random], Awaitable[int]]

Deed = TypeVar("Deed")

REQUESTS: Mapping[Request, int] = {
    requests.fetch: 40,
    requests.upload: 20,
    requests.wait: 5,
    requests.listen: 5,
    requests.fetch_slowly: 2,
    requests.upload_in_vain: 5,
    requests.leave: 5,
    requests.leave_upload: 5,
}
"""What is done on a connection that may be kept, and how often beside the others."""

POSTS = {requests.upload, requests.upload_in_vain, requests.leave_upload}
"""Those of them that may be sent once only."""

STREAMS: Mapping[Stream, int] = {streams.stream: 6, streams.leave_stream: 1}
"""What is done with a tcp tunnel."""

WEBSOCKETS = 0.1
"""How likely a visitor of an http tunnel opens a WebSocket instead."""

KEPT = 0.7
"""How likely a visitor takes a connection that it has, where there is one."""

KEPT_SECONDS = 30.0
"""How long a visitor keeps it; the server closes what idles for 75."""

PAUSE = 0.2
"""Seconds between two things that a visitor does; with many visitors that is no rest."""

UNSERVED = 0.5
"""The same after one that did not come about."""


class Visitor:
    """One of many; `number` and the run's `seed` decide what it does, and in which order."""

    def __init__(self, number: int, seed: int, tunnels: Sequence[Tunnel], ledger: Ledger) -> None:
        self._chance = Random(f"{seed} visitor {number}")
        self._tunnels = tunnels
        self._ledger = ledger
        self._kept: dict[Tunnel, Connection] = {}

    async def stay(self, until: float) -> None:
        """Visit until then, by the monotonic clock; what has begun is brought to its end."""
        while time.monotonic() < until and not self._ledger.hopeless:
            outcome = await self._visit(self._chance.choice(self._tunnels))
            served = outcome in (Outcome.WHOLE, Outcome.LEFT)
            await asyncio.sleep(PAUSE if served else UNSERVED)
        for connection in self._kept.values():
            connection.writer.close()

    async def _visit(self, tunnel: Tunnel) -> Outcome:
        if tunnel.is_tcp:
            return await self._stream(self._draw(STREAMS), Sort.TCP, tunnel)
        if self._chance.random() < WEBSOCKETS:
            return await self._stream(streams.websocket, Sort.WEBSOCKET, tunnel)
        return await self._request(self._draw(REQUESTS), tunnel)

    def _draw(self, choices: Mapping[Deed, int]) -> Deed:
        (drawn,) = self._chance.choices(list(choices), list(choices.values()))
        return drawn

    async def _stream(self, do: Stream, sort: Sort, tunnel: Tunnel) -> Outcome:
        transfer, now = do(tunnel.host, tunnel.port, self._chance), time.monotonic()
        return await self._ledger.account(do.__name__, sort, tunnel.name, transfer, now)

    async def _request(self, do: Request, tunnel: Tunnel) -> Outcome:
        """Do it on a connection that was kept, or on a new one, which may be kept."""
        kept = self._kept.pop(tunnel, None)
        now = time.monotonic()
        if kept and (kept.stood < now - KEPT_SECONDS or self._chance.random() > KEPT):
            kept.writer.close()
            kept = None
        stood = kept.stood if kept else now
        used: list[Connection] = []

        async def transfer() -> int:
            connection = kept or await Connection.open(tunnel.host, tunnel.port)
            used.append(connection)
            return await do(connection, self._chance)

        sort = Sort.POST if do in POSTS else Sort.GET
        outcome = await self._ledger.account(do.__name__, sort, tunnel.name, transfer(), stood)
        for connection in used:
            if outcome is Outcome.WHOLE and connection.kept:
                self._kept[tunnel] = connection
            else:
                connection.abort()
        return outcome
