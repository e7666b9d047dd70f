"""How much a peer may send on a channel before we read it (RFC 4254 5.2)."""

from __future__ import annotations

from pgrok.errors import RemoteProtocolError

INITIAL_WINDOW = 256 * 1024
"""Octets that a stalled reader can cost at first."""

MAX_WINDOW = 4 * 1024 * 1024
"""Octets in flight that fill a path of 100 ms at 40 MB/s."""


class ReceiveWindow:
    """The window that we grant: small until a consumer shows that a larger one helps.

    `size` doubles when the peer came close to using up its grant although the consumer kept up,
    which happens only where the round trip is long; a consumer that stalls falls back to the
    initial size.
    """

    def __init__(self) -> None:
        self.size = INITIAL_WINDOW
        self._granted = INITIAL_WINDOW
        self._unread = 0
        self._ran_low = False

    def take(self, octets: int) -> None:
        """Account for data that arrived; raises `RemoteProtocolError` if it was not granted."""
        if octets > self._granted:
            raise RemoteProtocolError(
                f"channel data of {octets} octets in a window of {self._granted}"
            )
        self._granted -= octets
        self._unread += octets
        if self._granted < self.size // 4:
            self._ran_low = True

    def read(self, octets: int) -> None:
        """Account for data that the consumer took."""
        self._unread -= octets

    def stall(self) -> None:
        """Note that the consumer does not keep up."""
        self.size = INITIAL_WINDOW
        self._ran_low = False

    def grant(self) -> int:
        """Return how many octets to grant now, 0 while it is not worth a message."""
        if self._ran_low and self._unread == 0:
            self.size = min(self.size * 2, MAX_WINDOW)
            self._ran_low = False
        grant = self.size - self._granted - self._unread
        if grant < self.size // 2:
            return 0
        self._granted += grant
        return grant
