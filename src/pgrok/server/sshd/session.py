"""One client's connection: who it is, what it wants, and what it is told."""

from __future__ import annotations

import asyncio

import structlog

from pgrok.errors import ConnectionLost, PgrokError, StoreError, TunnelRefused
from pgrok.protocol import Hint, ServerInfo, ServerInfoRequest
from pgrok.server.decisions import Event
from pgrok.server.sshd.holdings import Holdings
from pgrok.server.sshd.opening import Opening
from pgrok.server.sshd.quotas import OVER_LIMIT
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.records import Login
from pgrok.transport.allowance import Allowance
from pgrok.transport.interfaces import Connection, Fault, Forward

TOKEN_SECONDS = 8.0
"""How long the database may take to say whose a token is. On one that hangs the store gives up
later than our client does, who is to hear what is wrong."""

GREETING_SECONDS = 1.0
"""How long a plain `ssh` is waited for to say what it forwards."""

MAX_FORWARDS = 64
"""Tunnels that a connection may ask for at once, and one more each second: each is lines of log."""

log = structlog.get_logger(__name__)


class Session:
    """One SSH connection of one client; implements `pgrok.transport.interfaces.Client`."""

    def __init__(self, connection: Connection, services: Services) -> None:
        self.connection = connection
        self.login: Login | None = None
        self._services = services
        self._hint = Hint()
        self._holdings = Holdings(services)
        self._asked = asyncio.Event()
        self._ready = asyncio.Event()
        self._trouble = ""
        self._dismissed = False
        self._failure = ""
        self._forwards = Allowance(MAX_FORWARDS)
        services.sessions.enter(self)

    async def authenticate(self, password: str) -> bool:
        """Whether the password is a token that holds.

        Raises `StoreError`, and `TunnelRefused` if the person has too many connections.
        """
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                login = await self._services.store.tokens.check(password)
        except (StoreError, TimeoutError) as error:
            reason = str(error) or "the database takes too long"
            log.error("token not checked", reason=reason, peer=str(self.connection.peer))
            self._failure = "no database"
            raise StoreError("the server cannot check tokens right now; try again") from None
        if login is None:
            self._failure = Event.TOKEN.value
            self._services.decisions.refused(Event.TOKEN, "unknown", **self._who())
        else:
            self._sign_in(login)
            log.info("signed in", **self._who())
        return login is not None

    async def hint(self, payload: bytes) -> bytes:
        """Take what the client says it wants."""
        self._hint = Hint.decode(payload)
        return b""

    async def forward(self, forward: Forward) -> int:
        """Open a tunnel and return the port that the client is told."""
        self._asked.set()
        try:
            self._check_patience()
            tunnel = await self._open(self._require_login(), forward)
        except PgrokError as error:
            self._trouble = str(error)
            if isinstance(error, TunnelRefused):
                decisions = self._services.decisions
                decisions.refused(Event.TUNNEL, error.reason, detail=str(error), **self._who())
            raise
        finally:
            self._ready.set()
        log.info("tunnel up", url=tunnel.url, **self._who())
        return tunnel.forward.port

    async def cancel(self, forward: Forward) -> None:
        """End one tunnel."""
        self._holdings.release(forward)

    async def server_info(self, payload: bytes) -> bytes:
        """Tell where the tunnel is that was opened last."""
        wanted = ServerInfoRequest.decode(payload).kind
        tunnels = self._holdings.tunnels
        if not tunnels:
            raise TunnelRefused("there is no tunnel yet: ask for a forward first")
        tunnel = tunnels[-1]
        if wanted not in (None, tunnel.kind):
            raise TunnelRefused(f"this is a tunnel for {tunnel.kind}, not for {wanted}")
        return ServerInfo(tunnel.url).encode()

    async def greeting(self) -> str:
        """Return where the tunnels are, once there is one, or why there is none."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await self._asked.wait()
            await self._ready.wait()
        except TimeoutError:
            return "There is no tunnel. Press Ctrl-C and add -R 0:localhost:3000 to the command.\n"
        tunnels = self._holdings.tunnels
        if not tunnels:
            return f"There is no tunnel: {self._trouble}\n"
        lines = [f"Your tunnel is live at {tunnel.url}\n" for tunnel in tunnels]
        return "".join(lines) + "Press Ctrl-C to end it.\n"

    def retire(self) -> None:
        """End the tunnels of this connection, and no others."""
        self._holdings.release_all(vanished=False)

    def connection_lost(self, *, goodbye: bool, fault: Fault, reason: str) -> None:
        """The connection is gone, and its tunnels with it."""
        self._services.sessions.leave(self)
        self._holdings.release_all(vanished=not (goodbye or self._dismissed))
        counts = self._services.counts
        counts.octets_to_clients += self.connection.octets_sent
        counts.octets_to_visitors += self.connection.octets_received
        if self.login is None:
            counts.handshakes[self._failure or fault.value] += 1
        else:
            self._services.quotas.disconnect(self.login.person.id)
            why = {"reason": reason} if reason else {}
            log.info("left", goodbye=goodbye, **why, **self._who())

    def end(self, reason: str) -> None:
        """End the connection and every tunnel of it; nobody waits for them."""
        self._dismissed = True
        self.connection.end(reason)

    def _sign_in(self, login: Login) -> None:
        """Count a connection, which is uncounted when it is lost."""
        if self.connection.is_closed():
            raise ConnectionLost("the client went away before it was signed in")
        try:
            self._services.quotas.connect(login.person.id)
        except TunnelRefused:
            self._failure = OVER_LIMIT
            who = self._who() | {"person": login.person.name}
            self._services.decisions.refused(Event.CLIENT, OVER_LIMIT, **who)
            raise
        self._services.counts.handshakes["done"] += 1
        self.login = login

    def _check_patience(self) -> None:
        """Raise `TunnelRefused` if the client has asked for more tunnels than anybody needs."""
        if not self._forwards.take(asyncio.get_running_loop().time()):
            raise TunnelRefused("too many tunnels in too short a time", reason=OVER_LIMIT)

    def _require_login(self) -> Login:
        if self.login is None or self.connection.is_closed():
            raise ConnectionLost("the client went away before it had its tunnel")
        return self.login

    async def _open(self, login: Login, forward: Forward) -> Tunnel:
        if forward.port != 0:
            text = f"ask for port 0 instead of {forward.port}: the server chooses"
            raise TunnelRefused(text, reason="fixed port")
        self._services.quotas.check_connection(len(self._holdings.tunnels))
        opening = Opening(
            self._services, self._holdings, self.connection, login.person, self._hint, forward
        )
        return await opening.complete()

    def _who(self) -> dict[str, str]:
        who = {"peer": str(self.connection.peer), "client": self.connection.client_version}
        return who | {"person": self.login.person.name} if self.login else who
