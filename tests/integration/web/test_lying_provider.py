"""An identity provider that lies, or somebody between it and us: each lie keeps them out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, OctKey

from support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from support.scene import Scene

NOW = int(time.time())
HOUR = 3600
ELSEWHERE = "https://evil.example.com"

Lie = Callable[[IdentityProvider], object]


def claims(**lie: Any) -> Lie:
    """Change the id_token."""
    return lambda idp: idp.id_token.update(lie)


def userinfo(**lie: Any) -> Lie:
    """Change what is told of the person."""
    return lambda idp: idp.userinfo.update(lie)


def response(**lie: str) -> Lie:
    """Change what the browser brings back."""
    return lambda idp: idp.response.update(lie)


def signed(key: Callable[[IdentityProvider], Any], **header: Any) -> Lie:
    """Sign with another key, under another header."""

    def lie(idp: IdentityProvider) -> None:
        idp.signed_with = key(idp)
        idp.header = header

    return lie


def stranger(_: IdentityProvider) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "k1"})


def public_key_as_secret(idp: IdentityProvider) -> OctKey:
    return OctKey.import_key(json.dumps(idp.key.as_dict(private=False)))


def embedding(idp: IdentityProvider) -> None:
    key = stranger(idp)
    signed(lambda _: key, alg="ES256", jwk=key.as_dict(private=False))(idp)


def answers(path: str, **document: Any) -> Lie:
    """Let a whole answer be another one."""
    return lambda idp: idp.answers.update({path: httpx2.Response(200, json=document)})


LIES: dict[str, tuple[Lie, str]] = {
    "issuer of the answer": (response(iss=ELSEWHERE), "another identity provider"),
    "no issuer of the answer": (lambda idp: idp.response.clear(), "another identity provider"),
    "no code": (response(code=""), "no code"),
    "issuer": (claims(iss=ELSEWHERE), "iss"),
    "no issuer": (claims(iss=None), "iss"),
    "audience": (claims(aud="another client"), "aud"),
    "no audience": (claims(aud=None), "aud"),
    "several audiences": (claims(aud=[CLIENT_ID, "another client"]), "azp"),
    "authorized party": (claims(aud=[CLIENT_ID, "x"], azp="x"), "azp"),
    "nonce": (claims(nonce="of another sign-in"), "nonce"),
    "no nonce": (claims(nonce=None), "nonce"),
    "expired": (claims(iat=NOW - 2 * HOUR, exp=NOW - HOUR), "expired"),
    "no expiry": (claims(exp=None), "exp"),
    "issued in the future": (claims(iat=NOW + HOUR, exp=NOW + 2 * HOUR), "future"),
    "access token of another": (claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "at_hash"),
    "no time of issue": (claims(iat=None), "iat"),
    "no subject": (claims(sub=None), "sub"),
    "alg none": (signed(stranger, alg="none"), "not allowed"),
    "alg none, as the known key": (signed(stranger, alg="none", kid="k1"), "not allowed"),
    "alg NONE": (signed(stranger, alg="nOnE"), "not allowed"),
    "alg HS256 with the client's secret": (
        signed(lambda _: OctKey.import_key(CLIENT_SECRET), alg="HS256"),
        "not allowed",
    ),
    "alg HS256 with the public key": (
        signed(public_key_as_secret, alg="HS256", kid="k1"),
        "not allowed",
    ),
    "key of a stranger": (signed(stranger, alg="ES256", kid="k1"), "does not hold"),
    "key of a stranger, unnamed": (signed(stranger, alg="ES256"), "does not hold"),
    "unknown key": (signed(stranger, alg="ES256", kid="k9"), "does not publish"),
    "key inside the token": (embedding, "does not hold"),
    "userinfo of another": (userinfo(sub="sub-2"), "another person"),
    "userinfo of nobody": (userinfo(sub=None), "another person"),
    "email not verified": (userinfo(email_verified=False), "not verified"),
    "email not verified, as text": (userinfo(email_verified="false"), "not verified"),
    "email perhaps verified": (userinfo(email_verified=None), "does not say whether"),
    "email elsewhere": (userinfo(email="alice@example.com.evil.org"), "may sign in here"),
    "email beside it": (userinfo(email="alice@evilexample.com"), "may sign in here"),
    "two emails": (userinfo(email=["alice@example.com"]), "identifier"),
    "another kind of token": (answers("/token", access_token="x", id_token="y"), "bearer"),
    "no id_token": (answers("/token", access_token="x", token_type="bearer"), "id_token"),
    "error as JSON": (answers("/userinfo", error="server_error"), "another person"),
}


@pytest.mark.parametrize(("lie", "told"), LIES.values(), ids=LIES)
def test_a_lie_keeps_them_out(scene: Scene, lie: Lie, told: str) -> None:
    people, sessions = scene.people(), scene.sessions()
    with scene.browser() as browser:
        lie(scene.idp)
        refused = browser.sign_in()
        assert refused.status_code == 403
        assert told in refused.text
        assert "Set-Cookie" not in refused.headers
        assert browser.name() is None
    assert (scene.people(), scene.sessions()) == (people, sessions)


@pytest.mark.parametrize("truth", [userinfo(email_verified="true"), claims(aud=[CLIENT_ID])])
def test_the_truth_told_otherwise_is_believed(scene: Scene, truth: Lie) -> None:
    with scene.browser() as browser:
        truth(scene.idp)
        assert browser.sign_in().status_code == 303
        assert browser.name() == "Alice Doe"


def test_an_id_token_is_not_taken_twice(scene: Scene) -> None:
    with scene.browser() as alice, scene.browser() as thief:
        alice.sign_in()
        scene.idp.token = {"id_token": scene.idp.issued[-1]}
        refused = thief.sign_in()
        assert refused.status_code == 403
        assert "nonce" in refused.text
