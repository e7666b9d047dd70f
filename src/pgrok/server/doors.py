"""Opening what the daemon listens on, with words that help where that fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pgrok.address import Address
from pgrok.errors import UsageError
from pgrok.server.web.serving import listen


def open_door(
    key: str, address: Address, inherited: Sequence[socket.socket] | None
) -> Sequence[socket.socket]:
    """Return the sockets that are `inherited`, or one at the address that the setting `key` names.

    Raises `UsageError` if the address is taken.
    """
    if inherited:
        return inherited
    with names_the_key(key, address):
        return [listen(address.host, address.port)]


@contextmanager
def names_the_key(key: str, address: Address) -> Iterator[None]:
    """Say which setting is to be changed when an address cannot be listened on."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"cannot listen on {address}: {reason}. "
            f"Stop the program that has the port, or set {key} to another one."
        ) from None
