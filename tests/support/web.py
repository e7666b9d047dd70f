"""A dashboard for tests, and browsers that know their way to its identity provider."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx2
from pydantic import SecretStr
from starlette.applications import Starlette

from pgrok.server.oidc.provider import Provider
from pgrok.server.registry import LiveTunnel
from pgrok.server.settings import (
    FieldMapping,
    IdentityProviderSettings,
    ProxySettings,
    Settings,
    SSHDSettings,
)
from pgrok.server.store import Person, Store
from pgrok.server.web.app import build
from pgrok.server.web.monitoring import Monitoring
from support.clock import FakeClock
from support.identity_provider import CLIENT_ID, CLIENT_SECRET, ISSUER, IdentityProvider

SITE = "https://pgrok.example.com"
FINGERPRINTS = ["SHA256:first", "SHA256:second"]
SETTINGS = Settings(
    external_url=SITE,
    proxy=ProxySettings(scheme="https", domain="example.com"),
    sshd=SSHDSettings(port=2222),
    identity_provider=IdentityProviderSettings(
        type="oidc",
        display_name="Example ID",
        issuer=ISSUER,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        field_mapping=FieldMapping(identifier="email", display_name="name", email="email"),
    ),
)


class Browser(httpx2.AsyncClient):
    """A browser with cookies of its own, which says where its requests come from."""

    def __init__(self, app: Starlette, idp: IdentityProvider) -> None:
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url=SITE)
        self.headers["Sec-Fetch-Site"] = "same-origin"
        self._idp = idp

    async def to_provider(self) -> dict[str, str]:
        """Go to the identity provider; return what it would send back."""
        return self._idp.authorize((await self.get("/-/oidc/auth")).headers["Location"])

    async def come_back(self, answer: dict[str, str]) -> httpx2.Response:
        """Come back from the identity provider."""
        return await self.get("/-/oidc/callback", params=answer)

    async def sign_in(self) -> httpx2.Response:
        """Sign in at the identity provider."""
        return await self.come_back(await self.to_provider())

    async def user_info(self) -> dict[str, str | None]:
        """Return what the server says of whoever is signed in."""
        info: dict[str, str | None] = (await self.get("/api/user-info")).json()
        return info


@dataclass
class World:
    """A dashboard and what is around it."""

    store: Store
    clock: FakeClock
    idp: IdentityProvider
    provider: Provider
    monitoring: Monitoring
    live: dict[int, list[LiveTunnel]] = field(default_factory=dict)

    def app(self, provider: Provider | None) -> Starlette:
        """Return the application, with an identity provider or without one."""
        return build(
            SETTINGS,
            self.store,
            lambda person_id: self.live.get(person_id, []),
            FINGERPRINTS,
            provider,
            self.clock,
            self.monitoring,
        )

    def browser(self) -> Browser:
        """Return a browser that nobody has used."""
        return Browser(self.app(self.provider), self.idp)

    async def person(self) -> Person:
        """Return the one person there is."""
        (person,) = await self.store.people.all()
        return person
