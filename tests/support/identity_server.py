"""The identity provider that can lie, on a port: for servers in processes, and for browsers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from joserfc.jwk import ECKey

from support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from support.ports import LOOPBACK


class IdentityServer:
    """Where it is served; `provider` is who answers."""

    provider: IdentityProvider

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"
        self._key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.begin_anew()

    def begin_anew(self) -> IdentityProvider:
        """Return a provider that is honest until it is told otherwise, with the same key."""
        self.provider = IdentityProvider(
            issuer=self.issuer,
            now=datetime.now(UTC),
            key=self._key,
            response={"iss": self.issuer},
            metadata={"authorization_response_iss_parameter_supported": True},
        )
        return self.provider

    def settings(self, **others: object) -> dict[str, object]:
        """Return pgrokd's settings for it."""
        return {
            "type": "oidc",
            "display_name": "Example ID",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "field_mapping": {"identifier": "email", "display_name": "name", "email": "email"},
            **others,
        }


@contextmanager
def serving() -> Iterator[IdentityServer]:
    """Serve while the body runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url, fields = f"{at.issuer}{self.path}", dict(self.headers.items())
            request = httpx2.Request(self.command, url, headers=fields, content=content)
            answer = at.provider.answer(request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        at = IdentityServer(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield at
        server.shutdown()
