"""Error pages: every code says what to do, nothing of the visitor's is believed."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pgrok.http.pages import Code, Problem, render, wants_html

HOST = "alice.example.com"


def page(problem: Problem, host: str = HOST) -> str:
    _, body = render(problem, host=host, request_id="r1", html=True)
    return body.decode()


def text(problem: Problem, host: str = HOST) -> str:
    _, body = render(problem, host=host, request_id="r1", html=False)
    return body.decode()


def fields(problem: Problem, *, html: bool = True) -> dict[bytes, bytes]:
    return dict(render(problem, host=HOST, request_id="r1", html=html)[0])


def test_no_tunnel_as_text_is_what_the_original_says_to_the_letter() -> None:
    problem = Problem(Code.NO_TUNNEL, 502)
    assert (
        text(problem, "Nobody.example.com:3000")
        == "No reverse proxy is available for the host: Nobody.example.com:3000"
    )


@pytest.mark.parametrize("code", Code)
def test_a_page_names_host_code_and_request(code: Code) -> None:
    shown = page(Problem(code, 502, "Nothing is listening on localhost:3000."))
    for part in (f"<h1>{HOST}</h1>", f"<code>{code}</code>", "<code>r1</code>", "localhost:3000"):
        assert part in shown


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.NO_TUNNEL])
def test_text_names_detail_code_and_request(code: Code) -> None:
    shown = text(Problem(code, 502, "Nothing is listening on localhost:3000."))
    for part in ("localhost:3000", f"code: {code}", "request: r1"):
        assert part in shown


def test_only_the_page_of_a_target_that_is_down_reloads_itself() -> None:
    reloading = {code for code in Code if 'http-equiv="refresh"' in page(Problem(code, 502))}
    assert reloading == {Code.TARGET_DOWN}


def test_the_code_and_the_pause_are_header_fields() -> None:
    sent = fields(Problem(Code.DRAINING, 503, retry_after=5), html=False)
    assert sent[b"X-Pgrok-Error"] == b"draining"
    assert sent[b"Retry-After"] == b"5"
    assert sent[b"Content-Type"].startswith(b"text/plain")
    assert sent[b"Cache-Control"] == b"no-store"


def test_without_a_pause_there_is_no_such_field() -> None:
    assert b"Retry-After" not in fields(Problem(Code.TARGET_DOWN, 502))


def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    policy = fields(Problem(Code.NO_TUNNEL, 502))[b"Content-Security-Policy"].decode()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "<script" not in page(Problem(Code.TARGET_DOWN, 502))


@example(host="<script>alert(1)</script>", detail="<b>", code=Code.NO_TUNNEL)
@given(host=st.text(max_size=5000), detail=st.text(max_size=5000), code=st.sampled_from(Code))
def test_a_hostile_host_or_detail_stays_text_and_the_page_small(
    host: str, detail: str, code: Code
) -> None:
    shown = page(Problem(code, 502, detail), host)
    assert len(shown.encode()) < 8192
    assert re.findall("<h1>(.*?)</h1>", shown, re.DOTALL)[0].count("<") == 0


def test_the_largest_page_is_under_8_kb() -> None:
    for code in Code:
        assert len(page(Problem(code, 502, '"' * 1000), '"' * 1000).encode()) < 8192


def test_a_missing_host_has_a_heading_all_the_same() -> None:
    assert "<h1>This address</h1>" in page(Problem(Code.BAD_REQUEST, 400), "")


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (None, False),
        (b"", False),
        (b"*/*", False),
        (b"application/json", False),
        (b"text/html", True),
        (b"TEXT/HTML", True),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        (b"application/json;q=0.9, text/html;q=0.5", True),
        (b"text/html;q=0", False),
        (b"text/html; q=0.000", False),
    ],
)
def test_only_who_names_html_gets_html(accept: bytes | None, *, html: bool) -> None:
    assert wants_html(accept) is html
