"""From a browser to a tunnel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from support import browser, oidc
from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.visitor import visit


@pytest.fixture
def page() -> Iterator[Page]:
    with browser.page() as opened:
        yield opened


@pytest.fixture(params=[oidc.MockProvider, oidc.CertifiedProvider], ids=["mock", "certified"])
def provider(request: pytest.FixtureRequest) -> oidc.Provider:
    made: oidc.Provider = request.param()
    return made


@pytest.fixture
def server(tmp_path: Path, provider: oidc.Provider) -> Iterator[Daemon]:
    """A server that sends people to the provider."""
    daemon = Daemon(
        tmp_path,
        f"sqlite:///{tmp_path}/pgrok.db",
        identity_provider=oidc.settings(provider),
    )
    with ExitStack() as stack:
        stack.enter_context(provider.running(f"{daemon.external_url}/-/oidc/callback"))
        stack.enter_context(daemon.running())
        yield daemon


def shown_token(page: Page) -> str:
    """Return the token that the dashboard holds, masked or not."""
    found = re.search(r"pgrok_\w+", page.content())
    assert found, page.content()
    return found[0]


def test_with_an_identity_provider(
    tmp_path: Path, page: Page, provider: oidc.Provider, server: Daemon, origin: Origin
) -> None:
    page.goto(server.external_url)
    page.get_by_text("Example ID").click()
    provider.sign_in(page)
    page.wait_for_url(f"{server.external_url}/")

    url = server.public_url("jane-doe")
    expect(page.get_by_text("Jane Doe").first).to_be_visible()
    expect(page.get_by_text(url).first).to_be_visible()
    with Client(tmp_path, server.ssh, shown_token(page), "http", str(origin.http)) as client:
        assert client.url() == url
        assert visit(url).status == 200
        page.goto(url)
        expect(page.locator("body")).to_contain_text('"method": "GET"')


def test_with_a_one_time_link(page: Page, daemon: Daemon) -> None:
    person = daemon.add("linked")
    page.goto(person.sign_in_link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{daemon.external_url}/")
    expect(page.get_by_text(daemon.public_url("linked")).first).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    page.goto(person.sign_in_link)
    expect(page.get_by_text(daemon.public_url("linked"))).to_have_count(0)
