"""A discovery document is checked before anything is sent where it says."""

from __future__ import annotations

from typing import Any

import pytest

from pgrok.errors import SignInRefused
from pgrok.server.oidc.discovery import discovery_url, parse_metadata

ISSUER = "https://id.example.com"


def document(**changed: Any) -> dict[str, Any]:
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks_uri": f"{ISSUER}/jwks",
    } | changed


def test_the_document_lies_under_the_issuer() -> None:
    expected = "https://id.example.com/realm/.well-known/openid-configuration"
    assert discovery_url("https://id.example.com/realm") == expected
    assert discovery_url("https://id.example.com/realm/") == expected


def test_what_is_not_said_has_the_standard_s_default() -> None:
    metadata = parse_metadata(document(), issuer=ISSUER)
    assert metadata.algorithms == {"RS256"}
    assert metadata.secret_methods == {"client_secret_basic"}
    assert metadata.names_issuer is False


def test_the_issuer_is_taken_as_its_provider_writes_it() -> None:
    metadata = parse_metadata(document(issuer=f"{ISSUER}/"), issuer=ISSUER)
    assert metadata.issuer == f"{ISSUER}/"


def test_only_signatures_with_a_public_key_are_kept() -> None:
    offered = ["none", "HS256", "RS256", "ES384", 7]
    metadata = parse_metadata(
        document(id_token_signing_alg_values_supported=offered), issuer=ISSUER
    )
    assert metadata.algorithms == {"RS256", "ES384"}


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example.com"},
        {"issuer": None},
        {"token_endpoint": "http://id.example.com/token"},
        {"token_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": None},
        {"jwks_uri": 7},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"id_token_signing_alg_values_supported": "RS256"},
    ],
)
def test_a_document_that_cannot_be_used_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SignInRefused):
        parse_metadata(document(**changed), issuer=ISSUER)


def test_plain_http_is_for_issuers_that_are_plain_themselves() -> None:
    issuer = "http://localhost:9000"
    endpoints = {
        name: f"{issuer}/{name}"
        for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
    }
    metadata = parse_metadata({"issuer": issuer, **endpoints}, issuer=issuer)
    assert metadata.token_endpoint == f"{issuer}/token_endpoint"
