"""Applications that fail, and what their visitors are told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.daemon import Daemon, Person
from support.faults import FaultRelay, Faults
from support.midst import Midst
from support.mortal import AS_EVER, BODY, Mortal
from support.pgrok import Client
from support.ports import LOOPBACK
from support.visitor import visit
from support.vitals import Vitals
from support.wire import Wire

REFUSED = {
    "/close": ["target-down"],
    "/reset": ["target-down"],
    # Whoever closes before all has been read resets what it has said.
    "/close-in-head": ["bad-response", "target-down"],
    "/reset-in-head": ["target-down", "bad-response"],
}
CUT = ("/close-in-body", "/reset-in-body", "/close-in-chunk", "/reset-when-unsized")

WAYS = pytest.mark.parametrize("method", ["GET", "POST"])


@pytest.fixture(scope="module")
def target() -> Iterator[Mortal]:
    with Mortal() as target:
        yield target


@pytest.fixture(scope="module")
def client(
    daemon: Daemon, target: Mortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    token = daemon.add("of-failing-targets").token
    folder = tmp_path_factory.mktemp("client")
    with Client(folder, daemon.ssh, token, "http", str(target.port)) as client:
        yield client


@pytest.fixture
def url(client: Client, target: Mortal, daemon: Daemon) -> Iterator[str]:
    """Where the tunnel is; whatever happened there, the next request works, and nothing is left."""
    url = client.url()
    assert visit(url).text == "as ever"
    vitals = Vitals(client, target, daemon.process)
    yield url
    assert visit(url).text == "as ever"
    vitals.check()


@WAYS
@pytest.mark.parametrize("path", REFUSED)
def test_it_fails_before_it_has_answered(path: str, method: str, url: str) -> None:
    body = BODY if method == "POST" else None
    answer = visit(url + path, method, body=body)
    assert answer.status == 502
    assert answer.fields["X-Pgrok-Error"] in REFUSED[path]


@WAYS
@pytest.mark.parametrize("path", CUT)
def test_it_fails_in_its_answer(path: str, method: str, url: str) -> None:
    with Wire(url) as wire:
        wire.request(method, path, "Content-Length: 0")
        wire.read_until(b"\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            wire.read_to_end()


def test_an_old_visitor_sees_a_cut_too(url: str) -> None:
    """Without a length only the end of the connection tells HTTP/1.0 that all has come."""
    with Wire(url) as wire:
        wire.send(f"GET /reset-when-unsized HTTP/1.0\r\nHost: {wire.host}\r\n\r\n".encode())
        wire.read_until(b"\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            wire.read_to_end()


@pytest.mark.parametrize("path", ["/early", "/early-and-reset"])
def test_it_answers_before_the_upload_is_over(path: str, url: str) -> None:
    with Wire(url) as wire:
        wire.request("POST", path, f"Content-Length: {len(BODY)}")
        wire.send(BODY[:100])
        wire.read_until(b"HTTP/1.1 413 ")
        wire.read_until(b"too much")


def test_it_is_slow(url: str) -> None:
    assert visit(f"{url}/trickle").text == "as ever"


def test_nobody_listens_and_then_somebody_does(tmp_path: Path, daemon: Daemon) -> None:
    person = daemon.add("of-a-late-target")
    with ExitStack() as stack:
        with Mortal() as target:
            pass
        client = stack.enter_context(
            Client(tmp_path, daemon.ssh, person.token, "http", str(target.port))
        )
        answer = visit(client.url())
        assert answer.fields["X-Pgrok-Error"] == "target-down"
        assert f"Nothing is listening on localhost:{target.port}." in answer.text
        stack.enter_context(Mortal(target.port))
        assert visit(client.url()).text == "as ever"


# Whose deadline is ten seconds, half of what visitors here have patience for.
def test_it_accepts_nobody(tmp_path: Path, daemon: Daemon, person: Person) -> None:
    with socket.create_server((LOOPBACK, 0), backlog=0) as full, ExitStack() as stack:
        address = full.getsockname()
        # A queue of none has room for one; what comes then is not even refused.
        stack.enter_context(socket.create_connection(address))
        with Client(
            tmp_path, daemon.ssh, person.token, "http", f"{LOOPBACK}:{address[1]}"
        ) as client:
            answer = visit(client.url())
            assert (answer.status, answer.fields["X-Pgrok-Error"]) == (502, "target-down")
            assert f"{LOOPBACK}:{address[1]} does not answer." in answer.text


class TestCutAtAnyOctet:
    """Between client and target: the visitor never takes a part for the whole."""

    @pytest.mark.parametrize("softly", [False, True], ids=["reset", "closed"])
    def test_of_a_response(
        self, softly: bool, tmp_path: Path, daemon: Daemon, person: Person, target: Mortal
    ) -> None:
        with (
            FaultRelay(target.port) as relay,
            Client(tmp_path, daemon.ssh, person.token, "http", str(relay.port)) as client,
        ):
            url = client.url()
            assert visit(url).text == "as ever"
            vitals = Vitals(client, daemon.process)
            for octets in range(len(AS_EVER) + 1):
                relay.close()
                relay.set(down=Faults(cut_after=octets, softly=softly))
                with Midst(url, "http") as visitor:
                    outcome = visitor.outcome()
                whole = octets == len(AS_EVER)
                assert whole is (outcome.received.endswith(b"as ever") and not outcome.is_cut)
                assert whole or outcome.is_cut or outcome.error.startswith("502 ")
            relay.heal()
            assert visit(url).text == "as ever"
            vitals.check()
