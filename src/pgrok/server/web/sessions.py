"""Who the browser in front of us is, by its cookies."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from pgrok.server.store import Person, Store
from pgrok.server.store.sign_ins import LIFETIME as SIGN_IN_LIFETIME
from pgrok.server.web.security import Site


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person and the raw id of the session they are signed in with."""

    person: Person
    session_id: str = field(repr=False)


def cookie(fields: Iterable[str], name: str) -> str | None:
    """Return the value of the cookie called `name`, to the letter, in the fields `Cookie`.

    Starlette's parser takes every kind of white space off a name, and browsers don't: behind a
    no-break space a sibling host could set a `__Host-` cookie. Where two have the name somebody
    else has set one of them, and neither is believed.
    """
    pairs = (pair.strip(" ").partition("=") for text in fields for pair in text.split(";"))
    values = [value for key, _, value in pairs if key == name]
    return values[0] if len(values) == 1 else None


class Sessions:
    """Sessions in the store, their ids in cookies.

    Over https the cookies have the prefix `__Host-`, so that no sibling host can set them
    (RFC 6265bis 4.1.3.2).
    """

    def __init__(self, store: Store, site: Site) -> None:
        self._store = store
        self._secure = site.secure
        prefix = "__Host-" if site.secure else ""
        self._session_cookie = f"{prefix}pgrok-session"
        self._sign_in_cookie = f"{prefix}pgrok-sign-in"

    async def current(self, request: Request) -> SignedIn | None:
        """Return who is signed in."""
        raw_id = _sent(request, self._session_cookie)
        session = await self._store.web_sessions.get(raw_id) if raw_id else None
        if raw_id is None or session is None or session.person_id is None:
            return None
        person = await self._store.people.get(session.person_id)
        return SignedIn(person, raw_id) if person else None

    async def begin(self, request: Request, response: Response, person_id: int) -> str:
        """Sign a person in under a new session id, which is returned; the old one ends."""
        await self._forget(request)
        raw_id = await self._store.web_sessions.create(person_id)
        self._set(response, self._session_cookie, raw_id, self._store.web_sessions.lifetime)
        return raw_id

    async def end(self, request: Request, response: Response) -> None:
        """Sign out whoever is signed in."""
        await self._forget(request)
        response.delete_cookie(
            self._session_cookie, secure=self._secure, httponly=True, samesite="lax"
        )

    def sign_in_id(self, request: Request) -> str | None:
        """Return what ties a sign-in under way to the browser that began it."""
        return _sent(request, self._sign_in_cookie)

    def fresh_sign_in_id(self, request: Request) -> str:
        """Return the browser's sign-in id, a new one at need: two tabs may sign in at once."""
        return self.sign_in_id(request) or secrets.token_urlsafe(32)

    def set_sign_in_id(self, response: Response, sign_in_id: str) -> None:
        """Let the browser bring `sign_in_id` back from the identity provider."""
        self._set(response, self._sign_in_cookie, sign_in_id, SIGN_IN_LIFETIME)

    async def _forget(self, request: Request) -> None:
        raw_id = _sent(request, self._session_cookie)
        if raw_id:
            await self._store.web_sessions.delete(raw_id)

    def _set(self, response: Response, name: str, value: str, lifetime: timedelta) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(lifetime.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def _sent(request: Request, name: str) -> str | None:
    return cookie(request.headers.getlist("cookie"), name)
