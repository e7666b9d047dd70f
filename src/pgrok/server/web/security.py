"""What every request must hold and every response says, whatever the page.

Tunnels are sibling hosts in somebody else's hands, so neither SameSite cookies nor the Host
header are believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgrok.address import DEFAULT_PORTS, Address, is_literal_ip
from pgrok.server.decisions import Decisions, Event

MAX_TARGET: Final = 8192
"""Bytes of a request's path and query."""

MAX_BODY: Final = 16384
"""Bytes of a request's body; none of our forms has a field."""

HEALTHCHECK: Final = "/-/healthcheck"
READY: Final = "/-/ready"
METRICS: Final = "/metrics"
FOR_MACHINES: Final = frozenset({HEALTHCHECK, READY, METRICS})
"""What is asked for by address too, from the machine itself or by an orchestrator."""

STATIC: Final = "/-/static"

FIELDS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
}
"""Header fields of every response."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Site:
    """Where people find the dashboard."""

    url: str
    host: str
    origin: str
    secure: bool

    @classmethod
    def of(cls, external_url: str) -> Site:
        """Return the site at `external_url`; its origin is written as browsers write it."""
        parts = urlsplit(external_url)
        host = (parts.hostname or "").rstrip(".")
        default = DEFAULT_PORTS[parts.scheme]
        netloc = str(Address(host, parts.port or default)).removesuffix(f":{default}")
        return cls(external_url, host, f"{parts.scheme}://{netloc}", parts.scheme == "https")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not looked at: an HTTP status and what to do."""

    status: int
    reason: str
    text: str


def check(
    method: str, path: str, query: bytes, headers: Sequence[tuple[str, str]], site: Site
) -> Refusal | None:
    """Return why a request is refused, or None; `headers` have lower-case names."""
    hosts = [value for name, value in headers if name == "host"]
    if len(hosts) != 1 or not _is_ours(hosts[0], path, site):
        return Refusal(
            421, "host", f"This is not the address of the dashboard. Open {site.url} instead."
        )
    if len(path) + len(query) > MAX_TARGET:
        return Refusal(414, "too long", "This address is too long.")
    fields = dict(headers)
    if "transfer-encoding" in fields:
        return Refusal(411, "no length", "Send the length of the body.")
    if not _fits(fields.get("content-length", "0")):
        return Refusal(413, "too large", f"Send at most {MAX_BODY} bytes.")
    if method not in _SAFE_METHODS and not _is_from_us(fields, site):
        return Refusal(
            403, "another site", f"This came from another site. Open {site.url} and try again."
        )
    return None


def _is_ours(host_field: str, path: str, site: Site) -> bool:
    try:
        host = (urlsplit(f"//{host_field}").hostname or "").rstrip(".")
    except ValueError:
        return False
    by_address = path in FOR_MACHINES and (host == "localhost" or is_literal_ip(host))
    return host == site.host or by_address


def _fits(length: str) -> bool:
    return length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= MAX_BODY


def _is_from_us(fields: Mapping[str, str], site: Site) -> bool:
    # Browsers send Sec-Fetch-Site to https and localhost only; Origin comes with every POST.
    fetch_site = fields.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site in _OWN_SITES
    return fields.get("origin") == site.origin


class Guard:
    """ASGI middleware: refuses what `check` refuses, says `FIELDS` and who may cache what."""

    def __init__(self, app: ASGIApp, site: Site, decisions: Decisions) -> None:
        self._app = app
        self._site = site
        self._decisions = decisions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or leave it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(fields)
            await send(message)

        # Pages are personal; what is static is asked about before each use.
        is_static = scope["path"].startswith(f"{STATIC}/")
        fields = {**FIELDS, "Cache-Control": "no-cache" if is_static else "no-store"}

        headers = Headers(scope=scope).items()
        refusal = check(scope["method"], scope["path"], scope["query_string"], headers, self._site)
        if refusal is not None:
            self._decisions.refused(Event.PAGE, refusal.reason, peer=_peer(scope))
        app = PlainTextResponse(refusal.text, refusal.status) if refusal else self._app
        await app(scope, receive, send_with_fields)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
