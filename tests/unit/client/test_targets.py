"""Where a request goes, and under which path."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.address import parse_target
from pgrok.client.targets import Rules, Target, parse_forwards
from pgrok.errors import ConfigError

DEFAULT = parse_target("3000")

segment = st.text("ab-.%_~", min_size=1, max_size=4)
path = st.lists(segment, max_size=4).map(lambda segments: "".join(f"/{s}" for s in segments))


def rules(text: str) -> Rules:
    return Rules(DEFAULT, parse_forwards(text, where="pgrok.yml"))


def target_of(text: str, request: str) -> str:
    return str(rules(text).match(request.encode()).url)


@pytest.mark.parametrize(
    ("request_target", "url"),
    [
        ("/", "http://localhost:3000"),
        ("/api", "http://localhost:8080"),
        ("/api/", "http://localhost:8080"),
        ("/api?x=/api/v2", "http://localhost:8080"),
        ("/apix", "http://localhost:3000"),
        ("/API", "http://localhost:3000"),
        ("/x/api", "http://localhost:3000"),
        ("/api/v2", "https://other/two"),
        ("/api/v2/x?y", "https://other/two"),
        ("/api/v20", "http://localhost:8080"),
        ("*", "http://localhost:3000"),
    ],
)
def test_the_longest_prefix_wins_at_a_segments_end(request_target: str, url: str) -> None:
    text = "/api http://localhost:8080\n/api/v2 https://other/two/\n"
    assert target_of(text, request_target) == url


def test_a_slash_at_the_end_of_a_prefix_means_nothing() -> None:
    assert target_of("/api/ :8080", "/api") == "http://localhost:8080"


def test_the_root_is_a_prefix_of_every_path() -> None:
    assert target_of("/ :8080", "/x") == "http://localhost:8080"
    assert target_of("/ :8080", "*") == "http://localhost:3000"


@pytest.mark.parametrize(
    ("url", "request_target", "rewritten"),
    [
        ("http://localhost:8000/base", "/x", "/base/x"),
        ("http://localhost:8000/base/", "/x?y=/z", "/base/x?y=/z"),
        ("http://localhost:8000/base", "/", "/base/"),
        ("http://localhost:8000/base", "*", "*"),
        ("http://localhost:8000", "/x//y/../z", "/x//y/../z"),
    ],
)
def test_the_targets_path_comes_first(url: str, request_target: str, rewritten: str) -> None:
    assert Target(parse_target(url)).rewrite(request_target.encode()) == rewritten.encode()


def test_a_matched_prefix_is_not_stripped() -> None:
    target = rules("/api http://localhost:8080/base").match(b"/api/x")
    assert target.rewrite(b"/api/x") == b"/base/api/x"


@pytest.mark.parametrize(
    "path",
    [
        *(b"/api/../x", b"/api/..", b"/api/..?x", b"/api/x/../../y", b"/api/%2e%2e/x"),
        *(b"/api/.%2E/x", b"/api/..%2fx", b"/api%2f../x", b"/api/..\\x", b"/api/\\..\\x"),
        *(b"/api/..;/x", b"/api/%5c..%5Cx", b"/api//../x", b"/api/..%3b/x"),
        *(b"/api/%252e%252e/x", b"/api/..%255cx", b"/api/%c0%ae%c0%ae/x", b"/api/..%c0%afx"),
        *(b"/api/..%c1%9cx", b"/api/%e0%80%ae%e0%80%ae/x", b"/api/..%f0%80%80%afx"),
        *(b"/api/%u002e%u002E/x", b"/api/..%09/x", b"/api/.%00./x", b"/api/..%20/x"),
    ],
)
def test_dots_lead_out_of_nothing(path: bytes) -> None:
    confined = rules("/api http://localhost:8080").match(path.replace(b"/api%2f", b"/api/%2f"))
    assert confined.escapes(path)
    assert Target(parse_target("localhost:8080/base")).escapes(path)
    assert not Target(DEFAULT).escapes(path)


@pytest.mark.parametrize(
    "path",
    [
        b"/api/...",
        b"/api/..x/y",
        b"/api/x..",
        b"/api/x..%20/y",
        b"/api/./x",
        b"/api?/../",
        b"/api/%2e",
        b"*",
    ],
)
def test_dots_that_lead_nowhere_are_a_path(path: bytes) -> None:
    assert not Target(parse_target("localhost:8080/base"), "/api").escapes(path)


def test_blank_lines_and_comments_are_no_rules() -> None:
    text = "\n# the service\r\n  /api\thttp://localhost:8080  \n\n"
    (forward,) = parse_forwards(text, where="pgrok.yml")
    assert (forward.prefix, str(forward.url)) == ("/api", "http://localhost:8080")


@pytest.mark.parametrize(
    "line",
    [
        "/api",
        "api http://localhost:8080",
        "http://localhost:8080 /api",
        "/api ftp://localhost",
        "/api http://localhost:99999",
        "/api http://localhost:8080 /more",
        "/api?x http://localhost:8080",
        "/ä http://localhost:8080",
        "/\x1b[31m http://localhost:8080",
    ],
)
def test_a_malformed_rule_is_named_by_its_line(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_forwards(f"/ok :1\n{line}", where="pgrok.yml")
    (problem,) = caught.value.problems
    assert problem.key == "dynamic_forwards, line 2"
    assert problem.found == repr(line)


def test_all_malformed_rules_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_forwards("nonsense\n/a :1\n/a/ :2\n/b", where="pgrok.yml")
    assert [problem.key for problem in caught.value.problems] == [
        "dynamic_forwards, line 1",
        "dynamic_forwards, line 3",
        "dynamic_forwards, line 4",
    ]
    assert caught.value.problems[1].expected == "every prefix once"


@given(st.lists(path, unique=True, max_size=5), path, st.sampled_from(["", "?q", "/"]))
def test_the_match_is_the_longest_of_all_that_could(
    prefixes: list[str], requested: str, end: str
) -> None:
    text = "\n".join(f"{prefix or '/'} http://{i}.example" for i, prefix in enumerate(prefixes))
    requested = (requested or "/") + end
    plain = requested.partition("?")[0]
    fitting = [p for p in prefixes if plain == p or plain.startswith(f"{p}/")]
    expected = DEFAULT
    if fitting:
        expected = parse_target(f"{prefixes.index(max(fitting, key=len))}.example")
    assert rules(text).match(requested.encode()).url == expected


@given(st.text(max_size=60))
def test_any_text_makes_rules_or_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        for forward in parse_forwards(text, where="pgrok.yml"):
            assert forward.prefix == "" or forward.prefix.startswith("/")


@given(st.binary(max_size=40))
def test_any_request_target_has_a_target(request_target: bytes) -> None:
    target = rules("/a :1\n/ :2").match(request_target)
    assert target.rewrite(request_target).endswith(request_target)
