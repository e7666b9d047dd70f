"""What asyncssh lets a client do that the others on the server would notice."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh.constants import DISC_PROTOCOL_ERROR
from asyncssh.packet import PacketDecodeError, SSHPacket

from pgrok.transport.allowance import Allowance
from pgrok.transport.ssh.liveness import Liveness

if TYPE_CHECKING:
    from asyncssh.connection import SSHServerConnection as Base
else:
    Base = object

MAX_KEY_EXCHANGES = 64
"""Key exchanges that a client may begin at once, and one more each second, for which it waits: one
holds the loop up for 0.3 ms, and for 2 ms where an old RSA key signs. OpenSSH begins one every
gigabyte, or as often as a person tells it to."""

log = logging.getLogger(__name__)


class Guard(Liveness, Base):
    """Mixed into asyncssh's server connection, before it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self._exchanges = Allowance(MAX_KEY_EXCHANGES)
        self._keys_proved = False

    async def _process_kexinit(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Begin a key exchange (RFC 4253 7.1), which waits if it is one of too many.

        asyncssh keeps what was read behind it until this returns, and nothing more is read.
        """
        seconds = self._exchanges.book(self.loop.time())
        if seconds:
            with self.unread():
                await asyncio.sleep(seconds)
        if self._transport is not None and not self.is_closed():
            await super()._process_kexinit(pkttype, pktid, packet)

    def _process_hostkeys_prove_00_at_openssh_dot_com_global_request(
        self, packet: SSHPacket
    ) -> None:
        """Sign with the host keys that were announced, once and with each once.

        A packet has room for hundreds of keys, and a signature with RSA takes up to 2 ms.
        """
        largest = sum(4 + len(key) for key in self._all_server_host_keys)
        if self._keys_proved or len(packet.get_full_payload()) > _REQUEST + largest:
            self._report_global_response(False)
            return
        self._keys_proved = True
        super()._process_hostkeys_prove_00_at_openssh_dot_com_global_request(packet)

    def internal_error(self, exc_info: Any = None, error_logger: Any = None) -> None:
        """Log what asyncssh would end the connection for in silence, unless it is the client's.

        asyncssh takes malformed messages for such where it reads them at once, but not where a
        task does: of a key exchange, and of a request that waited for another one's answer.
        """
        error = (exc_info or sys.exc_info())[1]
        if isinstance(error, _MALFORMED):
            self._send_disconnect(DISC_PROTOCOL_ERROR, str(error), "")
            self._force_close(asyncssh.ProtocolError(str(error)))
            return
        if self._auth_complete:
            log.error("an exception ended an SSH connection", exc_info=exc_info or True)
        super().internal_error(exc_info, error_logger)


_MALFORMED = (PacketDecodeError, UnicodeDecodeError)

_REQUEST = len(b"\x50\0\0\0\x1dhostkeys-prove-00@openssh.com\x01")
"""Octets of that request before its keys."""
