"""A server and its people with everything at its most talkative, and all that they leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.daemon import Daemon
from support.databases import Outside
from support.haystack import Haystack
from support.identity_server import IdentityServer
from support.pgrok import home
from support.ports import LOOPBACK
from support.processes import BIN, Process, run
from support.scene import Browser
from support.ssh import SSH

LOUD = {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "always"}

CLIENT_SECRET = "canary-of-the-identity-provider"
METRICS_TOKEN = "canary-of-the-metrics"


class Household:
    """The processes; whatever they say or answer is kept in `hay`."""

    def __init__(self, folder: Path, database: Outside, identity: IdentityServer) -> None:
        self.folder, self.identity = folder, identity
        self.hay = Haystack()
        identity.provider.client_secret = CLIENT_SECRET
        self.daemon = Daemon(
            folder / "server",
            database.url,
            identity_provider=identity.settings(client_secret=CLIENT_SECRET),
            metrics={"token": METRICS_TOKEN},
            log={"level": "debug", "format": "json"},
        )
        self.daemon.prefix = ["env", *(f"{name}={value}" for name, value in LOUD.items())]

    @contextmanager
    def serving(self) -> Iterator[Process]:
        """Run the server."""
        with self.daemon.running() as process:
            yield process
        self.hay.add("log of pgrokd", process.output)

    def command(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run a `pgrokd` command and return what it says."""
        said = run(
            BIN / "pgrokd",
            *arguments,
            cwd=self.daemon.folder,
            env={**home(self.daemon.folder), **LOUD, **environment},
            status=status,
        )
        self.hay.add(" ".join(["pgrokd", *arguments[:2]]), said)
        return said

    def added(self, name: str) -> tuple[str, str]:
        """Add a person; return their token and the secret of their link."""
        said = self.command("user", "add", name)
        link = re.search(r"/-/link/(\S+)", said)
        assert link, said
        return _token(said), link[1]

    def another_token(self, name: str) -> str:
        """Make somebody one more token."""
        return _token(self.command("user", "token", name))

    def browser(self) -> Browser:
        """Return a browser."""
        browser = Browser(self.daemon.external_url, self.identity.provider)
        browser.event_hooks["response"].append(self.hay.add_answer)
        return browser

    def set_up(self, token: str, target: int) -> Path:
        """Let a person type `pgrok init`; return their settings file."""
        remote, forward = f"{LOOPBACK}:{self.daemon.ssh}", f"{LOOPBACK}:{target}"
        options = ["--remote-addr", remote, "--forward-addr", forward, "--debug"]
        with self.client("init", *options, PGROK_TOKEN=token) as process:
            assert process.wait() == 0, process.output
        return self.folder / "person/.config/pgrok/pgrok.yml"

    @contextmanager
    def client(self, *arguments: str, **environment: str) -> Iterator[Process]:
        """Run `pgrok` in the person's home."""
        env = {**home(self.folder / "person"), **LOUD, **environment}
        with Process(BIN / "pgrok", *arguments, env=env) as process:
            yield process
        self.hay.add(f"output of pgrok {arguments[0]}", process.output)

    @contextmanager
    def ssh(self, token: str, target: int) -> Iterator[SSH]:
        """Run plain `ssh`."""
        folder = self.folder / "ssh"
        folder.mkdir(exist_ok=True)
        with SSH(folder, self.daemon.ssh, token, target, "-v") as process:
            yield process
        self.hay.add("output of ssh", process.output)


def _token(said: str) -> str:
    found = re.search(r"pgrok_\w+", said)
    assert found, said
    return found[0]
