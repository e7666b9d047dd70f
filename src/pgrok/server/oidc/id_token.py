"""Whether an id_token holds (OpenID Connect Core 1.0 3.1.3.7 and 3.1.3.8)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import JWSRegistry

from pgrok.errors import SignInRefused
from pgrok.server.oidc.discovery import Metadata
from pgrok.server.oidc.flow import Tokens

LEEWAY: Final = 60
"""Seconds by which the clocks of provider and server may differ."""

MAX_SUBJECT: Final = 255
"""Characters of a `sub` (Core 2)."""

_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


def parse_keys(document: Mapping[str, Any]) -> list[Key]:
    """Return the public keys of a JWK set (RFC 7517 5), leaving out those we can't use."""
    listed = document.get("keys")
    keys: list[Key] = []
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("use", "sig") == "sig":
            try:
                keys.append(JWKRegistry.import_key(entry))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return keys


def find_key(id_token: str, keys: Sequence[Key], metadata: Metadata) -> Key | None:
    """Return the key that `id_token` says it is signed with, or None when it isn't there.

    A token that names no key may be verified with the only one that fits its algorithm
    (Core 10.1). Raises `SignInRefused` for an algorithm that is not allowed.
    """
    header = _header(id_token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in metadata.algorithms:
        raise SignInRefused("The identity provider signed with an algorithm that is not allowed.")
    fitting = [key for key in keys if key.key_type == _KEY_TYPES[algorithm[:2]]]
    if key_id is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.kid == key_id), None)


def verify(
    tokens: Tokens, key: Key, metadata: Metadata, *, client_id: str, nonce: str, now: datetime
) -> str:
    """Return the `sub` of an id_token whose signature and claims all hold.

    Raises `SignInRefused` otherwise, naming the claim and never its value.
    """
    registry = JWSRegistry(algorithms=metadata.algorithms, strict_check_header=False)
    try:
        token = jwt.decode(tokens.id_token, key, registry=registry)
        _registered_claims(metadata, client_id, nonce, now).validate(token.claims)
    except JoseError as error:
        raise _broken(error.description or error.error) from None
    except ValueError:
        raise _broken("it cannot be read") from None
    _check_authorized_party(token.claims, client_id)
    _check_access_token_hash(token, tokens.access_token)
    subject: str = token.claims["sub"]
    if len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise _broken("sub is unusable")
    return subject


def _registered_claims(
    metadata: Metadata, client_id: str, nonce: str, now: datetime
) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": metadata.issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )


def _check_authorized_party(claims: Mapping[str, Any], client_id: str) -> None:
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != client_id:
        raise _broken("azp names another client")


def _check_access_token_hash(token: jwt.Token, access_token: str) -> None:
    expected = token.claims.get("at_hash")
    if expected is None:
        return
    algorithm: str = token.header["alg"]
    # Ed25519 hashes with SHA-512, the others with what their name ends with (Core 3.1.3.6).
    bits = "512" if algorithm.startswith("Ed") else algorithm[-3:]
    digest = hashlib.new(f"sha{bits}", access_token.encode()).digest()
    actual = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if actual != expected:
        raise _broken("at_hash is of another access_token")


def _header(id_token: str) -> dict[str, Any]:
    encoded = id_token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("alg"), str):
        raise SignInRefused("The identity provider's id_token is not a signed token.")
    return header


def _broken(what: str) -> SignInRefused:
    return SignInRefused(f"The identity provider's id_token does not hold: {what.rstrip('.')}.")
