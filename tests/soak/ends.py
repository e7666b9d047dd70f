"""How a transfer may end, and what is known of one that did not come about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import h11
from websockets.exceptions import ConnectionClosedError

from pgrok.http.pages import Code


class Sort(StrEnum):
    """What a transfer is to the server, which has other duties to each."""

    GET = "GET"
    """May be sent twice, and waits for a tunnel that was lost."""
    POST = "POST"
    """Waits as well, until it is on its way; sent once only."""
    WEBSOCKET = "WebSocket"
    """The same, and a stream when it has been answered."""
    TCP = "tcp"
    """A stream from its first octet; its port is closed while there is no tunnel."""


class Outcome(StrEnum):
    """How a transfer ended."""

    WHOLE = "whole"
    REFUSED = "refused"
    CUT = "cut"
    LEFT = "left"
    WRONG = "wrong"


class Refused(Exception):
    """The server answered in the stead of the application, and said so."""

    def __init__(self, status: int, code: Code) -> None:
        super().__init__(f"{status} {code}")
        self.code = code


class Left(Exception):
    """The visitor went away midway, as was meant."""


class Wrong(Exception):
    """What no fault excuses: other octets, too few without a word, a strange status."""


class Unanswered(ConnectionError):
    """A transfer was cut before anything of an answer came."""


VISIBLE = (ConnectionError, h11.RemoteProtocolError, ConnectionClosedError)
"""What a visitor sees of a transfer that was cut."""


@contextmanager
def before_an_answer() -> Iterator[None]:
    """Raise `Unanswered` for a cut within."""
    try:
        yield
    except VISIBLE as error:
        raise Unanswered(repr(error)) from error


@dataclass(frozen=True)
class Failure:
    """A transfer that was refused or cut. Times are monotonic, in seconds.

    What it uses `stood` then, which is before it `began` if its connection had been kept.
    `refusal` is None if it was cut, after something of the answer had come if it was `answered`.
    """

    sort: Sort
    tunnel: str
    stood: float
    began: float
    ended: float
    refusal: Code | None
    answered: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether it was no request, or no more."""
        return self.sort is Sort.TCP or (self.sort is Sort.WEBSOCKET and self.answered)

    @property
    def since(self) -> float:
        """From when on a fault may be what it is owed to.

        Only what had no answer may have been sent into a connection that was lost before.
        """
        return self.began if self.refusal or self.answered else self.stood

    def __str__(self) -> str:
        if self.refusal:
            return f"{self.sort} {self.refusal}"
        return f"{self.sort} cut {'midway' if self.answered else 'before an answer'}"
