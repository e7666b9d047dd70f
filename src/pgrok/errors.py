"""Every error that pgrok raises on purpose.

::

    PgrokError
    ├── UsageError              what was typed or written makes no sense
    │   ├── AddressError        not a host:port, a URL or a port
    │   └── ConfigError         a settings file; carries every problem at once
    ├── ProtocolError           the other side broke HTTP, SSH or our requests on it
    │   ├── LocalProtocolError  we did: always a bug of ours
    │   └── RemoteProtocolError the peer did; carries a status hint where there is HTTP
    ├── TransportError          bytes could not be carried
    │   ├── ChannelRefused      the peer would not open a channel
    │   ├── ChannelTruncated    a channel was closed before its end of file
    │   └── ConnectionLost      the SSH connection went away under its channels
    ├── ConnectError            a client could not get to a live tunnel
    │   ├── ServerUnreachable   no TCP connection, or it broke: try again
    │   │   └── ServerUnavailable   it is there and cannot serve just now
    │   ├── HostKeyMismatch     the server is not the one known by that name
    │   ├── TokenRefused        the server does not know the token
    │   ├── TunnelRefused       the server would not open the tunnel
    │   └── Replaced            another client took the name
    ├── StoreError              the database
    │   ├── StoreUnavailable    it does not answer: passes by itself
    │   ├── StoreBusy           another daemon is active on it
    │   └── Conflict            a unique name or identity is taken
    ├── NameRefused             a subdomain that nobody may have, or cannot be made
    └── SignInRefused           OIDC said no, or what it said does not hold

An exception of any other class that leaves a room is a bug. Every message says what
happened, where, and what to do next, and none of them holds a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PgrokError(Exception):
    """Base of all errors that are raised on purpose."""


class UsageError(PgrokError):
    """What was typed or written makes no sense."""


class AddressError(UsageError):
    """A text is not an address, a port or a URL where one is expected."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong with a settings file.

    `where` is the file (or `environment`), `key` the dotted key, `found` what stands there,
    already cut short and with secrets left out, `expected` what should.
    """

    where: str
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        found = f"found {self.found}, " if self.found else ""
        return f"{self.where}: {self.key}: {found}expected {self.expected}"


class ConfigError(UsageError):
    """A settings file cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ProtocolError(PgrokError):
    """One side of a protocol broke its rules."""


class LocalProtocolError(ProtocolError):
    """We used a protocol object wrongly: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    `status` is the HTTP status to answer with where the peer speaks HTTP and can still be
    answered.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class TransportError(PgrokError):
    """Bytes could not be carried."""


class ChannelRefused(TransportError):
    """The peer would not open a channel (RFC 4254 5.1)."""


class ChannelTruncated(TransportError):
    """The peer closed a channel without announcing the end of its data."""


class ConnectionLost(TransportError):
    """The SSH connection went away under its channels."""


class ConnectError(PgrokError):
    """A client could not get to a live tunnel."""


class ServerUnreachable(ConnectError):
    """No TCP or SSH connection came about, or it broke; trying again may help."""


class ServerUnavailable(ServerUnreachable):
    """The server is there and ended the connection before anything was decided."""


class HostKeyMismatch(ConnectError):
    """The server's host key is not the one that is known for it."""


class TokenRefused(ConnectError):
    """The server does not know the token; trying again cannot help."""


class TunnelRefused(ConnectError):
    """The server knows the token and would not open the tunnel; the message is the server's.

    `reason` says why in a word or two of few that there are, for whoever counts refusals.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Replaced(ConnectError):
    """The server ended this tunnel because another client took its name."""


class StoreError(PgrokError):
    """The database cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The database does not answer; trying again may help."""


class StoreBusy(StoreError):
    """Another daemon is active on this database."""


class Conflict(StoreError):
    """A name or an identity is taken."""


class NameRefused(PgrokError):
    """A subdomain is reserved, or none can be made from an identifier."""


class SignInRefused(PgrokError):
    """A sign-in was refused; the message may be shown to the person who tried."""
