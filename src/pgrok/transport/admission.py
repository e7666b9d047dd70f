"""Bounds on connections of people who are not known yet, in all and per address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from ipaddress import IPv4Address, ip_address
from math import inf

NETWORK_BITS = 64
"""Bits of an IPv6 address that name its network; everybody may make up the others."""


class Admission:
    """Counts connections, in all and per address."""

    def __init__(self, *, in_all: float = inf, per_address: int) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._inside: Counter[Hashable] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        """Whether there is no room for anybody."""
        return self._count >= self._in_all

    def has_room(self, address: str) -> bool:
        """Whether this address has fewer connections than it may have, if others allow it."""
        return self._inside[origin_of(address)] < self._per_address

    def enter(self, address: str) -> bool:
        """Let a new connection in, unless too many are under way; True if it is in."""
        if self.is_full or not self.has_room(address):
            return False
        self._inside[origin_of(address)] += 1
        self._count += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that was let in has gone, or need not be counted any more."""
        origin = origin_of(address)
        self._inside[origin] -= 1
        self._count -= 1
        if self._inside[origin] <= 0:
            del self._inside[origin]


def origin_of(address: str) -> Hashable:
    """Return whom an address is counted for: itself, or its network if it is an IPv6 one."""
    if not address:
        return address
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip
    return ip.ipv4_mapped or int(ip) >> (128 - NETWORK_BITS)
