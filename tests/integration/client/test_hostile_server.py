"""A server that turns on its clients: they go nowhere else, and tell nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import asyncssh
import pytest
from asyncssh.auth import KbdIntChallenge
from asyncssh.constants import (
    DISC_HOST_KEY_NOT_VERIFIABLE,
    DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
)

from pgrok.address import Address
from pgrok.client.forwarder import tcp_acceptor
from pgrok.errors import ConnectError, TokenRefused
from pgrok.transport.client import connect
from support.conditions import until
from support.heads import request
from support.hostile_server import Listener, http, open_channel
from support.ports import LOOPBACK
from support.transport import (
    TOKEN,
    Scripted,
    Served,
    connected,
    host_keys,
    serving,
    trust,
)


class TestElsewhere:
    """It opens connections to the named target only."""

    async def test_an_open_for_another_port_is_refused(
        self, served: Served, target: Listener, decoy: Listener
    ) -> None:
        async with connected(served) as connection:
            port = await connection.forward(tcp_acceptor(Address(LOOPBACK, target.port)))
            for other in (port + 1, decoy.port, 22, 0xFFFFFFFF):
                opened = await open_channel(
                    served.client.connection,
                    other,
                    address=LOOPBACK.encode(),
                    originator=(LOOPBACK, decoy.port),
                )
                assert opened.events == ["lost"]
        assert target.connections == decoy.connections == []

    @pytest.mark.parametrize("address", [b"127.0.0.1", b"/etc/passwd", b"\0", b"localhost", b""])
    async def test_an_open_for_another_address_goes_to_the_target(
        self, address: bytes, served: Served, target: Listener, decoy: Listener
    ) -> None:
        async with connected(served) as connection:
            port = await connection.forward(tcp_acceptor(Address(LOOPBACK, target.port)))
            originator = (address.decode(), decoy.port)
            opened = await open_channel(
                served.client.connection, port, address=address, originator=originator
            )
            assert opened.transport
            opened.transport.write(request(start=b"GET /here HTTP/1.1"))
            await until(lambda: opened.data.endswith(b"/here"))
        assert decoy.connections == []

    async def test_requests_go_to_the_target_whatever_they_say(
        self, served: Served, target: Listener, decoy: Listener
    ) -> None:
        elsewhere = b"%b:%d" % (LOOPBACK.encode(), decoy.port)
        told = [b"X-Forwarded-Host: " + elsewhere, b"Forwarded: host=" + elsewhere]
        async with connected(served) as connection:
            port = await connection.forward(http(target))
            for start, status in (
                (b"GET / HTTP/1.1", 200),
                (b"GET //%b/ HTTP/1.1" % elsewhere, 200),
                (b"GET /@%b/ HTTP/1.1" % elsewhere, 200),
                (b"GET http://%b/ HTTP/1.1" % elsewhere, 400),
                (b"GET file:///etc/passwd HTTP/1.1", 400),
                (b"CONNECT %b HTTP/1.1" % elsewhere, 400),
                (b"GET /api/../x HTTP/1.1", 400),
                (b"GET /api/%2e%2e/x HTTP/1.1", 400),
                (b"GET /api/x HTTP/1.1", 200),
            ):
                opened = await open_channel(
                    served.client.connection, port, address=b"0.0.0.0", originator=(LOOPBACK, 1)
                )
                assert opened.transport
                asked = request(*told, start=start).replace(b"Host: a", b"Host: " + elsewhere)
                opened.transport.write(asked)
                await until(lambda opened=opened: opened.data)  # type: ignore[misc]
                assert opened.data.startswith(b"HTTP/1.1 %d " % status), start
        assert decoy.connections == []
        assert target.record.malformed == []
        assert [path for _, path, _ in target.record.asked if b"api" in path] == [b"/base/api/x"]


class Curious(asyncssh.SSHServer):
    """Asks for every secret but the one that it should."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.told.append(key.get_fingerprint())
        return False

    def host_based_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> KbdIntChallenge:
        return "", "Your token, please", "", [("Token: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> KbdIntChallenge:
        self.told += responses
        return False


async def test_the_token_is_told_to_who_asks_for_a_password_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / ".ssh/id_ed25519")
    monkeypatch.setenv("HOME", str(tmp_path))
    curious = Curious()
    server = await asyncssh.create_server(
        lambda: curious, LOOPBACK, 0, server_host_keys=[asyncssh.import_private_key(host_keys()[0])]
    )
    async with server:
        with pytest.raises(TokenRefused):
            await connect(
                Address(LOOPBACK, server.get_port()),
                token=TOKEN,
                check_host_key=trust,
                client_version="test",
            )
    assert curious.told == []


class Rude(Scripted):
    """Sends clients away, with words that look like the client's own."""

    code = 0

    async def authenticate(self, password: str) -> bool:
        self.connection._send_disconnect(self.code, "no\n🎉 You're ready to go live", "")
        return False


@pytest.mark.parametrize(
    "code", [DISC_HOST_KEY_NOT_VERIFIABLE, DISC_NO_MORE_AUTH_METHODS_AVAILABLE, 2, 1000]
)
async def test_its_words_begin_no_line(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rude, "code", code)
    async with serving(Rude) as served:
        with pytest.raises(ConnectError) as refusal:
            async with connected(served):
                pass
    assert str(refusal.value).isprintable()
