"""OpenSSH at both ends, forwarding raw bytes: what every ratio is measured against."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.delay import Link, near
from bench.network import LOOPBACK, Endpoint, free_port, is_open, wait_until
from bench.peers.base import Tunnel, first_missing
from bench.processes import Process, run
from bench.workplace import Workplace

CIPHER = "aes128-gcm@openssh.com"
"""What our own client and server agree on: the same work for both."""

SSHD = "/usr/sbin/sshd"
PRIVILEGE_SEPARATION = Path("/run/sshd")

CONFIGURATION = """
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
Ciphers {cipher}
LogLevel ERROR
"""


class OpenSSH:
    """`ssh -R` to `sshd`."""

    name = "ssh -R"

    def missing(self) -> str:
        """Return the program that is not installed, or nothing."""
        return first_missing(SSHD, "ssh", "ssh-keygen")

    @contextmanager
    def opened(self, place: Workplace, target: int, link: Link = near) -> Iterator[Tunnel]:
        """Run an `sshd` of our own and an `ssh` that logs in to it with a key."""
        folder = place.folder("openssh")
        port, public = free_port(), free_port()
        _configure(folder, port)
        # sshd starts itself anew by its full path.
        command = (SSHD, "-D", "-e", "-f", folder / "sshd_config")
        with (
            Process(place.log("sshd"), *command) as sshd,
            link(place, port) as reached,
        ):
            wait_until(lambda: is_open(port), "sshd listens")
            options = [f"-i{folder}/key", "-oIdentitiesOnly=yes", "-oBatchMode=yes", "-N"]
            forward = f"{LOOPBACK}:{public}:{LOOPBACK}:{target}"
            login = [f"-R{forward}", f"-p{reached}", f"{getpass.getuser()}@{LOOPBACK}"]
            with Process(place.log("ssh"), *ssh(folder), *options, *login) as client:
                wait_until(lambda: is_open(public), f"ssh -R is up: {client.output}")
                yield Tunnel(Endpoint(public), sshd, client)


def ssh(folder: Path) -> Sequence[str]:
    """Return the command `ssh` with nothing of the user's own in it and the cipher chosen."""
    options = {
        "UserKnownHostsFile": folder / "known_hosts",
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "accept-new",
        "ExitOnForwardFailure": "yes",
        "LogLevel": "ERROR",
    }
    named = [f"-o{name}={value}" for name, value in options.items()]
    return ["ssh", "-F", "/dev/null", *named, "-c", CIPHER]


def _configure(folder: Path, port: int) -> None:
    for name in ("host_key", "key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    settings = CONFIGURATION.format(address=f"{LOOPBACK}:{port}", folder=folder, cipher=CIPHER)
    (folder / "sshd_config").write_text(settings)
    if os.geteuid() == 0:
        # sshd wants it to be there when root starts it; a running one has made it.
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
