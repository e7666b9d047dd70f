"""How the client's parts come together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pgrok.client import launch
from pgrok.client.console import Console
from pgrok.client.settings import Settings, check
from pgrok.errors import ConfigError, HostKeyMismatch, TokenRefused
from pgrok.protocol import TunnelKind
from pgrok.transport.interfaces import HostKeyInfo
from support.fake_connection import FakeConnection


class Server:
    """Presents the key of the algorithm that it is asked for first, and checks the token."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys = {
            "ssh-ed25519": HostKeyInfo("ssh-ed25519", f"SHA256:{'e' * 43}"),
            "rsa-sha2-256": HostKeyInfo("ssh-rsa", f"SHA256:{'r' * 43}"),
        }
        self.tokens: list[str] = []
        monkeypatch.setattr(launch, "connect", self.connect)

    async def connect(
        self,
        address: object,
        *,
        token: str,
        check_host_key: Any,
        host_key_algorithms: Any,
        **_: Any,
    ) -> FakeConnection:
        asked = [name for name in (*host_key_algorithms, *self.keys) if name in self.keys]
        check_host_key(self.keys[asked[0]])
        self.tokens.append(token)
        if token != "good":
            raise TokenRefused("unknown")
        return FakeConnection()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


class Screen:
    """Tells when the tunnel is up."""

    def __init__(self) -> None:
        self.up = asyncio.Event()

    def __call__(self, line: str, droppable: bool = False, /) -> None:
        if "go live" in line:
            self.up.set()


def settings(**values: str) -> Settings:
    needed = {"remote_addr": "example.com", "token": "good", "forward_addr": "3000"}
    return check({**needed, **values}, "test")


async def serve(record: Path, **values: str) -> None:
    """Serve until the tunnel is up, or raise why it is not."""
    screen = Screen()
    console = Console(screen, remote="example.com:2222")
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            launch.serve(settings(**values), TunnelKind.HTTP, console, known_hosts=record)
        )
        await screen.up.wait()
        serving.cancel()


async def refused(record: Path, error: type[Exception], **values: str) -> Exception:
    with pytest.RaisesGroup(error) as caught:
        await serve(record, **values)
    return caught.value.exceptions[0]


async def test_the_key_of_the_first_connection_is_recorded(server: Server, record: Path) -> None:
    await serve(record)
    assert record.read_text() == f"example.com:2222 ssh-ed25519 SHA256:{'e' * 43}\n"


async def test_a_pinned_key_is_found_among_several(server: Server, record: Path) -> None:
    await serve(record, fingerprint=f"SHA256:{'r' * 43}")
    assert server.tokens == ["good"]


async def test_a_pinned_key_that_is_not_there_ends_it(server: Server, record: Path) -> None:
    error = await refused(record, HostKeyMismatch, fingerprint=f"SHA256:{'x' * 43}")
    assert all(key.fingerprint in str(error) for key in server.keys.values())
    assert server.tokens == []


async def test_a_server_that_gets_a_further_key_is_still_known(
    server: Server, record: Path
) -> None:
    ed25519 = server.keys.pop("ssh-ed25519")
    await serve(record)
    server.keys = {"ssh-ed25519": ed25519, **server.keys}
    await serve(record)
    assert record.read_text().count("\n") == 1


async def test_a_key_that_changed_never_sees_the_token(server: Server, record: Path) -> None:
    await serve(record)
    server.keys["ssh-ed25519"] = HostKeyInfo("ssh-ed25519", f"SHA256:{'x' * 43}")
    await refused(record, HostKeyMismatch)
    assert server.tokens == ["good"]


async def test_a_server_that_refuses_the_token_is_not_recorded(
    server: Server, record: Path
) -> None:
    await refused(record, TokenRefused, token="bad")
    assert not record.exists()


async def test_a_target_that_is_not_said_is_told_before_any_connection(
    server: Server, record: Path
) -> None:
    await refused(record, ConfigError, forward_addr="")
    assert server.tokens == []
