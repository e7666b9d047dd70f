"""The Go stand-ins for the original's client and server: built once, run as processes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from support.ports import LOOPBACK
from support.processes import Process, run

SOURCE = Path(__file__).parent.parent / "go"
LIVE = r"You're ready to go live at (.+)! remote=(\S+)$"


def build(target: Path) -> Path:
    """Build both programs into the folder `target` and return it."""
    path = f"{os.environ['PATH']}:/usr/local/go/bin"
    go = shutil.which("go", path=path)
    assert go, "Go is not installed; 'make test' says how to get it"
    run(go, "build", "-o", f"{target}/", "./...", cwd=SOURCE, env={"PATH": path}, timeout=300)
    return target


class GoClient(Process):
    """The stand-in for the original's client."""

    def __init__(
        self, binaries: Path, remote: int, token: str, forward: str, **options: str | bool
    ) -> None:
        flags = [
            f"--{name.replace('_', '-')}={str(value).lower() if value is True else value}"
            for name, value in options.items()
        ]
        super().__init__(
            binaries / "client",
            f"--remote-addr={LOOPBACK}:{remote}",
            f"--token={token}",
            f"--forward-addr={forward}",
            *flags,
        )

    def url(self, count: int = 1) -> str:
        """Wait until a tunnel is up, for the `count`th time, and return its public URL."""
        return self.wait_for(LIVE, count=count)[1]


class GoServer(Process):
    """The stand-in for the original's server, with one person, `alice`, whose token is `secret`."""

    TOKEN = "secret"

    def __init__(self, binaries: Path, *, ssh: int = 0, proxy: int = 0, key_seed: str = "") -> None:
        super().__init__(
            binaries / "server",
            f"--ssh-addr={LOOPBACK}:{ssh}",
            f"--proxy-addr={LOOPBACK}:{proxy}",
            f"--key-seed={key_seed}",
        )
        listening = self.events("listening")[0]
        self.ssh: int = listening["ssh"]
        self.proxy: int = listening["proxy"]
        self.fingerprint: str = listening["fingerprint"]

    def events(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until `count` events of a kind came and return all of them."""
        self.wait_for(f'"event":"{kind}"', count=count)
        events = [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]
        return [event for event in events if event["event"] == kind]

    def requests(self, name: str, count: int = 1) -> list[str]:
        """Wait for `count` global requests of that name and return their payloads."""
        self.wait_for(f'"name":"{name}"', count=count)
        return [event["payload"] for event in self.events("request") if event["name"] == name]
