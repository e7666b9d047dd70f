from __future__ import annotations

import pytest

from pgrok.http.head import ResponseHead
from pgrok.http.reader import Body
from pgrok.relay.upstream import UpstreamConnection
from support.manual_loop import manual_loop
from support.relay import GET, OK
from support.transports import HIGH_WATER, MemoryTransport


class Recorder:
    """An exchange and a pool that write down what they are told."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def upstream_ready(self) -> None:
        self.log.append("ready")

    def whole_response(self, head: ResponseHead, body: bytes) -> None:
        self.log.append(f"whole {head.status} {body.decode()}")

    def response_event(self, event: ResponseHead | Body) -> None:
        if isinstance(event, ResponseHead):
            self.log.append(str(event.status))
            return
        if event.pieces:
            self.log.append(b"".join(event.pieces).decode())
        if event.trailers is not None:
            self.log.append("end")

    def response_paused(self) -> None:
        self.log.append("paused")

    def upstream_full(self, full: bool) -> None:
        self.log.append("full" if full else "room")

    def upstream_failed(self, error: Exception | None) -> None:
        self.log.append(f"failed: {type(error).__name__ if error else 'in silence'}")

    def release(self, upstream: UpstreamConnection, promised: float | None, now: float) -> None:
        self.log.append(f"released for {promised}")

    def forget(self, upstream: UpstreamConnection) -> None:
        self.log.append("forgotten")

    def take_log(self) -> list[str]:
        taken, self.log = self.log, []
        return taken


class Upstream:
    """A connection that serves a recorder; `transport` is the target's end."""

    def __init__(self, *, half_close: bool = True) -> None:
        self.recorder = Recorder()
        self.connection = UpstreamConnection(self.recorder)
        self.transport = MemoryTransport(manual_loop(), self.connection, half_close=half_close)
        self.connection.give_up = self.transport.abort
        self.connection.serve(self.recorder, b"GET")

    def stand(self) -> Upstream:
        """Connect, and send a request."""
        self.transport.connect()
        return self.ask()

    def ask(self) -> Upstream:
        self.connection.write([GET])
        self.transport.take()
        self.log()
        return self

    def finish(self) -> None:
        self.connection.finish(True, 5.0, 0.0)

    def log(self) -> list[str]:
        return self.recorder.take_log()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream().stand()


def test_it_tells_when_it_stands() -> None:
    upstream = Upstream()
    assert not upstream.connection.connected
    upstream.transport.connect()
    assert upstream.log() == ["ready"]


def test_one_that_stands_is_ready_at_once(upstream: Upstream) -> None:
    upstream.transport.send(OK)
    upstream.finish()
    upstream.log()
    assert upstream.connection.serve(upstream.recorder, b"GET")


def test_a_response_in_one_piece_is_told_as_such(upstream: Upstream) -> None:
    upstream.transport.send(OK)
    assert upstream.log() == ["whole 200 hi"]
    upstream.finish()
    assert upstream.log() == ["released for 5.0"]


def test_a_response_is_told_in_parts(upstream: Upstream) -> None:
    upstream.transport.send(OK[:-1])
    assert upstream.log() == ["200", "h", "paused"]
    upstream.transport.send(OK[-1:])
    assert upstream.log() == ["i", "end", "paused"]
    upstream.finish()
    assert upstream.log() == ["released for 5.0"]


def test_a_body_may_end_with_the_connection(upstream: Upstream) -> None:
    upstream.transport.send(b"HTTP/1.1 200 OK\r\n\r\nhi")
    upstream.log()
    upstream.transport.end()
    assert upstream.log()[:1] == ["end"]
    upstream.finish()
    assert upstream.log() == ["forgotten"]


@pytest.mark.parametrize("sent", [b"HTTP", OK[:-1], b"ICY 200 OK\r\n\r\n"])
def test_a_response_that_is_cut_or_none(upstream: Upstream, sent: bytes) -> None:
    upstream.transport.send(sent)
    upstream.transport.end()
    assert "failed: RemoteProtocolError" in upstream.log()


