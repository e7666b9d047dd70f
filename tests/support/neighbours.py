"""A server as in production, and somebody who means harm with tunnels beside its dashboard.

Dashboard and tunnels are hosts below one domain, so for a browser they are one site.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from support import hostile_pages, identity_server, ingress
from support.certificates import make_certificate
from support.daemon import Daemon
from support.hostile_pages import HostilePages
from support.identity_server import IdentityServer
from support.pgrok import Client
from support.ports import free_port
from support.processes import Process

PARENT = "example.test"
VICTIM = "Alice Doe"
"""What the identity provider calls everybody who comes to it."""

_WHAT_MAY_CHANGE = (
    "SELECT id, name, display_name, released_at FROM pgrok_people",
    "SELECT id, person_id, label, revoked_at FROM pgrok_tokens",
    "SELECT id_hash, person_id, kept_token FROM pgrok_web_sessions",
    "SELECT hash FROM pgrok_sign_in_links",
)


@dataclass(frozen=True)
class Neighbours:
    """The server, and `pages`, which are served at `tunnel` and, past all filters, at `tcp`.

    The output of `wire` is what visitors send.
    """

    daemon: Daemon
    wire: Process
    identity: IdentityServer
    pages: HostilePages
    tunnel: str
    tcp: str

    @property
    def dashboard(self) -> str:
        """The origin of the dashboard."""
        return self.daemon.external_url

    def link(self) -> str:
        """Return a link that signs in Mallory."""
        said = self.daemon.command("user", "link", "mallory")
        return next(word for word in said.split() if word.startswith(self.dashboard))

    def state(self) -> list[Any]:
        """Return all that a person could change at the dashboard."""
        with closing(sqlite3.connect(self.daemon.folder / "pgrok.db")) as database:
            return [database.execute(query).fetchall() for query in _WHAT_MAY_CHANGE]


@contextmanager
def living(folder: Path, scheme: Literal["http", "https"]) -> Iterator[Neighbours]:
    """Run the server, Mallory's pages and her tunnels to them."""
    with ExitStack() as stack:
        identity = stack.enter_context(identity_server.serving())
        daemon, wire = stack.enter_context(_server(folder, scheme, identity))
        pages = stack.enter_context(hostile_pages.serving())
        token, target = daemon.add("mallory").token, str(pages.port)
        http = Client(folder / "http", daemon.ssh, token, "http", target)
        tcp = Client(folder / "tcp", daemon.ssh, token, "tcp", target)
        url = stack.enter_context(http).url()
        port = stack.enter_context(tcp).wait_for(rf"tcp://{PARENT}:(\d+)")[1]
        yield Neighbours(daemon, wire, identity, pages, url, f"http://{PARENT}:{port}")


@contextmanager
def _server(
    folder: Path, scheme: str, identity: IdentityServer
) -> Iterator[tuple[Daemon, Process]]:
    web, proxy = free_port(), free_port()
    daemon = Daemon(
        folder,
        f"sqlite:///{folder}/pgrok.db",
        external_url=f"{scheme}://pgrok.{PARENT}:{web}",
        proxy={"scheme": scheme, "domain": f"{PARENT}:{proxy}"},
        identity_provider=identity.settings(),
    )
    certificate = make_certificate(folder / "certificate.pem") if scheme == "https" else None
    doors = [(web, daemon.web), (proxy, daemon.proxy)]
    with daemon.running(), ingress.before(doors, certificate) as wire:
        yield daemon, wire
