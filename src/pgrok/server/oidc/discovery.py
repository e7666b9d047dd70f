"""What an identity provider says of itself (OpenID Connect Discovery 1.0, RFC 8414)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pgrok.errors import SignInRefused

WELL_KNOWN: Final = "/.well-known/openid-configuration"

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
    | {"EdDSA", "Ed25519"}
)
"""Signatures that an id_token may carry: with a public key only, so neither `none` nor HMAC."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a discovery document that a sign-in needs.

    `issuer` is written as the provider writes it; `names_issuer` says whether authorization
    responses carry `iss` (RFC 9207 3).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    algorithms: frozenset[str]
    secret_methods: frozenset[str]
    names_issuer: bool


def discovery_url(issuer: str) -> str:
    """Return where the document of `issuer` is found (Discovery 4.1)."""
    return issuer.rstrip("/") + WELL_KNOWN


def parse_metadata(document: Mapping[str, Any], *, issuer: str) -> Metadata:
    """Check a discovery document; raise `SignInRefused` where it can't be used.

    It must name the issuer of the settings (Discovery 4.3), of which a slash at the end may be
    missing, and its endpoints must be https unless that issuer itself is not.
    """
    named = document.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise SignInRefused(
            "The identity provider calls itself by another name than identity_provider.issuer: "
            "the server's admin should compare the two, to the letter."
        )
    algorithms = ALGORITHMS & _names(document, "id_token_signing_alg_values_supported", "RS256")
    if not algorithms:
        raise SignInRefused("The identity provider offers no signature that pgrokd accepts.")
    return Metadata(
        issuer=named,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        algorithms=algorithms,
        secret_methods=_names(
            document, "token_endpoint_auth_methods_supported", "client_secret_basic"
        ),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    url = document.get(name)
    schemes = ("https://",) if issuer.startswith("https:") else ("https://", "http://")
    if isinstance(url, str) and url.startswith(schemes):
        return url
    raise SignInRefused(f"The identity provider's discovery names no usable {name}.")


def _names(document: Mapping[str, Any], key: str, default: str) -> frozenset[str]:
    listed = document.get(key, [default])
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(name for name in listed if isinstance(name, str))
