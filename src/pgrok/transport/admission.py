"""Bounds on connections of people who are not known yet, in all and per address."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, ip_address

NETWORK_BITS = 64
"""Bits of an IPv6 address that name its network; everybody may make up the others."""


class Admission:
    """Counts connections, in all and per address; made for those that are half open."""

    def __init__(self, *, in_all: int = 256, per_address: int = 32) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._inside: Counter[object] = Counter()

    def enter(self, address: str) -> bool:
        """Let a new connection in, unless too many are under way; True if it is in."""
        origin = origin_of(address)
        if self._inside.total() >= self._in_all:
            return False
        if self._inside[origin] >= self._per_address:
            return False
        self._inside[origin] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that was let in has gone, or need not be counted any more."""
        origin = origin_of(address)
        self._inside[origin] -= 1
        if self._inside[origin] <= 0:
            del self._inside[origin]


def origin_of(address: str) -> object:
    """Return whom an address is counted for: itself, or its network if it is an IPv6 one."""
    if not address:
        return address
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip
    return ip.ipv4_mapped or int(ip) >> (128 - NETWORK_BITS)
