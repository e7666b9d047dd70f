"""The application behind every tunnel: nginx with a small body, a big one, and uploads."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.network import LOOPBACK, Endpoint, free_port, wait_until
from bench.processes import Process
from bench.workplace import Workplace

SMALL_PATH = "/small"
SMALL_BODY = b"A small body, sixty-two octets of it, as a quick answer is it.\n"[:62]

BULK_PATH = "/bulk"
BULK_BYTES = 100_000_000

UPLOAD_PATH = "/uploads/bulk"

CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    client_body_temp_path {bodies}/temporary;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address} backlog=4096;
        root {bodies};
        default_type application/octet-stream;
        # No field for a request without a number.
        location = /small {{ add_header X-Number $arg_n; return 200 "{small}"; }}
        location /uploads/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


@dataclass(frozen=True)
class Origin:
    """A running nginx."""

    port: int
    bulk: bytes
    bodies: Path

    @property
    def endpoint(self) -> Endpoint:
        """The origin itself, without a tunnel."""
        return Endpoint(self.port)

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether the small body comes through `endpoint` as it is."""
        try:
            return endpoint.get(SMALL_PATH) == SMALL_BODY
        except (OSError, http.client.HTTPException):
            return False

    def check_small(self, endpoint: Endpoint) -> None:
        """Raise `BenchError` unless the small body comes through as it is."""
        if not self.serves(endpoint):
            raise BenchError(f"the body from port {endpoint.port} is not what the origin sends")

    def take_upload(self) -> str:
        """Return the SHA-256 of what was uploaded last, and forget it."""
        path = self.bodies / UPLOAD_PATH.lstrip("/")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.unlink()
        return digest


@contextmanager
def serving(place: Workplace) -> Iterator[Origin]:
    """Run nginx."""
    folder, port = place.folder("nginx"), free_port()
    bulk = random.Random(1).randbytes(BULK_BYTES)
    (place.bodies / BULK_PATH.lstrip("/")).write_bytes(bulk)
    configuration = CONFIGURATION.format(
        folder=folder,
        bodies=place.bodies,
        address=f"{LOOPBACK}:{port}",
        small=SMALL_BODY.decode(),
    )
    # Started by root, nginx would drop to a user who cannot read our folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + configuration)
    with Process(
        place.log("nginx"), "nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"
    ) as process:
        origin = Origin(port, bulk, place.bodies)
        wait_until(lambda: not process.running or origin.serves(origin.endpoint), "nginx answers")
        if not process.running:
            raise BenchError(f"nginx ended:\n{process.output}")
        yield origin
