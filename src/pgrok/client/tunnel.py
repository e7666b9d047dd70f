"""A tunnel over all its connections: connect, hold, wait, and connect again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol

from pgrok.client.backoff import Backoff
from pgrok.client.network import Network
from pgrok.client.session import Accept, Connection, hold, leave, open_tunnel
from pgrok.errors import PgrokError, Replaced, ServerUnreachable, TransportError, TunnelRefused
from pgrok.protocol import GOING_AWAY, Hint, TunnelKind

Dial = Callable[[], Awaitable[Connection]]
"""Makes an authenticated connection; raises `ConnectError`."""

_PASSING = (ServerUnreachable, TunnelRefused, Replaced, TransportError)


class Progress(Protocol):
    """Who is told how the tunnel fares."""

    def ready(self, url: str) -> None:
        """The tunnel is up and answers at `url`."""

    def waiting(self, reason: PgrokError, seconds: float) -> None:
        """There is no tunnel, for that reason; the next attempt comes after `seconds`."""


def draw_instance() -> str:
    """Return a new name for this client: 32 hexadecimal digits that say nothing else."""
    return secrets.token_hex(16)


class Tunnel:
    """Keeps one tunnel up until it is cancelled.

    The first attempts must succeed: an address or a token that is wrong is to be seen at
    once. After the tunnel was up once, only a refused token or a changed host key ends it.
    """

    def __init__(
        self,
        kind: TunnelKind,
        accept: Accept,
        *,
        dial: Dial,
        progress: Progress,
        backoff: Backoff,
        network: Network,
        clock: Callable[[], float] = time.monotonic,
        draw_instance: Callable[[], str] = draw_instance,
    ) -> None:
        self._kind = kind
        self._accept = accept
        self._dial = dial
        self._progress = progress
        self._backoff = backoff
        self._network = network
        self._clock = clock
        self._draw_instance = draw_instance
        self._instance = draw_instance()
        self._generation = 0
        self._up_since: float | None = None
        self._was_up = False

    async def run(self) -> NoReturn:
        """Keep the tunnel up.

        Raises `TokenRefused` and `HostKeyMismatch` at any time, and whatever else keeps the
        first attempt from leading to a tunnel.
        """
        while True:
            try:
                await self._live()
            except _PASSING as reason:
                if not self._was_up:
                    raise
                seconds = self._pause_after(reason)
                self._progress.waiting(reason, seconds)
            await self._network.pause(seconds)

    async def _live(self) -> NoReturn:
        self._up_since = None
        self._generation += 1
        connection = await self._dial()
        try:
            hint = Hint(self._kind, self._instance, self._generation)
            url = await open_tunnel(connection, hint, self._accept)
            self._up_since = self._clock()
            self._was_up = True
            self._progress.ready(url)
            await hold(connection, self._network.change)
        finally:
            await leave(connection)

    def _pause_after(self, reason: PgrokError) -> float:
        if isinstance(reason, Replaced):
            # The other client goes on under the old instance's name. Claiming it again would
            # have the two displace each other for ever.
            self._instance = self._draw_instance()
        if str(reason) == GOING_AWAY:
            return self._backoff.after_goodbye()
        if self._up_since is None:
            return self._backoff.after_failure()
        return self._backoff.after_loss(self._clock() - self._up_since)
