"""Listeners that cannot be had beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from pgrok.address import Address, parse_address
from pgrok.server.settings.models import Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104


def clashes(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield the key of each listener that another one leaves no address, what it has, and why."""
    for (first, one), (second, other) in combinations(_listeners(settings), 2):
        same_host = one.host == other.host or not _EVERYWHERE.isdisjoint({one.host, other.host})
        if same_host and one.port == other.port != 0:
            yield second, repr(other.port), f"another port than that of {first}"


def _listeners(settings: Settings) -> Iterator[tuple[str, Address]]:
    yield "web.port", Address(settings.web.host, settings.web.port)
    yield "proxy.port", Address(settings.proxy.host, settings.proxy.port)
    yield "sshd.port", Address(settings.sshd.host, settings.sshd.port)
    if settings.metrics.listen is not None:
        yield "metrics.listen", parse_address(settings.metrics.listen)
