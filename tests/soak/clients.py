"""The kinds of clients there are, and how each is started."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

from support.go import GoClient
from support.origin import Origin
from support.pgrok import Client
from support.processes import Process
from support.ssh import SSH


class Kind(StrEnum):
    """A client's program and protocol."""

    PGROK = "pgrok http"
    PGROK_TCP = "pgrok tcp"
    GO = "the original's stand-in"
    SSH = "ssh -N -R"

    @property
    def is_ours(self) -> bool:
        """Whether it is what is under test, and not another end for it to work with."""
        return self in (Kind.PGROK, Kind.PGROK_TCP)

    @property
    def comes_back(self) -> bool:
        """Whether it connects again by itself after it has been connected."""
        return self is not Kind.SSH

    @property
    def takes_leave(self) -> bool:
        """Whether it says goodbye when it is stopped, so that nobody waits for it."""
        return self is not Kind.GO


class Clients:
    """Starts clients; what still runs at the end of the stack is killed."""

    def __init__(self, folder: Path, go: Path, origin: Origin, stack: ExitStack) -> None:
        self._folder, self._go, self._origin, self._stack = folder, go, origin, stack
        self._numbers = itertools.count(1)

    def start(self, kind: Kind, remote: int, token: str) -> Process:
        """Start a client that connects to that port."""
        folder = self._folder / f"client-{next(self._numbers)}"
        folder.mkdir()
        process = self._start(kind, folder, remote, token)
        self._stack.callback(process.kill)
        return process

    def _start(self, kind: Kind, folder: Path, remote: int, token: str) -> Process:
        web, echo = self._origin.http, self._origin.echo
        match kind:
            case Kind.PGROK:
                return Client(folder, remote, token, "http", str(web))
            case Kind.PGROK_TCP:
                return Client(folder, remote, token, "tcp", str(echo))
            case Kind.GO:
                target = f"localhost:{web}"
                return GoClient(self._go, remote, token, target, reconnect=True)
            case Kind.SSH:
                return SSH(folder, remote, token, web, "-N")
