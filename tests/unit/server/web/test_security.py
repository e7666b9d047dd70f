"""Which requests are looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.server.web.security import HEALTHCHECK, MAX_BODY, MAX_TARGET, Site, check

SITE = Site.of("https://pgrok.example.com")
HOST = ("host", "pgrok.example.com")
POST_FROM_US = (HOST, ("sec-fetch-site", "same-origin"))


def status(
    *headers: tuple[str, str], method: str = "GET", path: str = "/", query: bytes = b""
) -> int | None:
    refusal = check(method, path, query, headers, SITE)
    return refusal.status if refusal else None


@pytest.mark.parametrize(
    ("url", "host", "origin", "secure"),
    [
        ("https://Example.com", "example.com", "https://example.com", True),
        ("https://example.com:443", "example.com", "https://example.com", True),
        ("http://localhost:7071", "localhost", "http://localhost:7071", False),
        ("http://[::1]:7071", "::1", "http://[::1]:7071", False),
        ("http://[::1]", "::1", "http://[::1]", False),
    ],
)
def test_a_site_writes_its_origin_as_browsers_do(
    url: str, host: str, origin: str, *, secure: bool
) -> None:
    assert Site.of(url) == Site(url, host, origin, secure)


@pytest.mark.parametrize(
    "host",
    ["pgrok.example.com", "PGROK.example.com", "pgrok.example.com:443", "pgrok.example.com."],
)
def test_the_host_is_ours_whatever_port_and_case(host: str) -> None:
    assert status(("host", host)) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example.com", "127.0.0.1", "localhost", "[", "pgrok.example.com.evil.org"]
)
def test_another_host_is_sent_to_ours(host: str) -> None:
    refusal = check("GET", "/", b"", [("host", host)], SITE)
    assert refusal is not None
    assert refusal.status == 421
    assert SITE.url in refusal.text


def test_a_missing_or_doubled_host_is_refused() -> None:
    assert status() == 421
    assert status(HOST, HOST) == 421


@pytest.mark.parametrize("host", ["localhost:7071", "127.0.0.1:7071", "[::1]:7071", "10.0.0.7"])
def test_the_healthcheck_may_come_by_address(host: str) -> None:
    assert status(("host", host), path=HEALTHCHECK) is None
    assert status(("host", "evil.example.com"), path=HEALTHCHECK) == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_what_changes_something_has_to_come_from_us(method: str) -> None:
    assert status(HOST, method=method) == 403
    assert status(*POST_FROM_US, method=method) is None


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (("sec-fetch-site", "none"), True),
        (("sec-fetch-site", "same-site"), False),
        (("sec-fetch-site", "cross-site"), False),
        (("sec-fetch-site", ""), False),
        (("origin", "https://pgrok.example.com"), True),
        (("origin", "http://pgrok.example.com"), False),
        (("origin", "https://pgrok.example.com:8443"), False),
        (("origin", "https://alice.example.com"), False),
        (("origin", "null"), False),
    ],
)
def test_a_sibling_host_is_not_us(header: tuple[str, str], *, taken: bool) -> None:
    assert status(HOST, header, method="POST") == (None if taken else 403)


def test_what_the_browser_says_of_the_site_goes_before_the_origin() -> None:
    sibling = (HOST, ("sec-fetch-site", "same-site"), ("origin", "https://pgrok.example.com"))
    assert status(*sibling, method="POST") == 403


@pytest.mark.parametrize(
    ("length", "taken"),
    [
        ("0", True),
        (str(MAX_BODY), True),
        (str(MAX_BODY + 1), False),
        ("-1", False),
        ("9" * 5000, False),
        ("\u0661", False),
    ],
)
def test_bodies_are_small_and_say_how_small(length: str, *, taken: bool) -> None:
    expected = None if taken else 413
    assert status(*POST_FROM_US, ("content-length", length), method="POST") == expected
    assert status(*POST_FROM_US, ("transfer-encoding", "chunked"), method="POST") == 411


def test_addresses_are_short() -> None:
    assert status(HOST, query=b"a" * (MAX_TARGET - 1)) is None
    assert status(HOST, query=b"a" * MAX_TARGET) == 414


@given(st.text())
def test_any_host_is_ours_or_refused(host: str) -> None:
    assert status(("host", host)) in (None, 421)
