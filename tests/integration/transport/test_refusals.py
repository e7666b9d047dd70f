"""Everything else that SSH can do, and that neither end of ours does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.connection import SSHConnection
from asyncssh.constants import OPEN_ADMINISTRATIVELY_PROHIBITED, OPEN_UNKNOWN_CHANNEL_TYPE
from asyncssh.packet import String, UInt32

from pgrok.transport.ssh.server import MAX_SESSIONS
from support.conditions import until
from support.transport import Scripted, channels, raw, serving

KINDS = [
    "direct-tcpip",
    "direct-streamlocal@openssh.com",
    "tun@openssh.com",
    "forwarded-tcpip",
    "forwarded-streamlocal@openssh.com",
    "x11",
    "auth-agent@openssh.com",
    "no-such-thing",
]

DETAILS = {
    "x11": String("192.0.2.1") + UInt32(6000),
    "forwarded-streamlocal@openssh.com": String("/tmp/socket") + String(""),
}


class Opening(asyncssh.SSHTCPChannel[bytes]):
    """A channel of any kind."""

    async def open_as(self, kind: str) -> None:
        await self._open(kind.encode(), DETAILS.get(kind, b""))


async def open_channel(connection: SSHConnection, kind: str) -> None:
    channel = Opening(connection, connection._loop, None, "strict", 1 << 16, 1 << 15)
    await channel.open_as(kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_server_opens_nothing_but_sessions(kind: str) -> None:
    async with serving() as served, raw(served) as connection:
        with pytest.raises(asyncssh.ChannelOpenError) as refusal:
            await open_channel(connection, kind)
        assert refusal.value.code in (
            OPEN_ADMINISTRATIVELY_PROHIBITED,
            OPEN_UNKNOWN_CHANNEL_TYPE,
        )
        assert not connection.is_closed()


@pytest.mark.parametrize("kind", ["session", *(sorted(set(KINDS) - {"forwarded-tcpip"}))])
async def test_our_client_takes_nothing_but_what_it_forwards(kind: str) -> None:
    async with serving() as served, channels(served) as (opener, acceptor, connection):
        with pytest.raises(asyncssh.ChannelOpenError):
            await open_channel(opener.connection, kind)
        assert acceptor.protocols == []
        assert not connection.is_closed()


async def run(
    connection: asyncssh.SSHClientConnection, command: str | None = None, **options: Any
) -> asyncssh.SSHClientChannel[bytes]:
    """Open a session."""
    made = await connection.create_session(asyncssh.SSHClientSession, command, **options)
    channel: asyncssh.SSHClientChannel[bytes] = made[0]
    return channel


class TestSessions:
    async def test_commands_are_refused(self) -> None:
        async with serving() as served, raw(served) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await run(connection, "id")

    @pytest.mark.parametrize("subsystem", ["sftp", "netconf"])
    async def test_subsystems_are_refused(self, subsystem: str) -> None:
        async with serving() as served, raw(served) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await run(connection, subsystem=subsystem)

    async def test_a_shell_is_a_greeting(self) -> None:
        async with serving() as served, raw(served) as connection:
            _, reader, _ = await connection.open_session()
            assert await reader.readline() == "hello\r\n"

    @pytest.mark.parametrize("key", ["\x03", "\x04", "text before\x03"])
    async def test_control_c_and_d_end_it(self, key: str) -> None:
        async with serving() as served, raw(served) as connection:
            process = await connection.create_process(term_type="xterm")
            await process.stdout.readline()
            process.stdin.write(key)
            assert (await process.wait()).exit_status == 0
            assert served.client.retired

    async def test_the_end_of_its_input_does_not(self) -> None:
        async with serving() as served, raw(served) as connection:
            process = await connection.create_process()
            process.stdin.write_eof()
            assert await process.stdout.readline() == "hello\r\n"
            assert process.exit_status is None
            assert not served.client.retired

    async def test_a_session_may_end_before_it_was_greeted(self) -> None:
        class Late(Scripted):
            async def greeting(self) -> str:
                await until(lambda: not self.connection._channels, "the session is gone")
                return "too late\n"

        async with serving(Late) as served, raw(served) as connection:
            process = await connection.create_process()
            process.close()
            await process.wait_closed()
            await until(lambda: not served.client.connection._channels)

    async def test_an_agent_is_not_forwarded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """asyncssh would make a socket for it."""
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        async with serving() as served, raw(served) as connection:
            channel = await run(connection)
            assert not await channel._make_request(b"auth-agent-req@openssh.com")
            assert list(tmp_path.iterdir()) == []
            assert served.client.connection._agent_listener is None

    async def test_an_environment_is_not_kept(self) -> None:
        async with serving() as served, raw(served) as connection:
            await run(connection, env={"LANG": "C", "PGROK": "x" * 1000})
            (session,) = served.client.connection._channels.values()
            assert session._env == {}

    async def test_x11_is_not_forwarded(self) -> None:
        async with serving() as served, raw(served) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await run(connection, x11_forwarding=True, x11_display="localhost:0")

    async def test_a_few_sessions_are_enough(self) -> None:
        async with serving() as served, raw(served) as connection:
            for _ in range(MAX_SESSIONS):
                await run(connection)
            with pytest.raises(asyncssh.ChannelOpenError, match="too many sessions"):
                await run(connection)
            assert len(served.client.connection._channels) == MAX_SESSIONS
