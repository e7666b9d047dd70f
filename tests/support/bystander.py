"""Another client of the same server, who must not notice what is done to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from support.conditions import until
from support.transport import Served, channels


@asynccontextmanager
async def bystander(served: Served) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Connect one while the body runs; what is yielded sends octets through its tunnel."""
    async with channels(served) as (opener, acceptor, _):

        async def works() -> None:
            near = await opener.open()
            far = acceptor.protocols[-1]
            assert near.transport
            near.transport.write(b"as ever")
            await until(lambda: far.data == b"as ever", "the bystander's octets arrive")
            near.transport.close()

        yield works
