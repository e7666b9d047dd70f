"""The SSH client as the rest of the house sees it: no type of asyncssh's in it."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import Callable, Sequence

import asyncssh

from pgrok.address import Address
from pgrok.errors import HostKeyMismatch, ServerUnavailable, ServerUnreachable, TokenRefused
from pgrok.text import printable
from pgrok.transport import algorithms
from pgrok.transport.interfaces import HostKeyInfo
from pgrok.transport.options import COMMON
from pgrok.transport.ssh.client import ClientConnection

CONNECT_SECONDS = 15.0

KEEPALIVE_SECONDS = 22.0
"""A second more than a server's: whoever is heard is not asked, so that one side asks only."""

KEEPALIVE_COUNT = 1
"""asyncssh gives up on the interval after the count: a dead server is noticed after 44 s."""

USER_NAME = "pgrok"
"""What the original's client sends; servers ignore it."""


async def connect(
    address: Address,
    *,
    token: str,
    check_host_key: Callable[[HostKeyInfo], bool],
    client_version: str,
    host_key_algorithms: Sequence[str] = (),
) -> ClientConnection:
    """Return an authenticated connection to the server at `address`.

    `check_host_key` is asked before the token is sent; it returns whether the key is good, or
    raises. `host_key_algorithms` are the signature algorithms (RFC 8332 has two for RSA) of the
    keys known for this server, most wanted first: a server that got another key besides must
    not look like another server.

    Raises `ServerUnreachable`, `HostKeyMismatch`, `TokenRefused`.
    """
    loop = asyncio.get_running_loop()
    options = _options(address, token, client_version, host_key_algorithms)
    options.waiter = loop.create_future()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(
                lambda: ClientConnection(loop, options, check_host_key=check_host_key),
                address.host,
                address.port,
            )
            return await _authenticated(connection, options.waiter)
    except TimeoutError:
        raise ServerUnreachable(
            f"{address} did not answer within {CONNECT_SECONDS:.0f} seconds"
        ) from None
    except socket.gaierror as error:
        raise ServerUnreachable(f"{address.host!r} cannot be looked up: {error.strerror}") from None
    except OSError as error:
        raise ServerUnreachable(
            f"{address} cannot be reached: {os.strerror(error.errno) if error.errno else error}"
        ) from None


async def _authenticated(
    connection: ClientConnection, waiter: asyncio.Future[None]
) -> ClientConnection:
    try:
        await waiter
    except asyncssh.PermissionDenied:
        raise TokenRefused(
            f"{connection.server} does not know this token: unknown, revoked or expired"
        ) from None
    except asyncssh.HostKeyNotVerifiable as error:
        # A server may say so itself, in words of its own.
        raise connection.host_key_error or HostKeyMismatch(printable(str(error))) from None
    except (asyncssh.Error, ValueError) as error:
        raise _failure(connection, error) from None
    except BaseException:
        connection.abort()
        raise
    return connection


def _failure(connection: ClientConnection, error: Exception) -> ServerUnreachable:
    if connection.goodbye is not None or isinstance(error, asyncssh.ConnectionLost):
        return ServerUnavailable(f"the server ended the connection: {connection.goodbye or error}")
    place, reason = connection.server, printable(str(error)) or type(error).__name__
    return ServerUnreachable(f"{place} does not speak SSH as pgrok does: {reason}")


def _options(
    address: Address, token: str, client_version: str, host_key_algorithms: Sequence[str]
) -> asyncssh.SSHClientConnectionOptions:
    _ensure_local_user_name()
    preferred = [name for name in host_key_algorithms if name in algorithms.HOST_KEYS]
    return asyncssh.SSHClientConnectionOptions(
        **COMMON,
        keepalive_interval=KEEPALIVE_SECONDS,
        keepalive_count_max=KEEPALIVE_COUNT,
        host=address.host,
        port=address.port,
        username=USER_NAME,
        password=token,
        known_hosts=None,
        agent_path=None,
        client_keys=None,
        preferred_auth="password",
        server_host_key_algs=[
            *preferred,
            *(name for name in algorithms.HOST_KEYS if name not in preferred),
        ],
        login_timeout=CONNECT_SECONDS,
        client_version=client_version,
    )


def _ensure_local_user_name() -> None:
    """Give the process a user name: asyncssh wants one, and a container may have none."""
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        os.environ["LOGNAME"] = USER_NAME
