"""Global requests (RFC 4254 4) beyond those that asyncssh knows, asked and answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from asyncssh.constants import MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS

from pgrok.errors import PgrokError, TunnelRefused

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection as Base
else:
    Base = object

log = logging.getLogger(__name__)


class GlobalRequests(Base):
    """Mixed into both of asyncssh's connection classes, before them.

    asyncssh serves the requests of a peer one after the other: the next one waits until the
    response to this one has been reported.
    """

    async def ask(self, name: str, payload: bytes) -> bytes:
        """Send a request and return the payload of the success.

        Raises `TunnelRefused` with the text that came with the failure, if any did.
        """
        kind, packet = await self._make_global_request(name.encode(), payload)
        answer = packet.get_remaining_payload()
        if kind == MSG_REQUEST_SUCCESS:
            return answer
        text = answer[:1000].decode("utf-8", "replace").strip()
        raise TunnelRefused(text or f"the server refused {name} and gave no reason")

    def answer(self, work: Callable[[], Awaitable[bytes]]) -> None:
        """Answer the request at the head of the queue with what `work` returns or raises."""
        self.create_task(self._answer(work))

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
