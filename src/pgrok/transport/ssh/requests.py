"""Global requests (RFC 4254 4) beyond those that asyncssh knows, and answers with a text."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.constants import MSG_REQUEST_FAILURE
from asyncssh.packet import SSHPacket

from pgrok.errors import PgrokError

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection as Base
else:
    Base = object

MAX_PENDING = 32
"""Requests that may wait for their answer; a client asks one after the other."""

log = logging.getLogger(__name__)


class GlobalRequests(Base):
    """Mixed into asyncssh's server connection, before it.

    asyncssh serves the requests of a peer one after the other: the next one waits until the
    response to this one has been reported.
    """

    def answer(self, work: Callable[[], Awaitable[bytes]]) -> None:
        """Answer the request at the head of the queue with what `work` returns or raises."""
        self.create_task(self._answer(work))

    def _process_global_request(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        if len(self._global_request_queue) >= MAX_PENDING:
            raise asyncssh.ProtocolError(f"more than {MAX_PENDING} requests at once")
        super()._process_global_request(pkttype, pktid, packet)

    async def _answer(self, work: Callable[[], Awaitable[bytes]]) -> None:
        try:
            payload = await work()
        except PgrokError as error:
            self._report_failure(str(error).encode())
        except Exception:
            log.exception("a request of a client failed inside the server")
            self._report_failure(b"internal error; the server's log has the details")
        else:
            if not self.is_closed():
                self._report_global_response(payload or True)

    def _report_failure(self, text: bytes) -> None:
        """Refuse with a text; RFC 4254 has none, and asyncssh cannot send one."""
        if self.is_closed():
            return
        _, _, want_reply = self._global_request_queue.pop(0)
        if want_reply:
            self.send_packet(MSG_REQUEST_FAILURE, text)
        if self._global_request_queue:
            self._service_next_global_request()
