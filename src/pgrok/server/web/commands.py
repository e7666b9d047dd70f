"""The commands that open a tunnel to this server, ready to be copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pgrok.address import parse_address

SSH_PORT: Final = 22
EXAMPLE_TARGET: Final = "localhost:3000"


@dataclass(frozen=True, slots=True)
class Commands:
    """What to type: `init` lacks the token, which comes right after it."""

    init: str
    ssh: str


def commands(client_address: str, fingerprint: str | None) -> Commands:
    """Return the commands for the server at `client_address`, `host:port`.

    `fingerprint` pins the host key that pgrok will be shown.
    """
    server = parse_address(client_address)
    init = f"pgrok init --remote-addr {server} --forward-addr http://{EXAMPLE_TARGET}"
    if fingerprint:
        init += f" --fingerprint {fingerprint}"
    ssh = f"ssh -N -R 0:{EXAMPLE_TARGET} {server.host}"
    if server.port != SSH_PORT:
        ssh += f" -p {server.port}"
    return Commands(f"{init} --token ", ssh)
