"""What follows from a request's head, and from who sent it: which tunnel it goes into, as what."""

from __future__ import annotations

from dataclasses import dataclass

from pgrok.errors import ConnectionLost
from pgrok.http.forwarding import IsTrusted, Visitor, forward_request
from pgrok.http.head import RequestHead
from pgrok.http.pages import Code, Problem
from pgrok.http.remembering import remembering
from pgrok.protocol import TunnelKind
from pgrok.relay.route import Route
from pgrok.server.registry import Key


@dataclass(frozen=True, slots=True)
class Way:
    """Where one request goes.

    `label` is the tunnel's, empty for a host that is no tunnel's, and `key` what it is registered
    by. `forwarded_for` is what a trusted proxy says of its sender.
    """

    label: str
    key: Key
    forwarded_for: bytes
    route: Route


class Ways:
    """Finds ways; `domain` is what tunnels' labels stand before, in lower case.

    `is_trusted` tells whether an address is a proxy's whose word counts.
    """

    def __init__(self, domain: str, is_trusted: IsTrusted) -> None:
        self._suffix = f".{domain}"
        self._is_trusted = is_trusted
        self.recall = remembering(self.find)
        """As `find`, of a request with a small head."""

    def find(self, request: RequestHead, visitor: Visitor) -> Way:
        """Return the way of a request that a visitor sent."""
        host = canonical_host(request.host)
        label = host.removesuffix(self._suffix) if host.endswith(self._suffix) else ""
        told = request.fields.values(b"x-forwarded-for") if visitor.trusted else []
        head = forward_request(request, None, visitor, self._is_trusted)
        # Each proxy may add a line of its own: together they are one list (RFC 9110 5.3).
        sender = b", ".join(told)
        return Way(label, (TunnelKind.HTTP, label), sender, Route(request, head, explain, host))


def canonical_host(host: bytes) -> str:
    """Return the host of a Host field: lower case, without port and trailing dot."""
    text = host.decode("latin-1").lower()
    if not text.startswith("["):
        text = text.partition(":")[0]
    return text.removesuffix(".")


def explain(error: Exception | None) -> Problem:
    """No answer came: the tunnel was lost, or its client could not reach the application."""
    lost = isinstance(error, ConnectionLost)
    return Problem(Code.TUNNEL_LOST if lost else Code.TARGET_DOWN, 502)
