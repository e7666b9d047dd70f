"""What machines ask: liveness, readiness, metrics."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from pgrok.server.decisions import Event
from pgrok.server.web.monitoring import Monitoring
from support.web import Browser, World

TOKEN = "a token of some length"


async def fine() -> str | None:
    return None


async def draining() -> str | None:
    return "draining"


@pytest.fixture
def monitoring(world: World) -> Monitoring:
    scraped = (b"pgrok_tunnels 1\n", "text/plain")
    return replace(world.monitoring, problem=fine, scrape=lambda _accept: scraped)


def machine(world: World, monitoring: Monitoring) -> Browser:
    """Whoever asks on the dashboard's port, by address."""
    world.monitoring = monitoring
    browser = world.browser()
    browser.headers["Host"] = "127.0.0.1:3320"
    return browser


async def test_ready_and_not(world: World, monitoring: Monitoring) -> None:
    answer = await machine(world, monitoring).get("/-/ready")
    assert (answer.status_code, answer.text) == (200, "ready")
    other = machine(world, replace(monitoring, problem=draining))
    answer = await other.get("/-/ready")
    assert (answer.status_code, answer.text) == (503, "draining")
    assert (await other.get("/-/healthcheck")).text == "OK"


async def test_a_server_that_does_not_listen_yet_is_not_ready(world: World) -> None:
    answer = await machine(world, world.monitoring).get("/-/ready")
    assert (answer.status_code, answer.text) == (503, "starting")


async def test_without_a_token_the_dashboard_has_no_metrics(
    world: World, monitoring: Monitoring
) -> None:
    assert (await machine(world, monitoring).get("/metrics")).status_code in (404, 421)


@pytest.mark.parametrize(
    "sent", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"]
)
async def test_metrics_want_the_very_token(sent: str, world: World, monitoring: Monitoring) -> None:
    browser = machine(world, replace(monitoring, token=TOKEN))
    answer = await browser.get("/metrics", headers={b"Authorization": sent.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "pgrok_tunnels" not in answer.text
    assert world.monitoring.decisions.refusals[Event.METRICS, "token"] == 1


async def test_metrics_for_whoever_has_it(world: World, monitoring: Monitoring) -> None:
    browser = machine(world, replace(monitoring, token=TOKEN))
    answer = await browser.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.text) == (200, "pgrok_tunnels 1\n")


async def test_a_listener_of_its_own_wants_none_and_no_other_host(monitoring: Monitoring) -> None:
    application = monitoring.application("127.0.0.1")
    transport = httpx2.ASGITransport(application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9321") as client:
        assert (await client.get("/metrics")).text == "pgrok_tunnels 1\n"
        assert (await client.get("/-/ready")).text == "ready"
        # A name of an attacker's that leads here shows his page nothing (DNS rebinding).
        answer = await client.get("/metrics", headers={"Host": "evil.example.com"})
        assert answer.status_code == 421


async def test_what_the_dashboard_refuses_is_counted(world: World, browser: Browser) -> None:
    await browser.get("/", headers={"Host": "evil.example.com"})
    await browser.post("/-/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    await browser.come_back({"state": "made up"})
    refusals = world.monitoring.decisions.refusals
    assert refusals[Event.PAGE, "host"] == 1
    assert refusals[Event.PAGE, "another site"] == 1
    assert refusals[Event.SIGN_IN, "refused"] == 1
