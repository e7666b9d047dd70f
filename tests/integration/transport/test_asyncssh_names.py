"""The names of asyncssh's that are no part of its API, held against the installed version.

An upgrade that moves one fails here and says which; a name that the source begins to use without
a line here fails too.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.channel import SSHServerChannel
from asyncssh.constants import (
    MSG_CHANNEL_OPEN,
    MSG_DISCONNECT,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_KEXINIT,
)
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption
from asyncssh.packet import SSHPacket

from guards.syntax import parse
from pgrok.transport import ssh
from support.transport import host_keys

SERVER, CLIENT, CHANNEL = "server", "client", "channel"
ENCRYPTION, CIPHER = "encryption", "cipher"
BOTH = (SERVER, CLIENT)

KEY, IV = bytes(range(16)), bytes(range(100, 112))

METHODS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "_cleanup": (BOTH, ["exc"]),
    "_finish_userauth": ((SERVER,), ["begin_auth", "method", "packet"]),
    "_force_close": (BOTH, ["exc"]),
    "_keepalive_timer_callback": (BOTH, []),
    "_login_timer_callback": ((SERVER,), []),
    "_make_global_request": (BOTH, ["request", "*args"]),
    "_set_keepalive_timer": (BOTH, []),
    "_process_auth_agent_req_at_openssh_dot_com_request": ((CHANNEL,), ["packet"]),
    "_process_cancel_streamlocal_forward_at_openssh_dot_com_global_request": (
        (SERVER,),
        ["packet"],
    ),
    "_process_cancel_tcpip_forward_global_request": ((SERVER,), ["packet"]),
    "_process_channel_open": (BOTH, ["_pkttype", "_pktid", "packet"]),
    "_process_direct_streamlocal_at_openssh_dot_com_open": ((SERVER,), ["packet"]),
    "_process_direct_tcpip_open": ((SERVER,), ["packet"]),
    "_process_disconnect": (BOTH, ["_pkttype", "_pktid", "packet"]),
    "_process_env_request": ((CHANNEL,), ["packet"]),
    "_process_forwarded_tcpip_open": ((CLIENT,), ["packet"]),
    "_process_hostkeys_00_at_openssh_dot_com_global_request": ((CLIENT,), ["packet"]),
    "_process_global_request": ((SERVER,), ["_pkttype", "_pktid", "packet"]),
    "_process_hostkeys_prove_00_at_openssh_dot_com_global_request": ((SERVER,), ["packet"]),
    "_process_kexinit": ((SERVER,), ["_pkttype", "_pktid", "packet"]),
    "_process_streamlocal_forward_at_openssh_dot_com_global_request": ((SERVER,), ["packet"]),
    "_process_tcpip_forward_global_request": ((SERVER,), ["packet"]),
    "_process_tun_at_openssh_dot_com_open": ((SERVER,), ["packet"]),
    "_process_x11_req_request": ((CHANNEL,), ["packet"]),
    "_recv_data": (BOTH, []),
    "_recv_pkthdr": (BOTH, []),
    "_recv_version": (BOTH, []),
    "_report_global_response": (BOTH, ["result"]),
    "_reset_keepalive_timer": (BOTH, []),
    "_send": (BOTH, ["data"]),
    "_send_disconnect": (BOTH, ["code", "reason", "lang"]),
    "_send_kexinit": (BOTH, []),
    "_service_next_global_request": ((SERVER,), []),
    # Public by name, and no part of the documented API all the same.
    "add_channel": (BOTH, ["chan"]),
    "connection_made": ((SERVER,), ["transport"]),
    "create_task": (BOTH, ["coro", "task_logger"]),
    "data_received": (BOTH, ["data", "datatype"]),
    "decrypt_header": ((ENCRYPTION,), ["seq", "first_block", "header_len"]),
    "decrypt_packet": ((ENCRYPTION,), ["seq", "first", "rest", "header_len", "mac"]),
    "encrypt_packet": ((ENCRYPTION,), ["seq", "header", "packet"]),
    "internal_error": ((SERVER,), ["exc_info", "error_logger"]),
    "pause_writing": (BOTH, []),
    "log_received_packet": ((SERVER,), ["pkttype", "pktid", "packet", "note"]),
    "log_sent_packet": ((SERVER,), ["pkttype", "pktid", "packet", "note"]),
    "resume_writing": (BOTH, []),
    "send_channel_open_confirmation": (
        BOTH,
        ["send_chan", "recv_chan", "recv_window", "recv_pktsize", "*result_args"],
    ),
    "send_newkeys": (BOTH, ["k", "h"]),
    "send_packet": (BOTH, ["pkttype", "*args", "handler"]),
    "send_userauth_failure": ((SERVER,), ["partial_success"]),
    "send_userauth_success": ((SERVER,), []),
    "validate_server_host_key": ((CLIENT,), ["key_data"]),
}
"""Methods, whose they are, and their parameters."""

ATTRIBUTES: dict[str, tuple[tuple[str, ...], object]] = {
    "_auth_complete": (BOTH, False),
    "_auth_final": (BOTH, False),
    "_auth_methods": ((CLIENT,), [b"none"]),
    "_channels": (BOTH, {}),
    "_client_version": ((SERVER,), b""),
    "_compressor": (BOTH, None),
    "_decompressor": (BOTH, None),
    "_deferred_packets": (BOTH, []),
    "_global_request_queue": ((SERVER,), []),
    "_global_request_waiters": (BOTH, []),
    "_host": ((CLIENT,), "there"),
    "_inpbuf": (BOTH, b""),
    "_iv": ((CIPHER,), IV),
    "_keepalive_count": (BOTH, 0),
    "_keepalive_count_max": (BOTH, 3),
    "_keepalive_interval": (BOTH, 0),
    "_keepalive_timer": (BOTH, None),
    "_kex_complete": (BOTH, False),
    "_key": ((CIPHER,), KEY),
    "_max_recv_pktlen": (BOTH, 256 * 1024),
    "_next_recv_encryption": (BOTH, None),
    "_peer_addr": ((SERVER,), ""),
    "_peer_port": ((SERVER,), 0),
    "_port": ((CLIENT,), 7),
    "_recv_encryption": (BOTH, None),
    "_recv_seq": (BOTH, 0),
    "_rekey_bytes": (BOTH, 7 << 20),
    "_rekey_bytes_sent": (BOTH, 0),
    "_rekey_seconds": (BOTH, 77),
    "_send_encryption": (BOTH, None),
    "_send_seq": (BOTH, 0),
    "_server_host_key": ((CLIENT,), None),
    "_transport": (BOTH, None),
}
"""Attributes, whose they are, and their value in a connection that has not begun."""

OTHERS = {
    "_all_server_host_keys",
    "_cipher",
    "_close_event",
    "_packet_handlers",
    "_protocol_factory",
    "_recv_handler",
}
"""Names with a test of their own below."""

HANDLED_BY_NAME = [
    ("hint", "_process_hint_global_request"),
    ("server-info", "_process_server_info_global_request"),
    ("tcpip-forward", "_process_tcpip_forward_global_request"),
    ("cancel-tcpip-forward", "_process_cancel_tcpip_forward_global_request"),
]

SOURCES = sorted(Path(ssh.__path__[0]).glob("*.py"))


def private_names() -> set[str]:
    """Return the names with one leading underscore that the source reads, sets or defines."""
    names = set()
    for source in SOURCES:
        for node in ast.walk(parse(source.read_text())):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def imports() -> Iterator[tuple[str, str]]:
    """Yield module and name of everything imported from asyncssh's inner modules."""
    for source in SOURCES:
        for node in ast.walk(parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("asyncssh."):
                yield from ((node.module or "", alias.name) for alias in node.names)


@pytest.fixture
async def bare() -> AsyncIterator[dict[str, Any]]:
    """asyncssh's own objects, without ours around them."""
    loop = asyncio.get_running_loop()
    key = asyncssh.import_private_key(host_keys()[0])
    server = asyncssh.SSHServerConnection(
        loop,
        asyncssh.SSHServerConnectionOptions(
            server_host_keys=[key],
            send_server_host_keys=True,
            gss_host=None,
            rekey_bytes=7 << 20,
            rekey_seconds=77,
        ),
    )
    client = asyncssh.SSHClientConnection(
        loop,
        asyncssh.SSHClientConnectionOptions(
            config=None,
            host="there",
            port=7,
            username="x",
            client_keys=None,
            agent_path=None,
            gss_host=None,
            rekey_bytes=7 << 20,
            rekey_seconds=77,
        ),
    )
    cipher = GCMCipher("aes128-gcm", KEY, IV)
    yield {
        SERVER: server,
        CLIENT: client,
        CHANNEL: SSHServerChannel,
        ENCRYPTION: GCMEncryption(cipher),
        CIPHER: cipher,
    }
    server._cancel_login_timer()
    client._cancel_login_timer()


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str, bare: dict[str, Any]) -> None:
    owners, expected = METHODS[name]
    for owner in owners:
        place = bare[owner] if owner == CHANNEL else type(bare[owner])
        parameters = list(inspect.signature(getattr(place, name)).parameters.values())[1:]
        names = [f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name for p in parameters]
        assert names == expected, owner


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute(name: str, bare: dict[str, Any]) -> None:
    owners, expected = ATTRIBUTES[name]
    for owner in owners:
        assert getattr(bare[owner], name) == expected, owner


