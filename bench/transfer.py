"""Bulk: one big body down or up, timed alone and compared by hash afterwards."""

from __future__ import annotations

import hashlib
import time

from bench.errors import BenchError
from bench.network import Endpoint
from bench.origin import BULK_PATH, UPLOAD_PATH, Origin

LONGEST = 120.0
"""Seconds that the network may be silent."""


def download(origin: Origin, endpoint: Endpoint) -> float:
    """Fetch the big body and return the MB/s; raise `BenchError` if it is not the same."""
    body = bytearray(len(origin.bulk))
    connection = endpoint.connect(LONGEST)
    began = time.perf_counter()
    connection.request("GET", BULK_PATH, headers={"Host": endpoint.host})
    response = connection.getresponse()
    count = response.readinto(body)
    seconds = time.perf_counter() - began
    surplus = response.read(1)
    connection.close()
    if response.status != 200 or count != len(body) or surplus:
        raise BenchError(f"download: status {response.status}, {count} octets")
    _compare(origin, hashlib.sha256(body).hexdigest(), "download")
    return len(body) / seconds / 1e6


def upload(origin: Origin, endpoint: Endpoint) -> float:
    """Send the big body and return the MB/s; raise `BenchError` if not the same arrived."""
    connection = endpoint.connect(LONGEST)
    began = time.perf_counter()
    connection.request("PUT", UPLOAD_PATH, body=origin.bulk, headers={"Host": endpoint.host})
    response = connection.getresponse()
    response.read()
    seconds = time.perf_counter() - began
    connection.close()
    if response.status not in (201, 204):
        raise BenchError(f"upload: status {response.status}")
    _compare(origin, origin.take_upload(), "upload")
    return len(origin.bulk) / seconds / 1e6


def _compare(origin: Origin, digest: str, what: str) -> None:
    if digest != hashlib.sha256(origin.bulk).hexdigest():
        raise BenchError(f"{what}: the octets that arrived are not those that were sent")
