"""However far `pgrok` has come, it ends at once and without a traceback."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.pgrok import Client
from support.ports import LOOPBACK

AT_ONCE = 0.5
"""Seconds; 0.1 on a machine that does nothing else."""


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Accepts connections and never says a word."""
    with closing(socket.create_server((LOOPBACK, 0))) as server:
        yield server


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_while_it_connects(
    tmp_path: Path, silent_server: socket.socket, signal_number: signal.Signals
) -> None:
    port = silent_server.getsockname()[1]
    with Client(tmp_path, port, "token", "http", "1") as client:
        connection, _ = silent_server.accept()
        with closing(connection):
            asked = time.monotonic()
            assert client.stop(signal_number) == 0
            assert time.monotonic() - asked < AT_ONCE
    assert "Traceback" not in client.output
