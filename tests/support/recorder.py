"""An application that keeps a record of what reached it, as another parser than ours reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

import h11

from support.public import Application
from support.smuggling import Asked

MAX_HEAD = 128 * 1024


@dataclass
class Record:
    """What reached the application, over all of its connections, since it was last taken."""

    requests: list[h11.Request] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    malformed: list[bytes] = field(default_factory=list)

    def take(self) -> Record:
        """Return what there is, and begin anew."""
        taken = Record(self.requests, self.asked, self.malformed)
        self.requests, self.asked, self.malformed = [], [], []
        return taken

    def serve(self) -> Application:
        """Return the protocol of one connection."""
        return _Connection(self)


class _Connection(Application):
    """Answers each request with its target, as soon as all of it is there."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._received = bytearray()
        self._request: h11.Request | None = None
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._parser.receive_data(data)
        try:
            while isinstance(event := self._parser.next_event(), h11.Event):
                self._take(event)
        except h11.RemoteProtocolError:
            self._record.malformed.append(bytes(self._received))
            self.transport.abort()

    def _take(self, event: h11.Event) -> None:
        if isinstance(event, h11.Request):
            self._request, self._body = event, b""
            if self._parser.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
        elif isinstance(event, h11.Data):
            self._body += event.data
        elif isinstance(event, h11.EndOfMessage):
            self._end(event)

    def _end(self, end: h11.EndOfMessage) -> None:
        assert self._request
        request = self._request
        self._record.requests.append(request)
        self._record.asked.append((request.method, request.target, self._body))
        if end.headers or not _is_well_formed(request):
            self._record.malformed.append(bytes(self._received))
        self._received.clear()
        length = str(len(request.target))
        self._send(h11.Response(status_code=200, headers=[("Content-Length", length)]))
        self._send(h11.Data(data=b"" if request.method == b"HEAD" else request.target))
        self._send(h11.EndOfMessage())
        self._parser.start_next_cycle()

    def _send(self, event: h11.Event) -> None:
        self.transport.write(self._parser.send(event) or b"")


def _is_well_formed(request: h11.Request) -> bool:
    """Whether even a careless application finds one host and at most one framing."""
    names = [name.replace(b"_", b"-") for name, _ in request.headers]
    framing = names.count(b"content-length") + names.count(b"transfer-encoding")
    upgrades = [value for name, value in request.headers if name == b"upgrade"]
    return names.count(b"host") == 1 and framing <= 1 and upgrades in ([], [b"websocket"])
