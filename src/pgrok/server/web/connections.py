"""A connection to the dashboard's listener: bounded in what it holds, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from pgrok.address import Network, is_within
from pgrok.server.settings import LimitSettings, TimeoutSettings
from pgrok.transport.admission import origin_of

MAX_READ_AHEAD: Final = 64 * 1024
"""Octets that may wait behind a request; browsers send nothing before they have their answer."""

_SSH = b"SSH-2.0-"


class Connection(H11Protocol):
    """uvicorn's, which of itself waits for ever, takes any number, and keeps all it is sent.

    `limits` bound the connections to its listener, in all and of one address that is not `trusted`;
    `timeouts` how long it may be without a whole request and a response under way, and how long
    one response may take, whether it is the page or its reader that is slow.
    """

    def __init__(
        self,
        *args: Any,
        limits: LimitSettings,
        timeouts: TimeoutSettings,
        trusted: Sequence[Network] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._trusted = trusted
        self._most = limits.dashboard_connections
        self._most_of_stranger = limits.dashboard_connections_per_address
        self._request_seconds = timeouts.dashboard_request
        self._answer_seconds = timeouts.dashboard_answer
        self._stranger: Hashable = None
        """Whom the connection is counted for, unless it is a trusted proxy's."""
        self._heard = False
        self._next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look after the connection from now on, or end it where there are too many."""
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        if host and not is_within(host, self._trusted):
            self._stranger = origin_of(host)
        if len(self.connections) > self._most or self._is_one_too_many():
            transport.abort()
        self._look_after(None, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it at once, and of what it sent."""
        super().connection_lost(exc)
        if self._next_look is not None:
            self._next_look.cancel()

    def data_received(self, data: bytes) -> None:
        """Pass on what is no flood; a client that took this for the port of SSH is told."""
        first, self._heard = not self._heard, True
        if first and data.startswith(_SSH):
            self.send_400_response("This port is for HTTP, SSH has another.")
        elif len(self.conn.trailing_data[0]) > MAX_READ_AHEAD:
            self.transport.abort()
        else:
            super().data_received(data)

    def _is_one_too_many(self) -> bool:
        """Whether its address, or IPv6 network, has more connections than a stranger may."""
        strangers = [one._stranger for one in self.connections if isinstance(one, Connection)]
        of_this_one = strangers.count(self._stranger)
        return self._stranger is not None and of_this_one > self._most_of_stranger

    def _look_after(self, last: object, since: float) -> None:
        """Look again whether anything but the request `last`, of that time, has come."""
        self._next_look = self.loop.call_later(self._request_seconds, self._look, last, since)

    def _look(self, last: object, since: float) -> None:
        now = self.loop.time()
        if self.cycle is not last:
            last, since = self.cycle, now
        idle = self.cycle is None or self.cycle.response_complete
        if now - since >= (self._request_seconds if idle else self._answer_seconds):
            self.transport.abort()
        else:
            self._look_after(last, since)
