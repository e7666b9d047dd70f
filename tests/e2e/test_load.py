"""Much at once, and much in one piece."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from support.daemon import Daemon, Person
from support.origin import Origin
from support.payload import blocks, digest, payload
from support.pgrok import Client
from support.processes import memory
from support.visitor import connect, send, visit

GIB = 1 << 30
MIB = 1 << 20

AT_ONCE = 200


@pytest.fixture
def client(daemon: Daemon, start: Callable[..., Any], origin: Origin) -> Client:
    running: Client = start("pgrok", origin.http)
    running.url()
    return running


@pytest.fixture
def bounded(daemon: Daemon, client: Client) -> Iterator[None]:
    """Neither the server nor the client may need much more memory at its peak than before."""
    pids = (daemon.process.pid, client.pid)
    before = [memory(pid) for pid in pids]
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
    yield
    for pid, resident in zip(pids, before, strict=True):
        assert memory(pid, "VmHWM") - resident < 64 * MIB


@pytest.mark.usefixtures("bounded")
def test_a_gibibyte_down(client: Client) -> None:
    url = f"{client.url()}/bytes?n={GIB}"
    connection = connect(url)
    response = send(connection, url)
    received = digest(iter(lambda: response.read(1 << 18), b""))
    connection.close()
    assert received == digest(blocks(GIB))


@pytest.mark.usefixtures("bounded")
def test_a_gibibyte_up(client: Client) -> None:
    answer = visit(
        f"{client.url()}/digest", "POST", body=blocks(GIB), fields={"Content-Length": str(GIB)}
    )
    assert answer.json() == {"length": GIB, "sha256": digest(blocks(GIB))}


def test_mixed_requests_at_once(person: Person, client: Client) -> None:
    url, together = client.url(), Barrier(AT_ONCE)

    def ask(number: int) -> None:
        size = random.Random(number).randrange(200_000)
        together.wait()
        match number % 5:
            case 0:
                answer = visit(f"{url}/bytes?n={size}&seed={number}")
                assert answer.body == payload(size, number)
            case 1:
                answer = visit(f"{url}/bytes?n={size}&seed={number}&chunked=1")
                assert answer.body == payload(size, number)
            case 2:
                answer = visit(f"{url}/digest", "POST", body=payload(size, number))
                assert answer.json()["sha256"] == digest([payload(size, number)])
            case 3:
                answer = visit(f"{url}/digest", "POST", body=blocks(size, number))
                assert answer.json()["sha256"] == digest(blocks(size, number))
            case _:
                answer = visit(f"{url}/echo/{number}", fields={"X-Number": str(number)})
                assert answer.json()["target"] == f"/echo/{number}"
                assert ["X-Number", str(number)] in answer.json()["fields"]

    with ThreadPoolExecutor(AT_ONCE) as visitors:
        list(visitors.map(ask, range(AT_ONCE)))
