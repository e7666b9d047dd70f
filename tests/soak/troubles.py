"""What was made to go wrong, when, and for which tunnel: the only excuse for a lost transfer.

Each kind of trouble excuses what docs/behaviour.md allows it to cost, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from pgrok.http.pages import Code
from soak.ends import Failure, Sort

PARKING, DRAIN, DRAIN_STREAMS = 10.0, 10.0, 3.0
"""Seconds that requests wait for a tunnel that was lost, and that requests and streams may go on
while the server stops. It is told so: an excuse must not follow from what is tested."""

LAG = 1.0
"""Seconds that may pass until a visitor sees what has happened, on a machine that is busy."""

UNREAD = 4.0
"""The same of a cut: who reads slowly first reads what the system has kept until then."""

AnyTrouble = TypeVar("AnyTrouble", bound="Trouble")

NEVER = float("inf")


@dataclass(eq=False)
class Trouble:
    """A fault, from before it began until its tunnel answered again; times are monotonic.

    This kind makes transfers slower, and excuses nothing.
    """

    kind: str
    tunnel: str
    losses: int = 0
    """How often in it requests may be lost that are under way."""
    began: float = field(default_factory=time.monotonic)
    done: float = NEVER
    """When all losses had happened, and the tunnel was yet to come back; of a restart when the
    new server was started, which lets requests wait from some later moment on."""
    ended: float = NEVER

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    def covers(self, since: float, until: float) -> bool:
        """Whether it was there at any time between the two."""
        return self.began <= until and self.ended >= since

    def strikes(self, failure: Failure) -> bool:
        """Whether what failed then may have been lost in it, and not after it was done."""
        return failure.ended <= self.done + (UNREAD if failure.answered else LAG)

    def allows(self, _failure: Failure) -> bool:
        """Whether a transfer of its time and tunnel may have failed like that."""
        return False


@dataclass(eq=False)
class Loss(Trouble):
    """The connection of the client is lost without a goodbye, so often, and it comes back."""

    losses: int = 1

    def allows(self, failure: Failure) -> bool:
        """What is under way is lost; everything else waits."""
        match failure.refusal:
            case None if failure.answered:
                return self.strikes(failure)
            case None:
                return failure.sort is Sort.TCP
            case Code.NO_TUNNEL:
                return failure.ended >= self.began + PARKING
            case Code.TUNNEL_LOST:
                return self.strikes(failure)
        return False


@dataclass(eq=False)
class Goodbye(Loss):
    """The client takes leave, so that nobody waits for it, and comes back all the same."""

    def allows(self, failure: Failure) -> bool:
        """Beside that, the name is nobody's until somebody comes."""
        return failure.refusal is Code.NO_TUNNEL or Loss.allows(self, failure)


@dataclass(eq=False)
class Restart(Trouble):
    """The server ends, and another one begins and waits for the client of this tunnel."""

    losses: int = 1
    serving: float = NEVER
    """When the new server was known to serve."""

    def allows(self, failure: Failure) -> bool:
        """Nobody is let in meanwhile; what is under way has its time to end."""
        match failure.refusal:
            case None if failure.answered or failure.began < self.began - LAG:
                return self._ends(failure, DRAIN_STREAMS if failure.is_stream else DRAIN)
            case None:
                return failure.sort is Sort.TCP or failure.stood <= self.serving
            case Code.NO_TUNNEL:
                return failure.ended >= self.done + PARKING
            case Code.TUNNEL_LOST:
                return self._ends(failure, DRAIN)
        return failure.refusal is Code.DRAINING and self.strikes(failure)

    def _ends(self, failure: Failure, patience: float) -> bool:
        """Whether the server ended it, after that many seconds."""
        return failure.ended >= self.began + patience and self.strikes(failure)


class Troubles:
    """All that there were, and are."""

    def __init__(self) -> None:
        self._all: list[Trouble] = []

    @contextmanager
    def noted(self, trouble: AnyTrouble) -> Iterator[AnyTrouble]:
        """Note a trouble; the body makes it, and returns when the tunnel answers again."""
        self.note(trouble)
        yield trouble
        trouble.ended = time.monotonic()

    def note(self, trouble: Trouble) -> None:
        """Note one whose end somebody else will see, or has seen."""
        self._all.append(trouble)

    def of(self, tunnel: str, since: float, until: float) -> list[Trouble]:
        """Return what troubled that tunnel at any time between the two; no name is every one's."""
        near = (each for each in self if each.covers(since, until))
        return [each for each in near if tunnel in (each.tunnel, "")]

    def excuse(self, failure: Failure) -> Trouble | None:
        """Return the trouble because of which a transfer may have failed like that."""
        near = self.of(failure.tunnel, failure.since, failure.ended)
        if failure.sort is Sort.GET and failure.refusal is Code.TUNNEL_LOST:
            # It is sent again, but once only; what came after a loss was not lost in it.
            struck = [each for each in near if failure.began <= each.done + LAG]
            twice = sum(each.losses for each in struck) > 1
            return struck[-1] if twice and struck[-1].strikes(failure) else None
        return next((each for each in near if each.allows(failure)), None)

    def __iter__(self) -> Iterator[Trouble]:
        return iter(self._all)
