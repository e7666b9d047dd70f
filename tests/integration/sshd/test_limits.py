"""What clients and people may have, as the settings say: one more is refused with a reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncssh
import pytest
from structlog.testing import capture_logs

from pgrok.errors import Replaced, ServerUnreachable, TunnelRefused
from pgrok.protocol import Hint, TunnelKind
from pgrok.server.decisions import Event
from pgrok.server.settings import LimitSettings, TimeoutSettings
from pgrok.server.sshd import session
from pgrok.server.store import Login
from support.conditions import PATIENCE, until
from support.house import House, open_house
from support.transport import Acceptor


@asynccontextmanager
async def stranger(house: House) -> AsyncIterator[asyncio.StreamReader]:
    """Somebody who connects, and does not say a word."""
    reader, writer = await asyncio.open_connection(house.ssh.host, house.ssh.port)
    try:
        yield reader
    finally:
        writer.close()


async def is_served(reader: asyncio.StreamReader) -> bool:
    """Whether the server begins to talk, or closes the connection instead."""
    async with asyncio.timeout(PATIENCE):
        return (await reader.readline()).startswith(b"SSH-2.0-")


class TestBeforeAuthentication:
    @pytest.mark.parametrize("inside", ["half_open", "half_open_per_address"])
    @pytest.mark.parametrize("waiting", ["waiting", "waiting_per_address"])
    async def test_one_is_served_one_waits_one_is_refused(
        self, inside: str, waiting: str, database: str
    ) -> None:
        limits = LimitSettings.model_validate({inside: 1, waiting: 1})
        async with open_house(database, limits=limits) as house, AsyncExitStack() as others:
            first = AsyncExitStack()
            assert await is_served(await first.enter_async_context(stranger(house)))
            second = asyncio.ensure_future(
                is_served(await others.enter_async_context(stranger(house)))
            )
            assert not await is_served(await others.enter_async_context(stranger(house)))
            assert not second.done()
            await first.aclose()
            assert await second

    async def test_waiting_has_its_time(self, database: str) -> None:
        limits, timeouts = LimitSettings(half_open=1), TimeoutSettings(waiting=0.1)
        async with (
            open_house(database, limits=limits, timeouts=timeouts) as house,
            stranger(house) as first,
            stranger(house) as second,
        ):
            assert await is_served(first)
            assert not await is_served(second)

    async def test_signing_in_has_its_time(self, database: str) -> None:
        async with (
            open_house(database, timeouts=TimeoutSettings(login=0.1)) as house,
            stranger(house) as reader,
        ):
            assert await is_served(reader)
            async with asyncio.timeout(PATIENCE):
                await reader.read()

    async def test_wrong_tokens(self, database: str) -> None:
        class Guesser(asyncssh.SSHClient):
            guesses = deque(["one", "two", "three"])

            def password_auth_requested(self) -> str | None:
                return self.guesses.popleft() if self.guesses else None

        async with open_house(database, limits=LimitSettings(login_attempts=1)) as house:
            with pytest.raises(asyncssh.DisconnectError, match="too many wrong tokens"):
                await asyncssh.connect(
                    *(house.ssh.host, house.ssh.port),
                    client_factory=Guesser,
                    config=None,
                    known_hosts=None,
                    username="x",
                    client_keys=None,
                    agent_path=None,
                )
            assert house.daemon.observer.decisions.refusals[Event.TOKEN, "unknown"] == 1


class TestConnections:
    async def test_a_person_has_so_many(self, database: str) -> None:
        async with open_house(database, limits=LimitSettings(connections_per_person=2)) as house:
            _, token = await house.person("bob")
            first = await house.connect(token)
            await house.connect(token)
            with pytest.raises(ServerUnreachable, match="a person may have 2 connections"):
                await house.connect(token)
            await house.connect((await house.person("eve"))[1])
            first.connection.abort()
            await until_there_is_room(house, token)

    async def test_who_leaves_while_the_token_is_checked_does_not_count(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_house(database, limits=LimitSettings(connections_per_person=1)) as house:
            _, token = await house.person("bob")
            check, begun, go = house.daemon.store.tokens.check, asyncio.Event(), asyncio.Event()

            async def slowly(text: str) -> Login | None:
                begun.set()
                await go.wait()
                return await check(text)

            with monkeypatch.context() as patch:
                patch.setattr(house.daemon.store.tokens, "check", slowly)
                leaving = asyncio.ensure_future(house.connect(token))
                await begun.wait()
                leaving.cancel()
                go.set()
            await until_there_is_room(house, token)

    async def test_a_dead_one_goes_with_its_tunnel(self, database: str) -> None:
        limits, timeouts = LimitSettings(unanswered_keepalives=1), TimeoutSettings(keepalive=0.1)
        async with open_house(database, limits=limits, timeouts=timeouts) as house:
            client = await house.http((await house.person("bob"))[1])
            client.stop()
            await until(lambda: len(house.daemon.registry) == 0)


async def until_there_is_room(house: House, token: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(ServerUnreachable):
                await house.connect(token)
                return


class TestTunnels:
    async def test_a_connection_has_so_many(self, database: str) -> None:
        async with open_house(database, limits=LimitSettings(tunnels_per_connection=2)) as house:
            client = await house.connect((await house.person("bob"))[1])
            for _ in range(2):
                await client.connection.forward(Acceptor())
            with pytest.raises(TunnelRefused, match="a connection may have 2 tunnels"):
                await client.connection.forward(Acceptor())

    async def test_nobody_opens_and_closes_them_without_an_end(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "MAX_FORWARDS", 2)
        client = await house.connect((await house.person("bob"))[1])
        with capture_logs() as lines:
            for _ in range(2):
                await client.connection.forward(Acceptor())
            with pytest.raises(TunnelRefused, match="too many tunnels in too short a time"):
                await client.connection.forward(Acceptor())
        assert [line["event"] for line in lines].count("tunnel up") == 2

    async def test_a_person_has_so_many(self, database: str) -> None:
        async with open_house(database, limits=LimitSettings(tunnels_per_person=2)) as house:
            _, token = await house.person("bob")
            first = await house.http(token)
            await house.tcp_tunnel(token)
            for refused in (house.http(token), house.tcp_tunnel(token)):
                with pytest.raises(TunnelRefused, match="a person may have 2 tunnels"):
                    await refused
            assert len(house.daemon.registry) == 2
            await house.http((await house.person("eve"))[1])
            first.connection.abort()
            await until(lambda: len(house.daemon.registry) == 2)
            assert (await house.http(token)).label == "bob"

    async def test_a_person_has_so_many_ports(self, database: str) -> None:
        async with open_house(database, limits=LimitSettings(tcp_tunnels_per_person=1)) as house:
            _, token = await house.person("bob")
            await house.tcp_tunnel(token)
            with pytest.raises(TunnelRefused, match=r"a person may have 1 tcp tunnel$"):
                await house.tcp_tunnel(token)
            await house.http(token)

    @pytest.mark.parametrize("kind", TunnelKind)
    async def test_many_that_are_asked_for_at_once_are_no_more(
        self, kind: TunnelKind, database: str
    ) -> None:
        async with open_house(database, limits=LimitSettings(tunnels_per_person=2)) as house:
            _, token = await house.person("bob")
            clients = [await house.connect(token) for _ in range(6)]
            opened = await asyncio.gather(
                *(client.open(Hint(kind)) for client in clients), return_exceptions=True
            )
            assert sum(isinstance(outcome, TunnelRefused) for outcome in opened) == 4
            assert len(house.daemon.registry) == 2

    @pytest.mark.parametrize("kind", TunnelKind)
    async def test_who_comes_back_takes_the_place_of_their_ghost(
        self, kind: TunnelKind, database: str
    ) -> None:
        async with open_house(database, limits=LimitSettings(tunnels_per_person=1)) as house:
            _, token = await house.person("bob")
            opening = house.http if kind is TunnelKind.HTTP else house.tcp_tunnel
            ghost = await opening(token, "1" * 32, 1)
            ghost.stop()
            client = await opening(token, "1" * 32, 2)
            assert client.url == ghost.url
            ghost.go_on()
            with pytest.raises(Replaced):
                await ghost.connection.wait_lost()
