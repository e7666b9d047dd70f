"""What asyncssh asks about one connection to the server."""

from __future__ import annotations

from typing import Protocol

import asyncssh
from asyncssh.channel import SSHServerChannel

from pgrok.transport.ssh.session import GreetingSession

Session = tuple[SSHServerChannel[bytes], GreetingSession]


class Decider(Protocol):
    """The connection, which decides."""

    def authenticated(self) -> None:
        """The client is in."""

    def new_session(self) -> Session:
        """Return the session of a plain `ssh` without -N."""


class Owner(asyncssh.SSHServer):
    """Passes on what concerns us; asyncssh refuses everything else by itself."""

    def __init__(self, connection: Decider) -> None:
        self._connection = connection

    def password_auth_supported(self) -> bool:
        """Tokens come as passwords."""
        return True

    def auth_completed(self) -> None:
        """The client is in."""
        self._connection.authenticated()

    def session_requested(self) -> Session:
        """A plain `ssh` without -N."""
        return self._connection.new_session()
