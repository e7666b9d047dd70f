"""A dashboard in a process of its own, an identity provider that can lie, and their browsers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from support import identity_server
from support.daemon import Daemon
from support.identity_provider import IdentityProvider
from support.identity_server import IdentityServer

CALLBACK = "/-/oidc/callback"


class Browser(httpx2.Client):
    """A browser without a screen; it stays where a redirect would lead it away."""

    def __init__(self, site: str, idp: IdentityProvider) -> None:
        super().__init__(base_url=site, headers={"Sec-Fetch-Site": "same-origin"})
        self._idp = idp

    def to_provider(self) -> dict[str, str]:
        """Begin a sign-in; return what the provider would send back."""
        return self._idp.authorize(self.get("/-/oidc/auth").headers["Location"])

    def come_back(self, answer: Mapping[str, str]) -> httpx2.Response:
        """Come back from the identity provider."""
        return self.get(CALLBACK, params=answer)

    def sign_in(self) -> httpx2.Response:
        """Sign in at the identity provider."""
        return self.come_back(self.to_provider())

    def name(self) -> str | None:
        """Return whom the server takes this browser for."""
        answer = self.get("/api/user-info")
        return str(answer.json()["displayName"]) if answer.status_code == 200 else None


class Scene:
    """The running server and its surroundings."""

    def __init__(self, daemon: Daemon, provider: IdentityServer, database: Path) -> None:
        self.daemon = daemon
        self._provider = provider
        self._database = database

    @property
    def idp(self) -> IdentityProvider:
        """The identity provider as it is now."""
        return self._provider.provider

    def begin_anew(self) -> None:
        """Let the identity provider be honest again."""
        self._provider.begin_anew()

    def browser(self) -> Browser:
        """Return a browser that nobody has used."""
        return Browser(self.daemon.external_url, self.idp)

    def people(self) -> dict[str, str]:
        """Return everybody's name by their identifier."""
        return dict(
            self._rows(
                "SELECT identifier, name FROM pgrok_identities "
                "JOIN pgrok_people ON pgrok_people.id = person_id"
            )
        )

    def sessions(self) -> int:
        """Return how many browsers are signed in."""
        ((number,),) = self._rows("SELECT count(*) FROM pgrok_web_sessions")
        return int(number)

    def _rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._database)) as database:
            return database.execute(query).fetchall()


@contextmanager
def playing(folder: Path) -> Iterator[Scene]:
    """Run server and identity provider; only addresses at example.com may sign in."""
    database = folder / "pgrok.db"
    with identity_server.serving() as provider:
        rules = provider.settings(required_domain="example.com")
        daemon = Daemon(folder, f"sqlite:///{database}", identity_provider=rules)
        with daemon.running():
            yield Scene(daemon, provider, database)
