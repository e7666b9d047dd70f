"""Where the client keeps its files, and how it writes those that nobody else may read."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

SETTINGS_FILE = "pgrok.yml"

_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def settings_path() -> Path:
    """Return the settings file: the original's `~/.pgrok/pgrok.yml` where there is one, else
    `pgrok.yml` in the user's configuration folder, which need not exist."""
    inherited = Path.home() / ".pgrok" / SETTINGS_FILE
    if inherited.is_file():
        return inherited
    import platformdirs

    return platformdirs.user_config_path("pgrok", appauthor=False) / SETTINGS_FILE


def known_hosts_path() -> Path:
    """Return the file that records servers' host keys, in the user's data folder."""
    import platformdirs

    return platformdirs.user_data_path("pgrok", appauthor=False) / "known_hosts"


def open_to_others(path: Path) -> bool:
    """Whether anybody but its owner may read or write `path`; never on Windows, which has no
    such modes."""
    return os.name != "nt" and bool(path.stat().st_mode & _READABLE_BY_OTHERS)


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file with this text that only its owner may read (mode 0600).

    Atomic and durable: whoever reads sees the old text or the new one, also after a crash. A
    missing folder is made with mode 0700; a symbolic link is followed. Raises `OSError`.
    """
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
