"""How much a peer may send on a channel before we read it (RFC 4254 5.2)."""

from __future__ import annotations

from pgrok.errors import RemoteProtocolError

MAX_PACKET = 125 * 1024
"""Octets of data that one packet to us may carry. OpenSSH and Go take 32 KiB and are sent that.

Windows are so many packets, and grants are: a peer who fills what it was granted cuts none."""

INITIAL_WINDOW = 2 * MAX_PACKET
"""Octets that a reader costs who stalls from the start."""

MAX_WINDOW = 32 * MAX_PACKET
"""Octets in flight that fill a path of 100 ms at 40 MB/s."""

FASTEST_PATH = 128 * 1024 * 1000
"""Octets a second, about 1 Gbit/s: a window holds no more than such a path does."""

SHORTEST_PATH = 0.0065
"""Seconds that every round trip counts for at least: the loops at both ends need some too.

It lets a window grow to 750 KiB on any path, if its reader takes 57 MB/s and more: with the queue
of a socket and one packet, that is what a reader may cost who then stops.
"""

GRANT = 2 * MAX_PACKET
"""Octets that are worth a message to a peer who has as much again left, or more."""


class ReceiveWindow:
    """The window that we grant: small until a path shows that a larger one helps.

    `size` follows the reader: to twice what was read within a round trip, because a peer who waits
    for our grants sends one window in that time; what is read as fast as it comes is then half of
    what could be. It shrinks in the same way, but only for a reader who paused: a peer may have
    nothing to send. What has been granted cannot be taken back, it has to be used up.
    """

    __slots__ = (
        *("_granted", "_missing", "_pass_at_most", "_passed", "_read", "_read_since", "_stalled"),
        *("_worth_granting", "size"),
    )

    def __init__(self) -> None:
        self.size = INITIAL_WINDOW
        self._worth_granting = INITIAL_WINDOW // 2
        self._granted = INITIAL_WINDOW
        self._missing = 0
        """Octets that have been read and not granted again: what is neither granted nor unread."""
        self._read = 0
        self._read_since = 0.0
        self._stalled = False
        self._passed = 0
        """Octets that were passed on, and are accounted for when anything depends on it."""
        self._look_ahead()

    def take(self, octets: int) -> None:
        """Account for data that arrived; raises `RemoteProtocolError` if it was not granted."""
        self._settle()
        left = self._granted - octets
        if left < 0:
            raise RemoteProtocolError(
                f"channel data of {octets} octets in a window of {self._granted}"
            )
        self._granted = left
        self._look_ahead()

    def read(self, octets: int) -> bool:
        """Account for data that the reader took; return whether that makes a grant due."""
        self._settle()
        self._read += octets
        self._missing += octets
        self._look_ahead()
        return self.is_due()

    def pass_on(self, octets: int) -> bool:
        """As `take` and then `read`, for data that the reader takes as it arrives."""
        passed = self._passed + octets
        if passed < self._pass_at_most:
            self._passed = passed
            return False
        self.take(octets)
        return self.read(octets)

    def stall(self) -> None:
        """Note that the reader does not keep up."""
        self._stalled = True

    def is_due(self) -> bool:
        """Whether a grant may be worth a message now."""
        return self._missing + self._passed >= self._worth_granting

    def grant(self, now: float, round_trip: float) -> int:
        """Return how many octets to grant, at a time when it is due; both arguments in seconds.

        That is 0 if the window has just become smaller than what is still granted.
        """
        self._settle()
        before = self.size
        self._follow_reader(now, max(round_trip, SHORTEST_PATH))
        self._missing += self.size - before
        octets = max(0, self._missing)
        self._granted += octets
        self._missing -= octets
        self._look_ahead()
        return octets

    def _settle(self) -> None:
        """Account for what was passed on."""
        passed, self._passed = self._passed, 0
        self._granted -= passed
        self._read += passed
        self._missing += passed

    def _look_ahead(self) -> None:
        """See how much may be passed on before a grant is due, or more came than was granted."""
        self._pass_at_most = min(self._granted, self._worth_granting - self._missing)

    def _follow_reader(self, now: float, round_trip: float) -> None:
        round_trips = (now - self._read_since) // round_trip
        if round_trips < 1:
            return
        wanted = int(2 * self._read / round_trips)
        if wanted > self.size or self._stalled:
            self.size = max(INITIAL_WINDOW, _whole_packets(wanted))
        self.size = min(self.size, longest_window(round_trip))
        self._worth_granting = min(GRANT, self.size // 2)
        # The last piece may be the beginning of what comes in one go, unless it waited here.
        self._read = 0 if self._stalled else MAX_PACKET
        self._read_since, self._stalled = now, False


def longest_window(round_trip: float) -> int:
    """Return the octets that a window may grow to on a path of so many seconds."""
    octets = int(max(round_trip, SHORTEST_PATH) * FASTEST_PATH)
    return min(_whole_packets(octets), MAX_WINDOW)


def _whole_packets(octets: int) -> int:
    return octets - octets % MAX_PACKET
