"""The real OpenSSH client."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from support.ports import LOOPBACK
from support.processes import Process, run

CTRL_C, CTRL_D = "\x03", "\x04"

ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$PGROK_TEST_TOKEN"\n'


class SSH(Process):
    """`ssh -R 0:localhost:TARGET`, which gets the token from a helper program.

    With `terminal` the token is typed at the prompt instead, as a person would.
    """

    def __init__(
        self,
        folder: Path,
        remote: int,
        token: str,
        target: int,
        *options: str,
        terminal: bool = False,
    ) -> None:
        askpass = folder / "askpass"
        askpass.write_text(ASKPASS)
        askpass.chmod(0o700)
        helper = {
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "never" if terminal else "force",
            "PGROK_TEST_TOKEN": token,
        }
        forward = ["-R", f"0:localhost:{target}", "-p", str(remote), LOOPBACK]
        super().__init__(
            "ssh", *_isolated(folder), *options, *forward, env=helper, terminal=terminal
        )
        if terminal:
            self.wait_for("password:")
            self.write(f"{token}\n")

    def url(self) -> str:
        """Wait until the server says where the tunnel is, which it does without `-N`."""
        return self.wait_for(r"https?://[^\s\x1b]+")[0]


def _isolated(folder: Path) -> Sequence[str]:
    options = {
        "UserKnownHostsFile": folder / "ssh_known_hosts",
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "accept-new",
        "PreferredAuthentications": "password",
        "NumberOfPasswordPrompts": "1",
    }
    return ["-F", "/dev/null", *(f"-o{name}={value}" for name, value in options.items())]


def fingerprints(port: int) -> dict[str, str]:
    """Return the fingerprint that a server presents for each kind of host key."""
    keys = run("ssh-keyscan", "-t", "rsa,ecdsa,ed25519", "-p", str(port), LOOPBACK)
    keys = "\n".join(line for line in keys.splitlines() if not line.startswith("#"))
    listed = run("ssh-keygen", "-l", "-f", "-", text=keys)
    return {kind: value for value, kind in re.findall(r"(SHA256:\S+) .*\((\w+)\)", listed)}
