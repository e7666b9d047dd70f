"""Which server is the right one: pinned fingerprints, else trust on first use, recorded.

The record has a line for every key, `HOST:PORT ALGORITHM SHA256:...`, so that a person can
read, delete and copy it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pgrok.address import Address
from pgrok.client.files import write_private
from pgrok.errors import ConfigError, ConfigProblem, HostKeyMismatch
from pgrok.transport.algorithms import HOST_KEYS
from pgrok.transport.interfaces import HostKeyInfo

_RSA_KEY = "ssh-rsa"
_RSA_SIGNATURES = ("rsa-sha2-256", "rsa-sha2-512")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of the record."""

    server: str
    algorithm: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.server} {self.algorithm} {self.fingerprint}"


class KnownHosts:
    """Judges the host keys that one server presents, over all connections to it.

    Raises `ConfigError` at once if the record cannot be read or has a line that makes no
    sense: going on would mean to trust anybody.
    """

    def __init__(self, server: Address, path: Path, pins: Collection[str] = ()) -> None:
        self._server = str(server).lower()
        self._path = path
        self._pins = frozenset(pins)
        self._known = [key for key in _read(path) if key.server == self._server]
        self._presented: HostKeyInfo | None = None
        self._refused: dict[str, str] = {}
        self._refused_again = False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The host key algorithms to ask for, most wanted first.

        Those of the known keys, because a server that got a further key would look like
        another one if it was asked for that. With pins, which name no algorithm, those whose
        key was not refused yet.
        """
        if self._pins:
            return tuple(name for name in HOST_KEYS if _key_type(name) not in self._refused)
        known = [key.algorithm for key in self._known]
        return tuple(name for name in HOST_KEYS if _key_type(name) in known)

    @property
    def another_may_be_pinned(self) -> bool:
        """Whether the server may have another key, of an algorithm not asked for, that is."""
        return bool(self._pins and self.algorithms and not self._refused_again)

    def check(self, presented: HostKeyInfo) -> bool:
        """Return true if this key is pinned, or known, or the first one of this server.

        Else raise `HostKeyMismatch`. That goes for a key of an algorithm that is new for a
        known server, too: whoever sits in between could choose that algorithm.
        """
        self._presented = presented
        if not self._trusted or presented.fingerprint in self._trusted:
            return True
        self._refused_again = presented.algorithm in self._refused
        self._refused[presented.algorithm] = presented.fingerprint
        raise self._mismatch(presented)

    def confirm(self) -> None:
        """Record the key of a connection that is up, whose server so proved to own it."""
        if self._presented is None or self._trusted:
            return
        key = KnownKey(self._server, self._presented.algorithm, self._presented.fingerprint)
        self._known.append(key)
        try:
            text = _read_text(self._path)
            line_break = "\n" if text and not text.endswith("\n") else ""
            write_private(self._path, f"{text}{line_break}{key}\n")
        except OSError as error:
            _log.warning("The host key %s cannot be recorded in %s: %s", key, self._path, error)
        else:
            _log.info("First connection: the host key %s is recorded in %s", key, self._path)

    @property
    def _trusted(self) -> frozenset[str]:
        return self._pins or frozenset(key.fingerprint for key in self._known)

    def _mismatch(self, presented: HostKeyInfo) -> HostKeyMismatch:
        if self._pins:
            remedy = f"pin it in place of the old one: --fingerprint {presented.fingerprint}"
        else:
            remedy = f"delete the line of {self._server} from {self._path} and start again"
        return HostKeyMismatch(
            f"the host key of {self._server} is not the expected one. Either the server got a new "
            "key, or somebody between you and it pretends to be it. No token was sent.\n"
            f"  expected   {', '.join(sorted(self._trusted))}\n"
            f"  presented  {', '.join(self._refused.values())}\n"
            "Compare the presented fingerprint with the one on the server's dashboard, or ask its "
            f"administrator. If they are equal, {remedy}"
        )


def _key_type(signature: str) -> str:
    return _RSA_KEY if signature in _RSA_SIGNATURES else signature


def _read(path: Path) -> list[KnownKey]:
    try:
        text = _read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _error(path, "file", str(error)) from None
    keys = []
    for number, line in enumerate(text.split("\n"), start=1):
        match line.partition("#")[0].split():
            case []:
                continue
            case [server, algorithm, fingerprint]:
                keys.append(KnownKey(server, algorithm, fingerprint))
            case _:
                raise _error(path, f"line {number}", repr(line[:80]))
    return keys


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""


def _error(path: Path, key: str, found: str) -> ConfigError:
    expected = "`HOST:PORT ALGORITHM SHA256:...`, as pgrok writes it"
    return ConfigError([ConfigProblem(str(path), key, found, expected)])
