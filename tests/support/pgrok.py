"""The client under test: the command `pgrok`, with a home of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from support.go import LIVE
from support.ports import LOOPBACK
from support.processes import BIN, Process


def home(folder: Path) -> dict[str, str]:
    """Return an environment in which the user's own folders lie in `folder`."""
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "XDG_DATA_HOME": str(folder / ".local/share"),
        "XDG_STATE_HOME": str(folder / ".local/state"),
        "XDG_CACHE_HOME": str(folder / ".cache"),
    }


class Client(Process):
    """`pgrok ARGUMENTS`, with the server and the token in its settings file."""

    def __init__(
        self,
        folder: Path,
        remote: int,
        token: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        terminal: bool = False,
        **settings: str,
    ) -> None:
        settings = {"remote_addr": f"{LOOPBACK}:{remote}", "token": token, **settings}
        file = folder / ".pgrok" / "pgrok.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(settings))  # which is YAML too
        environment = {**home(folder), **(env or {})}
        super().__init__(BIN / "pgrok", *arguments, env=environment, terminal=terminal)

    def url(self, count: int = 1) -> str:
        """Wait until a tunnel is up, for the `count`th time, and return its public URL."""
        return self.wait_for(LIVE, count=count)[1]
