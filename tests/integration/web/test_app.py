"""What holds for every page."""

from __future__ import annotations

import httpx2
import pytest

from pgrok.errors import StoreUnavailable
from support.web import Browser, World


async def test_the_healthcheck_says_ok_to_the_machine_itself(browser: Browser) -> None:
    for host in ("localhost:3320", "pgrok.example.com"):
        answer = await browser.get("/-/healthcheck", headers={"Host": host})
        assert (answer.status_code, answer.text) == (200, "OK")


async def test_another_host_sees_nothing(browser: Browser) -> None:
    answer = await browser.get("/", headers={"Host": "evil.example.com"})
    assert answer.status_code == 421
    assert "https://pgrok.example.com" in answer.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/user-info", "/-/static/style.css"])
async def test_every_answer_carries_the_policy(browser: Browser, path: str) -> None:
    headers = (await browser.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


async def test_personal_pages_are_not_kept_and_static_ones_are_checked(browser: Browser) -> None:
    assert (await browser.get("/")).headers["Cache-Control"] == "no-store"
    style = await browser.get("/-/static/look.css")
    assert style.headers["Cache-Control"] == "no-cache"
    again = await browser.get(
        "/-/static/look.css", headers={"If-None-Match": style.headers["ETag"]}
    )
    assert again.status_code == 304


async def test_no_page_has_a_script_or_a_style_of_its_own(browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/", "/-/sign-out", "/nothing"):
        page = (await browser.get(path)).text
        assert "<style" not in page
        assert "style=" not in page
        assert page.count("<script") == page.count('<script src="/-/static/page.js" defer>')


@pytest.mark.parametrize("name", ["look.css", "style.css", "page.js", "icon.svg"])
async def test_static_files_are_there(browser: Browser, name: str) -> None:
    assert (await browser.get(f"/-/static/{name}")).status_code == 200


@pytest.mark.parametrize("path", ["/-/static/../app.py", "/-/static/%2e%2e/app.py", "/-/static/"])
async def test_nothing_else_is_served(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


async def test_a_wrong_address_is_told_in_words_and_in_json(browser: Browser) -> None:
    page = await browser.get("/nothing")
    assert page.status_code == 404
    assert "There is nothing at this address." in page.text
    answer = await browser.get("/api/nothing")
    assert answer.json() == {"error": "There is nothing at this address."}


async def test_without_an_identity_provider_people_are_told_of_links(world: World) -> None:
    transport = httpx2.ASGITransport(world.app(None))
    async with httpx2.AsyncClient(
        transport=transport, base_url="https://pgrok.example.com"
    ) as http:
        assert "pgrokd user link NAME" in (await http.get("/")).text
        assert (await http.get("/-/oidc/auth")).status_code == 404
        assert (await http.get("/-/oidc/callback")).status_code == 403
        assert (await http.get("/api/identity-provider")).status_code == 404


async def test_a_database_that_is_away_is_told_of(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.sign_in()

    async def away(raw_id: str) -> None:
        raise StoreUnavailable("postgresql://user:secret@host does not answer")

    monkeypatch.setattr(world.store.web_sessions, "get", away)
    for path in ("/", "/api/user-info", "/-/tunnels"):
        answer = await browser.get(path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "The database does not answer." in answer.text
        assert "secret" not in answer.text


async def test_a_bug_shows_no_traceback(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(raw_id: str) -> None:
        raise ZeroDivisionError("inside")

    await browser.sign_in()
    monkeypatch.setattr(world.store.web_sessions, "get", broken)
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert "its log says why" in answer.text
    assert "ZeroDivision" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
