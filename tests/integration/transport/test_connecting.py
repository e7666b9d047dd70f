"""Connecting and authenticating: our client and a foreign one against our server."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest
from asyncssh.packet import Boolean, SSHPacket, String

from pgrok.address import Address
from pgrok.errors import HostKeyMismatch, ServerUnreachable, StoreUnavailable, TokenRefused
from pgrok.transport.client import connect
from pgrok.transport.doorway import MAX_BEFORE_LOGIN
from pgrok.transport.interfaces import Connection, HostKeyInfo
from support.conditions import until
from support.ports import LOOPBACK, free_port
from support.transport import (
    BOUNDS,
    TOKEN,
    Scripted,
    Served,
    connected,
    host_keys,
    raw,
    refused,
    serving,
    trust,
)


async def test_a_good_token_connects() -> None:
    async with serving() as served, connected(served) as connection:
        assert served.client.passwords == [TOKEN]
        assert served.client.connection.client_version == "SSH-2.0-test"
        assert served.client.connection.peer.host == LOOPBACK
        assert not connection.is_closed()


async def test_a_wrong_token_is_refused_after_one_attempt() -> None:
    async with serving() as served:
        with pytest.raises(TokenRefused):
            async with connected(served, token="wrong"):
                pass
        assert served.client.passwords == ["wrong"]
        await until(lambda: served.client.lost is not None)


async def test_our_client_signs_in_without_asking_how() -> None:
    methods: list[bytes] = []

    class Watched(Scripted):
        def __init__(self, connection: Connection) -> None:
            super().__init__(connection)
            finish = self.connection._finish_userauth

            async def note(_begin: bool, method: bytes, packet: SSHPacket) -> None:
                methods.append(method)
                await finish(_begin, method, packet)

            self.connection._finish_userauth = note  # type: ignore[method-assign]

    async with serving(Watched) as served:
        async with connected(served):
            assert methods == [b"password"]
        async with raw(served):
            assert methods[1:] == [b"none", b"password"]


class Odd(asyncssh.SSHClient):
    """Begins to sign in with a request of its own, and then as everybody else."""

    def __init__(self, method: bytes, *rest: bytes) -> None:
        self._request = (method, *rest)

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    async def password_auth_requested(self) -> str:
        await self._connection.send_userauth_request(*self._request)
        return TOKEN


@pytest.mark.parametrize(
    "request_",
    [
        (b"publickey", Boolean(False), String("ssh-ed25519"), String(b"key")),
        (b"keyboard-interactive", String(""), String("")),
        (b"no such method",),
        (b"password", Boolean(True), String(TOKEN), String("a new one")),
        (b"password", Boolean(False), String(b"\xff\xfe")),
    ],
)
async def test_other_ways_in_are_refused(request_: tuple[bytes, ...]) -> None:
    async with (
        serving() as served,
        await asyncssh.connect(
            *address_of(served),
            client_factory=lambda: Odd(*request_),
            config=None,
            known_hosts=None,
            username="x",
            client_keys=None,
            agent_path=None,
        ),
    ):
        assert served.client.passwords == [TOKEN]


async def test_a_client_that_leaves_while_its_token_is_checked_is_not_signed_in() -> None:
    checked = asyncio.Event()

    class Slow(Scripted):
        async def authenticate(self, password: str) -> bool:
            self.passwords.append(password)
            await checked.wait()
            return True

    async with serving(Slow) as served:
        connecting = asyncio.ensure_future(leave_at_once(served))
        await until(lambda: served.clients and served.client.passwords)
        served.client.connection.abort()
        await until(lambda: served.client.lost is not None)
        checked.set()
        await until(lambda: not served.client.connection._tasks)
        assert not served.client.connection._auth_complete
        with pytest.raises(ServerUnreachable):
            await connecting


async def leave_at_once(served: Served) -> None:
    async with connected(served):
        pass


class Persistent(asyncssh.SSHClient):
    """Tries one password after the other, and notes why it ended."""

    def __init__(self) -> None:
        self.tried = 0
        self.error: Exception | None = None

    def password_auth_requested(self) -> str:
        self.tried += 1
        return f"wrong {self.tried}"

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc


async def test_a_connection_has_three_attempts_and_is_then_closed() -> None:
    client = Persistent()
    async with serving() as served:
        with pytest.raises(asyncssh.PermissionDenied, match="too many wrong tokens"):
            await asyncssh.connect(
                *(served.address.host, served.address.port),
                client_factory=lambda: client,
                config=None,
                known_hosts=None,
                username="x",
                client_keys=None,
                agent_path=None,
            )
        assert served.client.passwords == [
            f"wrong {n}" for n in range(1, BOUNDS.login_attempts + 1)
        ]
        await until(lambda: served.client.lost is not None)


async def test_password_is_all_that_is_offered() -> None:
    async with serving() as served:
        methods = await asyncssh.get_server_auth_methods(
            served.address.host, served.address.port, username="x", config=None
        )
        assert methods == ["password"]


async def test_other_methods_are_failures_that_list_password() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with serving() as served:
        connection = await asyncssh.connect(
            *(served.address.host, served.address.port),
            config=None,
            known_hosts=None,
            username="x",
            client_keys=[key],
            agent_path=None,
            password=TOKEN,
        )
        connection.abort()
        assert served.client.passwords == [TOKEN]


class Broken(Scripted):
    """A server whose store is away."""

    async def authenticate(self, password: str) -> bool:
        raise StoreUnavailable("the server cannot check tokens right now; try again")


async def test_a_store_that_fails_is_no_refusal_and_says_so() -> None:
    """The original's client exits for good on a refusal; it has to come back from this one."""
    async with serving(Broken) as served:
        with pytest.raises(ServerUnreachable, match="cannot check tokens right now"):
            async with connected(served):
                pass
        await until(lambda: served.client.lost is not None)


