"""One connection of a client: signing in, what it may ask, how it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncssh
import pytest
from asyncssh.constants import MSG_DISCONNECT, MSG_NEWKEYS
from asyncssh.packet import String, UInt32
from structlog.testing import capture_logs

from pgrok.errors import (
    ConnectionLost,
    ServerUnreachable,
    StoreUnavailable,
    TokenRefused,
    TunnelRefused,
)
from pgrok.protocol import SERVER_INFO, ServerInfoRequest, TunnelKind
from pgrok.server.sshd import listener, session
from pgrok.server.store import Store
from support.conditions import until
from support.house import House, get, open_house


async def test_an_unknown_token_is_refused(house: House, token: str) -> None:
    with pytest.raises(TokenRefused):
        await house.connect(f"{token}0")


async def test_a_database_that_is_away_is_no_refusal(
    house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: str) -> None:
        raise StoreUnavailable("host=db password=secret")

    up = await house.http(token)
    with monkeypatch.context() as patch:
        patch.setattr(house.daemon.store.tokens, "check", away)
        with pytest.raises(ServerUnreachable, match="cannot check tokens right now") as error:
            await house.connect(token)
        assert "secret" not in str(error.value)
    assert not up.connection.is_closed()
    await house.connect(token)


class TestServerInfo:
    async def test_before_a_forward_it_is_refused(self, house: House, token: str) -> None:
        client = await house.connect(token)
        with pytest.raises(TunnelRefused, match="ask for a forward first"):
            await client.connection.request(SERVER_INFO, b"")

    @pytest.mark.parametrize("kind", TunnelKind)
    async def test_of_another_protocol_it_is_refused(
        self, kind: TunnelKind, house: House, token: str
    ) -> None:
        tunnel = house.http if kind is TunnelKind.HTTP else house.tcp_tunnel
        client = await tunnel(token)
        (other,) = set(TunnelKind) - {kind}
        with pytest.raises(TunnelRefused, match=f"a tunnel for {kind}, not for {other}"):
            await client.connection.request(SERVER_INFO, ServerInfoRequest(other).encode())
        answer = await client.connection.request(SERVER_INFO, b"")
        assert client.url.encode() in answer


@pytest.fixture
async def watchful(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house that looks after tokens ten times as often."""
    assert listener.WATCH_SECONDS + 1 < 5, "a revoked token's tunnels end within five seconds"
    monkeypatch.setattr(listener, "WATCH_SECONDS", 0.1)
    async with open_house(database) as opened:
        yield opened


class TestTokens:
    async def test_a_revoked_one_ends_its_tunnels(self, watchful: House, database: str) -> None:
        person, token = await watchful.person("bob")
        other = await watchful.daemon.store.tokens.issue(person.id, "other")
        revoked, kept = await watchful.http(token), await watchful.http(other)
        command = await Store.open(database)
        (first, _) = await command.tokens.active(person.id)
        await command.tokens.revoke(first.id)
        await command.close()
        with pytest.raises(ConnectionLost, match="revoked or has expired"):
            await revoked.connection.wait_lost()
        assert not kept.connection.is_closed()
        with pytest.raises(TokenRefused):
            await watchful.connect(token)

    async def test_an_expired_one_ends_its_tunnels(self, watchful: House) -> None:
        person, _ = await watchful.person("bob")
        soon = datetime.now(UTC) + timedelta(seconds=1)
        token = await watchful.daemon.store.tokens.issue(person.id, "short", soon)
        client = await watchful.http(token)
        with pytest.raises(ConnectionLost, match="revoked or has expired"):
            await client.connection.wait_lost()
        assert datetime.now(UTC) >= soon

    async def test_a_database_that_is_away_ends_no_tunnel(
        self, watchful: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, token = await watchful.person("bob")
        client = await watchful.http(token)
        asked = 0

        async def away() -> int:
            nonlocal asked
            asked += 1
            raise StoreUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(watchful.daemon.store, "version", away)
            await until(lambda: asked > 2)
        assert not client.connection.is_closed()


async def test_a_person_with_plain_ssh_is_told_where_the_tunnel_is(
    house: House, token: str
) -> None:
    async with plain_ssh(house, token) as connection:
        _, reader, _ = await connection.open_session()
        listener = asyncio.ensure_future(
            connection.create_server(lambda *_: asyncssh.SSHTCPSession(), "", 0)
        )
        assert await reader.readline() == f"Your tunnel is live at {url(house, 'bob')}\r\n"
        assert "Ctrl-C" in await reader.readline()
        (await listener).close()


async def test_or_that_there_is_none(
    house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GREETING_SECONDS", 0.1)
    async with plain_ssh(house, token) as connection:
        _, reader, _ = await connection.open_session()
        assert "add -R 0:localhost:3000" in await reader.readline()


async def test_or_why_there_is_none(house: House, token: str) -> None:
    async with plain_ssh(house, token) as connection:
        _, reader, _ = await connection.open_session()
        await connection._make_global_request(b"tcpip-forward", b"\0\0\0\0\0\0\0\x50")
        assert re.search("no tunnel: ask for port 0", await reader.readline())


async def test_control_c_ends_the_tunnel(house: House, token: str) -> None:
    async with plain_ssh(house, token) as connection:
        await connection.create_server(lambda *_: asyncssh.SSHTCPSession(), "", 0)
        process = await connection.create_process(term_type="xterm")
        await process.stdout.readline()
        process.stdin.write("\x03")
        assert (await process.wait()).exit_status == 0
        await until(lambda: len(house.daemon.registry) == 0)


async def test_after_a_drain_every_client_knows_that_the_server_goes_away(
    database: str,
) -> None:
    async with open_house(database) as house:
        _, token = await house.person("bob")
        client = await house.http(token)
        loss = asyncio.ensure_future(client.connection.wait_lost())
        house.clients.clear()
        house.close = noop  # type: ignore[method-assign]
    with pytest.raises(ServerUnreachable, match="going away"):
        await loss


async def noop() -> None:
    """Leave the clients to the drain."""


async def test_a_tunnel_whose_client_left_is_no_tunnel(house: House, token: str) -> None:
    client = await house.http(token)
    client.connection.abort()
    await until(lambda: len(house.daemon.registry) == 0)
    head, body = await get(house.settings.proxy.port, "bob.localhost")
    assert head.startswith("HTTP/1.1 502")
    assert body == b"No reverse proxy is available for the host: bob.localhost"


def url(house: House, label: str) -> str:
    return house.settings.proxy.public_url(label)


def plain_ssh(house: House, token: str) -> asyncssh.misc._ACMWrapper[asyncssh.SSHClientConnection]:
    return asyncssh.connect(
        house.ssh.host,
        house.ssh.port,
        config=None,
        known_hosts=None,
        username="whoever",
        password=token,
        client_keys=None,
        agent_path=None,
        gss_host=None,
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(MSG_NEWKEYS, {"reason": "New keys not negotiated"}), (MSG_DISCONNECT, {})],
)
async def test_the_log_says_why_the_server_ended_a_connection(
    kind: int, expected: dict[str, str], house: House, token: str
) -> None:
    client = await house.connect(token)
    with capture_logs() as lines:
        goodbye = UInt32(11) + String("") + String("")
        client.connection.send_packet(kind, goodbye if kind == MSG_DISCONNECT else b"")
        await until(lambda: [line for line in lines if line["event"] == "left"])
    (left,) = (line for line in lines if line["event"] == "left")
    assert left["goodbye"] == (kind == MSG_DISCONNECT)
    assert {name: left[name] for name in left if name == "reason"} == expected
