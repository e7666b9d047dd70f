"""An application of somebody who means harm: what it serves is up to the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Served:
    """A page; `cookies` are the octets of its fields Set-Cookie."""

    html: str
    cookies: Sequence[bytes] = ()


@dataclass
class HostilePages:
    """The pages by path; `port` is where they are served."""

    port: int
    pages: dict[str, Served] = field(default_factory=dict)

    def answer(self, path: str) -> bytes:
        """Return a whole response."""
        page = self.pages.get(path, Served(""))
        body = f"<!doctype html><title>harmless</title>{page.html}".encode()
        head = [b"HTTP/1.1 200 OK", b"Content-Type: text/html; charset=utf-8"]
        head += [b"Set-Cookie: " + cookie for cookie in page.cookies]
        head += [b"Content-Length: %d" % len(body), b"Connection: close", b"", b""]
        return b"\r\n".join(head) + body


@contextmanager
def serving() -> Iterator[HostilePages]:
    """Serve such an application, which has no pages yet."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(pages.answer(self.path))
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        pages = HostilePages(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield pages
        server.shutdown()
