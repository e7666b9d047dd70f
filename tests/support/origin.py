"""The application behind a tunnel, as a process of its own: HTTP, WebSocket, raw TCP."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import ssl
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from support import origin_http
from support.ports import LOOPBACK
from support.processes import Process
from support.visitor import visit

TESTS = Path(__file__).parent.parent


class Origin:
    """The running application; its ports are attributes.

    `http` and `websocket` speak those, `echo` sends back what it gets as it comes, `digest`
    sends the SHA-256 of it after the end of the file: it needs a half-closed connection.
    """

    http: int
    websocket: int
    echo: int
    digest: int

    def __init__(self, *, certificate: Path | None = None, module: str = "support.origin") -> None:
        options = ["--certificate", str(certificate)] if certificate else []
        command = [sys.executable, "-m", module, *options]
        self.process = Process(*command, env={"PYTHONPATH": str(TESTS)})
        vars(self).update(json.loads(self.process.wait_for(r"^\{.*\}$")[0]))

    def wait_at_gate(self, name: str) -> None:
        """Wait until a request waits for that gate."""
        self.process.wait_for(f"^waiting at {re.escape(name)}$")

    def open_gate(self, name: str) -> None:
        """Let go what waits for that gate."""
        assert visit(f"http://{LOOPBACK}:{self.http}/gate?gate={name}").status == 200

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.__exit__(kind, error, trace)


async def _websocket(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, until its end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _digest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sha256 = hashlib.sha256()
    while data := await reader.read(1 << 18):
        sha256.update(data)
    writer.write(sha256.hexdigest().encode())
    writer.close()


async def _main(certificate: Path | None) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    servers: dict[str, asyncio.Server] = {
        "http": await asyncio.start_server(origin_http.serve, LOOPBACK, 0, ssl=context),
        "echo": await asyncio.start_server(echo, LOOPBACK, 0),
        "digest": await asyncio.start_server(_digest, LOOPBACK, 0),
    }
    async with serve_websocket(_websocket, LOOPBACK, 0, max_size=None) as websocket:
        ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
        ports["websocket"] = next(iter(websocket.sockets)).getsockname()[1]
        print(json.dumps(ports), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", type=Path)
    asyncio.run(_main(parser.parse_args().certificate))
