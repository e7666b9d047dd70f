"""Other tunnels, each measured if its programs are on PATH or named by its variable."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.delay import Link, near
from bench.network import LOOPBACK, Endpoint, free_port, is_open, wait_until
from bench.peers.base import Peer, Tunnel, first_missing
from bench.peers.openssh import ssh
from bench.processes import Process
from bench.workplace import Workplace

BORE_PORT = 7835
"""Where a bore server takes its clients; it knows no other port."""


def program(name: str) -> str:
    """Return the program `name`, or what BENCH_NAME in the environment says in its place."""
    return os.environ.get(f"BENCH_{name.upper()}", name)


class Bore:
    """bore: raw bytes over plain TCP, a connection each, no encryption."""

    name = "bore"

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(program("bore"))

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run server and client; without a `link`, because the port cannot be chosen."""
        public = free_port()
        serve = (program("bore"), "server", "--min-port", "1024")
        forward = ("local", str(target), "--local-host", LOOPBACK, "--to", LOOPBACK)
        with Process(place.log("bore-server"), *serve) as server:
            wait_until(lambda: is_open(BORE_PORT), "bore listens")
            command = (program("bore"), *forward, "--port", str(public))
            with Process(place.log("bore"), *command) as client:
                wait_until(lambda: is_open(public), f"bore is up: {client.output}")
                yield Tunnel(Endpoint(public), server, client)


class Chisel:
    """chisel: raw bytes over SSH in a WebSocket."""

    name = "chisel"

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(program("chisel"))

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run server and client."""
        port, public = free_port(), free_port()
        serve = ("server", "--host", LOOPBACK, "--port", str(port), "--reverse")
        with (
            Process(place.log("chisel-server"), program("chisel"), *serve) as server,
            link(place, port) as reached,
        ):
            wait_until(lambda: is_open(port), "chisel listens")
            forward = f"R:{LOOPBACK}:{public}:{LOOPBACK}:{target}"
            command = (program("chisel"), "client", f"http://{LOOPBACK}:{reached}", forward)
            with Process(place.log("chisel"), *command) as client:
                wait_until(lambda: is_open(public), f"chisel is up: {client.output}")
                yield Tunnel(Endpoint(public), server, client)


class Frp:
    """frp's http proxy."""

    name = "frp http"

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(program("frps"), program("frpc"))

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run server and client."""
        folder, port, public = place.folder("frp"), free_port(), free_port()
        (folder / "frps.toml").write_text(
            f'bindAddr = "{LOOPBACK}"\nbindPort = {port}\nvhostHTTPPort = {public}\n'
        )
        with (
            Process(place.log("frps"), program("frps"), "-c", folder / "frps.toml") as server,
            link(place, port) as reached,
        ):
            wait_until(lambda: is_open(port), "frps listens")
            (folder / "frpc.toml").write_text(
                f'serverAddr = "{LOOPBACK}"\nserverPort = {reached}\n'
                '[[proxies]]\nname = "bench"\ntype = "http"\n'
                f'localIP = "{LOOPBACK}"\nlocalPort = {target}\ncustomDomains = ["localhost"]\n'
            )
            command = (program("frpc"), "-c", str(folder / "frpc.toml"))
            with Process(place.log("frpc"), *command) as client:
                client.wait_for("start proxy success")
                yield Tunnel(Endpoint(public), server, client)


class Sish:
    """sish's http tunnel, with OpenSSH as its client."""

    name = "sish http"

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(program("sish"), "ssh")

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run sish and an `ssh -R` to it."""
        folder, port, public = place.folder("sish"), free_port(), free_port()
        (folder / "keys").mkdir()
        serve = _sish_options(folder, port, public)
        with (
            Process(place.log("sish"), program("sish"), *serve) as server,
            link(place, port) as reached,
        ):
            wait_until(lambda: is_open(port), "sish listens")
            forward = (f"-Rbench:80:{LOOPBACK}:{target}", f"-p{reached}", f"bench@{LOOPBACK}")
            with Process(place.log("ssh"), *ssh(folder), "-N", *forward) as client:
                server.wait_for("bench")
                yield Tunnel(Endpoint(public, "bench.localhost"), server, client)


class Original:
    """The original pgrok's http tunnel, to a server that somebody has set up beforehand.

    Its server needs a PostgreSQL and an account, so the bench does not start it: it is asked
    for where it is. What its server costs is therefore not measured.
    """

    name = "original pgrok http"

    def missing(self) -> str:
        """Return the program or the variable that is missing, or nothing."""
        return first_missing(_ORIGINAL) if _ORIGINAL else "BENCH_PGROK"

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run a client."""
        remote = int(os.environ["BENCH_PGROK_SSH_PORT"])
        with link(place, remote) as reached:
            file = place.folder("original") / "pgrok.yml"
            file.write_text(
                f'remote_addr: "{LOOPBACK}:{reached}"\ntoken: "{os.environ["BENCH_PGROK_TOKEN"]}"\n'
            )
            command = (_ORIGINAL, "http", f"http://{LOOPBACK}:{target}", "--config", str(file))
            with Process(place.log("original"), *command) as client:
                host = client.wait_for(r"://([^\s:!/]+)(?::\d+)?!? .*remote=")[1]
                public = int(os.environ["BENCH_PGROK_PROXY_PORT"])
                yield Tunnel(Endpoint(public, host), None, client)


_ORIGINAL = os.environ.get("BENCH_PGROK", "")


def installed() -> list[Peer]:
    """Return those whose programs are here."""
    peers: Sequence[Peer] = (Bore(), Chisel(), Frp(), Sish(), Original())
    return [peer for peer in peers if not peer.missing()]


def _sish_options(folder: Path, port: int, public: int) -> list[str]:
    options = {
        "ssh-address": f"{LOOPBACK}:{port}",
        "http-address": f"{LOOPBACK}:{public}",
        "domain": "localhost",
        "authentication": "false",
        "bind-random-subdomains": "false",
        "private-keys-directory": folder / "keys",
        "private-key-location": folder / "key",
        "authentication-keys-directory": folder,
    }
    return [f"--{name}={value}" for name, value in options.items()]
