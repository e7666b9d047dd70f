"""The authorization code flow with PKCE: what goes out, and what may come back.

OpenID Connect Core 1.0 3.1, RFC 7636 (PKCE) and RFC 9207 (`iss` in the response), without I/O.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from pgrok.errors import SignInRefused
from pgrok.server.oidc.discovery import Metadata

CALLBACK: Final = "/-/oidc/callback"
"""Path of the redirect URI below the external URL."""

SCOPES: Final = "openid profile email"

_ERROR_CODE: Final = re.compile(r"[a-z_]{1,40}")
_ERROR_WORDS: Final[Mapping[str, str]] = {
    "access_denied": "you declined, or may not use this application",
    "invalid_client": "it does not know this server; the admin should compare client_id and "
    "client_secret",
    "unauthorized_client": "it does not let this server sign people in",
    "invalid_grant": "the sign-in was too old or already used; sign in again",
    "temporarily_unavailable": "it is busy; try again in a moment",
    "server_error": "it failed; try again in a moment",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """The three secrets of one sign-in, each for one purpose and one use.

    `state` ties the response to the request, `nonce` the id_token to it, `verifier` the code
    to whoever asked for it.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def fresh(cls) -> Attempt:
        """Return three independent values of 256 bits each."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32))


@dataclass(frozen=True, slots=True)
class Client:
    """This server as the identity provider knows it; without a secret it is a public client."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


def authorization_url(
    metadata: Metadata, client: Client, attempt: Attempt, *, required_domain: str | None
) -> str:
    """Return where the person's browser goes to sign in (Core 3.1.2.1)."""
    parameters = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": SCOPES,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": _challenge(attempt.verifier),
        "code_challenge_method": "S256",
    }
    if required_domain:
        parameters["hd"] = required_domain
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    return metadata.authorization_endpoint + separator + urlencode(parameters)


def authorization_code(response: Mapping[str, str], metadata: Metadata) -> str:
    """Return the code of an authorization response (Core 3.1.2.5).

    Raises `SignInRefused` when it comes from another issuer, tells of an error or holds none.
    """
    issuer = response.get("iss")
    if issuer != metadata.issuer and (issuer is not None or metadata.names_issuer):
        raise SignInRefused("The answer came from another identity provider. Sign in again.")
    if "error" in response:
        raise refusal(response["error"])
    code = response.get("code")
    if not code:
        raise SignInRefused("The identity provider's answer holds no code. Sign in again.")
    return code


def token_request(
    metadata: Metadata, client: Client, *, code: str, verifier: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the header fields and the form that turn `code` into tokens (Core 3.1.3.1).

    The client's secret goes where discovery says (RFC 6749 2.3.1). Raises `SignInRefused`
    where that is nowhere.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
    }
    if not client.client_secret:
        return {}, form | {"client_id": client.client_id}
    if "client_secret_basic" in metadata.secret_methods:
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, form
    if "client_secret_post" in metadata.secret_methods:
        secret = {"client_id": client.client_id, "client_secret": client.client_secret}
        return {}, form | secret
    raise SignInRefused(
        "The identity provider takes this server's secret neither as client_secret_basic nor as "
        "client_secret_post."
    )


def parse_tokens(document: Mapping[str, Any]) -> Tokens:
    """Return the tokens of a token response (Core 3.1.3.3); raise `SignInRefused`."""
    access_token, id_token = document.get("access_token"), document.get("id_token")
    if not (isinstance(access_token, str) and isinstance(id_token, str)):
        raise SignInRefused("The identity provider gave no access_token or no id_token.")
    if str(document.get("token_type")).lower() != "bearer":
        raise SignInRefused("The identity provider gave a token that is not a bearer token.")
    if not (access_token.isascii() and access_token.isprintable()):
        raise SignInRefused("The identity provider gave an access_token that no header can hold.")
    return Tokens(access_token, id_token)


def refusal(code: object) -> SignInRefused:
    """Return the error that tells a person of an OAuth error code.

    Free text of the response is left out: anybody can write a link that carries one.
    """
    if not isinstance(code, str) or not _ERROR_CODE.fullmatch(code):
        return SignInRefused("The identity provider refused the sign-in.")
    words = _ERROR_WORDS.get(code, "the server's admin should look that code up")
    return SignInRefused(f"The identity provider refused the sign-in ({code}): {words}.")


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
