"""Requests under way by sender, as far as a trusted proxy says who that is.

Behind a proxy all connections come from one address, so that whoever floods can only be told from
the others by what the proxy adds to `X-Forwarded-For`.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from pgrok.http.forwarding import IsTrusted, sender_of
from pgrok.transport.admission import origin_of

_REMEMBERED_OCTETS = 256
"""What is longer is no list that proxies of ours wrote, and would be kept for whoever sent it."""


class Senders:
    """Counts requests; `is_trusted` tells whether an address is a proxy's.

    Of one address, or one IPv6 /64 network, `limit` may be under way.
    """

    def __init__(self, is_trusted: IsTrusted, limit: int) -> None:
        self._is_trusted = is_trusted
        self._limit = limit
        self._under_way: Counter[object] = Counter()
        # Who comes once comes again, and reading addresses takes longer than all the rest.
        self._sender = lru_cache(maxsize=1024)(self._find_sender)

    def enter(self, forwarded: bytes) -> object | None:
        """Count a request with that field; return whose it is, or None if nobody can tell.

        Raises `TooMany`, and counts nothing, if its sender has as many under way as it may.
        """
        short = len(forwarded) <= _REMEMBERED_OCTETS
        sender = self._sender(forwarded) if short else self._find_sender(forwarded)
        if sender is not None:
            if self._under_way[sender] >= self._limit:
                raise TooMany
            self._under_way[sender] += 1
        return sender

    def leave(self, sender: object) -> None:
        """A request that was counted for `sender` is over."""
        self._under_way[sender] -= 1
        if not self._under_way[sender]:
            del self._under_way[sender]

    def _find_sender(self, forwarded: bytes) -> object | None:
        """Return whom the nearest proxy saw that is not one of ours itself."""
        sender = sender_of(forwarded, self._is_trusted)
        if sender is None:
            return None
        address = sender.decode("latin-1")
        try:
            return None if self._is_trusted(address) else origin_of(address)
        except ValueError:
            return None


class TooMany(Exception):
    """One sender has too many requests under way."""
