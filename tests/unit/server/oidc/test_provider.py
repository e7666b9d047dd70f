"""One sign-in as a whole: an honest provider is believed, every lie is refused."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, OctKey
from pydantic import SecretStr

from pgrok.errors import SignInRefused
from pgrok.server.oidc import flow
from pgrok.server.oidc.identity import Identity
from pgrok.server.oidc.provider import KEPT, MAX_RESPONSE, Provider
from pgrok.server.settings import FieldMapping, IdentityProviderSettings
from support.identity_provider import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    NOW,
    IdentityProvider,
)

REDIRECT = "https://pgrok.example.com/-/oidc/callback"
SETTINGS = IdentityProviderSettings(
    type="oidc",
    display_name="Example ID",
    issuer=ISSUER,
    client_id=CLIENT_ID,
    client_secret=SecretStr(CLIENT_SECRET),
    field_mapping=FieldMapping(identifier="email", display_name="name", email="email"),
)
ALICE = Identity(ISSUER, "sub-1", "alice@example.com", "Alice Doe")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Browser:
    """Somebody who signs in at `idp` through our provider."""

    def __init__(self, idp: IdentityProvider, http: httpx2.AsyncClient) -> None:
        self.idp = idp
        self.http = http
        self.clock = Clock()
        self.provider = self.set_to()

    def set_to(self, **changed: Any) -> Provider:
        return Provider(
            SETTINGS.model_copy(update=changed),
            self.http,
            external_url="https://pgrok.example.com",
            clock=self.clock,
        )

    async def sign_in(self, **changed: str) -> Identity:
        attempt = flow.Attempt.fresh()
        url = await self.provider.authorization_url(attempt)
        response = self.idp.authorize(url) | changed
        return await self.provider.identify(response, attempt)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    idp = IdentityProvider()
    async with idp.client() as http:
        yield Browser(idp, http)


async def test_an_honest_provider_is_believed(browser: Browser) -> None:
    assert await browser.sign_in() == ALICE


async def test_the_request_carries_three_separate_secrets(browser: Browser) -> None:
    browser.provider = browser.set_to(required_domain="example.com")
    await browser.sign_in()
    sent = browser.idp.requested
    assert sent["response_type"] == "code"
    assert sent["scope"] == "openid profile email"
    assert sent["redirect_uri"] == REDIRECT
    assert sent["hd"] == "example.com"
    assert sent["code_challenge_method"] == "S256"
    assert len({sent["state"], sent["nonce"], sent["code_challenge"]}) == 3


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"], None])
async def test_the_secret_goes_where_discovery_says(
    browser: Browser, methods: list[str] | None
) -> None:
    browser.idp.metadata["token_endpoint_auth_methods_supported"] = methods
    assert await browser.sign_in() == ALICE


async def test_a_provider_that_takes_no_secret_of_ours_is_refused(browser: Browser) -> None:
    browser.idp.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
    with pytest.raises(SignInRefused, match="client_secret_basic"):
        await browser.sign_in()


async def test_a_public_client_sends_its_name_and_no_secret(browser: Browser) -> None:
    browser.provider = browser.set_to(client_secret=SecretStr(""))
    browser.idp.client_secret = None
    assert await browser.sign_in() == ALICE


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"iss": "https://evil.example.com"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "somebody-else"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT_ID, "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": int(NOW.timestamp()) - 61}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": int(NOW.timestamp()) + 61}, "future"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"at_hash": "bm90IGl0"}, "at_hash"),
        ({"at_hash": 7}, "at_hash"),
    ],
)
async def test_a_wrong_claim_is_refused_by_name(
    browser: Browser, lie: dict[str, Any], told: str
) -> None:
    browser.idp.id_token = lie
    with pytest.raises(SignInRefused, match=told):
        await browser.sign_in()


async def test_several_audiences_need_us_as_the_authorized_party(browser: Browser) -> None:
    browser.idp.id_token = {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}
    assert await browser.sign_in() == ALICE


async def test_at_hash_is_optional(browser: Browser) -> None:
    browser.idp.id_token = {"at_hash": None}
    assert await browser.sign_in() == ALICE


async def test_userinfo_of_somebody_else_is_refused(browser: Browser) -> None:
    browser.idp.userinfo = {"sub": "sub-2"}
    with pytest.raises(SignInRefused, match="another person"):
        await browser.sign_in()


async def test_a_signature_by_another_key_is_refused(browser: Browser) -> None:
    browser.idp.signed_with = ECKey.generate_key("P-256", {"kid": "k1"})
    with pytest.raises(SignInRefused, match="does not hold"):
        await browser.sign_in()


async def test_a_shared_secret_is_no_signature(browser: Browser) -> None:
    browser.idp.header = {"alg": "HS256"}
    browser.idp.signed_with = OctKey.import_key(CLIENT_SECRET * 2)
    with pytest.raises(SignInRefused, match="algorithm"):
        await browser.sign_in()


@pytest.mark.parametrize(
    "token", ["", "x", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiJ9", "a.b.c", "[].[].[]"]
)
async def test_garbage_for_an_id_token_is_refused(browser: Browser, token: str) -> None:
    browser.idp.token = {"id_token": token}
    with pytest.raises(SignInRefused):
        await browser.sign_in()


@pytest.mark.parametrize(
    "token", [{"id_token": None}, {"access_token": None}, {"token_type": "mac"}]
)
async def test_an_incomplete_token_response_is_refused(
    browser: Browser, token: dict[str, str | None]
) -> None:
    browser.idp.token = token
    with pytest.raises(SignInRefused):
        await browser.sign_in()


async def test_an_access_token_that_no_header_can_hold_is_refused(browser: Browser) -> None:
    browser.idp.token = {"access_token": "a\r\nX: y"}
    with pytest.raises(SignInRefused, match="header"):
        await browser.sign_in()


async def test_a_changed_key_is_fetched_once_more(browser: Browser) -> None:
    await browser.sign_in()
    browser.idp.key = ECKey.generate_key("P-256", {"kid": "k2"})
    browser.idp.header = {"alg": "ES256", "kid": "k2"}
    assert await browser.sign_in() == ALICE
    assert browser.idp.asked.count("/jwks") == 2


async def test_an_unknown_key_is_looked_for_once(browser: Browser) -> None:
    browser.idp.header = {"alg": "ES256", "kid": "k9"}
    with pytest.raises(SignInRefused, match="publish"):
        await browser.sign_in()
    assert browser.idp.asked.count("/jwks") == 2


async def test_a_token_without_key_id_takes_the_only_key(browser: Browser) -> None:
    browser.idp.header = {"alg": "ES256"}
    assert await browser.sign_in() == ALICE


async def test_discovery_and_keys_are_kept_and_expire(browser: Browser) -> None:
    await browser.sign_in()
    await browser.sign_in()
    assert browser.idp.asked.count("/jwks") == 1
    assert browser.idp.asked.count("/.well-known/openid-configuration") == 1
    browser.clock.now = browser.idp.now = NOW + KEPT + timedelta(seconds=1)
    await browser.sign_in()
    assert browser.idp.asked.count("/jwks") == 2
    assert browser.idp.asked.count("/.well-known/openid-configuration") == 2


@pytest.mark.parametrize(
    ("names_issuer", "issuer", "taken"),
    [
        (False, None, True),
        (False, ISSUER, True),
        (True, ISSUER, True),
        (True, None, False),
        (True, "https://evil.example.com", False),
        (False, "https://evil.example.com", False),
    ],
)
async def test_the_issuer_of_the_response_is_compared(
    browser: Browser, *, names_issuer: bool, issuer: str | None, taken: bool
) -> None:
    browser.idp.metadata["authorization_response_iss_parameter_supported"] = names_issuer
    changed = {} if issuer is None else {"iss": issuer}
    if taken:
        assert await browser.sign_in(**changed) == ALICE
        return
    with pytest.raises(SignInRefused, match="another identity provider"):
        await browser.sign_in(**changed)
    assert "/token" not in browser.idp.asked


async def test_a_refusal_is_told_without_its_free_text(browser: Browser) -> None:
    with pytest.raises(SignInRefused, match=r"access_denied.*declined") as told:
        await browser.sign_in(error="access_denied", error_description="Call 555-1234 now")
    assert "555" not in str(told.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, json=["a list"]),
        httpx2.Response(200, content=b"[" * 100_000),
        httpx2.Response(200, content=b"x" * (MAX_RESPONSE + 1)),
        httpx2.Response(302, headers={"Location": "http://169.254.169.254/"}),
        httpx2.Response(500, content=b"stack trace"),
        httpx2.Response(401, json={"error": "invalid_client"}),
        httpx2.Response(400, json={"error": ["<b>"]}),
        httpx2.ReadTimeout("slow"),
        httpx2.ConnectError("down"),
    ],
)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/userinfo"])
async def test_a_broken_answer_is_told_in_words_without_secrets(
    browser: Browser,
    caplog: pytest.LogCaptureFixture,
    path: str,
    answer: httpx2.Response | Exception,
) -> None:
    browser.idp.answers[path] = answer
    with pytest.raises(SignInRefused) as told:
        await browser.sign_in()
    for secret in (CLIENT_SECRET, "code-1", ACCESS_TOKEN, "stack trace", "<b>"):
        assert secret not in str(told.value)
        assert secret not in caplog.text


async def test_an_answer_is_not_read_without_an_end(browser: Browser) -> None:
    browser.idp.userinfo = {"padding": "x" * MAX_RESPONSE}
    with pytest.raises(SignInRefused, match="does not answer"):
        await browser.sign_in()


async def test_a_compressed_answer_is_not_opened(browser: Browser) -> None:
    claims = b'{"sub": "sub-1", "email": "alice@example.com"}'
    browser.idp.answers["/userinfo"] = httpx2.Response(
        200, content=gzip.compress(claims), headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(SignInRefused, match="does not answer"):
        await browser.sign_in()


async def test_a_redirect_is_not_followed(browser: Browser) -> None:
    browser.idp.answers["/userinfo"] = httpx2.Response(302, headers={"Location": "/inside"})
    with pytest.raises(SignInRefused, match="status 302"):
        await browser.sign_in()
    assert "/inside" not in browser.idp.asked


async def test_a_code_of_refusal_is_one_word(browser: Browser) -> None:
    with pytest.raises(SignInRefused) as told:
        await browser.sign_in(error="Call 555-1234 now")
    assert "555" not in str(told.value)


async def test_a_wrong_client_secret_names_what_to_compare(browser: Browser) -> None:
    browser.provider = browser.set_to(client_secret=SecretStr("wrong"))
    with pytest.raises(SignInRefused, match="client_id and client_secret"):
        await browser.sign_in()
