"""Whether the peer lives, how far away it is, and the last words to it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import asyncssh
from asyncssh.constants import (
    DISC_BY_APPLICATION,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
)
from asyncssh.packet import Boolean, Byte, SSHPacket, String

from pgrok.errors import ConnectionLost
from pgrok.transport.ssh.outbound import Outbound

DEFAULT_ROUND_TRIP = 0.25
"""Seconds taken for a round trip until one has been measured."""

TOGETHER_SECONDS = 0.25
"""Keepalives of all connections that are due within so long are sent together: a server that
does little else keeps what it needs for one at hand for the next, which takes half the time."""

MAX_UNANSWERED = 32
"""Requests to a peer that may wait for their answer: one who sends other things is not silent."""

QUESTION = Byte(MSG_GLOBAL_REQUEST) + String("keepalive@openssh.com") + Boolean(True)
"""Asks for an answer, of whatever kind (RFC 4254 4)."""

ANSWER = Byte(MSG_REQUEST_SUCCESS)
"""What asyncssh answers; OpenSSH and Go do not know the request, and say so."""

ANSWERS = {ANSWER, Byte(MSG_REQUEST_FAILURE)}

GOODBYE_SECONDS = 2.0
"""How long a peer may take to close after DISCONNECT before the socket is aborted."""


class _Question:
    """Waits for an answer in asyncssh's queue, which knows futures: it calls these two methods."""

    __slots__ = ("_asked_at", "_connection")

    def __init__(self, connection: Liveness) -> None:
        self._connection = connection
        self._asked_at = time.monotonic()

    def cancelled(self) -> bool:
        """Whether nobody wants the answer any more."""
        return False

    def set_result(self, _answer: object) -> None:
        """Take the answer, or the end of the connection, at which asyncssh answers for the peer."""
        self._connection.answered(time.monotonic() - self._asked_at)


class Liveness(Outbound):
    """Mixed into both of asyncssh's connection classes, before them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self.round_trip = self.shortest_round_trip = DEFAULT_ROUND_TRIP
        self._goodbye_said = False
        self._signs_of_life: set[asyncio.Future[None]] = set()
        self._heard_at = 0.0
        self._is_unread = False

    def _is_heard(self) -> bool:
        """Whether anybody listens; if so, take what came for a sign of life."""
        if self._goodbye_said:
            return False
        if self._signs_of_life:
            self._tell_alive()
        return True

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Read nothing from the peer meanwhile, nor take its silence amiss."""
        self._is_unread = True
        self._set_reading(False)
        try:
            yield
        finally:
            self._is_unread = False
            self._set_reading(True)

    def _set_reading(self, reading: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if reading:
            transport.resume_reading()
        else:
            transport.pause_reading()

    async def probe(self) -> None:
        """Ask the peer for a sign of life and return when there is one, of whatever kind.

        A peer that is unread has given one just before. Raises `ConnectionLost` when the
        connection is lost first.
        """
        if self._is_unread:
            return
        sign = self.loop.create_future()
        self._signs_of_life.add(sign)
        try:
            if not self._ask():
                raise ConnectionLost("the SSH connection is gone")
            await sign
        finally:
            self._signs_of_life.discard(sign)

    def measure_round_trip(self) -> None:
        """Have the peer answer something, so that `round_trip` tells how far it is."""
        self._ask()

    def note_round_trip(self, seconds: float) -> None:
        """Take note of how long the peer took to answer something that needs no thought.

        `round_trip` is the last one: how patient to be. Of the time that data needs on its way,
        without that which it waits behind other data, `shortest_round_trip` tells more.
        """
        self.round_trip = seconds
        self.shortest_round_trip = min(self.shortest_round_trip, seconds)

    def answered(self, seconds: float) -> None:
        """The peer has answered a question, and after so many seconds."""
        self._keepalive_count = 0
        self.note_round_trip(seconds)

    def keepalive_arrived(self, message: bytes) -> bool:
        """Answer a question, or take an answer to one; False for what asyncssh has to deal with.

        It takes both as well, in 25 us each; thousands of idle peers ask every few seconds.
        """
        if message == QUESTION:
            if self._global_request_queue:
                return False  # answers come in the order of their questions
            self.send_message(ANSWER)
        elif message in ANSWERS and self._is_asking():
            self._global_request_waiters.pop(0).set_result((message[0], SSHPacket(b"")))
        else:
            return False
        return True

    def _is_asking(self) -> bool:
        waiters = self._global_request_waiters
        return bool(waiters) and isinstance(waiters[0], _Question)

    def is_closed(self) -> bool:
        """Whether the connection is gone, or as good as gone because goodbye has been said."""
        return self._goodbye_said or super().is_closed()

    def say_goodbye(self, reason: str, code: int = DISC_BY_APPLICATION) -> None:
        """Send DISCONNECT (RFC 4253 11.1) and close as soon as the peer has had it.

        asyncssh aborts the socket at once, which discards the message more often than not.
        """
        if self._transport is None or self._transport.is_closing() or self._goodbye_said:
            return
        for channel in list(self._channels.values()):
            channel.close()
        self._send_disconnect(code, reason, "")
        self._goodbye_said = True
        self.end_sending()
        self.loop.call_later(GOODBYE_SECONDS, self.abort)

    def _ask(self) -> bool:
        """Ask for an answer (`keepalive@openssh.com`); return whether there is whom to ask."""
        if len(self._global_request_waiters) >= MAX_UNANSWERED:
            self._force_close(asyncssh.ProtocolError("it does not answer"))
        if self.is_closed() or self._transport is None:
            return False
        # Answers are matched by their order, so that each needs somebody who waits for it.
        self._global_request_waiters.append(cast(Any, _Question(self)))
        self.send_message(QUESTION)
        return True

    def _tell_alive(self) -> None:
        for sign in self._signs_of_life:
            if not sign.done():
                sign.set_result(None)

    # The keepalive timer. asyncssh cancels it and sets it anew whenever something arrives; here
    # it is left alone, and when it is due looks at when something last did. asyncssh has a task
    # ask the question, too. Timers of thousands of connections meet in one step of the loop.

    def _reset_keepalive_timer(self) -> None:
        self._heard_at = heard_at = self.loop.time()
        timer = self._keepalive_timer
        latest = heard_at + self._keepalive_interval + TOGETHER_SECONDS
        if timer is None or timer.when() > latest:
            super()._reset_keepalive_timer()

    def _set_keepalive_timer(self) -> None:
        self._look_at(self.loop.time() + self._keepalive_interval)

    def _look_at(self, due: float) -> None:
        if self._keepalive_interval:
            together = math.ceil(due / TOGETHER_SECONDS) * TOGETHER_SECONDS
            timer = self.loop.call_at(together, self._keepalive_timer_callback)
            self._keepalive_timer = timer

    def _keepalive_timer_callback(self) -> None:
        now = self.loop.time()
        due = (now if self._is_unread else self._heard_at) + self._keepalive_interval
        if now < due:
            self._keepalive_count = 0
            self._look_at(due)
        elif self._keepalive_count >= self._keepalive_count_max:
            super()._keepalive_timer_callback()  # which gives the peer up
        else:
            self._keepalive_count += 1
            self._set_keepalive_timer()
            self._ask()

    def _cleanup(self, exc: Exception | None) -> None:
        for sign in self._signs_of_life:
            if not sign.done():
                sign.set_exception(ConnectionLost("the SSH connection was lost while probing"))
        super()._cleanup(exc)
