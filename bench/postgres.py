"""A PostgreSQL of our own, if one is installed, to have clients connect against."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError
from bench.network import LOOPBACK, free_port

PACKAGE = "postgresql"
USER = "bench"
DEBIAN = Path("/usr/lib/postgresql")
"""Debian keeps the programs here, by version and off the PATH."""


def installed() -> bool:
    """Whether the server's programs are here."""
    return _folder() is not None


@contextmanager
def running() -> Iterator[str]:
    """Run a server as it comes, and give the URL of an empty database in it."""
    account = pwd.getpwnam("postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())[0])
    with tempfile.TemporaryDirectory(prefix="pgrok-bench-") as name:
        folder, port = Path(name), free_port()
        os.chown(folder, account.pw_uid, account.pw_gid)
        options = f"-c port={port} -c listen_addresses={LOOPBACK} -c unix_socket_directories={name}"
        _run(account, folder, "initdb", "--auth=trust", f"--username={USER}")
        _run(account, folder, "pg_ctl", "start", "--wait", "--log", f"{name}/log", "-o", options)
        try:
            yield f"postgresql://{USER}@{LOOPBACK}:{port}/postgres"
        finally:
            _run(account, folder, "pg_ctl", "stop", "--mode=immediate")


def _folder() -> Path | None:
    on_path = shutil.which("initdb")
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = Path(on_path) if on_path else versions[-1] if versions else None
    return found.parent if found else None


def _run(account: pwd.struct_passwd, folder: Path, program: str, *arguments: str) -> None:
    programs = _folder()
    assert programs is not None
    root = os.geteuid() == 0
    done = subprocess.run(
        [programs / program, "--pgdata", folder / "data", *arguments],
        # A pipe would be held open by the server that pg_ctl leaves behind.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=account.pw_uid if root else None,  # PostgreSQL refuses to run as root
        group=account.pw_gid if root else None,
        cwd=folder,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"{program} of PostgreSQL ended with status {done.returncode}")
