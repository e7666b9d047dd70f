"""Who gets which name: the cases of clients that come, vanish, and come back."""

from __future__ import annotations

import asyncio
import re

import pytest
from asyncssh.packet import SSHPacket

from pgrok.errors import ConnectionLost, Replaced, TunnelRefused
from pgrok.protocol import HINT, Hint, TunnelKind
from pgrok.server.sshd.claims import MAX_PROBE_SECONDS
from support.conditions import until
from support.house import Client, House, within
from support.transport import Acceptor

ONE, OTHER = "1" * 32, "2" * 32
BOB = (TunnelKind.HTTP, "bob")
ALTERNATIVE = re.compile(r"[0-9a-f]{32}-bob")

Instances = pytest.mark.parametrize(
    ("first", "second"),
    [(None, None), (ONE, OTHER), (ONE, None), (None, OTHER)],
    ids=["two of the original's", "two of ours", "ours first", "ours second"],
)


class TestTwoLiveClients:
    @Instances
    async def test_the_second_gets_an_alternative(
        self, first: str | None, second: str | None, house: House, token: str
    ) -> None:
        holder = await house.http(token, first)
        newcomer = await house.http(token, second)
        assert holder.label == "bob"
        assert ALTERNATIVE.fullmatch(newcomer.label)
        assert not holder.connection.is_closed()

    async def test_a_third_gets_another_one(self, house: House, token: str) -> None:
        labels = [(await house.http(token)).label for _ in range(3)]
        assert len(set(labels)) == 3

    async def test_two_people_are_not_in_each_others_way(self, house: House, token: str) -> None:
        await house.http(token)
        eve = await house.http((await house.person("eve"))[1])
        assert eve.label == "eve"

    async def test_a_holder_with_slow_round_trips_is_not_displaced(
        self, house: House, token: str
    ) -> None:
        holder = await house.http(token)
        house.tunnel(BOB).connection.round_trip = 0.5  # type: ignore[misc]
        answer_late(holder, 1.2)
        newcomer = await house.http(token)
        assert ALTERNATIVE.fullmatch(newcomer.label)
        assert not holder.connection.is_closed()

    async def test_the_name_is_free_when_its_tunnel_is_cancelled(
        self, house: House, token: str
    ) -> None:
        holder = await house.http(token)
        await holder.connection._make_global_request(
            b"cancel-tcpip-forward", b"\0\0\0\x070.0.0.0" + holder.port.to_bytes(4, "big")
        )
        assert house.daemon.registry.find(BOB) is None
        assert (await house.http(token)).label == "bob"

    async def test_the_name_is_free_when_its_client_says_goodbye(
        self, house: House, token: str
    ) -> None:
        holder = await house.http(token)
        holder.connection.say_goodbye("the client ends")
        await until(lambda: house.daemon.registry.find(BOB) is None)


def answer_late(client: Client, seconds: float) -> None:
    """Let a client be far away."""
    connection = client.connection
    answer = connection._process_keepalive_at_openssh_dot_com_global_request
    loop = asyncio.get_running_loop()

    def later(packet: SSHPacket) -> None:
        loop.call_later(seconds, answer, packet)

    connection._process_keepalive_at_openssh_dot_com_global_request = later  # type: ignore[method-assign]


class TestSilentHolders:
    @Instances
    async def test_they_are_displaced(
        self, first: str | None, second: str | None, house: House, token: str
    ) -> None:
        holder = await house.http(token, first)
        await quiet(house)
        holder.stop()
        newcomer = await house.connect(token)
        await within(MAX_PROBE_SECONDS, open_http(newcomer, second))
        assert newcomer.label == "bob"
        # A process that wakes up learns that it was replaced.
        holder.go_on()
        with pytest.raises(Replaced):
            await holder.connection.wait_lost()

    async def test_the_displaced_ones_end_frees_nothing(self, house: House, token: str) -> None:
        holder = await house.http(token)
        await quiet(house)
        holder.stop()
        newcomer = await house.http(token)
        tunnel = house.tunnel(BOB)
        holder.connection.abort()
        await until(lambda: len(house.daemon.registry) == 1)
        assert house.tunnel(BOB) is tunnel
        assert newcomer.label == "bob"

    async def test_two_newcomers_share_one_probe(self, house: House, token: str) -> None:
        holder = await house.http(token)
        await quiet(house)
        holder.stop()
        connection, probes = house.tunnel(BOB).connection, 0
        probe = connection.probe

        async def count() -> None:
            nonlocal probes
            probes += 1
            await probe()

        connection.probe = count  # type: ignore[method-assign]
        newcomers = [await house.connect(token) for _ in range(2)]
        await within(MAX_PROBE_SECONDS, asyncio.gather(*(open_http(n) for n in newcomers)))
        first, second = sorted((newcomer.label for newcomer in newcomers), key=len)
        assert probes == 1
        assert first == "bob"
        assert ALTERNATIVE.fullmatch(second)

    async def test_a_newcomer_that_leaves_meanwhile_gets_nothing(
        self, house: House, token: str
    ) -> None:
        holder = await house.http(token)
        await quiet(house)
        holder.stop()
        newcomer = await house.connect(token)
        opening = asyncio.ensure_future(open_http(newcomer))
        tunnel = house.tunnel(BOB)
        await until(lambda: tunnel.connection._signs_of_life)  # type: ignore[attr-defined]
        newcomer.connection.abort()
        with pytest.raises(ConnectionLost):
            await opening
        await until(lambda: not tunnel.connection._signs_of_life)  # type: ignore[attr-defined]
        assert house.tunnel(BOB) is tunnel

    async def test_a_holder_lost_while_it_is_asked_makes_room_at_once(
        self, house: House, token: str
    ) -> None:
        holder = await house.http(token)
        await quiet(house)
        holder.stop()
        newcomer = await house.connect(token)
        opening = asyncio.ensure_future(open_http(newcomer))
        tunnel = house.tunnel(BOB)
        await until(lambda: tunnel.connection._signs_of_life)  # type: ignore[attr-defined]
        holder.connection.abort()
        await within(0.9, opening)
        assert newcomer.label == "bob"


