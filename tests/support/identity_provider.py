"""An identity provider in memory: strict about what it gets, and able to lie on demand."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry

ISSUER = "https://id.example.com"
CLIENT_ID = "pgrok"
CLIENT_SECRET = "s3cret/with:signs"
ACCESS_TOKEN = "access-token-of-alice"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class IdentityProvider:
    """Answers as a provider does; set an attribute to make it lie.

    `metadata`, `id_token` and `userinfo` override single claims (None takes one away);
    `response` is added to its answers in the browser's address (RFC 9207's `iss`);
    `answers` replaces whole responses by path; `asked` counts requests by path. `forgetful` it
    checks neither PKCE nor whether a code was used; `issued` are the id_tokens that it gave.
    """

    issuer: str = ISSUER
    now: datetime = NOW
    response: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    id_token: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, httpx2.Response | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1"}))
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "ES256", "kid": "k1"})
    signed_with: Key | None = None
    client_secret: str | None = CLIENT_SECRET
    forgetful: bool = False
    issued: list[str] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)
    _requests: dict[str, dict[str, str]] = field(default_factory=dict)

    def client(self) -> httpx2.AsyncClient:
        """Return a client whose every request goes here."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))

    def authorize(self, url: str) -> dict[str, str]:
        """Play the browser at the authorization endpoint; return the response's parameters."""
        assert url.startswith(f"{self.issuer}/authorize?")
        request = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self._requests) + 1}"
        self._requests[code] = request
        return {"code": code, "state": request["state"], **self.response}

    @property
    def requested(self) -> dict[str, str]:
        """The parameters of the last authorization request."""
        return list(self._requests.values())[-1]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request, of the server or of a browser, whom it signs in unasked."""
        path = request.url.path
        self.asked.append(path)
        canned = self.answers.get(path)
        if isinstance(canned, Exception):
            raise canned
        if canned is not None:
            return canned
        match path:
            case "/.well-known/openid-configuration":
                return httpx2.Response(200, json=_merged(self._document(), self.metadata))
            case "/authorize":
                answer = urlencode(self.authorize(str(request.url)))
                back = f"{self.requested['redirect_uri']}?{answer}"
                return httpx2.Response(303, headers={"Location": back})
            case "/jwks":
                return httpx2.Response(200, json={"keys": [self.key.as_dict(private=False)]})
            case "/token":
                return self._redeem(request)
            case "/userinfo":
                assert request.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
                return httpx2.Response(200, json=_merged(self._claims(), self.userinfo))
        return httpx2.Response(404)

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        }

    def _claims(self) -> dict[str, Any]:
        return {
            "sub": "sub-1",
            "name": "Alice Doe",
            "email": "alice@example.com",
            "email_verified": True,
        }

    def _redeem(self, request: httpx2.Request) -> httpx2.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if not self._knows_client(request, form):
            return httpx2.Response(401, json={"error": "invalid_client"})
        asked = self._requests[form["code"]]
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        proven = _base64(challenge) == asked["code_challenge"]
        right = proven and form["redirect_uri"] == asked["redirect_uri"]
        if not self.forgetful and (not right or form["code"] in self._used):
            return httpx2.Response(400, json={"error": "invalid_grant"})
        self._used.add(form["code"])
        answer = {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "id_token": self._signed_token(asked["nonce"]),
        }
        return httpx2.Response(200, json=_merged(answer, self.token))

    def _knows_client(self, request: httpx2.Request, form: dict[str, str]) -> bool:
        if "client_id" in form:
            return (form["client_id"], form.get("client_secret")) == (CLIENT_ID, self.client_secret)
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        sent = (scheme, unquote_plus(name), unquote_plus(secret))
        return sent == ("Basic", CLIENT_ID, self.client_secret)

    def _signed_token(self, nonce: str) -> str:
        issued_at = int(self.now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "sub-1",
            "aud": CLIENT_ID,
            "exp": issued_at + 300,
            "iat": issued_at,
            "nonce": nonce,
            "at_hash": _base64(hashlib.sha256(ACCESS_TOKEN.encode()).digest()[:16]),
        }
        self.issued.append(self._signed(_merged(claims, self.id_token)))
        return self.issued[-1]

    def _signed(self, claims: dict[str, Any]) -> str:
        algorithm = self.header["alg"]
        if algorithm.lower() == "none":
            parts = (json.dumps(part).encode() for part in (self.header, claims))
            return ".".join([*map(_base64, parts), ""])
        key = self.signed_with or self.key
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        return jwt.encode(self.header, claims, key, registry=registry)


def _merged(claims: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (claims | overrides).items() if value is not None}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
