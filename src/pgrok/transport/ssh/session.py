"""The session of a person who runs plain `ssh`: a greeting, and the wait for Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncssh
from asyncssh.channel import SSHServerChannel
from asyncssh.packet import SSHPacket

from pgrok.errors import PgrokError

END_OF_TEXT = b"\x03"
"""What Ctrl-C types into a terminal that is in raw mode."""

END_OF_TRANSMISSION = b"\x04"
"""What Ctrl-D types."""

WINDOW = 32 * 1024
"""Octets that may come at once; a person types few."""


class GreetingChannel(SSHServerChannel[bytes]):
    """The channel of a session. What a client puts into an environment is not kept."""

    def __init__(
        self, connection: asyncssh.SSHServerConnection, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            connection,
            loop,
            allow_pty=True,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors="strict",
            window=WINDOW,
            max_pktsize=WINDOW,
        )

    # Refused here and not by a task of asyncssh's: the requests behind one whose answer is not
    # there yet would queue up, without a limit.

    def _process_env_request(self, packet: SSHPacket) -> bool:
        return False

    def _process_x11_req_request(self, packet: SSHPacket) -> bool:
        return False

    def _process_auth_agent_req_at_openssh_dot_com_request(  # type: ignore[override]
        self, packet: SSHPacket
    ) -> bool:
        return False


class GreetingSession(asyncssh.SSHServerSession[bytes]):
    """Says where the tunnel is and runs no program whatsoever.

    `greeting` waits until there is something to say; `leave` ends the tunnels, which for a plain
    `ssh` live as long as its session.
    """

    def __init__(self, greeting: Callable[[], Awaitable[str]], leave: Callable[[], None]) -> None:
        self._greeting = greeting
        self._leave_tunnels = leave
        self._channel: SSHServerChannel[bytes] | None = None
        self._speaker: asyncio.Task[None] | None = None
        self._left = False

    def connection_made(self, chan: SSHServerChannel[bytes]) -> None:
        """The channel stands."""
        self._channel = chan

    def pty_requested(self, *_args: object) -> bool:
        """Take a terminal, so that Ctrl-C arrives as a character."""
        return True

    def shell_requested(self) -> bool:
        """Take the request for a shell: it gets the greeting."""
        return True

    def session_started(self) -> None:
        """Greet."""
        self._speaker = asyncio.get_running_loop().create_task(self._greet())

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Watch for the keys that end a session; nothing else that is typed means anything."""
        if END_OF_TEXT in data or END_OF_TRANSMISSION in data:
            self._leave()

    def eof_received(self) -> bool:
        """Stay: `ssh </dev/null` has no more to say and still wants its tunnel."""
        return True

    def break_received(self, msec: int) -> bool:
        """A BREAK ends the session as Ctrl-C does."""
        self._leave()
        return True

    def signal_received(self, signal: str) -> None:
        """So does a signal."""
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is gone, and whoever was about to write to it stops."""
        if self._speaker is not None:
            self._speaker.cancel()
        self._channel = None

    async def _greet(self) -> None:
        try:
            text = await self._greeting()
        except PgrokError as error:
            text = f"{error}\n"
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(text.replace("\n", "\r\n").encode())

    def _leave(self) -> None:
        """End the session, once; ssh then says goodbye itself, when no channel is left."""
        if self._left:
            return
        self._left = True
        if self._channel is not None:
            self._channel.exit(0)
        self._leave_tunnels()