async def open_http(client: Client, instance: str | None = None, generation: int = 1) -> None:
    await client.open(Hint(TunnelKind.HTTP, instance, generation))


async def quiet(house: House) -> None:
    """Wait until nothing is on the way from the holder: its round trip has been measured."""
    connection = house.tunnel(BOB).connection
    await until(lambda: connection.round_trip < 0.2)


class TestReturning:
    """Our own client, which says who it is, and is believed by its person's token."""

    async def test_it_takes_its_name_back_from_its_ghost_at_once(
        self, house: House, token: str
    ) -> None:
        ghost = await house.http(token, ONE, 1)
        ghost.stop()
        back = await house.connect(token)
        await within(1.0, open_http(back, ONE, 2))
        assert back.label == "bob"
        ghost.go_on()
        with pytest.raises(Replaced):
            await ghost.connection.wait_lost()

    async def test_an_older_attempt_that_arrives_late_is_refused(
        self, house: House, token: str
    ) -> None:
        newer = await house.http(token, ONE, 2)
        late = await house.connect(token)
        with pytest.raises(TunnelRefused, match="a newer connection of this client"):
            await open_http(late, ONE, 1)
        assert not newer.connection.is_closed()
        assert house.tunnel(BOB).connection.peer.port == local_port(newer)

    async def test_a_second_tunnel_keeps_its_alternative_name(
        self, house: House, token: str
    ) -> None:
        await house.http(token, ONE)
        labels = set()
        for generation in range(1, 4):
            second = await house.http(token, OTHER, generation)
            labels.add(second.label)
            second.connection.abort()
            await until(lambda: len(house.daemon.registry) == 1)
        (label,) = labels
        assert ALTERNATIVE.fullmatch(label)

    async def test_a_second_tunnel_keeps_it_when_the_first_has_gone(
        self, house: House, token: str
    ) -> None:
        first, second = await house.http(token, ONE), await house.http(token, OTHER)
        first.connection.abort()
        second.connection.abort()
        await until(lambda: len(house.daemon.registry) == 0)
        assert (await house.http(token, OTHER, 2)).label == second.label
        assert (await house.http(token, ONE, 2)).label == "bob"

    async def test_an_instance_is_no_credential(self, house: House, token: str) -> None:
        bob = await house.http(token, ONE, 1)
        eve = await house.http((await house.person("eve"))[1], ONE, 9)
        assert eve.label == "eve"
        assert not bob.connection.is_closed()


def local_port(client: Client) -> int:
    port: int = client.connection.get_extra_info("sockname")[1]
    return port


async def test_a_connection_may_have_several_tunnels(house: House, token: str) -> None:
    client = await house.http(token)
    await client.connection.forward(Acceptor())
    first, second = (str(lease.key[1]) for lease in house.daemon.registry)
    assert first == "bob"
    assert ALTERNATIVE.fullmatch(second)


async def test_a_hint_can_be_left_out(house: House, token: str) -> None:
    client = await house.connect(token)
    await client.open(None)
    assert client.label == "bob"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"{", "expected JSON"),
        (b'{"protocol": "udp"}', "unsupported protocol: 'udp'"),
        (b'{"protocol": "http", "instance": "x"}', "32 hexadecimal digits"),
    ],
)
async def test_a_hint_that_makes_no_sense_is_refused(
    payload: bytes, text: str, house: House, token: str
) -> None:
    client = await house.connect(token)
    with pytest.raises(TunnelRefused, match=text):
        await client.connection.request(HINT, payload)
