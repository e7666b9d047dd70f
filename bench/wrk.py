"""Request load, by wrk: one thread that asks as fast as the answers come."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.network import LOOPBACK, Endpoint
from bench.origin import BULK_PATH, SMALL_PATH, UPLOAD_PATH
from bench.processes import run

REPORT = Path(__file__).with_name("wrk.lua")
UNLIKE = Path(__file__).with_name("unlike.lua")
UPLOAD = Path(__file__).with_name("upload.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run: latencies in milliseconds, `errors` of every kind."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def load(
    endpoint: Endpoint,
    connections: int,
    seconds: float,
    *,
    close: bool = False,
    unlike: bool = False,
) -> Load:
    """Ask for the small body for `seconds`.

    With `close`, over a new connection each time; with `unlike`, in other words each time.
    """
    # wrk takes whole seconds or minutes only.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += ["-s", str(UNLIKE if unlike else REPORT), "-H", f"Host: {endpoint.host}"]
    if close:
        command += ["-H", "Connection: close"]
    said = run(*command, f"http://{LOOPBACK}:{endpoint.port}{SMALL_PATH}", timeout=seconds + 30)
    report = re.search(r"^bench (\{.*\})$", said, re.MULTILINE)
    if report is None:
        raise BenchError(f"wrk reported nothing:\n{said}")
    return Load(**json.loads(report[1]))


def bulk(endpoint: Endpoint, way: str, seconds: float) -> list[str]:
    """Return the command that moves one bulk body after the other for that long."""
    upload = ["-s", str(UPLOAD)] if way == "upload" else []
    path = UPLOAD_PATH if way == "upload" else BULK_PATH
    command = ["wrk", "-t1", "-c1", f"-d{round(seconds)}s", *upload]
    return [*command, "-H", f"Host: {endpoint.host}", f"http://{LOOPBACK}:{endpoint.port}{path}"]
