"""The commands that open a tunnel to this server, ready to be copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pgrok.address import parse_address

SSH_PORT: Final = 22
EXAMPLE_TARGET: Final = "localhost:3000"


@dataclass(frozen=True, slots=True)
class Commands:
    """What to type, each command in pieces that belong on one line.

    `init` asks for the token: on a command line everybody on the machine could read it.
    """

    init: tuple[str, ...]
    ssh: tuple[str, ...]


def commands(client_address: str, fingerprint: str | None) -> Commands:
    """Return the commands for the server at `client_address`, `host:port`.

    `fingerprint` pins the host key that pgrok will be shown.
    """
    server = parse_address(client_address)
    pin = (f"--fingerprint {fingerprint}",) if fingerprint else ()
    port = () if server.port == SSH_PORT else (f"-p {server.port}",)
    return Commands(
        init=(
            "pgrok init",
            f"--remote-addr {server}",
            f"--forward-addr http://{EXAMPLE_TARGET}",
            *pin,
        ),
        ssh=("ssh -N", f"-R 0:{EXAMPLE_TARGET}", server.host, *port),
    )
