"""Global requests between our client, our server and foreign clients."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest
from asyncssh.constants import MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS
from asyncssh.packet import String, UInt32

from pgrok.errors import ConnectionLost, TunnelRefused
from pgrok.transport.interfaces import Forward
from pgrok.transport.ssh.requests import MAX_PENDING
from support.conditions import steps, until
from support.transport import Acceptor, Scripted, connected, raw, serving


async def ask(
    connection: asyncssh.SSHClientConnection, name: str, payload: bytes = b""
) -> tuple[int, bytes]:
    """Send a request and return the kind and the payload of its answer."""
    kind, packet = await connection._make_global_request(name.encode(), payload)
    return kind, packet.get_remaining_payload()


def forward(address: bytes = b"", port: int = 0) -> bytes:
    return String(address) + UInt32(port)


async def test_the_three_requests_of_a_client() -> None:
    async with serving() as served, connected(served) as connection:
        assert await connection.request("hint", b"{}") == b"{}"
        assert await connection.forward(Acceptor()) == 1001
        assert await connection.request("server-info", b"?") == b"info ?"
        assert served.client.forwards == [Forward(b"0.0.0.0", 0)]


async def test_an_empty_success_is_a_success() -> None:
    async with serving() as served, connected(served) as connection:
        assert await connection.request("hint", b"") == b""


async def test_a_failure_carries_its_text() -> None:
    async with serving() as served, connected(served) as connection:
        with pytest.raises(TunnelRefused, match=r"^a hint that is refused$"):
            await connection.request("hint", b"bad")
        assert await connection.request("hint", b"good") == b"good"


async def test_an_unknown_request_is_refused_without_a_text() -> None:
    async with serving() as served, connected(served) as connection:
        with pytest.raises(TunnelRefused, match="refused no-such-thing and gave no reason"):
            await connection.request("no-such-thing", b"payload")
        assert await connection.request("hint", b"good") == b"good"


@pytest.mark.parametrize(
    "name", ["streamlocal-forward@openssh.com", "cancel-streamlocal-forward@openssh.com"]
)
async def test_unix_sockets_are_not_forwarded(name: str) -> None:
    async with serving() as served, raw(served) as connection:
        assert await ask(connection, name, String("/tmp/socket")) == (MSG_REQUEST_FAILURE, b"")


async def test_the_port_is_told_only_to_who_left_it_open() -> None:
    async with serving() as served, raw(served) as connection:
        assert await ask(connection, "tcpip-forward", forward()) == (
            MSG_REQUEST_SUCCESS,
            UInt32(1001),
        )
        assert await ask(connection, "tcpip-forward", forward(port=80)) == (
            MSG_REQUEST_SUCCESS,
            b"",
        )


async def test_the_address_comes_to_the_letter() -> None:
    async with serving() as served, raw(served) as connection:
        await ask(connection, "tcpip-forward", forward(b"LocalHost\xff"))
        assert served.client.forwards == [Forward(b"LocalHost\xff", 0)]


async def test_a_forward_can_be_cancelled() -> None:
    async with serving() as served, raw(served) as connection:
        answer = await ask(connection, "cancel-tcpip-forward", forward(b"x", 7))
        assert answer == (MSG_REQUEST_SUCCESS, b"")
        assert served.client.cancelled == [Forward(b"x", 7)]


async def test_cancelling_an_unknown_forward_is_refused_and_nothing_more() -> None:
    async with serving() as served, raw(served) as connection:
        answer = await ask(connection, "cancel-tcpip-forward", forward(b"x", 9))
        assert answer == (MSG_REQUEST_FAILURE, b"there is no tunnel on port 9")
        assert (await ask(connection, "hint", b"still here"))[1] == b"still here"


class Slow(Scripted):
    """Answers hints when it is told to, and notes the order of what it is asked."""

    def __init__(self, connection: object) -> None:
        super().__init__(connection)  # type: ignore[arg-type]
        self.go = asyncio.Event()
        self.order: list[bytes] = []

    async def hint(self, payload: bytes) -> bytes:
        self.order.append(payload)
        await self.go.wait()
        if payload == b"crash":
            raise ZeroDivisionError
        return payload

    async def server_info(self, payload: bytes) -> bytes:
        self.order.append(payload)
        return payload


async def test_requests_are_served_one_after_the_other() -> None:
    async with serving(Slow) as served, raw(served) as connection:
        slow = served.client
        assert isinstance(slow, Slow)
        asked = [
            asyncio.ensure_future(ask(connection, name, payload))
            for name, payload in [("hint", b"1"), ("server-info", b"2"), ("hint", b"3")]
        ]
        await until(lambda: slow.order)
        await steps()
        assert slow.order == [b"1"]
        slow.go.set()
        assert [payload for _, payload in await asyncio.gather(*asked)] == [b"1", b"2", b"3"]


async def test_a_bug_behind_a_request_is_a_failure_and_nothing_more() -> None:
    async with serving(Slow) as served, raw(served) as connection:
        slow = served.client
        assert isinstance(slow, Slow)
        slow.go.set()
        kind, text = await ask(connection, "hint", b"crash")
        assert kind == MSG_REQUEST_FAILURE
        assert b"internal error" in text
        assert b"ZeroDivision" not in text
        assert await ask(connection, "hint", b"4") == (MSG_REQUEST_SUCCESS, b"4")


async def test_a_bug_that_escapes_into_asyncssh_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as served, raw(served) as connection:

        def fail(_: object) -> None:
            raise ZeroDivisionError

        served.client.connection.answer = fail  # type: ignore[assignment, method-assign]
        assert await ask(connection, "hint", b"") == (MSG_REQUEST_FAILURE, b"")
        await until(lambda: served.client.lost is not None)
        assert "ZeroDivisionError" in caplog.text


async def test_too_many_requests_at_once_end_the_connection() -> None:
    async with serving(Slow) as served, raw(served) as connection:
        for number in range(MAX_PENDING + 1):
            connection._send_global_request(b"hint", UInt32(number), want_reply=True)
        await until(lambda: served.client.lost is not None)


async def test_a_malformed_forward_ends_the_connection() -> None:
    async with serving() as served, raw(served) as connection:
        connection._send_global_request(b"tcpip-forward", b"\xff\xff\xff\xff", want_reply=True)
        await until(lambda: served.client.lost is not None)
        assert served.client.forwards == []


async def test_a_request_that_wants_no_reply_gets_none() -> None:
    async with serving() as served, raw(served) as connection:
        connection._send_global_request(b"hint", b"silent")
        connection._send_global_request(b"hint", b"bad")
        assert await ask(connection, "hint", b"heard") == (MSG_REQUEST_SUCCESS, b"heard")


async def test_a_connection_lost_before_the_answer_is_no_refusal() -> None:
    async with serving(Slow) as served, connected(served) as connection:
        slow = served.client
        assert isinstance(slow, Slow)
        asked = asyncio.ensure_future(connection.request("hint", b"1"))
        await until(lambda: slow.order)
        slow.connection.abort()
        with pytest.raises(ConnectionLost):
            await asked
        with pytest.raises(ConnectionLost):
            await connection.request("hint", b"too late")
        # What was under way in the server ends without an answer.
        slow.go.set()
        await until(lambda: not slow.connection._tasks)


async def test_a_refused_forward_takes_no_channels() -> None:
    class Refusing(Scripted):
        async def forward(self, forward: Forward) -> int:
            raise TunnelRefused("no tunnel today")

    async with serving(Refusing) as served, connected(served) as connection:
        with pytest.raises(TunnelRefused, match="no tunnel today"):
            await connection.forward(Acceptor())
        assert connection._accept is None
