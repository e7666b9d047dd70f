"""What a socket does with its protocol: one that is read in place gets nothing to keep."""

from __future__ import annotations

import asyncio


def feed(protocol: asyncio.BaseProtocol, data: bytes) -> bytes:
    """Have the protocol read `data`, as much as it takes at once; return the rest."""
    if isinstance(protocol, asyncio.Protocol):
        protocol.data_received(data)
        return b""
    assert isinstance(protocol, asyncio.BufferedProtocol)
    room = memoryview(protocol.get_buffer(-1))
    assert room, "no room to read to"
    read = data[: len(room)]
    room[: len(read)] = read
    protocol.buffer_updated(len(read))
    room[:] = b"\xaa" * len(room)
    return data[len(read) :]
