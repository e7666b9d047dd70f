"""A relay between visitors and one target, all in memory, under a clock that stands still."""

from __future__ import annotations

import re
from collections.abc import Callable

from pgrok.http.forwarding import forward_request
from pgrok.http.pages import Code, Problem
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.downstream import DownstreamConnection
from pgrok.relay.exchange import Exchange
from pgrok.relay.pool import Pool
from pgrok.relay.route import Route
from pgrok.relay.timeouts import Timeouts
from pgrok.relay.upstream import UpstreamConnection
from support.manual_loop import manual_loop
from support.transports import LendingTransport, MemoryTransport

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
TIMEOUTS = Timeouts(head=30, idle=75, body=60, connect=20, response=120, stalled=300, linger=5)


def get(target: bytes, *lines: bytes) -> bytes:
    """Return a request for `target`."""
    return b"\r\n".join([b"GET %b HTTP/1.1" % target, b"Host: a", *lines, b"", b""])


def post(body: bytes = b"", *lines: bytes) -> bytes:
    """Return an upload; without a line that says otherwise its length is told."""
    framing = lines or (b"Content-Length: %d" % len(body),)
    return b"\r\n".join([b"POST / HTTP/1.1", b"Host: a", *framing, b"", body])


class Relay:
    """Connects visitors; their requests go to `targets`, which are in the order of dialling.

    `statuses` are those of the exchanges that are over. With `connects` off, a target has to be
    connected or refused by the test, and with `lends` on it lends room, as channels do. With
    `refuses` on there is no target; with `parks` on,
    requests wait in `parked` for the test to forward or refuse them.
    """

    def __init__(self, *, max_open: int = 8) -> None:
        self.loop = manual_loop()
        self.deadlines = Deadlines(self.loop)
        self.pool = Pool(self._dial, self.deadlines, max_open=max_open)
        self.targets: list[MemoryTransport] = []
        self.statuses: list[int] = []
        self.refusals: list[int] = []
        self.parked: list[Exchange] = []
        self.connects = True
        self.refuses = False
        self.parks = False
        self.half_close = True
        self.lends = False
        self.host: str | None = None

    def visitor(self) -> MemoryTransport:
        """Return the end of a new visitor's connection."""
        protocol = DownstreamConnection(self, self.deadlines, TIMEOUTS)
        transport = MemoryTransport(self.loop, protocol)
        transport.connect()
        return transport

    @property
    def target(self) -> MemoryTransport:
        """The target that was dialled last."""
        return self.targets[-1]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.advance(seconds)

    def forward(self, exchange: Exchange) -> None:
        """Send a request to the target."""
        head = forward_request(exchange.request)
        exchange.forward(self.pool, Route(exchange.request, head, self.explain, self.host))
        self.loop.run()

    def explain(self, error: Exception | None) -> Problem:
        """Name the class of what went wrong."""
        return Problem(Code.TARGET_DOWN, 502, type(error).__name__)

    # Backend

    def route(self, exchange: Exchange) -> None:
        if self.refuses:
            exchange.refuse(Problem(Code.NO_TUNNEL, 502))
        elif self.parks:
            self.parked.append(exchange)
        else:
            head = forward_request(exchange.request)
            exchange.forward(self.pool, Route(exchange.request, head, self.explain, self.host))

    def finished(self, exchange: Exchange, seconds: float) -> None:
        self.statuses.append(exchange.status)

    def refused(self, problem: Problem) -> None:
        self.refusals.append(problem.status)

    def _dial(self, upstream: UpstreamConnection) -> Callable[[], object]:
        kind = LendingTransport if self.lends else MemoryTransport
        transport = kind(self.loop, upstream, half_close=self.half_close)
        self.targets.append(transport)
        if self.connects:
            self.loop.call_soon(self._connect, transport)
        return transport.abort

    def _connect(self, transport: MemoryTransport) -> None:
        if not transport.given_up:
            transport.connect()


def status(answer: bytes) -> int:
    """Return the status that an answer begins with."""
    match = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", answer)
    assert match, answer[:80]
    return int(match[1])
