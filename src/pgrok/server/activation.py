"""Listening sockets that systemd opened before us, and keeps open when we restart.

The protocol is that of sd_listen_fds(3): `LISTEN_PID` says whom they are for, `LISTEN_FDS` how many
there are from descriptor 3 on, `LISTEN_FDNAMES` what each is for.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Mapping, MutableMapping, Sequence

from pgrok.address import Address
from pgrok.errors import UsageError

FIRST = 3
"""The first descriptor after standard input, output and error."""

NAMES = ("web", "proxy", "sshd", "metrics")
"""What a socket may be for: the section of the settings whose address it takes the place of."""

Inherited = Mapping[str, Sequence[socket.socket]]


def take(environ: MutableMapping[str, str], pid: int, *, first: int = FIRST) -> Inherited:
    """Return the sockets by what they are for, and remove from `environ` what tells of them.

    Those that are meant for another process than `pid` are left alone. Raises `UsageError` for
    one that is not named, or is no listening TCP socket.
    """
    meant_for = environ.pop("LISTEN_PID", "")
    number = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if meant_for != str(pid) or not number.isdigit():
        return {}
    found: defaultdict[str, list[socket.socket]] = defaultdict(list)
    for place in range(int(number)):
        name = names[place] if place < len(names) else ""
        found[_known(name)].append(_listening(first + place, name))
    return found


def address_of(listening: socket.socket) -> Address:
    """Return where a socket listens."""
    return Address(*listening.getsockname()[:2])


def _known(name: str) -> str:
    if name not in NAMES:
        expected = ", ".join(NAMES)
        raise UsageError(
            f"LISTEN_FDNAMES: found {name!r}, expected one of {expected}. "
            "Set FileDescriptorName in the socket unit."
        )
    return name


def _listening(descriptor: int, name: str) -> socket.socket:
    try:
        listening = socket.socket(fileno=descriptor)
        kind = listening.family in (socket.AF_INET, socket.AF_INET6)
        accepts = listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise UsageError(f"LISTEN_FDS: {name} is no socket: {error.strerror}") from None
    if not (kind and accepts):
        raise UsageError(f"LISTEN_FDS: {name} is no listening TCP socket: set ListenStream to one")
    listening.set_inheritable(False)
    listening.setblocking(False)
    return listening
