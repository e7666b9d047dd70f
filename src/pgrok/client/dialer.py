"""Connections to local targets, and what to say when there is none."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable

from pgrok.address import Address
from pgrok.sockets import keep_queue_short

CONNECT_SECONDS = 10.0
"""How long a target may take to accept a connection, TLS included."""


class Dialer:
    """Connects to one target; `secure` means TLS, verified with the system's certificates."""

    def __init__(self, address: Address, *, secure: bool = False) -> None:
        self._address = address
        self._tls = ssl.create_default_context() if secure else None
        self._loop = asyncio.get_running_loop()
        # The loop itself keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[None]] = set()

    def dial(self, protocol: asyncio.Protocol) -> Callable[[], object]:
        """Begin to connect under `protocol`; return what gives the attempt up.

        If it fails, `connection_lost` comes without `connection_made`.
        """
        task = self._loop.create_task(self._connect(protocol), name=f"dial {self._address}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task.cancel

    async def _connect(self, protocol: asyncio.Protocol) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, _ = await self._loop.create_connection(
                    lambda: protocol, self._address.host, self._address.port, ssl=self._tls
                )
            keep_queue_short(transport.get_extra_info("socket"))
        except (OSError, TimeoutError) as error:
            protocol.connection_lost(error)
        except UnicodeError:
            # A label that is no name: getaddrinfo encodes before it looks up.
            protocol.connection_lost(socket.gaierror(socket.EAI_NONAME, "not a host name"))


def explain(address: Address, error: Exception | None) -> str:
    """Return a sentence for visitors and for whoever runs the target."""
    if _failed_with(error, errno.ECONNREFUSED):
        return f"Nothing is listening on {address}."
    if isinstance(error, TimeoutError):
        return f"{address} does not answer."
    if isinstance(error, socket.gaierror):
        return f"The name {address.host} cannot be looked up."
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {address} is not one that the client's machine trusts; "
            "SSL_CERT_FILE may name others that it is to trust."
        )
    if isinstance(error, ssl.SSLError):
        return f"{address} does not speak TLS as it should."
    if _failed_with(error, errno.EMFILE):
        return f"The client has too many open files to connect to {address}."
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        return f"{address} cannot be reached from the client."
    return f"{address} closed the connection without an answer."


def _failed_with(error: Exception | None, number: int) -> bool:
    """Whether that is why there is no connection: to the one address, or to one of several."""
    if not isinstance(error, OSError):
        return False
    # What event loops make of the failures of a name with an IPv6 and an IPv4 address.
    several = type(error) is OSError and str(error).startswith("Multiple exceptions")
    return error.errno == number or (several and f"[Errno {number}]" in str(error))