def test_close_event(bare: dict[str, Any]) -> None:
    assert isinstance(bare[CLIENT]._close_event, asyncio.Event)


@pytest.mark.parametrize("owner", BOTH)
def test_packet_handlers(owner: str, bare: dict[str, Any]) -> None:
    base = asyncssh.connection.SSHConnection
    table = type(bare[owner])._packet_handlers
    assert table[MSG_DISCONNECT] is base._process_disconnect
    assert table[MSG_GLOBAL_REQUEST] is base._process_global_request
    assert table[MSG_KEXINIT] is base._process_kexinit
    assert table[MSG_CHANNEL_OPEN] is base._process_channel_open


def test_host_keys_are_known_by_their_public_ones(bare: dict[str, Any]) -> None:
    key = asyncssh.import_private_key(host_keys()[0])
    assert list(bare[SERVER]._all_server_host_keys) == [key.public_data]


def test_cipher(bare: dict[str, Any]) -> None:
    assert bare[ENCRYPTION]._cipher is bare[CIPHER]


def test_cipher_counts_packets_in_the_last_eight_octets(bare: dict[str, Any]) -> None:
    bare[ENCRYPTION].encrypt_packet(0, b"\0\0\0\x10", bytes(16))
    assert bare[CIPHER]._iv == IV[:4] + (int.from_bytes(IV[4:], "big") + 1).to_bytes(8, "big")


