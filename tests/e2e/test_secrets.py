"""Secrets stay where they belong, whatever goes wrong, with everything at its most talkative."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support import identity_server
from support.databases import Outside, PostgreSQL, SQLite
from support.go import LIVE
from support.identity_provider import ACCESS_TOKEN
from support.origin import Origin
from support.processes import until
from support.talkative import CLIENT_SECRET, METRICS_TOKEN, Household
from support.visitor import echo, port_of, visit

DATABASE_PASSWORD = "canary-of-the-database"
NOT_A_TOKEN = "canary-that-is-no-token-of-ours"
QUERY, COOKIE, AUTHORIZATION = (f"canary-in-a-visitors-{where}" for where in ("query", "jar", "id"))

SETTINGS = "file server/pgrokd.yml"
PERSONS_SETTINGS = "file person/.config/pgrok/pgrok.yml"

EXPECTED: dict[str, set[str]] = {
    CLIENT_SECRET: {SETTINGS},
    METRICS_TOKEN: {SETTINGS},
    NOT_A_TOKEN: set(),
    ACCESS_TOKEN: set(),
    QUERY: set(),
    COOKIE: set(),
    AUTHORIZATION: set(),
    "BEGIN PRIVATE KEY": {"database"},
}
"""Where secrets may be found; everywhere else they have no business."""

MISTAKES: list[dict[str, Any]] = [
    {
        "identity_provider": {"client_secret": [CLIENT_SECRET], "client-secret": CLIENT_SECRET},
        "metrics": {"token": {METRICS_TOKEN: METRICS_TOKEN}},
        "database": {"url": f"postgresql://canary:{DATABASE_PASSWORD}@localhost:port/x"},
        "external_url": f"https://canary:{DATABASE_PASSWORD}@localhost/x",
    },
    {
        "identity_provider": CLIENT_SECRET,
        "database": f"postgresql://canary:{DATABASE_PASSWORD}@localhost/x",
    },
    {"database": {"password": DATABASE_PASSWORD, "url": "sqlite:////tmp/x"}},
]
"""What people write into settings files; each is refused."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Outside:
    if request.param == "sqlite":
        return SQLite(tmp_path / "pgrok.db")
    return PostgreSQL(request.getfixturevalue("postgres_server"), DATABASE_PASSWORD)


@pytest.fixture
def household(tmp_path: Path, database: Outside) -> Iterator[Household]:
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, limit[1]))  # one of the processes will crash
    with identity_server.serving() as identity:
        yield Household(tmp_path / "household", database, identity)
    resource.setrlimit(resource.RLIMIT_CORE, limit)


def test_secrets_stay_where_they_belong(
    household: Household, database: Outside, origin: Origin, tmp_path: Path
) -> None:
    hay = household.hay
    with household.serving() as server:
        token, link = household.added("bob@example.com")
        another = household.another_token("bob")
        settings = household.set_up(another, origin.http)
        assert settings.stat().st_mode & 0o777 == 0o600

        of_people: dict[str, set[str]] = {
            link: {"pgrokd user add"},
            token: {"pgrokd user add"},
            another: {"pgrokd user token", PERSONS_SETTINGS},
        }
        of_browsers = people_sign_in(household, link)
        tunnels_are_used(household, token, origin)
        people_make_mistakes(household, tmp_path / "mistakes", origin)
        things_break(household, database)
        server.stop(signal.SIGABRT)
    hay.add("database", database.dump())
    hay.add_files(household.folder)

    found = {secret: hay.where(secret) for secret in EXPECTED | of_people | of_browsers}
    assert found == EXPECTED | of_people | of_browsers
    assert hay.where(DATABASE_PASSWORD) == (
        {SETTINGS} if DATABASE_PASSWORD in database.url else set()
    )


