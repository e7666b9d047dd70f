"""Sessions of the server under a clock that stands still: clients, ports and visitors in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import cast

from pgrok.address import Address
from pgrok.errors import ConnectionLost
from pgrok.http.pages import Code, Problem
from pgrok.protocol import Hint, TunnelKind
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.exchange import Exchange
from pgrok.server.counts import Counts
from pgrok.server.decisions import Decisions
from pgrok.server.members import Members
from pgrok.server.proxy.parking import Parking
from pgrok.server.registry import Registry
from pgrok.server.settings import LimitSettings, ProxySettings, TimeoutSettings
from pgrok.server.settings.models import TCPSettings
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.quotas import Quotas
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.session import Session
from pgrok.server.sshd.tunnels import OpenChannel, Tunnel
from pgrok.server.store.database import Store
from pgrok.server.store.records import Login, Person
from pgrok.transport.interfaces import Forward
from support.manual_loop import ManualLoop

LAST_WORDS_SECONDS = 2.0
"""How long a connection stands after the server said goodbye to a client that is silent."""


class FarEnd:
    """A client as the server sees it; implements `pgrok.transport.interfaces.Connection`.

    It gives a sign of life `answers` seconds after it was asked for one, or none.
    """

    peer = Address("192.0.2.1", 1)
    client_version = "SSH-2.0-test"
    channels = octets_sent = octets_received = 0

    def __init__(self, lobby: Lobby, round_trip: float, answers: float | None) -> None:
        self.round_trip = round_trip
        self.answers = answers
        self.dismissed = self.lost = False
        self.silent_since = self.heard_at = -1000.0
        """When it was last asked in vain, and when it last answered."""
        self.asked: dict[asyncio.Future[None], float] = {}
        """Who waits for a sign of life, and since when."""
        self.lose: Callable[[], None] = lambda: None
        self._lobby = lobby

    def is_closed(self) -> bool:
        return self.lost or self.dismissed

    def end(self, reason: str) -> None:
        self.dismissed = True
        self._lobby.loop.call_later(LAST_WORDS_SECONDS, self.lose)

    def open_channel(
        self, protocol: asyncio.Protocol, forward: Forward, originator: Address
    ) -> asyncio.Transport:
        raise ConnectionLost("nobody is served here")

    async def probe(self) -> None:
        if self.is_closed():
            raise ConnectionLost("it is closed")
        sign = self._lobby.loop.create_future()
        self.asked[sign] = asked_at = self._lobby.loop.time()
        self.answer()
        try:
            await sign
        except asyncio.CancelledError:
            self.silent_since = asked_at
            raise
        finally:
            del self.asked[sign]

    def answer(self) -> None:
        """Send what it has to say, which takes its time."""
        if self.asked and self.answers is not None:
            self._lobby.loop.call_later(self.answers, self._give_sign)

    def _give_sign(self) -> None:
        if self.answers is not None:
            self.heard_at = self._lobby.loop.time()
            for sign in self.asked:
                if not sign.done():
                    sign.set_result(None)

    def lose_signs(self) -> None:
        """Let those who wait for it know that it is gone."""
        self.lost = True
        for sign in self.asked:
            if not sign.done():
                sign.set_exception(ConnectionLost("it is gone"))


class Visit:
    """One visitor's request: it waits, or is over because a tunnel or a problem came to it."""

    def __init__(self, loop: ManualLoop, label: str) -> None:
        self.label = label
        self.served_by: Tunnel | None = None
        self.problem: Problem | None = None
        self.over_at: float | None = None
        self._loop = loop

    def serve(self, tunnel: Tunnel) -> None:
        self.served_by, self.over_at = tunnel, self._loop.time()

    def refuse(self, problem: Problem) -> None:
        self.problem, self.over_at = problem, self._loop.time()


class OpenPort:
    """A listening socket."""

    def __init__(self, number: int, opened: dict[int, OpenPort]) -> None:
        self._number = number
        self._opened = opened
        opened[number] = self

    def serve(self, open_channel: OpenChannel) -> None:
        assert self._opened[self._number] is self

    def close(self) -> None:
        if self._opened.get(self._number) is self:
            del self._opened[self._number]


class Lobby:
    """Everything that sessions share, over a registry that may watch what is done to it."""

    def __init__(self, loop: ManualLoop, registry: Registry[Tunnel], ports: range) -> None:
        self.loop = loop
        self.registry = registry
        self.ports: dict[int, OpenPort] = {}
        """The public ports that are open."""
        deadlines = Deadlines(loop)
        self.parking = Parking(deadlines, ProxySettings().parking_seconds, LimitSettings())
        self.claims = Claims(registry, b"secret")
        self._last_ports: dict[int, int] = {}
        ports_of = SimpleNamespace(
            last=self._last, lasts_of_others=self._lasts_of_others, remember=self._remember
        )
        store = SimpleNamespace(ports=ports_of)
        tcp = TCPSettings(port_start=ports.start, port_end=ports.stop)
        limits = LimitSettings()
        self.quotas = Quotas(limits, registry)
        self.services = Services(
            store=cast(Store, store),
            claims=self.claims,
            quotas=self.quotas,
            deadlines=deadlines,
            proxy=ProxySettings(domain="example.com", tcp=tcp),
            limits=limits,
            timeouts=TimeoutSettings(),
            open_port=self._open_port,
            parking=self.parking,
            clock=lambda: datetime.now(UTC),
            sessions=Members(),
            counts=Counts(),
            decisions=Decisions(loop.call_later),
        )

    def sign_in(self, person: Person, far_end: FarEnd, hint: Hint) -> Session:
        """Return the session of a client that has signed in and said what it wants."""
        session = Session(far_end, self.services)
        session._sign_in(Login(person, token_id=person.id, expires_at=None))
        self.loop.create_task(session.hint(hint.encode()))
        self.loop.run()
        return session

    def route(self, visit: Visit) -> None:
        """Send a visitor where the public front would."""
        tunnel = self.registry.find((TunnelKind.HTTP, visit.label))
        if visit.label in self.parking.expected:
            again = partial(self.route, visit)
            self.parking.park(visit.label, cast(Exchange, visit), again)
        elif tunnel is None:
            visit.refuse(Problem(Code.NO_TUNNEL, 502))
        else:
            visit.serve(tunnel)

    async def _open_port(self, port: int) -> OpenPort:
        if port in self.ports:
            raise OSError("address in use")
        return OpenPort(port, self.ports)

    async def _last(self, person_id: int) -> int | None:
        return self._last_ports.get(person_id)

    async def _lasts_of_others(self, person_id: int) -> set[int]:
        return set()  # so that nothing but what the registry keeps in mind spares a port

    async def _remember(self, person_id: int, port: int) -> None:
        self._last_ports[person_id] = port
