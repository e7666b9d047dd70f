"""What somebody can do to another's sign-in with links, parameters and stolen values."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from support.scene import CALLBACK, Scene

EVIL = "evil.example.com"
ELSEWHERE = [f"https://{EVIL}/", f"//{EVIL}/", rf"/\{EVIL}/", rf"\\{EVIL}", f"javascript:{EVIL}"]
PARAMETERS = [
    "next", "return", "return_to", "return_path", "returnUrl", "redirect", "redirect_uri",
    "redirect_url", "url", "target", "dest", "continue", "goto", "rd", "callback",
]  # fmt: skip


def test_a_state_is_for_the_browser_that_asked(scene: Scene) -> None:
    """Login CSRF: nobody is signed in as somebody else by a link of theirs."""
    with scene.browser() as attacker, scene.browser() as victim:
        bait = attacker.to_provider()
        victim.to_provider()
        refused = victim.come_back(bait)
        assert refused.status_code == 403
        assert "another browser" in refused.text
        assert victim.name() is None
        assert attacker.come_back(bait).status_code == 403


@pytest.mark.parametrize("state", [None, "", "made up", "\x00"])
def test_a_state_that_nobody_drew(scene: Scene, state: str | None) -> None:
    with scene.browser() as browser:
        answer = browser.to_provider() | {"state": state}
        sent = {name: value for name, value in answer.items() if value is not None}
        assert browser.come_back(sent).status_code == 403
        assert browser.name() is None


def test_a_state_works_once_whatever_came_of_it(scene: Scene) -> None:
    with scene.browser() as browser:
        answer = browser.to_provider()
        assert browser.come_back(answer | {"code": "guessed"}).status_code == 403
        assert browser.come_back(answer).status_code == 403
        assert browser.name() is None


def test_an_answer_is_not_replayed(scene: Scene) -> None:
    with scene.browser() as browser:
        answer = browser.to_provider()
        assert browser.come_back(answer).status_code == 303
        sessions = scene.sessions()
        assert browser.come_back(answer).status_code == 403
        assert scene.sessions() == sessions


@pytest.mark.parametrize("forgetful", [False, True], ids=["PKCE", "nonce alone"])
def test_a_stolen_code_is_worth_nothing_elsewhere(scene: Scene, *, forgetful: bool) -> None:
    """Code injection: the provider refuses it, and where that checks nothing, the nonce does."""
    scene.idp.forgetful = forgetful
    with scene.browser() as alice, scene.browser() as thief:
        stolen = alice.to_provider()["code"]
        refused = thief.come_back(thief.to_provider() | {"code": stolen})
        assert refused.status_code == 403
        assert ("nonce" if forgetful else "invalid_grant") in refused.text
        assert thief.name() is None


def test_a_code_that_was_used_is_used_up(scene: Scene) -> None:
    with scene.browser() as browser:
        first = browser.to_provider()
        browser.come_back(first)
        again = browser.to_provider() | {"code": first["code"]}
        assert browser.come_back(again).status_code == 403


def test_a_planted_session_is_worthless_after_the_sign_in(scene: Scene) -> None:
    """Session fixation: whoever knew the id before knows none after."""
    with scene.browser() as attacker, scene.browser() as victim:
        attacker.sign_in()
        planted = attacker.cookies["pgrok-session"]
        victim.cookies.set("pgrok-session", planted)
        scene.idp.id_token = {"sub": "victim"}
        scene.idp.userinfo = {"sub": "victim", "email": "victim@example.com", "name": "Victim"}
        answer = victim.sign_in()
        fresh = answer.cookies["pgrok-session"]
        assert fresh != planted
        assert attacker.name() is None
        attacker.cookies.clear()
        attacker.cookies.set("pgrok-session", planted)
        assert attacker.name() is None


@pytest.mark.parametrize("cookie", ["pgrok-session", "pgrok-sign-in"])
def test_of_two_cookies_neither_counts(scene: Scene, cookie: str) -> None:
    with scene.browser() as browser:
        answer = browser.to_provider()
        if cookie == "pgrok-session":
            assert browser.come_back(answer).status_code == 303
        sent = f"{cookie}={browser.cookies[cookie]}; {cookie}=planted"
        browser.cookies.clear()
        browser.headers["Cookie"] = sent
        assert browser.come_back(answer).status_code == 403
        assert browser.name() is None


@pytest.mark.parametrize("evil", ELSEWHERE)
def test_no_parameter_leads_elsewhere(scene: Scene, evil: str) -> None:
    asked = dict.fromkeys(PARAMETERS, evil)
    with scene.browser() as browser:
        begun = browser.get("/-/oidc/auth", params=asked)
        to, sent = urlsplit(begun.headers["Location"]), begun.headers["Location"]
        assert f"{to.scheme}://{to.netloc}" == scene.idp.issuer
        assert EVIL not in sent
        assert parse_qs(to.query)["redirect_uri"] == [scene.daemon.external_url + CALLBACK]
        ended = browser.come_back(scene.idp.authorize(sent) | asked)
        assert (ended.status_code, ended.headers["Location"]) == (303, "/")
        for path in ("/-/token", "/-/sign-out"):
            assert browser.post(path, params=asked).headers["Location"] in ("/", "/#token")
        for path in ("/", "/-/sign-out", "/-/link/x"):
            assert EVIL not in browser.get(path, params=asked).text


@pytest.mark.parametrize(
    "path",
    [
        f"//{EVIL}/", f"//{EVIL}/%2e%2e", rf"/\{EVIL}/", f"/%5c{EVIL}/", f"/%2f%2f{EVIL}/",
        f"/{EVIL}//", "/-/sign-out/", "/-/oidc/auth/", "/api/user-info/", "/-/static",
        f"//{EVIL}/-/sign-out/", f"/-/link/x/?{EVIL}",
    ],
)  # fmt: skip
def test_no_path_leads_elsewhere(scene: Scene, path: str) -> None:
    with scene.browser() as browser:
        request = browser.build_request("GET", scene.daemon.external_url)
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = browser.send(request)
        assert answer.status_code == 404
        assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "field", ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded", "X-Host"]
)
def test_no_field_changes_where_people_come_back_to(scene: Scene, field: str) -> None:
    with scene.browser() as browser:
        answer = browser.get("/-/oidc/auth", headers={field: f"host={EVIL}"})
        sent = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert sent["redirect_uri"] == [scene.daemon.external_url + CALLBACK]
