"""What stands before the server in production: it ends TLS and passes the octets on."""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from support.ports import LOOPBACK
from support.processes import Process

TESTS = Path(__file__).parent.parent


@contextmanager
def before(doors: Sequence[tuple[int, int]], certificate: Path | None = None) -> Iterator[Process]:
    """Run one in a process of its own, whose output is all that comes from visitors.

    `doors` are its ports, each with that of a server behind. Without a certificate there is no
    TLS either.
    """
    options = ["--certificate", str(certificate)] if certificate else []
    command = [sys.executable, "-m", "support.ingress", json.dumps(doors), *options]
    with Process(*command, env={"PYTHONPATH": str(TESTS)}) as process:
        process.wait_for("^listening$")
        yield process


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tell: bool = False
) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if tell:
                print(data.decode("latin-1"), flush=True)
            writer.write(data)
            await writer.drain()
    writer.close()


async def _serve(behind: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    answers, requests = await asyncio.open_connection(LOOPBACK, behind)
    await asyncio.gather(_copy(reader, requests, tell=True), _copy(answers, writer))


async def _main(doors: Sequence[tuple[int, int]], certificate: Path | None) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    for outside, behind in doors:
        await asyncio.start_server(partial(_serve, behind), LOOPBACK, outside, ssl=context)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("doors", type=json.loads)
    parser.add_argument("--certificate", type=Path)
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.doors, arguments.certificate))
