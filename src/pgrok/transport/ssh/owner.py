"""What asyncssh asks about one connection to the server."""

from __future__ import annotations

from typing import Protocol

import asyncssh
from asyncssh.channel import SSHServerChannel

from pgrok.transport.ssh.session import GreetingSession

Session = tuple[SSHServerChannel[bytes], GreetingSession]


class Decider(Protocol):
    """The connection, which decides."""

    async def authenticate(self, password: str) -> bool:
        """Check one password."""

    def authenticated(self) -> None:
        """The client is in."""

    def new_session(self) -> Session:
        """Return the session of a plain `ssh` without -N."""


class Owner(asyncssh.SSHServer):
    """Passes on what concerns us; asyncssh refuses everything else by itself."""

    def __init__(self, connection: Decider) -> None:
        self._connection = connection

    def begin_auth(self, username: str) -> bool:
        """Whoever calls has to authenticate; the user name says nothing."""
        return True

    def password_auth_supported(self) -> bool:
        """Tokens come as passwords."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Check a token."""
        return await self._connection.authenticate(password)

    def auth_completed(self) -> None:
        """The client is in."""
        self._connection.authenticated()

    def session_requested(self) -> Session:
        """A plain `ssh` without -N."""
        return self._connection.new_session()