class Crashing(Scripted):
    async def authenticate(self, password: str) -> bool:
        raise ZeroDivisionError


async def test_a_bug_in_a_check_is_no_refusal_either() -> None:
    async with serving(Crashing) as served:
        with pytest.raises(ServerUnreachable):
            async with connected(served):
                pass


class TestHostKeys:
    async def test_the_key_is_checked_before_the_token_is_sent(self) -> None:
        async with serving() as served:
            with pytest.raises(HostKeyMismatch, match="SHA256:"):
                await connect(
                    served.address,
                    token=TOKEN,
                    check_host_key=lambda _: False,
                    client_version="test",
                )
            await until(lambda: served.client.lost is not None)
            assert served.client.passwords == []

    async def test_whoever_checks_may_say_why(self) -> None:
        def check(_: HostKeyInfo) -> bool:
            raise HostKeyMismatch("it was another one last time")

        async with serving() as served:
            with pytest.raises(HostKeyMismatch, match="another one last time"):
                await connect(
                    served.address, token=TOKEN, check_host_key=check, client_version="test"
                )

    @pytest.mark.parametrize(
        ("wanted", "presented"),
        [
            ([], "ssh-ed25519"),
            (["ecdsa-sha2-nistp256"], "ecdsa-sha2-nistp256"),
            (["rsa-sha2-256", "ssh-ed25519"], "ssh-rsa"),
            (["ssh-rsa", "no-such-algorithm"], "ssh-ed25519"),
        ],
    )
    async def test_known_algorithms_are_asked_for_first(
        self, wanted: list[str], presented: str
    ) -> None:
        seen: list[HostKeyInfo] = []

        def check(key: HostKeyInfo) -> bool:
            seen.append(key)
            return True

        async with serving() as served:
            connection = await connect(
                served.address,
                token=TOKEN,
                check_host_key=check,
                client_version="test",
                host_key_algorithms=wanted,
            )
            connection.abort()
        expected = {
            key.get_algorithm(): key.get_fingerprint()
            for key in map(asyncssh.import_private_key, host_keys())
        }
        assert seen == [HostKeyInfo(presented, expected[presented])]

    async def test_sha1_signatures_are_not_made(self) -> None:
        async with serving() as served:
            with pytest.raises(asyncssh.KeyExchangeFailed):
                await asyncssh.connect(
                    *(served.address.host, served.address.port),
                    config=None,
                    known_hosts=None,
                    server_host_key_algs=["ssh-rsa"],
                )


class TestUnreachable:
    async def test_nobody_listens(self) -> None:
        error = await refused(
            connect(
                Address(LOOPBACK, free_port()), token="x", check_host_key=trust, client_version="t"
            )
        )
        assert isinstance(error, ServerUnreachable)
        assert "Connection refused" in str(error)

    @pytest.mark.parametrize(
        ("greeting", "said"),
        [
            (b"", ""),
            (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "it speaks HTTP"),
            (b"x" * 9000, "Banner line too long"),
            (b"SSH-1.5-old\r\n", "Unsupported SSH version"),
            (b"SSH-2.0-\xff\xfe\r\n", "its version is not ASCII"),
            (b"SSH-2.0-x\r\n" + b"\xff" * 64, "does not speak SSH as pgrok does"),
            (b"SSH-2.0-x\r\n\0\0\0\x0c\x0a\x14" + b"\0" * 10, "not speak SSH as pgrok"),
        ],
    )
    async def test_what_listens_does_not_speak_ssh(self, greeting: bytes, said: str) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(greeting)
            if greeting:
                await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, LOOPBACK, 0)
        async with server:
            address = Address(LOOPBACK, server.sockets[0].getsockname()[1])
            error = await refused(
                connect(address, token="x", check_host_key=trust, client_version="t")
            )
        assert isinstance(error, ServerUnreachable)
        assert said in str(error)


async def test_nobody_may_talk_for_long_before_authenticating() -> None:
    """It bounds all that can be had for nothing: key exchanges, attempts, packets."""
    async with serving() as served:
        reader, writer = await asyncio.open_connection(*address_of(served))
        await reader.readline()
        writer.write(b"SSH-2.0-flood\r\n")
        ignored = b"\x00\x00\x00\x0c\x06\x02\x00\x00\x00\x00" + b"\x00" * 6
        writer.write(ignored * (MAX_BEFORE_LOGIN // len(ignored)))
        await until(lambda: served.client.lost is not None)
        writer.close()


def address_of(served: Served) -> tuple[str, int]:
    return served.address.host, served.address.port


async def test_control_characters_in_a_version_do_not_reach_logs() -> None:
    async with serving() as served:
        _, writer = await asyncio.open_connection(*address_of(served))
        writer.write(b"SSH-2.0-a\x1b[31m\x07b\r\n")
        await until(lambda: served.clients and served.client.connection.client_version != "")
        assert served.client.connection.client_version == "SSH-2.0-a?[31m?b"
        writer.close()


async def test_a_foreign_client_with_another_user_name_connects() -> None:
    async with serving() as served, raw(served):
        assert served.client.passwords == [TOKEN]
