"""Networks that are slow, stall, reset and cut: what arrives is right, or is seen not to be."""

from __future__ import annotations

import asyncio
import http.client
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgrok.address import Address
from pgrok.client.session import leave, open_tunnel
from pgrok.client.tunnel import draw_instance
from pgrok.errors import ConnectError, TransportError
from pgrok.protocol import Hint, TunnelKind
from pgrok.transport.client import connect
from support.channels import Noting
from support.daemon import Daemon, Person
from support.faults import STALLED, FaultRelay, Faults
from support.midst import STAGES, Midst
from support.mortal import Mortal
from support.origin import Origin
from support.payload import blocks, digest
from support.pgrok import Client
from support.ports import LOOPBACK
from support.processes import memory
from support.transport import trust
from support.visitor import visit
from support.vitals import Vitals, nothing_is_left

SIZE = 1_000_000
FAR = Faults(delay=0.2)
NARROW = Faults(rate=2_000_000)

MIB = 1 << 20


@pytest.fixture(scope="module")
def person(daemon: Daemon) -> Person:
    return daemon.add("of-networks")


@pytest.fixture
def network(daemon: Daemon) -> Iterator[FaultRelay]:
    """What is between client and server."""
    with FaultRelay(daemon.ssh) as relay:
        yield relay


@pytest.fixture
def connected(tmp_path: Path, network: FaultRelay, person: Person) -> Callable[[int], Client]:
    """Start a client with an http tunnel over that network."""
    return lambda target: Client(tmp_path, network.port, person.token, "http", str(target))


@pytest.mark.parametrize("faults", [FAR, NARROW], ids=["far", "narrow"])
def test_a_slow_network_changes_nothing(
    faults: Faults, connected: Callable[[int], Client], network: FaultRelay, origin: Origin
) -> None:
    network.set(up=faults, down=faults)
    with connected(origin.http) as client:
        url = client.url()
        assert visit(f"{url}/a").json()["target"] == "/a"
        assert digest([visit(f"{url}/bytes?n={SIZE}").body]) == digest(blocks(SIZE))
        sent = visit(
            f"{url}/digest", "POST", body=blocks(SIZE), fields={"Content-Length": str(SIZE)}
        )
        assert sent.json() == {"length": SIZE, "sha256": digest(blocks(SIZE))}


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_stall_costs_time_only(
    way: str, connected: Callable[[int], Client], network: FaultRelay, daemon: Daemon
) -> None:
    with (
        Mortal() as target,
        connected(target.port) as client,
        Midst(client.url(), "websocket") as chat,
        nothing_is_left(client, daemon.process),
    ):
        network.set(**{way: STALLED})
        chat.send(b"meanwhile")
        network.wait_held(way)
        network.heal()
        chat.read_until(b"meanwhile")


@pytest.mark.parametrize("softly", [False, True], ids=["reset", "closed"])
def test_a_lost_connection_is_made_anew(
    softly: bool, connected: Callable[[int], Client], network: FaultRelay, daemon: Daemon
) -> None:
    stages = [stage for stage, what in STAGES.items() if not what.stream]
    with Mortal() as target, connected(target.port) as client:
        url = client.url()
        assert visit(url).text == "as ever"
        vitals = Vitals(client, target, daemon.process)
        visitors = {stage: Midst(url, stage, target) for stage in stages}
        (network.close if softly else network.reset)()
        for stage, visitor in visitors.items():
            with visitor:
                outcome = visitor.outcome()
            assert outcome.is_cut or outcome.error == "502 tunnel-lost", (stage, outcome)
        client.wait_for("^Not connected: .*Trying again in")
        assert client.url(count=2) == url
        assert visit(url).text == "as ever"
        vitals.check()


class TestVisitorsWhoAreCutOff:
    @pytest.mark.parametrize("softly", [False, True], ids=["reset", "closed"])
    def test_of_an_upload_no_part_is_taken_for_the_whole(
        self, softly: bool, connected: Callable[[int], Client], daemon: Daemon, origin: Origin
    ) -> None:
        draw = random.Random(5)
        with connected(origin.http) as client, FaultRelay(daemon.proxy) as between:
            url = client.url()
            near = url.replace(f":{daemon.proxy}", f":{between.port}")
            host = {"Host": url.removeprefix("http://")}
            assert visit(url).status == 200
            vitals = Vitals(client, daemon.process)
            for octets in [0, 1, *(draw.randrange(SIZE) for _ in range(10))]:
                between.set(up=Faults(cut_after=octets, softly=softly))
                with pytest.raises((ConnectionError, http.client.HTTPException)):
                    visit(f"{near}/digest", "POST", body=blocks(SIZE), fields=host)
            between.heal()
            sent = visit(f"{near}/digest", "POST", body=blocks(SIZE), fields=host)
            assert sent.json() == {"length": SIZE, "sha256": digest(blocks(SIZE))}
            vitals.check()


class TestOpeningCutAtAnyOctet:
    """Between client and server: an error of ours in time, and the server forgets them."""

    @pytest.mark.parametrize("way", ["up", "down"])
    async def test_it_is_told(
        self, way: str, network: FaultRelay, person: Person, daemon: Daemon
    ) -> None:
        async def attempt() -> tuple[str, int]:
            connection = await connect(
                Address(LOOPBACK, network.port),
                token=person.token,
                check_host_key=trust,
                client_version="pgrok_test",
            )
            try:
                hint = Hint(TunnelKind.HTTP, instance, next(generations))
                url = await open_tunnel(connection, hint, lambda _: Noting())
                return url, sum(network.reads(way))
            finally:
                await leave(connection)

        instance, generations = draw_instance(), iter(range(100, 1000))
        url, octets = await attempt()
        draw = random.Random(7)
        places = sorted({*range(0, octets, 40), *(draw.randrange(octets) for _ in range(20))})
        vitals, before = Vitals(daemon.process), memory(daemon.process.pid)
        for softly in (False, True):
            for place in places:
                network.set(**{way: Faults(cut_after=place, softly=softly)})
                with pytest.raises((ConnectError, TransportError)) as raised:
                    async with asyncio.timeout(20):
                        await attempt()
                assert str(raised.value)
        network.heal()
        assert await attempt() == (url, octets)
        await asyncio.to_thread(vitals.check)
        assert memory(daemon.process.pid) - before < 16 * MIB
