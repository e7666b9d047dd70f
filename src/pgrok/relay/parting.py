"""How one end of a stream is left whose other end is gone: with all that was meant for it."""

from __future__ import annotations

import asyncio

from pgrok.reading import Reader
from pgrok.sockets import reset

PARTING_SECONDS = 60.0
"""How long an end that is left may take nothing of what is still to be written to it."""


def part(transport: asyncio.Transport, reader: Reader) -> None:
    """Close after what is queued has been written; `reader` is told once that has happened.

    Where one direction cannot end by itself, which is TLS, asyncio sees to it that closing ends.
    """
    if transport.get_write_buffer_size() and transport.can_write_eof():
        _Parting(transport, reader)
    else:
        transport.close()


class _Parting(asyncio.Protocol):
    """Discards what the end that is left still says, until it has taken all or takes no more.

    Who does not read before he has written, as an echo does, would never read again if he were not
    read: asyncio reads nothing of a transport that closes, and waits for its queue without an end.
    """

    def __init__(self, transport: asyncio.Transport, reader: Reader) -> None:
        self._transport = transport
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._queued = 0
        transport.set_protocol(self)
        transport.write_eof()
        # With no room at all the queue has to be empty before writing goes on.
        transport.set_write_buffer_limits(high=0)
        transport.resume_reading()
        self._look_later()

    def data_received(self, data: bytes) -> None:
        """Nobody is there for whom this could be."""

    def eof_received(self) -> bool:
        """It says nothing more, and may still read."""
        return True

    def resume_writing(self) -> None:
        """All that was to be written has been."""
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._timer.cancel()
        self._reader.connection_lost(exc)

    def _look_later(self) -> None:
        self._queued = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(PARTING_SECONDS, self._look)

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() == self._queued:
            reset(self._transport)
        else:
            self._look_later()
