"""A running server, people on it, and the three kinds of client."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.daemon import Daemon, Person
from support.go import GoClient
from support.pgrok import Client
from support.ssh import SSH

Tunnel = Client | GoClient | SSH
Start = Callable[..., Tunnel]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server on SQLite, shared by the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("daemon")
    daemon = Daemon(folder, f"sqlite:///{folder}/pgrok.db")
    with daemon.running():
        yield daemon


@pytest.fixture
def person(daemon: Daemon) -> Person:
    """Someone on that server whom no other test knows."""
    return daemon.add(f"person{next(_numbers)}")


@pytest.fixture(scope="module")
def starter(
    go_binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Tunnel]]:
    """Start a client of one of three kinds; it ends with the tests of the module.

    `pgrok` is ours, `go` the stand-in for the original's, `ssh` is OpenSSH without `-N`.
    """
    with ExitStack() as stack:

        def start(kind: str, port: int, token: str, target: int, protocol: str = "http") -> Tunnel:
            folder = tmp_path_factory.mktemp(kind)
            address = f"localhost:{target}"
            client: Tunnel
            if kind == "pgrok":
                client = Client(folder, port, token, protocol, address)
            elif kind == "go":
                client = GoClient(go_binaries, port, token, address, protocol=protocol)
            else:
                client = SSH(folder, port, token, target)
            stack.enter_context(client)
            return client

        yield start


@pytest.fixture
def start(starter: Start, daemon: Daemon, person: Person) -> Start:
    """Start a client for `person`: `start(kind, target, protocol)`."""
    return lambda kind, target, *protocol: starter(
        kind, daemon.ssh, person.token, target, *protocol
    )
