"""How much a peer may send on a channel before we read it (RFC 4254 5.2)."""

from __future__ import annotations

from math import inf

from pgrok.errors import RemoteProtocolError

INITIAL_WINDOW = 256 * 1024
"""Octets that a stalled reader can cost at first."""

MAX_WINDOW = 4 * 1024 * 1024
"""Octets in flight that fill a path of 100 ms at 40 MB/s."""


class ReceiveWindow:
    """The window that we grant: small until a path shows that a larger one helps.

    Half a window is granted at a time. `size` doubles when the consumer has read everything and
    the next half is due within one round trip: then the peer waits for our grants, and it is
    the window that limits it. A consumer that stalls falls back to the initial size.
    """

    def __init__(self) -> None:
        self.size = INITIAL_WINDOW
        self._granted = INITIAL_WINDOW
        self._unread = 0
        self._granted_at = -inf

    def take(self, octets: int) -> None:
        """Account for data that arrived; raises `RemoteProtocolError` if it was not granted."""
        if octets > self._granted:
            raise RemoteProtocolError(
                f"channel data of {octets} octets in a window of {self._granted}"
            )
        self._granted -= octets
        self._unread += octets

    def read(self, octets: int) -> None:
        """Account for data that the consumer took."""
        self._unread -= octets

    def stall(self) -> None:
        """Note that the consumer does not keep up."""
        self.size = INITIAL_WINDOW
        self._granted_at = -inf

    def is_due(self) -> bool:
        """Whether a grant is worth a message now."""
        return self.size - self._granted - self._unread >= self.size // 2

    def grant(self, now: float, round_trip: float) -> int:
        """Return how many octets to grant, at a time when it is due; both arguments in seconds."""
        if self._unread == 0 and now - self._granted_at < round_trip:
            self.size = min(self.size * 2, MAX_WINDOW)
        self._granted_at = now
        octets = self.size - self._granted - self._unread
        self._granted += octets
        return octets
