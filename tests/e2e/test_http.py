"""What visitors' programs do to an application works through a tunnel of every kind."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect as connect_websocket

from support.daemon import Daemon, Person
from support.origin import Origin
from support.payload import blocks, digest, payload
from support.ports import LOOPBACK, free_port
from support.visitor import connect, port_of, send, visit
from support.wire import Wire

KINDS = ("pgrok", "go", "ssh")
SIZE = 3_000_000


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(kind: str, daemon: Daemon, starter: Callable[..., Any], origin: Origin) -> str:
    """Where a tunnel of that kind to the application is."""
    person = daemon.add(f"http-{kind}")
    found: str = starter(kind, daemon.ssh, person.token, origin.http).url()
    assert found == daemon.public_url(person.name)
    return found


def test_the_application_sees_the_request(url: str) -> None:
    shown = visit(f"{url}/a%20b?c=d&e", "PUT", body=b"hello", fields={"X-Mine": "kept"}).json()
    fields = {name.lower(): value for name, value in shown["fields"]}
    assert (shown["method"], shown["target"]) == ("PUT", "/a%20b?c=d&e")
    assert shown["sha256"] == hashlib.sha256(b"hello").hexdigest()
    assert fields["host"] == url.removeprefix("http://")
    assert fields["x-mine"] == "kept"
    assert LOOPBACK in fields["x-forwarded-for"]


@pytest.mark.parametrize("framing", ["", "&chunked=1"])
def test_a_download(url: str, framing: str) -> None:
    answer = visit(f"{url}/bytes?n={SIZE}{framing}")
    assert digest([answer.body]) == digest(blocks(SIZE))


@pytest.mark.parametrize("fields", [{"Content-Length": str(SIZE)}, {}])
def test_an_upload(url: str, fields: dict[str, str]) -> None:
    answer = visit(f"{url}/digest", "POST", body=blocks(SIZE), fields=fields)
    assert answer.json() == {"length": SIZE, "sha256": digest(blocks(SIZE))}


def test_a_download_that_ends_with_the_connection(url: str) -> None:
    assert visit(f"{url}/unsized?n={SIZE}").body == payload(SIZE)


def test_trailers(url: str) -> None:
    with Wire(url) as wire:
        wire.request("GET", "/trailers", "TE: trailers")
        assert b"body" in wire.read_until(b"\r\n0\r\n")
        assert wire.read_until(b"\r\n\r\n") == b"X-After: the end\r\n\r\n"


def test_a_response_without_a_body_ends_at_its_head(url: str) -> None:
    connection = connect(url)
    head = send(connection, f"{url}/bytes?n=1000", "HEAD")
    assert (head.read(), head.headers["Content-Length"]) == (b"", "1000")
    for code in (204, 304):
        response = send(connection, f"{url}/status?code={code}")
        assert (response.status, response.read()) == (code, b"")
    assert send(connection, f"{url}/bytes?n=3").read() == payload(3)
    connection.close()


def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    with Wire(url) as wire:
        for name in ("one", "two", "three"):
            wire.request("GET", f"/{name}")
        for name in ("one", "two", "three"):
            wire.read_until(f'"target": "/{name}"'.encode())


def test_an_upload_that_waits_for_100_continue(url: str) -> None:
    with Wire(url) as wire:
        wire.request("POST", "/continue", "Expect: 100-continue", "Content-Length: 5")
        wire.read_until(b"HTTP/1.1 100 Continue\r\n")
        wire.send(b"hello")
        wire.read_until(b"HTTP/1.1 200 OK\r\n")
        wire.read_until(hashlib.sha256(b"hello").hexdigest().encode())


def test_early_hints(url: str) -> None:
    with Wire(url) as wire:
        wire.request("GET", "/hints")
        assert b"rel=preload" in wire.read_until(b"HTTP/1.1 200 OK\r\n")
        wire.read_until(b"after hints")


def test_events_are_not_held_back(url: str, origin: Origin) -> None:
    with Wire(url) as wire:
        wire.request("GET", f"/events?gate={url}")
        wire.read_until(b"data: first\n\n")
        origin.open_gate(url)
        wire.read_until(b"data: second\n\n")


def test_an_application_that_closes_after_each_response(url: str) -> None:
    for _ in range(20):
        assert visit(f"{url}/leaving").body == b"bye"


def test_a_cut_response_shows(url: str) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        visit(f"{url}/cut")


async def test_a_websocket(kind: str, daemon: Daemon, starter: Any, origin: Origin) -> None:
    person = daemon.add(f"websocket-{kind}")
    url = starter(kind, daemon.ssh, person.token, origin.websocket).url()
    async with connect_websocket(
        url.replace("http:", "ws:"), host=LOOPBACK, port=port_of(url), max_size=None
    ) as websocket:
        for message in ("grüße", payload(1_000_000), ""):
            await websocket.send(message)
            assert await websocket.recv() == message
        await websocket.close(code=4000, reason="enough")
    assert websocket.close_code == 4000


def test_an_unknown_host_is_said_in_plain_text(daemon: Daemon) -> None:
    url = daemon.public_url("nobody")
    answer = visit(url)
    host = url.removeprefix("http://")
    assert answer.status == 502
    assert answer.text == f"No reverse proxy is available for the host: {host}"
    assert answer.fields["X-Pgrok-Error"] == "no-tunnel"


# Go's reverse proxy holds such a response back until the upload is over.
@pytest.mark.parametrize("kind", ["pgrok", "ssh"])
def test_a_response_may_come_before_the_end_of_the_upload(
    kind: str, start: Callable[..., Any], origin: Origin
) -> None:
    with Wire(start(kind, origin.http).url()) as wire:
        wire.request("POST", "/early", "Content-Length: 1000000")
        wire.send(b"just a beginning")
        wire.read_until(b"HTTP/1.1 413 ")
        wire.read_until(b"too much")


@pytest.mark.parametrize("kind", ["pgrok", "ssh"])
@pytest.mark.parametrize(("accept", "shown"), [("*/*", "text/plain"), ("text/html", "text/html")])
def test_a_target_that_is_down(
    kind: str, accept: str, shown: str, person: Person, start: Callable[..., Any]
) -> None:
    answer = visit(start(kind, free_port()).url(), fields={"Accept": accept})
    assert answer.status == 502
    assert answer.fields["X-Pgrok-Error"] == "target-down"
    assert answer.fields.get_content_type() == shown


def test_hosts_on_one_connection_are_told_apart(
    daemon: Daemon, person: Person, start: Callable[..., Any], origin: Origin
) -> None:
    url = start("pgrok", origin.http).url()
    connection = connect(url)
    assert json.loads(send(connection, f"{url}/x").read())["target"] == "/x"
    missing = send(connection, daemon.public_url("nobody"))
    assert (missing.status, b"No reverse proxy" in missing.read()) == (502, True)
    assert send(connection, f"{url.upper().replace('HTTP:', 'http:')}/x").status == 200
    connection.close()
