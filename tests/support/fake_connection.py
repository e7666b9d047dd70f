"""The client's connection to a server that is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from pgrok.client.session import Accept
from pgrok.errors import ConnectionLost, PgrokError, TunnelRefused

URL = "http://alice.example.com"


class FakeConnection:
    """Answers as a server would; `refusals` are texts by request, and `lose` ends it.

    Each request and what became of the connection is noted in `log`.
    """

    def __init__(self, refusals: Mapping[str, str] | None = None, *, url: str = URL) -> None:
        self.refusals = dict(refusals or {})
        self.info = json.dumps({"host_url": url}).encode()
        self.hint: dict[str, object] = {}
        self.log: list[str] = []
        self.silent: set[str] = set()
        self.lost: asyncio.Future[PgrokError] = asyncio.get_running_loop().create_future()

    async def request(self, name: str, payload: bytes) -> bytes:
        await self._answer(name)
        if name == "hint":
            self.hint = json.loads(payload)
            return b""
        return self.info

    async def forward(self, accept: Accept) -> int:
        await self._answer("forward")
        return 1

    async def probe(self) -> None:
        await self._answer("probe")

    async def wait_lost(self) -> None:
        raise await asyncio.shield(self.lost)

    def is_closed(self) -> bool:
        return self.lost.done()

    def say_goodbye(self, reason: str) -> None:
        self.log.append("goodbye")
        self.lose(ConnectionLost("closed by us"))

    def abort(self) -> None:
        self.log.append("abort")
        self.lose(ConnectionLost("aborted"))

    def lose(self, reason: PgrokError) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)

    async def _answer(self, name: str) -> None:
        self.log.append(name)
        if name in self.silent:
            await asyncio.get_running_loop().create_future()
        if name in self.refusals or self.is_closed():
            raise TunnelRefused(self.refusals.get(name, f"the server refused {name}"))
