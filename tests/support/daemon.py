"""The server under test: the command `pgrokd`, with settings and a database of its own."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.pgrok import home
from support.ports import LOOPBACK, free_port, free_range
from support.processes import BIN, Process, run, until
from support.visitor import visit


@dataclass(frozen=True, slots=True)
class Person:
    """Who may connect, and what `pgrokd user add` said of them."""

    name: str
    token: str
    sign_in_link: str


class Daemon:
    """A server's settings and ports; `running` starts it, and `process` is it then.

    Its settings file is the one in the working directory, where the commands look for it.
    """

    process: Process

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        tcp: range | None = None,
        ssh_host: str = LOOPBACK,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.prefix: list[str] = []
        """What starts the command, in its stead; it gets `descriptors`."""
        self.descriptors: list[int] = []
        self.web, self.proxy, self.ssh = free_port(), free_port(), free_port()
        self.tcp = tcp or free_range(32)
        self.external_url: str = settings.get("external_url", f"http://localhost:{self.web}")
        default: dict[str, Any] = {
            "external_url": self.external_url,
            "web": {"host": LOOPBACK, "port": self.web},
            "proxy": {
                "host": LOOPBACK,
                "port": self.proxy,
                "scheme": "http",
                "domain": f"localhost:{self.proxy}",
                "tcp": {"port_start": self.tcp.start, "port_end": self.tcp.stop},
            },
            "sshd": {"host": ssh_host, "port": self.ssh},
            "database": {"url": database},
        }
        proxy = default["proxy"] | settings.pop("proxy", {})
        default |= {"proxy": proxy, **settings}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pgrokd.yml").write_text(json.dumps(default))  # which is YAML too

    def start(self) -> Process:
        """Start it without waiting for anything."""
        return Process(
            *self.prefix,
            BIN / "pgrokd",
            "serve",
            cwd=self.folder,
            env=home(self.folder),
            descriptors=self.descriptors,
        )

    @contextmanager
    def running(self) -> Iterator[Process]:
        """Start it, wait until it serves, and kill it at the end."""
        with self.start() as process:
            until(lambda: self._serves(process), f"{process} serves")
            self.process = process
            yield process

    def _serves(self, process: Process) -> bool:
        assert process.running, f"{process} ended: {process.output}"
        try:
            for port in (self.proxy, self.ssh):
                socket.create_connection((LOOPBACK, port), timeout=1).close()
            return visit(f"http://localhost:{self.web}/-/healthcheck").text == "OK"
        except OSError:
            return False

    def command(self, *arguments: str, status: int | None = 0) -> str:
        """Run another `pgrokd` command and return what it says."""
        return run(
            BIN / "pgrokd", *arguments, cwd=self.folder, env=home(self.folder), status=status
        )

    def add(self, name: str) -> Person:
        """Add a person."""
        said = self.command("user", "add", name)
        token = re.search(r"pgrok_\w+", said)
        link = re.search(rf"{self.external_url}/\S+", said)
        assert token, said
        assert link, said
        return Person(name, token[0], link[0])

    def public_url(self, label: str) -> str:
        """Return where the tunnel of that name is."""
        return f"http://{label}.localhost:{self.proxy}"
