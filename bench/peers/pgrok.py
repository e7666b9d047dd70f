"""Ours, as released: the commands `pgrokd` and `pgrok`, with logs and every guard on."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import accounts
from bench.delay import Link, near
from bench.errors import BenchError
from bench.network import LOOPBACK, Endpoint, free_port, free_range, is_open, wait_until
from bench.peers.base import Tunnel, first_missing
from bench.peers.openssh import ssh
from bench.processes import Process
from bench.workplace import Workplace

BIN = Path(sys.prefix, "bin")
"""Where our commands are installed."""

LIVE = r"You're ready to go live at (\w+)://([^:\s]+):(\d+)!"

ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$BENCH_TOKEN"\n'


class Server:
    """A running `pgrokd`; `database` is the URL of its database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.ssh, self.web, self.proxy = free_port(), free_port(), free_port()
        self.process: Process
        ports = free_range(8)
        settings = {
            "external_url": f"http://localhost:{self.web}",
            "web": {"host": LOOPBACK, "port": self.web},
            "proxy": {
                "host": LOOPBACK,
                "port": self.proxy,
                "scheme": "http",
                "domain": f"localhost:{self.proxy}",
                "tcp": {"port_start": ports.start, "port_end": ports.stop},
            },
            "sshd": {"host": LOOPBACK, "port": self.ssh},
            "database": {"url": database},
        }
        self._file = folder / "pgrokd.yml"
        self._file.write_text(json.dumps(settings))  # which is YAML too

    @contextmanager
    def running(self, place: Workplace) -> Iterator[Server]:
        """Run it."""
        command = (BIN / "pgrokd", "serve", "--config", self._file)
        with Process(place.log("pgrokd"), *command, env=home(self.folder)) as self.process:
            wait_until(lambda: not self.process.running or self._listens(), "pgrokd listens")
            if not self.process.running:
                raise BenchError(f"pgrokd ended:\n{self.process.output}")
            yield self

    def _listens(self) -> bool:
        return all(is_open(port) for port in (self.ssh, self.proxy))


@contextmanager
def server(place: Workplace, database: str = "") -> Iterator[Server]:
    """Run a `pgrokd` with a database of its own, SQLite unless another is given."""
    folder = place.folder("pgrokd")
    with Server(folder, database or f"sqlite:///{folder}/pgrok.db").running(place) as running:
        yield running


@contextmanager
def client(
    place: Workplace, kind: str, target: int, *, port: int, token: str
) -> Iterator[tuple[Process, Endpoint]]:
    """Run `pgrok http` or `pgrok tcp` against the server at `port` until its tunnel is up."""
    command = (BIN / "pgrok", kind, f"{LOOPBACK}:{target}")
    environment = home(place.folder("pgrok")) | {
        "PGROK_REMOTE_ADDR": f"{LOOPBACK}:{port}",
        "PGROK_TOKEN": token,
    }
    with Process(place.log("pgrok"), *command, env=environment) as process:
        live = process.wait_for(LIVE)
        yield process, Endpoint(int(live[3]), live[2])


class Pgrok:
    """`pgrok http` or `pgrok tcp` to `pgrokd`."""

    def __init__(self, kind: str) -> None:
        self.name = f"pgrok {kind}"
        self._kind = kind

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(str(BIN / "pgrokd"), str(BIN / "pgrok"))

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run a server and a client of its only person."""
        with server(place) as running, link(place, running.ssh) as port:
            [token] = accounts.create(running.database, ["bench"])
            with client(place, self._kind, target, port=port, token=token) as (process, endpoint):
                yield Tunnel(endpoint, running.process, process)


class PgrokBySSH:
    """A plain `ssh -R` to `pgrokd`, which is an http tunnel."""

    name = "pgrok http, by ssh"

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(str(BIN / "pgrokd"), "ssh")

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run a server and an `ssh` that is asked for the token as a password."""
        with server(place) as running, link(place, running.ssh) as port:
            [token] = accounts.create(running.database, ["bench"])
            folder = place.folder("ssh")
            askpass = folder / "askpass"
            askpass.write_text(ASKPASS)
            askpass.chmod(0o700)
            environment = {
                "SSH_ASKPASS": str(askpass),
                "SSH_ASKPASS_REQUIRE": "force",
                "BENCH_TOKEN": token,
            }
            command = _forwarding(folder, target, port)
            with Process(place.log("ssh"), *command, env=environment) as process:
                endpoint = Endpoint(running.proxy, f"bench.localhost:{running.proxy}")
                wait_until(lambda: _is_up(endpoint), f"ssh has a tunnel: {process.output}")
                yield Tunnel(endpoint, running.process, process)


def home(folder: Path) -> dict[str, str]:
    """Return an environment in which the user's own folders lie in `folder`."""
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    return dict.fromkeys(names, str(folder))


def _forwarding(folder: Path, target: int, port: int) -> Sequence[str]:
    options = ["-N", "-oPreferredAuthentications=password", "-oNumberOfPasswordPrompts=1"]
    return [*ssh(folder), *options, f"-R0:{LOOPBACK}:{target}", f"-p{port}", f"bench@{LOOPBACK}"]


def _is_up(endpoint: Endpoint) -> bool:
    """Whether the name leads somewhere, whatever its application makes of the path."""
    connection = endpoint.connect()
    try:
        connection.request("GET", "/", headers={"Host": endpoint.host})
        return connection.getresponse().getheader("X-Pgrok-Error") != "no-tunnel"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