def people_sign_in(household: Household, link: str) -> dict[str, set[str]]:
    """Sign in, each way; return what only a browser may know, and where it says so."""
    idp = household.identity.provider
    with household.browser() as alice, household.browser() as bob:
        answer = alice.to_provider()
        sign_in_id = alice.cookies["pgrok-sign-in"]
        alice.come_back(answer)
        session_id = alice.cookies["pgrok-session"]
        first = alice.get("/api/user-info").json()["token"]
        alice.get("/")
        alice.post("/-/token")
        second = alice.get("/api/user-info").json()["token"]
        alice.get("/-/tunnels")
        bob.get(f"/-/link/{link}")
        assert bob.post(f"/-/link/{link}").status_code == 303
        return {
            answer["state"]: {"answer to GET /-/oidc/auth"},
            sign_in_id: {"answer to GET /-/oidc/auth"},
            session_id: {"answer to GET /-/oidc/callback"},
            bob.cookies["pgrok-session"]: {"answer to POST /-"},
            idp.issued[-1]: set(),
            first: {"answer to GET /", "answer to GET /api/user-info"},
            second: {"answer to GET /api/user-info"},
        }


def tunnels_are_used(household: Household, token: str, origin: Origin) -> None:
    """Open a tunnel with each client, and let visitors send what is nobody's business."""
    fields = {"Cookie": f"id={COOKIE}", "Authorization": f"Bearer {AUTHORIZATION}"}
    with (
        household.client("http", "--debug") as http,
        household.client("tcp", str(origin.echo), "--debug") as tcp,
        household.ssh(token, origin.http) as ssh,
    ):
        for url in (http.wait_for(LIVE)[1], ssh.url()):
            assert visit(f"{url}/?key={QUERY}", fields=fields).status == 200
        assert echo(port_of(tcp.wait_for(LIVE)[1]), b"a") == b"a"
        household.hay.add_processes()
        http.stop(signal.SIGABRT)


def people_make_mistakes(household: Household, folder: Path, origin: Origin) -> None:
    """Mistake one secret for another, and put secrets where they do not belong."""
    with household.client("http", "--debug", PGROK_TOKEN=NOT_A_TOKEN) as client:
        assert client.wait() == 4
    with household.client("tcp", "--debug", PGROK_TOKEN=f"{NOT_A_TOKEN} \x07") as client:
        assert client.wait() == 2
    with household.ssh(NOT_A_TOKEN, origin.http) as ssh:
        assert ssh.wait() == 255
    with household.browser() as browser:
        bearer = {"Authorization": f"Bearer {NOT_A_TOKEN}"}
        assert browser.get("/metrics", headers=bearer).status_code == 401
        assert browser.get(f"/-/oidc/callback?state={NOT_A_TOKEN}").status_code == 403
        assert browser.post(f"/-/link/{NOT_A_TOKEN}").status_code == 403
    folder.mkdir()
    for number, mistake in enumerate(MISTAKES):
        file = folder / f"{number}.yml"
        file.write_text(json.dumps({"proxy": {"scheme": "http", "domain": "x.test"}, **mistake}))
        household.command("check", "--config", str(file), status=2)
    file.write_text(f'client_secret: "{CLIENT_SECRET}\ntoken: @{METRICS_TOKEN}')
    household.command("serve", "--config", str(file), status=2)


def things_break(household: Household, database: Outside) -> None:
    """Let provider and database fail while people are at it."""
    idp = household.identity.provider
    blurted = {"error": "invalid_client", "error_description": f"{CLIENT_SECRET} {ACCESS_TOKEN}"}
    with household.browser() as browser:
        for path in ("/token", "/userinfo"):
            idp.answers[path] = httpx2.Response(400, json=blurted)
            assert browser.sign_in().status_code == 403
            idp.answers[path] = httpx2.Response(200, text=f"{CLIENT_SECRET} {ACCESS_TOKEN}")
            assert browser.sign_in().status_code == 403
            del idp.answers[path]
        browser.sign_in()
        browser.post("/-/token")
        database.execute("UPDATE pgrok_web_sessions SET kept_token = ''")
        assert browser.get("/").status_code == 500  # which has a traceback in the log
    with household.browser() as browser:
        browser.sign_in()
        with database.broken():
            assert browser.get("/").status_code in (500, 503)
            assert browser.post("/-/token").status_code in (500, 503)
            assert browser.post(f"/-/link/{NOT_A_TOKEN}").status_code in (403, 503)
            assert browser.get(f"/-/oidc/callback?state={NOT_A_TOKEN}").status_code in (403, 503)
            with household.client("http", "--debug") as client:
                client.wait_for("database|does not answer|closed|again")
            household.command("user", "list", status=1)
        until(lambda: browser.get("/-/ready").status_code == 200, "the server has recovered")
