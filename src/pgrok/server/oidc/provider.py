"""The identity provider over HTTP: discovery, keys, tokens, userinfo."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import httpx2
from joserfc.jwk import Key

from pgrok.errors import SignInRefused
from pgrok.server.oidc import discovery, flow, id_token
from pgrok.server.oidc.identity import Identity, Rules, identify
from pgrok.server.settings import IdentityProviderSettings

TIMEOUT: Final = 10
"""Seconds that one call to the provider may take as a whole."""

MAX_RESPONSE: Final = 1 << 20
"""Bytes of one response of the provider."""


KEPT: Final = timedelta(hours=1)
"""How long its discovery document and its keys are believed."""

_log = logging.getLogger(__name__)


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Cached(Generic[_T]):
    value: _T
    expires_at: datetime


class Provider:
    """One identity provider, asked through `http`, which the caller closes.

    `display_name` is shown on the sign-in page.
    """

    def __init__(
        self,
        settings: IdentityProviderSettings,
        http: httpx2.AsyncClient,
        *,
        external_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.display_name = settings.display_name
        self._issuer = settings.issuer
        self._client = flow.Client(
            settings.client_id,
            settings.client_secret.get_secret_value(),
            external_url.rstrip("/") + flow.CALLBACK,
        )
        self._rules = Rules(
            identifier=settings.field_mapping.identifier,
            display_name=settings.field_mapping.display_name,
            email=settings.field_mapping.email,
            required_domain=settings.required_domain,
            trust_unverified_email=settings.trust_unverified_email,
        )
        self._http = http
        self._clock = clock
        self._metadata: _Cached[discovery.Metadata] | None = None
        self._keys: _Cached[list[Key]] | None = None

    async def authorization_url(self, attempt: flow.Attempt) -> str:
        """Return where the browser goes to sign in; raise `SignInRefused` if that is unknown."""
        metadata = await self._discover()
        return flow.authorization_url(
            metadata, self._client, attempt, required_domain=self._rules.required_domain
        )

    async def identify(self, response: Mapping[str, str], attempt: flow.Attempt) -> Identity:
        """Return who signed in, from the authorization response's parameters.

        The caller has checked `state`. Raises `SignInRefused`.
        """
        metadata = await self._discover()
        code = flow.authorization_code(response, metadata)
        tokens = await self._redeem(metadata, code, attempt.verifier)
        subject = id_token.verify(
            tokens,
            await self._key_of(tokens.id_token, metadata),
            metadata,
            client_id=self._client.client_id,
            nonce=attempt.nonce,
            now=self._clock(),
        )
        authorization = {"Authorization": f"Bearer {tokens.access_token}"}
        claims = await self._ask("GET", metadata.userinfo_endpoint, authorization)
        return identify(claims, self._rules, issuer=metadata.issuer, sub=subject)

    async def _discover(self) -> discovery.Metadata:
        now = self._clock()
        if self._metadata is None or self._metadata.expires_at <= now:
            document = await self._ask("GET", discovery.discovery_url(self._issuer))
            metadata = discovery.parse_metadata(document, issuer=self._issuer)
            self._metadata = _Cached(metadata, now + KEPT)
        return self._metadata.value

    async def _redeem(self, metadata: discovery.Metadata, code: str, verifier: str) -> flow.Tokens:
        headers, form = flow.token_request(metadata, self._client, code=code, verifier=verifier)
        return flow.parse_tokens(await self._ask("POST", metadata.token_endpoint, headers, form))

    async def _key_of(self, token: str, metadata: discovery.Metadata) -> Key:
        key = id_token.find_key(token, await self._known_keys(metadata), metadata)
        if key is None:
            # Providers change their keys: look once more before giving up.
            self._keys = None
            key = id_token.find_key(token, await self._known_keys(metadata), metadata)
        if key is None:
            raise SignInRefused("The identity provider signed with a key that it does not publish.")
        return key

    async def _known_keys(self, metadata: discovery.Metadata) -> list[Key]:
        now = self._clock()
        if self._keys is None or self._keys.expires_at <= now:
            keys = id_token.parse_keys(await self._ask("GET", metadata.jwks_uri))
            self._keys = _Cached(keys, now + KEPT)
        return self._keys.value

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send one request and return the JSON object it is answered with."""
        # Compressed, a small response could become a large one.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            async with asyncio.timeout(TIMEOUT):
                request = self._http.build_request(method, url, headers=headers, data=form)
                status, body = await self._exchange(request)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            _log.warning("identity provider: %s: %s", url, type(error).__name__)
            raise SignInRefused(
                f"{self.display_name} does not answer. Try again in a moment."
            ) from None
        document = _json_object(body)
        if status != 200:
            _log.warning("identity provider: %s answered with status %d", url, status)
            raise self._failure(status, document or {})
        if document is None:
            _log.warning("identity provider: %s answered with something else than JSON", url)
            raise SignInRefused(f"{self.display_name} gave an answer that makes no sense.")
        return document

    def _failure(self, status: int, document: Mapping[str, Any]) -> SignInRefused:
        if "error" in document:
            return flow.refusal(document["error"])
        return SignInRefused(
            f"{self.display_name} answered with status {status}. Try again in a moment; if that "
            "does not help, the server's admin finds the address in the log."
        )

    async def _exchange(self, request: httpx2.Request) -> tuple[int, bytes]:
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise httpx2.DecodingError("compressed against our wish", request=request)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE:
                    raise httpx2.DecodingError("response too large", request=request)
        finally:
            await response.aclose()
        return response.status_code, bytes(body)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
