"""One life of a connection."""

from __future__ import annotations

import asyncio

import pytest

from pgrok.address import Address
from pgrok.client import session
from pgrok.client.session import hold, leave, open_tunnel
from pgrok.errors import ConnectionLost, Replaced, ServerUnreachable, TunnelRefused
from pgrok.protocol import Hint, TunnelKind
from support.fake_connection import URL, FakeConnection

HTTP, TCP = Hint(TunnelKind.HTTP), Hint(TunnelKind.TCP)


def accept(originator: Address) -> asyncio.Protocol:
    raise AssertionError("no channel comes")


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_the_requests_come_in_the_order_of_the_original() -> None:
    connection = FakeConnection()
    hint = Hint(TunnelKind.TCP, "0" * 32, 7)
    assert await open_tunnel(connection, hint, accept) == URL
    assert connection.log == ["hint", "forward", "server-info"]
    assert connection.hint == {"protocol": "tcp", "instance": "0" * 32, "generation": 7}


async def test_a_server_that_knows_no_hints_opens_http_tunnels() -> None:
    assert await open_tunnel(FakeConnection({"hint": "what?"}), HTTP, accept) == URL
    with pytest.raises(TunnelRefused, match="no tcp tunnel: what"):
        await open_tunnel(FakeConnection({"hint": "what?"}), TCP, accept)


@pytest.mark.parametrize("request_name", ["forward", "server-info"])
async def test_a_refusal_carries_the_servers_words(request_name: str) -> None:
    with pytest.raises(TunnelRefused, match="no port is free"):
        await open_tunnel(FakeConnection({request_name: "no port is free"}), HTTP, accept)


@pytest.mark.parametrize("info", [b"", b"[]", b"{}", b'{"host_url": "http://\\u001b[2J"}'])
async def test_an_answer_without_a_url_is_no_tunnel(info: bytes) -> None:
    connection = FakeConnection()
    connection.info = info
    with pytest.raises(TunnelRefused, match="does not say where"):
        await open_tunnel(connection, HTTP, accept)


@pytest.mark.parametrize("hint", [HTTP, TCP])
async def test_a_connection_lost_meanwhile_is_no_refusal(hint: Hint) -> None:
    connection = FakeConnection()
    connection.lose(ServerUnreachable("going away"))
    with pytest.raises(ServerUnreachable, match="going away"):
        await open_tunnel(connection, hint, accept)


async def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "OPENING_SECONDS", 0)
    connection = FakeConnection()
    connection.silent = {"forward"}
    with pytest.raises(ServerUnreachable, match="no tunnel within"):
        await open_tunnel(connection, HTTP, accept)


@pytest.mark.parametrize(
    "reason", [ConnectionLost("reset"), Replaced("other"), ServerUnreachable("x")]
)
async def test_holding_ends_with_the_reason_of_the_loss(
    reason: ConnectionLost | Replaced | ServerUnreachable,
) -> None:
    connection = FakeConnection()
    connection.lose(reason)
    with pytest.raises(type(reason)) as caught:
        await hold(connection, never)
    assert caught.value is reason


async def test_after_a_network_change_a_live_connection_stays() -> None:
    connection = FakeConnection()
    changes = iter([None, None])

    async def change() -> None:
        if next(changes, "over") == "over":
            connection.lose(ConnectionLost("the test is over"))
            await never()

    with pytest.raises(ConnectionLost, match="the test is over"):
        await hold(connection, change)
    assert connection.log == ["probe", "probe"]


async def test_after_a_network_change_a_dead_connection_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "PROBE_SECONDS", 0)
    connection = FakeConnection()
    connection.silent = {"probe"}

    async def change() -> None:
        return

    with pytest.raises(ConnectionLost, match="aborted"):
        await hold(connection, change)


async def test_leaving_says_goodbye() -> None:
    connection = FakeConnection()
    await leave(connection)
    assert connection.log == ["goodbye", "abort"]


async def test_leaving_a_lost_connection_says_nothing() -> None:
    connection = FakeConnection()
    connection.lose(ConnectionLost("reset"))
    await leave(connection)
    assert connection.log == ["abort"]


async def test_leaving_does_not_wait_for_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GOODBYE_SECONDS", 0)
    connection = FakeConnection()
    monkeypatch.setattr(connection, "say_goodbye", connection.log.append)
    await leave(connection)
    assert connection.log == ["the client ends", "abort"]
