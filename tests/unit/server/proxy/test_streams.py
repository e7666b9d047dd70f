from __future__ import annotations

from pgrok.server.counts import Counts
from pgrok.server.proxy.streams import Streams


async def test_streams_are_counted_and_waited_for() -> None:
    counts = Counts()
    streams = Streams(counts)
    lost: list[str] = []
    leave = streams.enter("tcp", lambda: lost.append("the first"))
    streams.enter("tcp", lambda: lost.append("the second"))()
    assert lost == ["the second"]
    assert (streams.present["tcp"], counts.visitors["tcp"]) == (1, 2)
    assert not await streams.members.gone(0)
    leave()
    assert streams.present["tcp"] == 0
    assert await streams.members.gone(0)
