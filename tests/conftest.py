"""What the tests run against: started once where that is safe, always real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import go, logs
from support.origin import Origin
from support.processes import heed_interrupts

pytest_plugins = ["support.postgres"]


def pytest_configure() -> None:
    """Let Ctrl-C end what the tests start."""
    heed_interrupts()


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Have every test find logging as if it were the first one."""
    with logs.kept():
        yield


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """The application behind the tunnels."""
    with Origin() as running:
        yield running


@pytest.fixture(scope="session")
def go_binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the Go stand-ins for the original's client and server."""
    return go.build(tmp_path_factory.mktemp("go"))
