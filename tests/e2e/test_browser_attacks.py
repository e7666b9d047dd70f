"""What a page behind a tunnel can do, in a real browser, to whoever is signed in next door."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Frame, Page, Request, expect

from support import browser, neighbours
from support.hostile_pages import Served
from support.neighbours import PARENT, VICTIM, Neighbours
from support.scene import Browser

SESSION, SIGN_IN = "__Host-pgrok-session", "__Host-pgrok-sign-in"

both = pytest.mark.parametrize("street", ["http", "https"], indirect=True)
https = pytest.mark.parametrize("street", ["https"], indirect=True)


@pytest.fixture(scope="module")
def street(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neighbours]:
    """A server whose dashboard has a bad neighbour."""
    scheme: Literal["http", "https"] = request.param
    with neighbours.living(tmp_path_factory.mktemp(scheme), scheme) as living:
        yield living


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with browser.running() as running:
        yield running


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    with browser.page_of(chromium, ignore_https_errors=True) as opened:
        yield opened


def sign_in(page: Page, street: Neighbours) -> None:
    """Sign the victim in."""
    page.goto(f"{street.dashboard}/-/oidc/auth")
    expect(page.get_by_text("Sign out").first).to_be_visible()


def signed_in(page: Page, street: Neighbours) -> str | None:
    """Return whom the dashboard takes the browser for."""
    page.goto(f"{street.dashboard}/api/user-info")
    told: dict[str, str] = json.loads(page.locator("body").inner_text())
    return told.get("displayName")


def form(url: str, *, target: str = "_self") -> str:
    """Return a form that sends itself."""
    return (
        f'<form method="post" action="{url}" target="{target}">'
        '<input name="a" value="b"></form><script>document.forms[0].submit()</script>'
    )


FORGED: dict[str, Callable[[str], str]] = {
    "form": form,
    "form in a frame": lambda url: '<iframe name="f"></iframe>' + form(url, target="f"),
    "form in a window": lambda url: form(url, target="_blank"),
    "fetch": lambda url: (
        f"<script>fetch('{url}', {{method: 'POST', mode: 'no-cors', credentials: 'include'}})"
        "</script>"
    ),
    "beacon": lambda url: f"<script>navigator.sendBeacon('{url}', 'a=b')</script>",
    "image": lambda url: f'<img src="{url}">',
    "frame": lambda url: f'<iframe src="{url}"></iframe>',
    "window": lambda url: f"<script>open('{url}')</script>",
}


@both
def test_a_forged_request_changes_nothing(page: Page, street: Neighbours) -> None:
    """CSRF: the victim's cookie comes along, for dashboard and tunnel are one site."""
    sign_in(page, street)
    before = street.state()
    for way, path in itertools.product(FORGED, ("/-/token", "/-/sign-out")):
        url = street.dashboard + path
        street.pages.pages["/"] = Served(FORGED[way](url))
        with_cookie = rf" {path} HTTP/1\.1\r\n(?:.+\r\n)*?[Cc]ookie: .*pgrok-session="
        seen = len(re.findall(with_cookie, street.wire.output))
        sent_to(url, page, f"{street.tunnel}/")
        street.wire.wait_for(with_cookie, count=seen + 1)
        assert street.state() == before, way
    assert signed_in(page, street) == VICTIM


@both
def test_a_forged_sign_in_makes_nobody_somebody_else(page: Page, street: Neighbours) -> None:
    """Login CSRF, with a link that signs in Mallory."""
    sign_in(page, street)
    link = street.link()
    street.pages.pages["/"] = Served(form(link))
    refused = sent_to(link, page, f"{street.tunnel}/").response()
    assert refused
    assert refused.status == 403
    assert signed_in(page, street) == VICTIM


@both
def test_what_is_forged_there_works_at_home(page: Page, street: Neighbours) -> None:
    sign_in(page, street)
    before = street.state()
    page.get_by_role("button", name="New token").click()
    page.wait_for_url(f"{street.dashboard}/#token")
    assert street.state() != before
    page.get_by_role("button", name="Sign out").click()
    assert signed_in(page, street) is None


READERS = {
    "fetch": "fetch(url, {credentials: 'include'}).then(answer => answer.text())",
    "fetch without looking": "fetch(url, {credentials: 'include', mode: 'no-cors'})"
    ".then(answer => answer.text())",
    "image": "new Promise((yes, no) => { let it = new Image(); it.onload = () => yes('loaded');"
    " it.onerror = no; it.src = url; })",
    "script": "new Promise((yes, no) => { let it = document.createElement('script');"
    " it.onload = () => yes('loaded'); it.onerror = no; it.src = url; document.body.append(it) })",
}


@both
def test_nothing_is_read(page: Page, street: Neighbours) -> None:
    sign_in(page, street)
    street.pages.pages["/"] = Served("a page")
    page.goto(f"{street.tunnel}/")
    paths = ("/", "/api/user-info", "/-/tunnels", "/-/static/icon.svg", "/-/static/page.js")
    for path, way in itertools.product(paths, READERS):
        read = f"url => {READERS[way]}.catch(() => 'nothing')"
        assert page.evaluate(read, street.dashboard + path) == "nothing", (path, way)


