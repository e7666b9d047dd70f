"""What a person sees when they are signed in."""

from __future__ import annotations

import re
from datetime import timedelta

from pgrok.protocol import TunnelKind
from pgrok.server.registry import LiveTunnel
from pgrok.server.store.web_sessions import TOKEN_LIFETIME
from support.web import Browser, World


async def test_address_commands_and_host_keys(browser: Browser) -> None:
    await browser.sign_in()
    page = (await browser.get("/")).text
    words = re.sub(r"<[^>]+>", "", page)
    assert "https://alice.example.com" in words
    assert "ssh -N -R 0:localhost:3000 pgrok.example.com -p 2222" in words
    assert "pgrok init --remote-addr pgrok.example.com:2222" in words
    assert "--fingerprint SHA256:first" in words
    assert "SHA256:second" in words


async def test_the_token_is_masked_and_stands_in_no_command(browser: Browser) -> None:
    await browser.sign_in()
    token = (await browser.user_info())["token"]
    page = (await browser.get("/")).text
    shown = f'<span class="mask">pgrok_••••••••</span><span class="secret">{token}</span>'
    assert page.count(shown) == page.count(str(token)) == 1


async def test_the_token_is_shown_for_ten_minutes_in_one_session(
    world: World, browser: Browser, other: Browser
) -> None:
    await browser.sign_in()
    token = str((await browser.user_info())["token"])
    await other.sign_in()
    assert token not in (await other.get("/")).text
    world.clock.advance(TOKEN_LIFETIME)
    page = (await browser.get("/")).text
    assert token not in page
    assert "New token" in page
    assert (await browser.user_info())["token"] is None


async def test_a_new_token_is_one_more(world: World, browser: Browser) -> None:
    await browser.sign_in()
    first = str((await browser.user_info())["token"])
    answer = await browser.post("/-/token")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/#token")
    second = str((await browser.user_info())["token"])
    assert first != second
    assert await world.store.tokens.check(first)
    assert await world.store.tokens.check(second)


async def test_nobody_gets_a_token_without_being_signed_in(world: World, browser: Browser) -> None:
    person = await world.store.people.add("bob@example.com", "Bob")
    assert (await browser.post("/-/token")).status_code == 303
    assert (await browser.get("/-/token")).status_code == 405
    assert await world.store.tokens.active(person.id) == []


async def test_live_tunnels_are_the_person_s_own(world: World, browser: Browser) -> None:
    await browser.sign_in()
    mine, theirs = (await world.person()).id, 4711
    since = world.clock() - timedelta(minutes=5)
    http = LiveTunnel(TunnelKind.HTTP, "https://alice.example.com", since, "ssh", "203.0.113.7")
    tcp = LiveTunnel(TunnelKind.TCP, "tcp://example.com:10001", since, "pgrok/1", "203.0.113.7")
    bob = LiveTunnel(TunnelKind.HTTP, "https://bob.example.com", since, "ssh", "203.0.113.8")
    world.live = {mine: [http, tcp], theirs: [bob]}
    for path in ("/", "/-/tunnels"):
        page = (await browser.get(path)).text
        assert "2 tunnels are live" in page
        assert '<a class="typed" href="https://alice.example.com">' in page
        assert "tcp://example.com:10001" in page
        assert 'title="2026-11-23 11:55:00 UTC">5 minutes ago</time>' in page
        assert "bob" not in page


async def test_without_a_tunnel_the_page_says_how_to_open_one(browser: Browser) -> None:
    await browser.sign_in()
    page = (await browser.get("/-/tunnels")).text
    assert "Waiting for a tunnel" in page
    assert "Run one of the commands" in page


async def test_the_live_list_is_not_for_strangers(browser: Browser) -> None:
    assert (await browser.get("/-/tunnels")).status_code == 401
    assert (await browser.get("/api/user-info")).status_code == 401


async def test_what_people_call_themselves_and_send_is_text(world: World, browser: Browser) -> None:
    world.idp.userinfo = {"name": "<script>alert(1)</script>"}
    await browser.sign_in()
    client = '"><img src=x onerror=alert(1)>'
    person = await world.person()
    world.live[person.id] = [
        LiveTunnel(TunnelKind.HTTP, "https://alice.example.com", world.clock(), client, "::1")
    ]
    page = (await browser.get("/")).text
    assert "<script>alert" not in page
    assert "<img" not in page


async def test_the_original_s_json(browser: Browser) -> None:
    await browser.sign_in()
    info = await browser.user_info()
    assert set(info) == {"displayName", "token", "url"}
    assert info["displayName"] == "Alice Doe"
    assert info["url"] == "https://alice.example.com"
