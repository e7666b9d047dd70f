"""Ways in and out, and the ways that stay shut."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from pgrok.server.settings import LifetimeSettings
from support.web import Browser, World


async def test_signing_in_makes_a_person_with_a_token(world: World, browser: Browser) -> None:
    answer = await browser.sign_in()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    person = await world.person()
    assert (person.name, person.display_name) == ("alice", "Alice Doe")
    info = await browser.user_info()
    login = await world.store.tokens.check(str(info["token"]))
    assert login is not None
    assert login.person == person


async def test_the_next_sign_in_makes_no_other_token(
    world: World, browser: Browser, other: Browser
) -> None:
    await browser.sign_in()
    await other.sign_in()
    assert len(await world.store.tokens.active((await world.person()).id)) == 1
    info = await other.user_info()
    assert info["token"] is None
    assert "pgrokd user token alice" in str(info["hint"])


async def test_cookies_are_for_this_host_alone_and_out_of_reach(browser: Browser) -> None:
    answer = await browser.get("/-/oidc/auth")
    answers = [answer, await browser.sign_in()]
    cookies = [cookie for one in answers for cookie in one.headers.get_list("Set-Cookie")]
    assert len(cookies) == 2
    for cookie in cookies:
        assert cookie.startswith("__Host-pgrok-")
        for part in ("; HttpOnly", "; Path=/", "; SameSite=lax", "; Secure"):
            assert part in cookie
        assert "Domain" not in cookie


async def test_the_session_id_changes_and_the_old_one_ends(
    world: World, browser: Browser, other: Browser
) -> None:
    await browser.sign_in()
    before = browser.cookies["__Host-pgrok-session"]
    await browser.sign_in()
    assert browser.cookies["__Host-pgrok-session"] != before
    assert await world.store.web_sessions.get(before) is None


async def test_a_planted_session_id_is_not_taken_over(browser: Browser) -> None:
    browser.cookies.set("__Host-pgrok-session", "planted", domain="pgrok.example.com")
    answer = await browser.sign_in()
    assert "planted" not in "".join(answer.headers.get_list("Set-Cookie"))


async def test_an_answer_works_once(browser: Browser) -> None:
    answer = await browser.to_provider()
    assert (await browser.come_back(answer)).status_code == 303
    assert (await browser.come_back(answer)).status_code == 403


async def test_an_answer_works_in_the_browser_that_asked(browser: Browser, other: Browser) -> None:
    answer = await browser.to_provider()
    await other.to_provider()
    refused = await other.come_back(answer)
    assert refused.status_code == 403
    assert "another browser" in refused.text
    assert (await other.get("/api/user-info")).status_code == 401


async def test_two_tabs_may_sign_in_at_once(browser: Browser) -> None:
    first = await browser.to_provider()
    second = await browser.to_provider()
    assert (await browser.come_back(second)).status_code == 303
    assert (await browser.come_back(first)).status_code == 303


async def test_an_answer_comes_in_time(world: World, browser: Browser) -> None:
    answer = await browser.to_provider()
    world.clock.advance(timedelta(minutes=11))
    assert (await browser.come_back(answer)).status_code == 403


@pytest.mark.parametrize("answer", [{}, {"state": ""}, {"state": "x", "code": "y"}, {"code": "y"}])
async def test_an_answer_to_no_question_is_refused(
    browser: Browser, answer: dict[str, str]
) -> None:
    assert (await browser.come_back(answer)).status_code == 403


async def test_a_refusal_is_shown_in_words_and_escaped(browser: Browser) -> None:
    answer = await browser.to_provider()
    refused = await browser.come_back(
        {"state": answer["state"], "error": "access_denied", "error_description": "<script>"}
    )
    assert refused.status_code == 403
    assert "you declined" in refused.text
    assert "<script>" not in refused.text
    assert (await browser.get("/api/user-info")).status_code == 401


async def test_a_link_asks_first_and_works_once(
    world: World, browser: Browser, other: Browser
) -> None:
    person = await world.store.people.add("bob@example.com", "Bob")
    path = f"/-/link/{await world.store.sign_ins.issue_link(person.id)}"
    for _ in range(3):
        assert '<form method="post">' in (await browser.get(path)).text
    assert (await browser.post(path)).status_code == 303
    assert (await browser.user_info())["displayName"] == "Bob"
    refused = await other.post(path)
    assert refused.status_code == 403
    assert "pgrokd user link" in refused.text


async def test_a_link_works_in_time_and_for_those_who_are_here(
    world: World, browser: Browser
) -> None:
    person = await world.store.people.add("bob@example.com", "Bob")
    old = await world.store.sign_ins.issue_link(person.id)
    world.clock.advance(LifetimeSettings().sign_in_link)
    assert (await browser.post(f"/-/link/{old}")).status_code == 403
    new = await world.store.sign_ins.issue_link(person.id)
    await world.store.people.remove(person.id)
    assert (await browser.post(f"/-/link/{new}")).status_code == 403


async def test_a_link_is_not_followed_from_another_site(world: World, browser: Browser) -> None:
    person = await world.store.people.add("bob@example.com", "Bob")
    path = f"/-/link/{await world.store.sign_ins.issue_link(person.id)}"
    refused = await browser.post(path, headers={"Sec-Fetch-Site": "same-site"})
    assert refused.status_code == 403
    assert (await browser.post(path)).status_code == 303


async def test_signing_out_is_a_post(world: World, browser: Browser) -> None:
    await browser.sign_in()
    session_id = browser.cookies["__Host-pgrok-session"]
    assert 'action="/-/sign-out"' in (await browser.get("/-/sign-out")).text
    assert await world.store.web_sessions.get(session_id) is not None
    assert (await browser.post("/-/sign-out")).headers["Location"] == "/"
    assert await world.store.web_sessions.get(session_id) is None
    assert (await browser.get("/api/user-info")).status_code == 401


async def test_whoever_is_removed_is_out(world: World, browser: Browser) -> None:
    await browser.sign_in()
    await world.store.people.remove((await world.person()).id)
    assert (await browser.get("/api/user-info")).status_code == 401


async def test_the_sign_in_page_names_the_provider(browser: Browser) -> None:
    page = (await browser.get("/")).text
    assert re.search(r'href="/-/oidc/auth">Sign in with Example ID<', page)
    answer = await browser.get("/api/identity-provider")
    assert answer.json() == {"displayName": "Example ID", "authURL": "/-/oidc/auth"}