def plain(kind: int) -> bytes:
    """Return a packet without keys around it."""
    return b"\0\0\0\x0c\6" + bytes([kind]) + bytes(4 + 6)


@pytest.mark.parametrize("owner", BOTH)
def test_recv_handler_is_called_where_a_packet_begins(owner: str, bare: dict[str, Any]) -> None:
    connection, begins = bare[owner], []
    header = connection._recv_pkthdr

    def note() -> bool:
        begins.append(connection._inpbuf)
        return bool(header())

    assert connection._recv_handler == connection._recv_version
    connection._recv_pkthdr = note
    connection._recv_handler = note
    first, second = plain(MSG_IGNORE), plain(MSG_IGNORE)
    connection.data_received(first + second[:9])
    connection.data_received(second[9:])
    assert begins == [first + second[:9], second[:9]]
    assert connection._recv_handler == note


def test_recv_handler_says_whether_to_go_on(bare: dict[str, Any]) -> None:
    server, answers = bare[SERVER], [True, True, False]
    server._recv_handler = lambda: answers.pop(0)
    server.data_received(b"x")
    assert answers == []


def test_send_is_what_packets_go_through(bare: dict[str, Any]) -> None:
    server = bare[SERVER]
    sent: list[bytes] = []
    server._send = sent.append
    server.send_packet(MSG_IGNORE, b"\0\0\0\0")
    assert sent[0][:6] == b"\0\0\0\x0c\6" + bytes([MSG_IGNORE])
    assert server._send_seq == 1


def test_protocol_factory(bare: dict[str, Any]) -> None:
    assert bare[SERVER]._protocol_factory is asyncssh.SSHServer


def test_global_requests_wait_with_handler_packet_and_want_reply(bare: dict[str, Any]) -> None:
    server = bare[SERVER]
    server._service_next_global_request = lambda: None
    server._process_global_request(MSG_GLOBAL_REQUEST, 0, SSHPacket(b"\0\0\0\3abc\1rest"))
    ((handler, packet, want_reply),) = server._global_request_queue
    assert (handler, packet.get_remaining_payload(), want_reply) == (None, b"rest", True)


@pytest.mark.parametrize(("request_name", "handler"), HANDLED_BY_NAME)
def test_global_requests_are_handled_by_name(
    request_name: str, handler: str, bare: dict[str, Any]
) -> None:
    server, called = bare[SERVER], []
    setattr(server, handler, lambda packet: called.append(packet))
    name = request_name.encode()
    packet = len(name).to_bytes(4, "big") + name + b"\0"
    server._process_global_request(MSG_GLOBAL_REQUEST, 0, SSHPacket(packet))
    assert called


@pytest.mark.parametrize(("module", "name"), sorted(set(imports())))
def test_import(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_every_private_name_in_use_has_a_contract(bare: dict[str, Any]) -> None:
    theirs = {name for name in private_names() if any(hasattr(o, name) for o in bare.values())}
    assert theirs - METHODS.keys() - ATTRIBUTES.keys() - OTHERS == set()


def test_every_contract_is_of_a_name_in_use() -> None:
    private = {name for name in METHODS.keys() | ATTRIBUTES.keys() | OTHERS if name[0] == "_"}
    assert private - private_names() == set()