def test_no_answer_at_all(upstream: Upstream) -> None:
    upstream.transport.end()
    assert "failed: in silence" in upstream.log()
    assert upstream.transport.closed


def test_a_connection_that_breaks(upstream: Upstream) -> None:
    upstream.transport.send(OK[:-1])
    upstream.log()
    upstream.transport.reset()
    assert upstream.log() == ["forgotten", "failed: ConnectionResetError"]


def test_a_connection_that_does_not_come_about() -> None:
    upstream = Upstream()
    upstream.transport.refuse()
    assert upstream.log() == ["forgotten", "failed: ConnectionRefusedError"]


def test_the_request_is_held_while_its_reader_is_slow(upstream: Upstream) -> None:
    upstream.transport.stop_taking()
    upstream.connection.write([b"x" * (HIGH_WATER + 1)])
    upstream.transport.go_on_taking()
    assert upstream.log() == ["full", "room"]


def test_an_abandoned_connection_is_broken_off(upstream: Upstream) -> None:
    upstream.connection.abandon()
    assert upstream.transport.aborted
    upstream.transport.send(OK)
    assert "200" not in upstream.log()


def test_an_abandoned_attempt_is_given_up() -> None:
    upstream = Upstream()
    upstream.connection.abandon()
    assert upstream.transport.given_up
    upstream.transport.connect()
    assert upstream.transport.closed
    assert "ready" not in upstream.log()


# What makes a connection unfit for another request.


def test_octets_after_the_response(upstream: Upstream) -> None:
    upstream.transport.send(OK + b"more")
    upstream.finish()
    assert upstream.log()[-1] == "forgotten"


def test_octets_after_the_response_while_the_request_goes_on(upstream: Upstream) -> None:
    """The response is over, the upload is not; what comes now would pile up unread."""
    upstream.transport.send(OK)
    upstream.log()
    upstream.transport.send(b"more")
    assert upstream.log() == ["failed: RemoteProtocolError"]


def test_an_end_after_the_response_while_the_request_goes_on(upstream: Upstream) -> None:
    upstream.transport.send(OK)
    upstream.transport.end()
    assert upstream.transport.open
    upstream.finish()
    assert upstream.log()[-1] == "forgotten"


def test_a_request_that_has_not_all_gone_out(upstream: Upstream) -> None:
    upstream.transport.stop_taking()
    upstream.connection.write([b"the last of it"])
    upstream.transport.send(OK)
    upstream.finish()
    assert upstream.log()[-1] == "forgotten"


@pytest.mark.parametrize("event", ["octets", "end"])
def test_whatever_comes_while_it_idles_closes_it(upstream: Upstream, event: str) -> None:
    upstream.transport.send(OK)
    upstream.finish()
    upstream.log()
    if event == "octets":
        upstream.transport.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    else:
        upstream.transport.end()
    assert set(upstream.log()) == {"forgotten"}
    assert upstream.transport.closed


def test_whether_an_octet_of_the_response_has_come(upstream: Upstream) -> None:
    heard = [upstream.connection.heard]
    upstream.transport.send(OK[:1])
    heard.append(upstream.connection.heard)
    upstream.transport.send(OK[1:])
    upstream.finish()
    upstream.connection.serve(upstream.recorder, b"GET")
    heard.append(upstream.connection.heard)
    assert heard == [False, True, False]


def test_tls_has_no_half_open_state() -> None:
    upstream = Upstream(half_close=False).stand()
    upstream.transport.send(OK)
    upstream.transport.end()
    assert upstream.transport.closed
    assert upstream.log()[-1] == "failed: in silence"


def test_after_a_101_it_is_no_more(upstream: Upstream) -> None:
    upstream.transport.send(
        b"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81"
    )
    detached = upstream.connection.detach(full=True)
    assert (detached.transport, detached.full) == (upstream.transport, True)
    assert upstream.log()[-1] == "forgotten"
    upstream.connection.close()
