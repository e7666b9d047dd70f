"""Channels over real connections: bytes, backpressure, new keys, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_REQUEST, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import Boolean, String, UInt32

from pgrok.address import Address
from pgrok.errors import ChannelRefused, ChannelTruncated, ConnectionLost
from pgrok.reading import ReadInPlace
from pgrok.transport.channel import TunnelChannel
from pgrok.transport.interfaces import Forward
from pgrok.transport.options import COMMON
from pgrok.transport.ssh import multiplexer
from pgrok.transport.ssh.multiplexer import MAX_CHANNELS, Multiplexer
from pgrok.transport.window import INITIAL_WINDOW, MAX_PACKET
from support.channels import Noting
from support.conditions import steps, until
from support.payload import digest, payload
from support.transport import BOUNDS, Acceptor, Opener, channels, raw, serving

MIB = 1 << 20


class Source:
    """Writes a payload to a channel, as fast as the channel asks for it."""

    def __init__(self, noting: Noting, length: int, seed: int = 0) -> None:
        assert noting.transport
        self.transport = noting.transport
        self.data = payload(length, seed)
        self.sent = 0
        self.paused = False
        noting.pause_writing = self.pause  # type: ignore[method-assign]
        noting.resume_writing = self.resume  # type: ignore[method-assign]

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        self.go_on()

    def go_on(self) -> None:
        while self.sent < len(self.data) and not self.paused:
            piece = self.data[self.sent : self.sent + 50_000]
            self.sent += len(piece)
            self.transport.write(piece)
        if self.sent == len(self.data):
            self.transport.write_eof()


def same(noting: Noting, source: Source) -> bool:
    return digest([bytes(noting.data)]) == digest([source.data])


async def both_ways(opener: Opener, acceptor: Acceptor, length: int) -> None:
    """Send a payload each way at once and compare."""
    near = await opener.open()
    far = other_end(acceptor, near)
    sources = [Source(near, length, seed=1), Source(far, length, seed=2)]
    for source in sources:
        source.go_on()
    await until(lambda: "eof" in near.events and "eof" in far.events, "both ends")
    assert same(far, sources[0])
    assert same(near, sources[1])


def channel_of(noting: Noting) -> TunnelChannel:
    assert isinstance(noting.transport, TunnelChannel)
    return noting.transport


def other_end(acceptor: Acceptor, near: Noting) -> Noting:
    """Return the protocol at the other end of a channel."""
    number = channel_of(near).peer_number
    (far,) = [far for far in acceptor.protocols if channel_of(far).number == number]
    return far


class TestBytes:
    async def test_they_go_both_ways(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, _):
            await both_ways(opener, acceptor, 3 * MIB)

    async def test_the_client_learns_who_the_visitor_is(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, _):
            await opener.open()
            assert acceptor.originators == [Address("192.0.2.1", 4000)]
            transport = acceptor.protocols[0].transport
            assert transport
            assert transport.get_extra_info("peername") == ("192.0.2.1", 4000)

    async def test_a_foreign_client_gets_the_address_it_sent(self) -> None:
        got: list[tuple[str, int]] = []

        def accept(host: str, port: int) -> asyncssh.SSHTCPSession[bytes]:
            got.append((host, port))
            return asyncssh.SSHTCPSession()

        async with serving() as served, raw(served) as connection:
            listener = await connection.create_server(accept, "here", 0)
            (forward,) = served.client.forwards
            near, there = Noting(), Forward(forward.address, listener.get_port())
            served.client.connection.open_channel(near, there, Address("::1", 9))
            await until(lambda: near.events == ["made"])
            assert got == [("::1", 9)]
            listener.close()

    async def test_ends_and_closes_are_told_apart(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, _):
            clean, cut = await opener.open(), await opener.open()
            for noting, end in [
                (acceptor.protocols[0], "close"),
                (acceptor.protocols[1], "abort"),
            ]:
                assert noting.transport
                noting.transport.write(b"last")
                getattr(noting.transport, end)()
            await until(lambda: clean.events[-1] == cut.events[-1] == "lost")
            assert clean.error is None
            assert isinstance(cut.error, ChannelTruncated)
            assert bytes(clean.data) == b"last"
            await until(lambda: not opener.connection._channels, "the numbers are released")

    async def test_requests_on_a_channel_are_refused(self) -> None:
        async with serving() as served, channels(served) as (opener, _, connection):
            await opener.open()
            body = UInt32(0) + String("no-such-thing")
            connection.send_packet(MSG_CHANNEL_REQUEST, body + Boolean(True))
            connection.send_packet(MSG_CHANNEL_REQUEST, body + Boolean(False))
            await connection.probe()
            assert not opener.connection.is_closed()

    @pytest.mark.parametrize(
        "misdeed",
        [
            lambda c: c.send_packet(MSG_CHANNEL_DATA, UInt32(0), String(b"x" * MAX_PACKET * 9)),
            lambda c: c.send_packet(MSG_CHANNEL_DATA, UInt32(77), String(b"x")),
            lambda c: c.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(0), UInt32(0xFFFFFFFF)),
            lambda c: (c.send_eof(0), c.send_eof(0)),
            lambda c: (c.send_close(0), c.send_close(0)),
        ],
    )
    async def test_a_peer_that_breaks_the_protocol_is_sent_away(
        self, misdeed: Callable[[Multiplexer], object]
    ) -> None:
        async with serving() as served, channels(served) as (opener, _, connection):
            near = await opener.open()
            misdeed(connection)
            await until(lambda: served.client.lost is not None)
            await until(lambda: near.events[-1] == "lost")


class TestOpening:
    async def test_giving_up_before_the_answer(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, _):
            given_up = Noting()
            opener.begin(given_up).abort()
            await until(lambda: not opener.connection._channels)
            assert given_up.events == ["lost"]
            await until(lambda: acceptor.protocols[0].events == ["made", "lost"])
            assert isinstance(acceptor.protocols[0].error, ChannelTruncated)
            await both_ways(opener, acceptor, 1000)

    async def test_a_client_without_a_forward_refuses(self) -> None:
        async with serving() as served, channels(served) as (opener, _, connection):
            connection._accept = None
            near = Noting()
            opener.begin(near)
            await until(lambda: near.events == ["lost"])
            assert isinstance(near.error, ChannelRefused)

    async def test_a_visitor_may_come_before_the_client_has_read_its_port(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            connection._forward_port = 0
            await opener.open()
            assert len(acceptor.protocols) == 1

    async def test_another_port_is_refused(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            near = Noting()
            Opener(opener.connection, 77).begin(near)
            await until(lambda: near.events == ["lost"])
            assert acceptor.protocols == []
            assert not connection.is_closed()

    async def test_a_protocol_that_fails_costs_its_own_channel(self) -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, failure: failures.append(failure)
        )

        class Failing(Noting):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                raise ZeroDivisionError

        async with serving() as served, channels(served, Acceptor(Failing)) as (opener, _, client):
            near = Noting()
            opener.begin(near)
            await until(lambda: near.events == ["made", "lost"])
            opener.begin(Failing())
            await until(lambda: not opener.connection._channels)
            assert not client.is_closed()
            assert len(failures) == 3

    async def test_a_connection_has_so_many_channels_and_no_more(self) -> None:
        bounds = replace(BOUNDS, channels=3)
        async with serving(bounds=bounds) as served, channels(served) as (opener, acceptor, _):
            for _ in range(3):
                await opener.open()
            with pytest.raises(ChannelRefused, match="3 channels already"):
                opener.begin(Noting())
            assert acceptor.protocols[0].transport
            acceptor.protocols[0].transport.close()
            await until(lambda: len(opener.connection._channels) == 2)
            await opener.open()

    async def test_a_client_takes_so_many_channels_and_no_more(self) -> None:
        async with serving() as served, channels(served) as (opener, _, connection):
            places = dict.fromkeys(range(-MAX_CHANNELS, 0))
            connection._channels.update(places)  # type: ignore[arg-type]
            near = Noting()
            opener.begin(near)
            await until(lambda: near.events == ["lost"])
            assert "too many channels" in str(near.error)
            for number in places:
                del connection._channels[number]


class TestBackpressure:
    async def test_a_stalled_reader_holds_up_nobody_else(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, _):
            stalled = await opener.open()
            far = acceptor.protocols[0]
            assert far.transport
            far.transport.pause_reading()
            source = Source(stalled, 8 * MIB)
            source.go_on()
            await until(lambda: source.paused)
            await both_ways(opener, acceptor, 2 * MIB)
            assert source.sent <= INITIAL_WINDOW + 3 * 50_000
            assert far.data == b""
            far.transport.resume_reading()
            await until(lambda: "eof" in far.events)
            assert same(far, source)

    async def test_a_reader_that_was_fast_and_stalls_costs_less_than_a_mebibyte(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            connection.shortest_round_trip = 0.0
            near = await opener.open()
            far = acceptor.protocols[0]
            transport = channel_of(far)

            def stall_after_a_while(_data: bytes) -> None:
                if len(far.data) >= 24 * MIB:
                    transport.pause_reading()

            far.on_data = stall_after_a_while
            source = Source(near, 32 * MIB)
            source.go_on()
            await until(lambda: len(far.data) >= 24 * MIB and source.paused)
            assert source.sent - len(far.data) < MIB
            far.on_data = len
            transport.resume_reading()
            await until(lambda: "eof" in far.events)
            assert same(far, source)

    async def test_little_data_is_not_behind_all_of_a_bulk(self) -> None:
        arrived: list[int] = []

        class Counting(asyncssh.SSHTCPSession[bytes]):
            def data_received(self, data: bytes, datatype: int | None) -> None:
                arrived.append(len(data))

        async with serving() as served, raw(served) as connection:
            listener = await connection.create_server(
                lambda *_: Counting(), "0.0.0.0", 0, window=64 * MIB
            )
            opener = Opener(served.client.connection, listener.get_port())
            bulk, little = await opener.open(), await opener.open()
            assert connection._transport
            connection._transport.pause_reading()
            source = Source(bulk, 16 * MIB)
            source.go_on()
            await until(lambda: source.paused)
            assert little.transport
            little.transport.write(b"!")
            connection._transport.resume_reading()
            await until(lambda: sum(arrived) == 16 * MIB + 1)
            assert sum(arrived[: arrived.index(1)]) < MIB

    async def test_many_stalled_readers_cost_a_window_each(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, _):
            sources = []
            for _ in range(20):
                near = await opener.open()
                transport = acceptor.protocols[-1].transport
                assert transport
                transport.pause_reading()
                sources.append(Source(near, 2 * MIB))
                sources[-1].go_on()
            await until(lambda: all(source.paused for source in sources))
            assert sum(source.sent for source in sources) <= 20 * (INITIAL_WINDOW + 3 * 50_000)

    async def test_a_connection_that_takes_no_more_pauses_every_writer(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            nears = [await opener.open() for _ in range(30)]
            assert connection._transport
            connection._transport.pause_reading()
            sources = [Source(near, MIB, seed) for seed, near in enumerate(nears)]
            for source in sources:
                source.go_on()
            assert opener.connection._transport
            # The kernel's buffers take a few MiB before anything waits here.
            await until(lambda: sum(source.paused for source in sources) > 15)
            assert opener.connection._transport.get_write_buffer_size() < MIB
            connection._transport.resume_reading()
            await until(lambda: all("eof" in far.events for far in acceptor.protocols))
            assert all(map(same, acceptor.protocols, sources))

    async def test_a_window_grows_on_a_long_path(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            connection.shortest_round_trip = 0.05
            near = await opener.open()
            source = Source(near, 128 * MIB)
            source.go_on()
            far = acceptor.protocols[0]
            sizes = {0}
            # Towards the end it may shrink again, where the machine is busy with other things.
            far.on_data = lambda _: sizes.add(channel_of(far)._window.size)
            await until(lambda: "eof" in far.events)
            assert same(far, source)
            assert max(sizes) > MIB

    async def test_who_asks_and_does_not_read_the_answers_is_dropped(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(multiplexer, "MAX_UNSENT", 64 * 1024)
        async with serving() as served, raw(served) as connection:
            server = served.client.connection
            server.pause_writing()  # as its transport says when the peer does not read
            assert connection._transport
            connection._transport.pause_reading()
            for _ in range(3000):
                connection._send_global_request(b"no-such-thing", want_reply=True)
            await until(lambda: served.client.lost is not None)
            assert served.client.reason == "it does not read its answers"

    async def test_answers_that_are_read_may_be_many(self) -> None:
        async with serving() as served, raw(served) as connection:
            for _ in range(30_000):
                connection._send_global_request(b"no-such-thing")
            _, packet = await connection._make_global_request(b"hint", b"still here")
            assert packet.get_remaining_payload() == b"still here"


def rekey_every(connection: asyncssh.connection.SSHConnection, octets: int) -> None:
    connection._rekey_bytes = octets


class TestNewKeys:
    @pytest.mark.parametrize("sides", [["server"], ["client"], ["server", "client"]])
    async def test_under_load_no_byte_is_lost(self, sides: list[str]) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            made = 0
            ends: dict[str, asyncssh.connection.SSHConnection] = {
                "server": opener.connection,
                "client": connection,
            }
            for side in sides:
                rekey_every(ends[side], 200_000)
            send_newkeys = connection.send_newkeys

            def count(k: bytes, h: bytes) -> None:
                nonlocal made
                made += 1
                send_newkeys(k, h)

            connection.send_newkeys = count  # type: ignore[method-assign]
            await asyncio.gather(*[both_ways(opener, acceptor, 3 * MIB) for _ in range(3)])
            assert made > 5

    @pytest.mark.parametrize("sides", [["server"], ["client"], ["server", "client"]])
    async def test_by_the_clock_no_byte_is_lost_either(
        self, sides: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def age(side: str) -> None:
            monkeypatch.setitem(COMMON, "rekey_seconds", 0.02 if side in sides else 0)

        age("server")
        async with serving() as served:
            age("client")
            async with channels(served) as (opener, acceptor, connection):
                keys = {connection._send_encryption}
                while len(keys) < 5:
                    await asyncio.gather(*[both_ways(opener, acceptor, MIB) for _ in range(2)])
                    keys.add(connection._send_encryption)

    async def test_meanwhile_channels_wait_like_on_a_full_socket(self) -> None:
        async with serving() as served, channels(served) as (opener, acceptor, connection):
            near = await opener.open()
            assert connection._transport
            connection._transport.pause_reading()
            opener.connection._send_kexinit()
            opener.connection._kexinit_sent = True
            source = Source(near, MIB)
            source.go_on()
            assert source.paused
            assert len(opener.connection._deferred_packets) == 0
            connection._transport.resume_reading()
            await until(lambda: "eof" in acceptor.protocols[0].events)
            assert same(acceptor.protocols[0], source)

    async def test_who_never_ends_an_exchange_cannot_make_us_hoard(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(multiplexer, "MAX_DEFERRED", 100)
        async with serving() as served, raw(served) as connection:
            server = served.client.connection
            server._send_kexinit()
            server._kexinit_sent = True
            assert connection._transport
            connection._transport.pause_reading()  # and so does not hear of it
            for _ in range(200):
                connection._send_global_request(b"no-such-thing", want_reply=True)
            await until(lambda: served.client.lost is not None)
            assert served.client.reason == "it does not end its key exchange"


async def test_a_socket_is_read_in_place_once_much_came_at_once() -> None:
    async with serving() as served, channels(served) as (opener, acceptor, connection):
        protocol = await opener.open()
        assert protocol.transport
        await _write(protocol.transport, b"x" * 10_000, acceptor)
        assert _reader(connection) is connection
        await _write(protocol.transport, payload(3_000_000), acceptor)
        assert isinstance(_reader(connection), ReadInPlace)
        assert _reader(opener.connection) is opener.connection
        data = payload(3_000_000, 1)
        await _write(protocol.transport, data, acceptor)
        assert acceptor.protocols[0].data.endswith(data)


async def _write(transport: asyncio.Transport, data: bytes, acceptor: Acceptor) -> None:
    before = len(acceptor.protocols[0].data)
    transport.write(data)
    await until(lambda: len(acceptor.protocols[0].data) == before + len(data))


def _reader(end: Multiplexer) -> object:
    assert end._transport
    return end._transport.get_protocol()


async def test_channels_of_a_lost_connection_are_lost() -> None:
    async with serving() as served, channels(served) as (opener, acceptor, connection):
        nears = [await opener.open() for _ in range(5)]
        waiting = Noting()
        assert connection._transport
        connection._transport.pause_reading()
        opener.begin(waiting)
        await steps()
        connection.abort()
        await until(lambda: waiting.events == ["lost"])
        assert all(isinstance(near.error, ConnectionLost) for near in [*nears, waiting])
        await until(lambda: all(far.events[-1] == "lost" for far in acceptor.protocols))
        assert opener.connection._waiting == {}
