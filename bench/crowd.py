"""Many light clients in a few processes: `python -m bench.crowd`, told what to do on stdin.

Each one is a real SSH connection with a real tunnel, of `pgrok.transport.client`; only the
command around it is missing. They come from addresses of 127/8 that nobody else has.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.network import LOOPBACK
from bench.processes import Process
from bench.workplace import Workplace
from pgrok.address import Address
from pgrok.client.session import open_tunnel
from pgrok.errors import PgrokError
from pgrok.protocol import Hint
from pgrok.transport.client import connect

PAUSE_SECONDS = 0.5
"""The longest that a client waits which was turned away, before it tries again."""

LONGEST = 180.0
"""Seconds that a crowd may take to be up."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How long it took until all tunnels were up, and how many attempts came to nothing."""

    seconds: float
    retries: int


class Crowd:
    """Clients that wait to be let loose."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    def connect(self) -> Arrival:
        """Have all of them connect at once and return when all have a tunnel."""
        for process in self._processes:
            process.tell("go")
        reports = [process.wait_for(r"^up (\S+) (\d+)$", LONGEST) for process in self._processes]
        return Arrival(max(float(r[1]) for r in reports), sum(int(r[2]) for r in reports))

    def count(self) -> int:
        """Return how many are still connected; to be asked once."""
        for process in self._processes:
            process.tell("count")
        return sum(int(process.wait_for(r"^live (\d+)$")[1]) for process in self._processes)


@contextmanager
def crowd(
    place: Workplace, port: int, tokens: Sequence[str], *, processes: int = 2, at_once: int = 10_000
) -> Iterator[Crowd]:
    """Prepare a client for every token, of which `at_once` in a process connect at a time."""
    command = (sys.executable, "-m", "bench.crowd")
    with ExitStack() as stack:
        started = [
            stack.enter_context(Process(place.log("crowd"), *command)) for _ in range(processes)
        ]
        for number, process in enumerate(started):
            mine = tokens[number::processes]
            job = {"port": port, "tokens": mine, "at_once": at_once, "network": number + 1}
            process.tell(json.dumps(job))
        for process in started:
            process.wait_for("^ready$")
        yield Crowd(started)


class FarAndWideLoop(uvloop.Loop):
    """A loop whose connections leave from one address of 127.NETWORK/16 after the other."""

    def __init__(self, network: int) -> None:
        super().__init__()
        hosts = itertools.product(range(256), range(1, 255))
        self._addresses = (f"127.{network}.{high}.{low}" for high, low in hosts)

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect from the next address."""
        return await super().create_connection(
            *args, local_addr=(next(self._addresses), 0), **kwargs
        )


class Clients:
    """The clients of one process."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._server = Address(LOOPBACK, job["port"])
        self._tokens: list[str] = job["tokens"]
        self._free = asyncio.Semaphore(job["at_once"])
        self._connections: list[Any] = []
        self.retries = 0

    async def connect_all(self) -> float:
        """Connect every client and return how many seconds that took."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for token in self._tokens:
                group.create_task(self._connect(token))
        return time.perf_counter() - began

    def count(self) -> int:
        """Return how many are connected."""
        return sum(not connection.is_closed() for connection in self._connections)

    async def _connect(self, token: str) -> None:
        instance = secrets.token_hex(16)
        for generation in itertools.count(1):
            try:
                async with self._free:
                    await self._open(token, Hint(instance=instance, generation=generation))
            except PgrokError:
                self.retries += 1
                await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
            else:
                return

    async def _open(self, token: str, hint: Hint) -> None:
        connection = await connect(
            self._server,
            token=token,
            check_host_key=lambda _: True,  # the server is the bench's own
            client_version="pgrok_bench",
        )
        await open_tunnel(connection, hint, lambda _: asyncio.Protocol())
        self._connections.append(connection)


async def _work(job: dict[str, Any]) -> None:
    clients = Clients(job)
    seconds = await clients.connect_all()
    print(f"up {seconds:.3f} {clients.retries}", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(f"live {clients.count()}", flush=True)


def main() -> None:
    """Read the job, wait for the word, and stay until standard input ends."""
    job = json.loads(sys.stdin.readline())
    print("ready", flush=True)
    if sys.stdin.readline():
        network = job["network"]
        with asyncio.Runner(loop_factory=lambda: FarAndWideLoop(network)) as runner:
            runner.run(_work(job))


if __name__ == "__main__":
    main()
