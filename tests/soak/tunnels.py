"""Tunnels, and the clients that hold them, which come to the server through a relay."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from random import Random

from soak import requests, streams
from soak.clients import Clients, Kind
from soak.ends import VISIBLE, Refused, Wrong
from soak.http import Connection
from soak.ledger import Ledger
from support.daemon import Daemon, Person
from support.faults import FaultRelay
from support.go import LIVE
from support.processes import Process
from support.visitor import port_of

BACK = 60.0
"""Seconds until a tunnel has to answer after a fault; a client that was often cut off waits for
up to thirty before it comes back."""

ANSWERED = 3.0
"""Seconds that one attempt to see whether it answers may take: while it is parked, nobody sees
whether there is a client at all."""

LOOK_EVERY = 0.1


class Tunnel:
    """A public name or port, which stays the same over all clients that hold it.

    A `veteran`'s client lives from the start to the end.
    """

    host = ""
    port = 0
    process: Process

    def __init__(
        self,
        kind: Kind,
        person: Person,
        clients: Clients,
        relay: FaultRelay,
        ledger: Ledger,
        *,
        veteran: bool = False,
    ) -> None:
        self.name = f"{person.name} {kind}"
        self.kind, self.relay, self.veteran = kind, relay, veteran
        self._person, self._clients, self._ledger = person, clients, ledger
        self._was_up = False
        self._chance = Random(self.name)

    @property
    def is_tcp(self) -> bool:
        """Whether its visitors' octets pass unseen."""
        return self.kind is Kind.PGROK_TCP

    async def begin(self, daemon: Daemon) -> None:
        """Start the first client and see where the tunnel is."""
        await self.start()
        if self.is_tcp:
            said = await asyncio.to_thread(self.process.wait_for, LIVE)
            self.port = port_of(said[1])
        else:
            self.host, self.port = f"{self._person.name}.localhost:{daemon.proxy}", daemon.proxy
        await self.back()

    async def start(self) -> None:
        """Start a client; whoever held the tunnel until now is left to the caller."""
        token, remote = self._person.token, self.relay.port
        self.process = await asyncio.to_thread(self._clients.start, self.kind, remote, token)
        self._was_up = False

    async def kill(self) -> None:
        """End the client without a word."""
        await self.end(self.process, signal.SIGKILL)

    async def stop(self) -> None:
        """End the client as a person does with Ctrl-C."""
        await self.end(self.process, signal.SIGINT)

    async def end(self, process: Process, number: signal.Signals) -> None:
        """End a client of this tunnel with a signal, and look through what it said."""
        began = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            process.send(number)
        try:
            await asyncio.to_thread(process.wait)
        except AssertionError:
            self._ledger.fail("client", f"did not end at {number.name}", self.name, began)
        process.kill()
        if "Traceback" in process.output:
            said = process.output[-4000:]
            self._ledger.fail("client", f"an error inside:\n{said}", self.name, began)

    async def back(self) -> None:
        """Return when the tunnel answers; a client that gave up is started again, if it may."""
        began = time.monotonic()
        while not await self._answers():
            if time.monotonic() - began > BACK:
                self._ledger.fail("tunnel", f"not back in {BACK:g} s", self.name, began)
                return
            if not self.process.running:
                await self._start_again()
            await asyncio.sleep(LOOK_EVERY)
        self._was_up = True

    async def _start_again(self) -> None:
        if self._was_up and self.kind.comes_back:
            said = self.process.output[-4000:]
            self._ledger.fail("client", f"ended by itself:\n{said}", self.name)
        await self.start()

    async def _answers(self) -> bool:
        began = time.monotonic()
        try:
            async with asyncio.timeout(ANSWERED):
                await self._ask()
        except (Refused, TimeoutError, *VISIBLE):
            return False
        except Wrong as wrong:
            self._ledger.fail("answer", str(wrong), self.name, began)
        return True

    async def _ask(self) -> None:
        if self.is_tcp:
            await streams.stream(self.host, self.port, self._chance)
            return
        connection = await Connection.open(self.host, self.port)
        try:
            await requests.fetch(connection, self._chance)
        finally:
            connection.abort()
