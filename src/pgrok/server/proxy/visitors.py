"""Who is connected to the public ports, of http and tcp: so many in all, and of one address."""

from __future__ import annotations

from functools import lru_cache, partial

from pgrok.address import Network, is_within
from pgrok.http.pages import Code, Problem
from pgrok.server.decisions import Decisions, Event
from pgrok.server.settings import LimitSettings
from pgrok.transport.admission import Admission

TOO_MANY = Problem(Code.TOO_MANY_REQUESTS, 429, retry_after=1)
"""What is told to an address that has as much as it may have."""

_OVERLOADED = Problem(Code.OVERLOADED, 503, retry_after=1)


class Visitors:
    """Counts connections from their first moment to the last, whatever has become of them.

    Those of `trusted_proxies`, who speak for many, are counted in all and not by address.
    """

    def __init__(
        self, trusted_proxies: tuple[Network, ...], limits: LimitSettings, decisions: Decisions
    ) -> None:
        # Who comes once comes again, and reading an address is no small part of a connection.
        self.is_trusted = lru_cache(maxsize=1024)(partial(is_within, networks=trusted_proxies))
        self._limit = limits.visitors
        # Where all is full it is not the address that is told to be at fault.
        self._strangers = Admission(per_address=limits.visitors_per_address)
        self._decisions = decisions
        self._present = 0

    def enter(self, address: str) -> Problem | None:
        """Let a connection in, or return what it is to be told: its own fault before others'."""
        stranger = not self.is_trusted(address)
        if stranger and not self._strangers.enter(address):
            self._decisions.refused(Event.VISITOR, "too many of one address", peer=address)
            return TOO_MANY
        if self._present >= self._limit:
            if stranger:
                self._strangers.leave(address)
            self._decisions.refused(Event.VISITOR, "too many in all", peer=address)
            return _OVERLOADED
        self._present += 1
        return None

    def leave(self, address: str) -> None:
        """A connection that was let in is gone."""
        self._present -= 1
        if not self.is_trusted(address):
            self._strangers.leave(address)
