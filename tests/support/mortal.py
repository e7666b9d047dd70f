"""An application to be killed, and that fails in whatever way its visitor asks for.

Run as a process it serves the port that it is told: HTTP for whoever begins like that, raw octets
that it sends back for all others. It has one thread for each connection, and no manners.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

from support.ports import LOOPBACK, free_port
from support.processes import Process

FULL = 1_000_000
"""Octets that a response promises of which only `PART` come."""
PART = 100_000

PROMISED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % FULL
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % PART
UNSIZED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
AS_EVER = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nas ever"
TOO_MUCH = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
BODY = b"x" * PART


class Mortal(Process):
    """The running application, on the same port each time that it is started with it."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        tests = Path(__file__).parent.parent
        command = [sys.executable, "-m", "support.mortal", str(self.port)]
        super().__init__(*command, env={"PYTHONPATH": str(tests)})
        self.wait_for("^serving$")


def _reset(conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _mute(conn: socket.socket) -> None:
    """Take all that comes and never answer."""
    while conn.recv(65536):
        pass


def _echo(conn: socket.socket) -> None:
    while data := conn.recv(65536):
        conn.sendall(data)


def _begin(head: bytes) -> Callable[[socket.socket], None]:
    """Begin a response, and leave it at that until the visitor goes."""

    def begin(conn: socket.socket) -> None:
        conn.sendall(head + BODY)
        _mute(conn)

    return begin


def _answer(answer: bytes, *, reset: bool = False) -> Callable[[socket.socket], None]:
    """Send something, then close, or reset."""

    def send(conn: socket.socket) -> None:
        conn.sendall(answer)
        if reset:
            _reset(conn)

    return send


def _chat(conn: socket.socket) -> None:
    conn.sendall(SWITCHING)
    _echo(conn)


def _trickle(conn: socket.socket) -> None:
    """Answer an octet at a time."""
    for octet in AS_EVER:
        conn.sendall(bytes([octet]))


BEHAVIOURS: dict[str, Callable[[socket.socket], None]] = {
    "/mute": _mute,
    "/promised": _begin(PROMISED),
    "/chunked": _begin(CHUNKED),
    "/unsized": _begin(UNSIZED),
    "/chat": _chat,
    "/trickle": _trickle,
    "/close": _answer(b""),
    "/reset": _answer(b"", reset=True),
    "/close-in-head": _answer(PROMISED[:20]),
    "/reset-in-head": _answer(PROMISED[:20], reset=True),
    "/close-in-body": _answer(PROMISED + BODY),
    "/reset-in-body": _answer(PROMISED + BODY, reset=True),
    "/close-in-chunk": _answer(CHUNKED + BODY[:10]),
    "/reset-when-unsized": _answer(UNSIZED + BODY, reset=True),
    "/early": _answer(TOO_MUCH),
    "/early-and-reset": _answer(TOO_MUCH, reset=True),
}


class _Connection(BaseRequestHandler):
    """Reads requests of one connection, without their bodies, and does as they say."""

    request: socket.socket

    def handle(self) -> None:
        try:
            while begun := self.request.recv(65536):
                found = re.match(rb"[A-Z]+ (\S+) HTTP/1", begun)
                path = found[1].decode() if found else ""
                sys.stdout.write(f"got {path}\n")
                sys.stdout.flush()
                if not found:
                    self.request.sendall(begun)
                    _echo(self.request)
                elif path in BEHAVIOURS:
                    BEHAVIOURS[path](self.request)
                    return
                else:
                    self.request.sendall(AS_EVER)
        except OSError:
            pass  # the visitor went away


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close without a word about the end of the file, so that a reset is one."""
        assert isinstance(request, socket.socket)
        request.close()


if __name__ == "__main__":
    with _Server((LOOPBACK, int(sys.argv[1])), _Connection) as server:
        print("serving", flush=True)
        server.serve_forever()
