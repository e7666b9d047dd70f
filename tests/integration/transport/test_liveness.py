"""Goodbyes, keepalives and probes."""

from __future__ import annotations

import asyncio
import time

import asyncssh
import pytest
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import Byte, String

from pgrok.errors import ConnectionLost, Replaced, ServerUnreachable
from pgrok.protocol import GOING_AWAY, REPLACED
from pgrok.transport.ssh import liveness
from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.liveness import DEFAULT_ROUND_TRIP
from support.channels import Noting
from support.conditions import steps, until
from support.manual_loop import manual_loop
from support.replay import Keys, padded, replayed_client, sealed
from support.transport import Opener, Served, channels, connected, raw, serving


def stop(connection: ClientConnection | asyncssh.SSHClientConnection) -> None:
    """Let a client neither read nor answer, as a stopped process does."""
    assert connection._transport
    connection._transport.pause_reading()


async def stop_when_quiet(served: Served, connection: ClientConnection) -> None:
    """Stop a client of which nothing is on the way any more."""
    await until(lambda: served.client.connection.round_trip != DEFAULT_ROUND_TRIP)
    stop(connection)


class TestGoodbye:
    @pytest.mark.parametrize(
        ("reason", "error"),
        [(REPLACED, Replaced), (GOING_AWAY, ServerUnreachable), ("another", ConnectionLost)],
    )
    async def test_its_reason_reaches_the_client(self, reason: str, error: type[Exception]) -> None:
        async with serving() as served, connected(served) as connection:
            served.client.connection.end(reason)
            with pytest.raises(error):
                await connection.wait_lost()
            await until(lambda: served.client.lost is False)

    async def test_it_is_heard_behind_data_that_waits(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            channel = await opener.open()
            assert channel.transport
            stop(connection)
            channel.transport.write(b"x" * 200_000)
            opener.connection.end(REPLACED)
            assert connection._transport
            connection._transport.resume_reading()
            with pytest.raises(Replaced):
                await connection.wait_lost()
            assert len(acceptor.protocols[0].data) == 200_000

    async def test_a_client_that_does_not_read_it_is_aborted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(liveness, "GOODBYE_SECONDS", 0.1)
        async with serving() as served, connected(served) as connection:
            stop(connection)
            served.client.connection.end("goodbye")
            assert served.client.lost is None
            await until(lambda: served.client.lost is not None)

    async def test_the_clients_own_reaches_the_server(self) -> None:
        async with serving() as served, connected(served) as connection:
            connection.say_goodbye("the client ends")
            await until(lambda: served.client.lost is True)
            with pytest.raises(ConnectionLost):
                await connection.wait_lost()

    async def test_a_connection_lost_without_one_is_told_apart(self) -> None:
        async with serving() as served, connected(served) as connection:
            connection.abort()
            await until(lambda: served.client.lost is False)

    async def test_after_it_the_connection_counts_as_gone(self) -> None:
        async with serving() as served, channels(served) as (opener, _, connection):
            stop(connection)
            opener.connection.end("goodbye")
            assert opener.connection.is_closed()
            with pytest.raises(ConnectionLost):
                opener.begin(Noting())
            with pytest.raises(ConnectionLost):
                await opener.connection.probe()

    async def test_after_it_nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(liveness, "GOODBYE_SECONDS", 0.1)
        async with serving() as served, raw(served) as connection:
            stop(connection)
            served.client.connection.end("goodbye")
            connection._send_global_request(b"tcpip-forward", b"\0" * 8, want_reply=True)
            await until(lambda: served.client.lost is not None)
            assert served.client.forwards == []

    async def test_a_long_reason_is_cut(self) -> None:
        async with serving() as served, connected(served) as connection:
            served.client.connection.end("x" * 20_000)
            with pytest.raises(ConnectionLost):
                await connection.wait_lost()
            assert connection.goodbye == "x" * 200

    async def test_a_reason_is_one_line(self) -> None:
        async with serving() as served, connected(served) as connection:
            served.client.connection.end("bye\n🎉 You're ready")
            with pytest.raises(ConnectionLost, match=r"^bye�🎉 You're ready$"):
                await connection.wait_lost()

    async def test_it_can_be_said_twice_and_too_late(self) -> None:
        async with serving() as served, connected(served) as connection:
            served.client.connection.end("first")
            served.client.connection.end("second")
            with pytest.raises(ConnectionLost, match="first"):
                await connection.wait_lost()
            await until(lambda: served.client.lost is not None)
            served.client.connection.end("third")

    async def test_before_authentication(self) -> None:
        async with serving() as served:
            reader, writer = await asyncio.open_connection(served.address.host, served.address.port)
            await until(lambda: served.clients)
            served.client.connection.end(GOING_AWAY)
            assert GOING_AWAY.encode() in await reader.read()
            writer.close()


class TestProbe:
    async def test_a_client_that_lives_answers(self) -> None:
        async with serving() as served, connected(served):
            await served.client.connection.probe()

    async def test_a_foreign_client_answers_too(self) -> None:
        async with serving() as served, raw(served):
            await served.client.connection.probe()

    async def test_any_byte_is_a_sign_of_life(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with serving() as served, connected(served) as connection:
            monkeypatch.setattr(connection, "keepalive_arrived", lambda _: True)
            probe = asyncio.ensure_future(served.client.connection.probe())
            await steps()
            connection.send_debug("I live")
            await probe

    async def test_a_stopped_client_does_not_answer(self) -> None:
        async with serving() as served, connected(served) as connection:
            await stop_when_quiet(served, connection)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await served.client.connection.probe()
            assert not served.client.connection._signs_of_life

    async def test_a_connection_lost_meanwhile_is_told(self) -> None:
        async with serving() as served, connected(served) as connection:
            await stop_when_quiet(served, connection)
            probes = [asyncio.ensure_future(served.client.connection.probe()) for _ in range(2)]
            await steps()
            connection.abort()
            for probe in probes:
                with pytest.raises(ConnectionLost):
                    await probe

    async def test_a_lost_connection_cannot_be_probed(self) -> None:
        async with serving() as served, connected(served) as connection:
            connection.abort()
            await until(lambda: served.client.lost is not None)
            with pytest.raises(ConnectionLost):
                await served.client.connection.probe()

    async def test_answers_to_requests_are_not_mixed_up_with_those_to_probes(self) -> None:
        async with serving() as served, connected(served) as connection:
            probe = asyncio.ensure_future(connection.probe())
            assert await connection.request("hint", b"mine") == b"mine"
            await probe
            assert await connection.request("hint", b"again") == b"again"

    async def test_an_answer_does_not_overtake_that_of_a_request_before_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, may_answer = asyncio.Event(), asyncio.Event()

        async def slow(payload: bytes) -> bytes:
            begun.set()
            await may_answer.wait()
            return payload

        async with serving() as served, connected(served) as connection:
            monkeypatch.setattr(served.client, "hint", slow)
            hint = asyncio.ensure_future(connection.request("hint", b"mine"))
            await begun.wait()
            probe = asyncio.ensure_future(connection.probe())
            await until(lambda: len(served.client.connection._global_request_queue) == 2)
            may_answer.set()
            assert await hint == b"mine"
            await probe


class TestKeepalive:
    async def test_the_round_trip_is_measured_as_soon_as_a_client_is_in(self) -> None:
        async with serving() as served, connected(served):
            await until(lambda: served.client.connection.round_trip != DEFAULT_ROUND_TRIP)
            assert 0 < served.client.connection.round_trip < 1

    async def test_a_dead_client_is_given_up(self) -> None:
        async with serving() as served, connected(served) as connection:
            stop(connection)
            served.client.connection.set_keepalive(0.05, 2)
            await until(lambda: served.client.lost is False)

    async def test_a_dead_server_is_given_up(self) -> None:
        async with serving() as served, connected(served) as connection:
            transport = served.client.connection._transport
            assert transport
            transport.pause_reading()
            connection.set_keepalive(0.05, 2)
            with pytest.raises(ConnectionLost):
                await connection.wait_lost()
            # Nobody would otherwise notice that the client has gone.
            transport.resume_reading()

    async def test_who_lives_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(liveness, "TOGETHER_SECONDS", 0.01)
        async with serving() as served, connected(served):
            server = served.client.connection
            server.set_keepalive(0.02, 1)
            begin = time.monotonic()
            await until(lambda: time.monotonic() - begin > 0.2)
            assert not server.is_closed()

    async def test_who_is_heard_is_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection, loop = replayed_client(Keys(), fast=True).connection, manual_loop()
        asked: list[float] = []
        monkeypatch.setattr(connection, "loop", loop)
        monkeypatch.setattr(connection, "_loop", loop)
        monkeypatch.setattr(connection, "_ask", lambda: asked.append(loop.time()))
        connection.set_keepalive(10, 1)
        packet = padded(Byte(MSG_IGNORE) + String(b""))
        stream = sealed([packet] * 3)
        size = len(stream) // 3
        for begin in range(0, len(stream), size):
            loop.advance(7)
            connection.data_received(stream[begin : begin + size])
        heard = loop.time()
        loop.advance(9)
        assert asked == []
        loop.advance(2)
        assert asked == [heard + 10]

    async def test_what_is_heard_sets_no_timer_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection, loop = replayed_client(Keys(), fast=True).connection, manual_loop()
        monkeypatch.setattr(connection, "loop", loop)
        monkeypatch.setattr(connection, "_loop", loop)
        loop.advance(0.01)
        connection.set_keepalive(10, 1)
        timer = connection._keepalive_timer
        assert timer is not None
        packet = padded(Byte(MSG_IGNORE) + String(b""))
        stream = sealed([packet] * 3)
        size = len(stream) // 3
        for begin in range(0, len(stream), size):
            loop.advance(0.01)
            connection.data_received(stream[begin : begin + size])
        assert connection._keepalive_timer is timer

    async def test_who_talks_without_answering_is_not_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection, loop = replayed_client(Keys(), fast=True).connection, manual_loop()
        monkeypatch.setattr(connection, "loop", loop)
        monkeypatch.setattr(connection, "_loop", loop)
        connection.set_keepalive(10, 1)
        packet = padded(Byte(MSG_IGNORE) + String(b""))
        stream = sealed([packet] * 3)
        size = len(stream) // 3
        for begin in range(0, len(stream), size):
            loop.advance(15)  # asked after 10
            connection.data_received(stream[begin : begin + size])
        loop.advance(19)
        assert not connection.is_closed()
        assert len(connection._global_request_waiters) == 4
        loop.advance(1)
        assert connection.is_closed()

    async def test_many_are_asked_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop, asked = manual_loop(), []
        for number in range(5):
            connection = replayed_client(Keys(), fast=True).connection
            monkeypatch.setattr(connection, "loop", loop)
            monkeypatch.setattr(connection, "_ask", lambda: asked.append(loop.time()))
            loop.advance(0.01 + number / 100)
            connection.set_keepalive(10, 1)
        loop.advance(10 + liveness.TOGETHER_SECONDS)
        assert len(asked) == 5
        assert len(set(asked)) == 1


async def test_a_client_that_vanishes_takes_its_channels_along() -> None:
    async with serving() as served, channels(served) as (opener, _, connection):
        channel = await opener.open()
        connection.abort()
        await until(lambda: channel.events[-1] == "lost")
        assert isinstance(channel.error, ConnectionLost)
        await check_empty(served, opener)


async def check_empty(served: Served, opener: Opener) -> None:
    """Nothing of a connection that is gone is left."""
    await until(lambda: served.client.lost is not None)
    with pytest.raises(ConnectionLost):
        opener.begin(Noting())