FRAMES = ["iframe src", "iframe sandbox src", "embed src", "object data", "frame src"]


@both
def test_a_frame_of_the_dashboard_stays_empty(page: Page, street: Neighbours) -> None:
    """Clickjacking."""
    sign_in(page, street)
    for element, path in itertools.product(FRAMES, ("/", "/-/sign-out")):
        tag, url = element.partition(" ")[0], street.dashboard + path
        inside = f'<{element}="{url}"></{tag}>'
        framed = f"<frameset>{inside}</frameset>" if tag == "frame" else inside
        street.pages.pages["/"] = Served(framed)
        assert sent_to(url, page, f"{street.tunnel}/").response(), element
        page.wait_for_load_state()
        assert not any(text(frame) for frame in page.frames[1:]), element


@both
def test_a_frame_of_somebody_else_does_not(page: Page, street: Neighbours) -> None:
    street.pages.pages |= {
        "/": Served('<iframe src="/inside"></iframe>'),
        "/inside": Served("something"),
    }
    page.goto(f"{street.tunnel}/")
    assert [text(frame) for frame in page.frames[1:]] == ["something"]


TOSSED_BY_FIELD = [b"", b"=", b" ", b"\xa0", b"\x85", b"\xc2\xa0", b"\xe3\x80\x80", b"\t", b"a;"]
TOSSED_BY_SCRIPT = ["", "=", " ", "\\xa0", "\\x85", "\\u2000", "\\u3000", "\\x1c", "\\ufeff"]


def toss(page: Page, street: Neighbours, name: str, value: str) -> None:
    """Try to set a cookie for all hosts, by every means that Mallory has."""
    domains = [f"Domain={PARENT}", f"Domain=.{PARENT}", f"Domain=pgrok.{PARENT}", ""]
    fields = [
        b"%b%b=%b; Path=/; %b" % (before, name.encode(), value.encode(), domain.encode())
        for before in TOSSED_BY_FIELD
        for domain in domains
    ]
    lines = [
        f"document.cookie = '{before}{name}={value}; Path=/; {domain}; Secure'"
        for before in TOSSED_BY_SCRIPT
        for domain in domains
    ]
    street.pages.pages |= {
        "/": Served("tossed", [*fields, b"reaches=you; Path=/; Domain=" + PARENT.encode()]),
        "/script": Served(f"<script>{';'.join(lines)}</script>"),
    }
    for address in (f"{street.tcp}/", f"{street.tunnel}/", f"{street.tunnel}/script"):
        page.goto(address)
    sent = [cookie.get("name") for cookie in page.context.cookies(street.dashboard)]
    assert "reaches" in sent  # from the public TCP port, where nothing is filtered


@https
def test_a_tossed_session_is_not_believed(page: Page, street: Neighbours) -> None:
    with mallory_at(street) as mallory:
        answer = mallory.post(street.link().removeprefix(street.dashboard))
        session = answer.cookies[SESSION]
    toss(page, street, SESSION, session)
    assert signed_in(page, street) is None
    sign_in(page, street)
    toss(page, street, SESSION, session)
    assert signed_in(page, street) == VICTIM


@https
def test_a_tossed_sign_in_ends_nowhere(page: Page, street: Neighbours) -> None:
    """Mallory begins a sign-in, and would have the victim's browser end it as Mallory."""
    with mallory_at(street) as mallory:
        bait = mallory.to_provider()
        sign_in_id = mallory.cookies[SIGN_IN]
    toss(page, street, SIGN_IN, sign_in_id)
    came = page.goto(f"{street.dashboard}/-/oidc/callback?{urlencode(bait)}")
    assert came is not None
    assert came.status == 403
    assert signed_in(page, street) is None


@both
def test_a_tunnel_sets_cookies_for_itself_alone(page: Page, street: Neighbours) -> None:
    cookies = [b"mine=1; Path=/", b"yours=2; Domain=example.test; Path=/"]
    street.pages.pages["/"] = Served("a page", cookies)
    page.goto(f"{street.tunnel}/")
    assert [cookie.get("name") for cookie in page.context.cookies()] == ["mine"]


def mallory_at(street: Neighbours) -> Browser:
    """Return what Mallory visits the dashboard with: no real browser, so past TLS."""
    browser = Browser(f"http://localhost:{street.daemon.web}", street.identity.provider)
    browser.headers["Host"] = street.dashboard.partition("//")[2]
    return browser


def sent_to(url: str, page: Page, attack: str) -> Request:
    """Open the page `attack` and return the request to `url` that it makes, when it has ended."""
    with page.context.expect_event("request", lambda request: request.url == url) as made:
        page.goto(attack)
    request: Request = made.value
    request.response()
    return request


def text(frame: Frame) -> str:
    return frame.locator("body").inner_text() if frame.url.startswith("http") else ""
