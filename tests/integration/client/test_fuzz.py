"""A server that sends our client anything at all: it costs the client this connection at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from pgrok.address import Address
from pgrok.errors import PgrokError
from pgrok.transport.client import connect
from pgrok.transport.ssh.multiplexer import MAX_CHANNELS
from support.alarms import Alarms, raised_alarms
from support.fuzzing import FUZZING, opened
from support.hostile import HostileListener
from support.messages import Message, message
from support.transport import Acceptor, trust


class Den:
    """The server, and clients that come one after the other."""

    def __init__(self, listener: HostileListener, address: Address, alarms: Alarms) -> None:
        self._listener = listener
        self._address = address
        self._alarms = alarms

    async def attack(self, messages: Sequence[Message]) -> None:
        """Send these messages to a client that asks for a tunnel, and see what becomes of it."""
        client = await connect(
            self._address, token="x", check_host_key=trust, client_version="test"
        )
        asking = asyncio.ensure_future(client.forward(Acceptor()))
        server = self._listener.servers.pop()
        for each in messages:
            server.send(*each)
        await server.heard_out()
        assert len(client._channels) <= MAX_CHANNELS
        client.abort()
        await client.wait_closed()
        (answer,) = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(answer, int | PgrokError)
        assert not client._channels
        server.abort()
        await server.wait_closed()
        self._alarms.check()


@asynccontextmanager
async def open_den() -> AsyncIterator[Den]:
    listener = HostileListener()
    with raised_alarms() as alarms:
        yield Den(listener, await listener.listen(), alarms)
        listener.close()


def test_the_client_survives_it() -> None:
    with opened(open_den()) as (runner, den):

        @FUZZING
        @given(st.lists(message, min_size=1, max_size=12))
        def attack(messages: Sequence[Message]) -> None:
            runner.run(den.attack(messages))

        attack()
