"""What was made to go wrong, when, and for which tunnel: the only excuse for a lost transfer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EVERYBODY = ""
"""In the stead of a tunnel's name: trouble for all of them."""

NEVER = float("inf")


@dataclass(slots=True)
class Trouble:
    """A fault, from before it began until its tunnel answered again; times are monotonic."""

    kind: str
    tunnel: str
    began: float = field(default_factory=time.monotonic)
    ended: float = NEVER

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    def covers(self, tunnel: str, since: float, until: float) -> bool:
        """Whether it was a trouble for that tunnel at any time between the two."""
        concerned = self.tunnel in (EVERYBODY, tunnel)
        return concerned and self.began <= until and self.ended >= since


class Troubles:
    """All that there were, and are."""

    def __init__(self) -> None:
        self.excusing: list[Trouble] = []
        """Those that may cost transfers."""
        self.harmless: list[Trouble] = []
        """Those that may slow them down only."""

    @contextmanager
    def trouble(self, kind: str, tunnel: str, *, excuses: bool) -> Iterator[None]:
        """Note a fault; the body makes it, and returns when the tunnel answers again."""
        trouble = Trouble(kind, tunnel)
        (self.excusing if excuses else self.harmless).append(trouble)
        yield
        trouble.ended = time.monotonic()

    def excuse(self, tunnel: str, since: float, until: float) -> bool:
        """Whether a transfer of that time may have failed."""
        return any(trouble.covers(tunnel, since, until) for trouble in self.excusing)

    def __iter__(self) -> Iterator[Trouble]:
        return iter((*self.excusing, *self.harmless))
