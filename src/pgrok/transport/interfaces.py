"""What the two ends of a connection look like to the rest of the house: no type of asyncssh's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pgrok.address import Address


@dataclass(frozen=True, slots=True)
class HostKeyInfo:
    """The key that a server presented: `fingerprint` is `SHA256:...` as OpenSSH prints it."""

    algorithm: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Forward:
    """A `tcpip-forward` as the client named it: its channels go back under just these words."""

    address: bytes
    port: int


class Fault(StrEnum):
    """What ended a connection."""

    LOST = "lost"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol error"


class Connection(Protocol):
    """One client's SSH connection."""

    @property
    def peer(self) -> Address:
        """Where the client connects from."""

    @property
    def client_version(self) -> str:
        """What the client calls itself (RFC 4253 4.2)."""

    @property
    def round_trip(self) -> float:
        """Seconds that the last keepalive took."""

    @property
    def channels(self) -> int:
        """Channels that are open, or about to be, or not yet closed by both ends."""

    @property
    def octets_sent(self) -> int:
        """Octets of data on all its channels so far."""

    @property
    def octets_received(self) -> int:
        """The same, of what came."""

    def is_closed(self) -> bool:
        """Whether the connection is gone, or is about to be because goodbye was said."""

    def open_channel(
        self, protocol: asyncio.Protocol, forward: Forward, originator: Address
    ) -> asyncio.Transport:
        """Open a `forwarded-tcpip` channel (RFC 4254 7.2) under `protocol`.

        `protocol` is told `connection_made` when the client confirms; when it refuses,
        `connection_lost` gets `ChannelRefused` without that. Aborting the transport gives up
        either way. Raises `ConnectionLost` when the connection is gone, and `ChannelRefused` when
        it has as many channels as it may.
        """

    async def probe(self) -> None:
        """Return when the client gives a sign of life; raises `ConnectionLost`."""

    def end(self, reason: str) -> None:
        """Send DISCONNECT with the reason and close everything at once."""


class Client(Protocol):
    """What the server makes of one connection; every method may raise a `PgrokError`."""

    async def authenticate(self, password: str) -> bool:
        """Whether the password is good; an error closes the connection without an answer."""

    async def hint(self, payload: bytes) -> bytes:
        """Answer a `hint`."""

    async def forward(self, forward: Forward) -> int:
        """Answer a `tcpip-forward`; return the port that the client is told."""

    async def cancel(self, forward: Forward) -> None:
        """Answer a `cancel-tcpip-forward`."""

    async def server_info(self, payload: bytes) -> bytes:
        """Answer a `server-info`."""

    async def greeting(self) -> str:
        """Return what a person sees who runs a plain `ssh` without -N."""

    def retire(self) -> None:
        """End the tunnels while the connection still stands, and close what idles."""

    def connection_lost(self, *, goodbye: bool, fault: Fault, reason: str) -> None:
        """The connection is gone; `goodbye` is whether the client sent DISCONNECT.

        `fault` says what ended it, of one that never got as far as to authenticate. `reason` is
        what the client did that the server ended it for, and empty if it was not that.
        """
