"""Whether a settings file tells its secrets to everybody on the machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pgrok.server.settings.reading import read

_SECRETS = (
    ("metrics", "token"),
    ("database", "password"),
    ("database", "url"),
    ("identity_provider", "client_secret"),
)


def told_to_everybody(file: Path | None) -> tuple[str, ...]:
    """Return the keys of secrets in a file that any user of the machine may read or change.

    Its group may: that of the service is a usual way to let it read what root owns. Never on
    Windows, which has no such modes.
    """
    if file is None or os.name == "nt" or not file.stat().st_mode & stat.S_IRWXO:
        return ()
    tree = read(file)
    return tuple(f"{section}.{key}" for section, key in _SECRETS if _holds(tree, section, key))


def advice(file: Path) -> str:
    """Return what to do about it."""
    return f"chmod 600 {file}, which the user that runs pgrokd then has to own"


def _holds(tree: dict[Any, Any], section: str, key: str) -> bool:
    values = tree.get(section)
    value = values.get(key) if isinstance(values, dict) else None
    return bool(urlsplit(str(value)).password if key == "url" else value)
