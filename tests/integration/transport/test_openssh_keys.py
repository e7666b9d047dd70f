"""New keys in the middle of a transfer with the real OpenSSH, whoever asks for them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from pgrok.address import Address
from pgrok.transport.interfaces import Forward
from pgrok.transport.ssh import guard
from support.bystander import bystander
from support.channels import Noting
from support.conditions import until
from support.payload import digest, payload
from support.ports import LOOPBACK
from support.ssh import SSH
from support.transport import BOUNDS, TOKEN, Served, serving

LENGTH = 4 << 20
EVERY = 1 << 20
"""Octets between two key exchanges."""

FEW = 600_000
"""Octets with an exchange or two: OpenSSH begins one sooner than it is told to."""


class Echo(asyncio.Protocol):
    """The target of the forward."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def echo(served: Served, length: int = LENGTH) -> str:
    """Send a payload through the last client's forward; return the digest of what comes back."""
    forward, near = served.client.forwards[0], Noting()
    served.client.connection.open_channel(
        near, Forward(forward.address, 1001), Address("192.0.2.1", 4000)
    )
    await until(lambda: near.transport)
    assert near.transport
    near.transport.write(payload(length))
    await until(lambda: len(near.data) >= length, "everything is back", seconds=30)
    return digest([bytes(near.data)])


@pytest.mark.parametrize("who", ["the client", "the client's clock", "the server", "both"])
async def test_no_byte_is_lost(who: str, tmp_path: Path) -> None:
    limits = {"the client": EVERY, "both": EVERY, "the client's clock": "default 1"}
    options = ["-N", "-v", f"-oRekeyLimit={limits.get(who, 'default')}"]
    target = await asyncio.get_running_loop().create_server(Echo, LOOPBACK, 0)
    port = target.sockets[0].getsockname()[1]
    async with serving() as served, target:
        with SSH(tmp_path, served.address.port, TOKEN, port, *options) as ssh:
            await until(lambda: served.clients and served.client.forwards)
            if who in ("the server", "both"):
                served.client.connection._rekey_bytes = EVERY
            while ssh.output.count("SSH2_MSG_NEWKEYS received") < 3:
                assert await echo(served) == digest([payload(LENGTH)])


async def test_who_renews_keys_too_often_is_slowed_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MAX_KEY_EXCHANGES", 2)
    impatient = replace(BOUNDS, keepalive=0.3, unanswered_keepalives=1)
    target = await asyncio.get_running_loop().create_server(Echo, LOOPBACK, 0)
    port = target.sockets[0].getsockname()[1]
    async with serving(bounds=impatient) as served, target, bystander(served) as works:
        with SSH(tmp_path, served.address.port, TOKEN, port, "-N", "-v", "-oRekeyLimit=1M") as ssh:
            await until(lambda: len(served.clients) == 2 and served.client.forwards)
            began = time.monotonic()
            while (exchanges := ssh.output.count("SSH2_MSG_NEWKEYS received")) < 4:
                transfer = asyncio.ensure_future(echo(served, FEW))
                while not transfer.done():
                    await works()
                    await asyncio.wait([transfer], timeout=0.1)
                assert await transfer == digest([payload(FEW)])
            assert time.monotonic() - began > exchanges - 2 - 1
            assert served.client.lost is None
