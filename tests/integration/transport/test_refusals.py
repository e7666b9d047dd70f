"""Everything else that SSH can do, and that neither end of ours does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.connection import SSHConnection
from asyncssh.constants import (
    MSG_REQUEST_FAILURE,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_UNKNOWN_CHANNEL_TYPE,
)
from asyncssh.packet import Boolean, String, UInt32

from pgrok.transport.ssh.server import MAX_SESSIONS
from support.conditions import until
from support.hostile import HostileClient, hostile_client
from support.transport import TOKEN, Scripted, Served, channels, raw, serving

KINDS = [
    "direct-tcpip",
    "direct-streamlocal@openssh.com",
    "tun@openssh.com",
    "forwarded-tcpip",
    "forwarded-streamlocal@openssh.com",
    "x11",
    "auth-agent@openssh.com",
    "channel",
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

    @pytest.mark.parametrize(
        ("kind", "payload"),
        [
            ("exec", String("id")),
            ("exec", String(b"\xff\xfe")),
            ("subsystem", String("sftp")),
            ("subsystem", String(b"\xff\xfe")),
            ("env", String("LD_PRELOAD") + String("/tmp/x.so")),
            ("x11-req", Boolean(False) + String("a") + String("00") + UInt32(0)),
            ("x11-req", Boolean(False) + String("a") + String("no hex") + UInt32(0)),
            ("auth-agent-req@openssh.com", b""),
            ("keepalive@openssh.com", b""),
            ("no-such-thing", b"whatever"),
            ("", b""),
        ],
    )
    async def test_all_that_a_session_can_ask_is_refused(self, kind: str, payload: bytes) -> None:
        async with serving() as served, raw(served) as connection:
            channel = await run(connection)
            assert not await channel._make_request(kind.encode(), payload)
            assert not connection.is_closed()

    @pytest.mark.parametrize(
        ("kind", "payload"),
        [
            ("pty-req", String("xterm") + UInt32(80) * 4 + String(b"\x01\0\0\0\x03\0")),
            ("window-change", UInt32(2**32 - 1) * 4),
        ],
    )
    async def test_a_terminal_is_taken_and_means_nothing(self, kind: str, payload: bytes) -> None:
        async with serving() as served, raw(served) as connection:
            channel = await run(connection)
            assert await channel._make_request(kind.encode(), payload)

    async def test_a_second_shell_is_refused(self) -> None:
        async with serving() as served, raw(served) as connection:
            channel = await run(connection)
            assert not await channel._make_request(b"shell")


REQUESTS = [
    "streamlocal-forward@openssh.com",
    "cancel-streamlocal-forward@openssh.com",
    "no-more-sessions@openssh.com",
    "hostkeys-00@openssh.com",
    "tun-forward@openssh.com",
    "",
    "no such thing",
    "x" * 60_000,
]


@pytest.mark.parametrize("name", REQUESTS)
async def test_other_requests_are_refused_and_answered_only_if_they_want_it(name: str) -> None:
    async with serving() as served, raw(served) as connection:
        connection._send_global_request(name.encode(), String("/tmp/socket"), want_reply=False)
        kind, packet = await connection._make_global_request(name.encode(), String("/tmp/socket"))
        assert (kind, packet.get_remaining_payload()) == (MSG_REQUEST_FAILURE, b"")
        assert served.client.forwards == []


class TestSigningIn:
    """Nothing but a password is a way in, and the user name says nothing."""

    @pytest.mark.parametrize(
        "method",
        [
            String("none"),
            String("publickey") + Boolean(False) + String("ssh-ed25519") + String(b"key"),
            String("publickey") + Boolean(True) + String("ssh-rsa") + String(b"") + String(b""),
            String("hostbased") + String("ssh-ed25519") + String(b"") * 4,
            String("keyboard-interactive") + String("") + String(""),
            String("gssapi-with-mic")
            + UInt32(1)
            + String(b"\x06\x09*\x86H\x86\xf7\x12\x01\x02\x02"),
            String("gssapi-keyex") + String(b"mic"),
            String("password") + Boolean(True) + String(TOKEN) + String("new"),
            String("password") + Boolean(False) + String(b"\xff\xfe"),
            String("no-such-thing"),
            String(""),
        ],
    )
    async def test_other_ways_are_failures_that_list_password(self, method: bytes) -> None:
        async with serving() as served:
            client = await stranger(served)
            client.send(MSG_USERAUTH_REQUEST, sign_in("x", method))
            await until(lambda: MSG_USERAUTH_FAILURE in client.kinds())
            assert client.heard[-1] == (MSG_USERAUTH_FAILURE, String("password") + Boolean(False))
            assert served.client.passwords == []
            client.send(MSG_USERAUTH_REQUEST, sign_in("x", PASSWORD))
            await until(lambda: MSG_USERAUTH_SUCCESS in client.kinds())
            client.abort()

    @pytest.mark.parametrize(
        "name",
        ["", "root\0", "a\nsigned in", "\x1b[31mred\x1b]0;title\x07", "\u202egnp", "x" * 1023],
    )
    async def test_a_user_name_says_nothing_and_is_kept_nowhere(
        self, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG", "asyncssh")
        async with serving() as served:
            client = await stranger(served)
            client.send(MSG_USERAUTH_REQUEST, sign_in(name, PASSWORD))
            await until(lambda: client.is_closed() or MSG_USERAUTH_SUCCESS in client.kinds())
            for control in "\0\x1b\x07\n":
                assert control not in "".join(record.message for record in caplog.records)
            client.abort()

    @pytest.mark.parametrize("name", [b"x" * 50_000, b"\xff\xfe"])
    async def test_what_is_no_name_ends_the_connection(self, name: bytes) -> None:
        async with serving() as served:
            client = await stranger(served)
            client.send(MSG_USERAUTH_REQUEST, sign_in(name, PASSWORD))
            await until(lambda: served.client.lost is not None)
            assert served.client.passwords == []

    async def test_ways_that_fail_are_so_many(self) -> None:
        async with serving() as served:
            client = await stranger(served)
            for _ in range(2000):
                client.send(MSG_USERAUTH_REQUEST, sign_in("x", String("none")))
            await until(lambda: served.client.lost is not None)


PASSWORD = String("password") + Boolean(False) + String(TOKEN)


def sign_in(name: str | bytes, method: bytes) -> bytes:
    """Return an attempt to sign in (RFC 4252 5)."""
    return String(name) + String("ssh-connection") + method


async def stranger(served: Served) -> HostileClient:
    """Return a client that has exchanged keys and may sign in."""
    client = await hostile_client(served.address, before_it_signs_in=True)
    client.send(MSG_SERVICE_REQUEST, String("ssh-userauth"))
    await until(lambda: MSG_SERVICE_ACCEPT in client.kinds())
    return client
