"""`pgrokd` and its commands on a real store, in this process."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from click.testing import CliRunner, Result

from pgrok.cli.pgrokd import pgrokd
from pgrok.server.store import Store
from support.ports import free_port

DUMP = Path(__file__).parents[2] / "fixtures" / "original-database.sql"
LINK = re.compile(r"http://localhost:3320/-/link/(\S+)")

ResultT = TypeVar("ResultT")
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a settings file and an empty database."""
    monkeypatch.chdir(tmp_path)
    write_settings(tmp_path, f"sqlite:///{tmp_path}/pgrokd.db")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command, and check its exit status."""

    def type_command(*arguments: str, status: int = 0, answer: str = "") -> Result:
        result = CliRunner().invoke(pgrokd, arguments, input=answer)
        assert result.exit_code == status, result.output
        return result

    return type_command


def write_settings(folder: Path, url: str, more: str = "") -> None:
    (folder / "pgrokd.yml").write_text(
        f"proxy: {{scheme: http, domain: example.com}}\ndatabase: {{url: '{url}'}}\n{more}"
    )


def in_store(folder: Path, work: Callable[[Store], Awaitable[ResultT]]) -> ResultT:
    """Return what `work` finds in the database that the commands use."""

    async def look() -> ResultT:
        store = await Store.open(f"sqlite:///{folder}/pgrokd.db")
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(look())


def token_in(result: Result) -> str:
    found = re.search(r"pgrok_\w+", result.output)
    assert found, result.output
    return found[0]


def test_check_warns_of_secrets_that_everybody_may_read(folder: Path, run: Run) -> None:
    file = folder / "pgrokd.yml"
    write_settings(
        folder, f"sqlite:///{folder}/pgrokd.db", "metrics: {token: a-long-metrics-token}"
    )
    file.chmod(0o644)
    assert "everybody here may read metrics.token. Close it: chmod 600" in run("check").output
    file.chmod(0o600)
    assert "Warning" not in run("check").output


def test_an_added_person_gets_a_url_a_token_and_a_link(folder: Path, run: Run) -> None:
    result = run("user", "add", "bob@example.com", "--display-name", "Bob")
    assert "http://bob.example.com" in result.output
    assert "localhost:2222" in result.output
    login = in_store(folder, lambda store: store.tokens.check(token_in(result)))
    assert login is not None
    assert login.person.display_name == "Bob"
    link = LINK.search(result.output)
    assert link
    taken = in_store(folder, lambda store: store.sign_ins.take_link(link[1]))
    assert taken == login.person.id


def test_a_person_is_added_once(run: Run) -> None:
    run("user", "add", "bob")
    assert "already here" in run("user", "add", "bob", status=1).stderr


def test_what_makes_no_name_is_refused(run: Run) -> None:
    assert run("user", "add", "...", status=1).stderr.startswith("pgrokd: No subdomain")


def test_people_are_listed(run: Run) -> None:
    assert "Nobody is here yet" in run("user", "list").output
    run("user", "add", "bob@example.com", "--display-name", "Bob")
    heading, line = run("user", "list").output.splitlines()
    assert heading.split("  ")[0] == "NAME"
    assert re.split(r"  +", line)[:5] == ["bob", "bob@example.com", "Bob", "1", "never"]


def test_a_person_is_shown_by_name_or_identifier(run: Run) -> None:
    token = token_in(run("user", "add", "bob@example.com"))
    for name in ("bob", "bob@example.com"):
        shown = run("user", "show", name).output
        assert "bob@example.com (binds the first account that signs in with it)" in shown
        assert "from pgrokd user add" in shown
        assert token not in shown


@pytest.mark.parametrize("command", ["show", "remove", "link", "token"])
def test_who_is_not_here_is_not_found(run: Run, command: str) -> None:
    assert "Nobody here is called 'eve'" in run("user", command, "eve", status=3).stderr


def test_removing_asks_first(folder: Path, run: Run) -> None:
    run("user", "add", "bob")
    run("user", "remove", "bob", status=1, answer="n\n")
    assert in_store(folder, lambda store: store.people.by_name("bob")) is not None
    assert "30 days" in run("user", "remove", "bob", answer="y\n").output
    assert in_store(folder, lambda store: store.people.by_name("bob")) is None


def test_lifetimes_are_told_as_they_are_set(folder: Path, run: Run) -> None:
    more = "lifetimes: {removed_name_days: 1, sign_in_link_minutes: 60}"
    write_settings(folder, f"sqlite:///{folder}/pgrokd.db", more)
    assert "works once, for 60 minutes" in run("user", "add", "bob").output
    assert "It works once, for 60 minutes." in run("user", "link", "bob").output
    assert "for 1 day." in run("user", "remove", "bob", "--yes").output


def test_removing_can_be_told_not_to_ask(run: Run) -> None:
    run("user", "add", "bob")
    run("user", "remove", "bob", "--yes")
    run("user", "show", "bob", status=3)


def test_a_token_is_the_only_thing_on_stdout(folder: Path, run: Run) -> None:
    run("user", "add", "bob")
    result = run("user", "token", "bob", "--label", "ci", "--expires", "30d")
    login = in_store(folder, lambda store: store.tokens.check(result.stdout.strip()))
    assert login is not None
    assert login.expires_at is not None
    assert "only this once" in result.stderr


def test_tokens_are_listed_and_revoked(folder: Path, run: Run) -> None:
    token = token_in(run("user", "add", "bob"))
    assert "from pgrokd user add" in run("user", "token", "bob", "--list").output
    assert "bob has no token 7" in run("user", "token", "bob", "--revoke", "7", status=3).stderr
    run("user", "token", "bob", "--revoke", "1")
    assert in_store(folder, lambda store: store.tokens.check(token)) is None
    assert in_store(folder, lambda store: store.version()) == 1
    assert "No token works" in run("user", "token", "bob", "--list").output


def test_a_token_cannot_be_listed_and_revoked_at_once(run: Run) -> None:
    run("user", "token", "bob", "--list", "--revoke", "1", status=2)


def test_a_link_is_the_only_thing_on_stdout(folder: Path, run: Run) -> None:
    run("user", "add", "bob")
    link = LINK.fullmatch(run("user", "link", "bob").stdout.strip())
    assert link
    assert in_store(folder, lambda store: store.sign_ins.take_link(link[1])) == 1


def test_an_identifier_is_bound_anew(folder: Path, run: Run) -> None:
    run("user", "add", "bob@example.com")

    async def sign_in(store: Store, sub: str) -> str:
        person = await store.people.sign_in("https://id", sub, "bob@example.com", "Bob")
        return person.name

    in_store(folder, lambda store: sign_in(store, "1"))
    assert "account 1 of https://id" in run("user", "show", "bob").output
    run("user", "link", "bob", "--rebind", "bob@example.com")
    assert in_store(folder, lambda store: sign_in(store, "2")) == "bob"
    run("user", "add", "eve@example.com")
    refused = run("user", "link", "bob", "--rebind", "eve@example.com", status=1)
    assert "belongs to eve" in refused.stderr


def test_check_says_what_the_settings_mean_and_changes_nothing(folder: Path, run: Run) -> None:
    said = run("check").output
    for expected in (
        "pgrokd.yml",
        "http://localhost:3320, listening on 0.0.0.0:3320",
        "localhost:2222, listening on 0.0.0.0:2222",
        "http://<name>.example.com, listening on 0.0.0.0:3000",
        "tcp://example.com:10000 up to port 14999",
        "pgrokd.db will be created",
    ):
        assert expected in said
    assert [path.name for path in folder.iterdir()] == ["pgrokd.yml"]


@pytest.mark.parametrize("content", [None, b"a text of some length, and no database at all"])
def test_check_finds_out_what_is_no_database(content: bytes | None, folder: Path, run: Run) -> None:
    path = folder / "pgrokd.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert f"{path} cannot be used" in run("check", status=1).output


def test_check_knows_our_own_database_and_a_folder_that_is_missing(folder: Path, run: Run) -> None:
    run("user", "add", "bob")
    assert "pgrokd.db is ours" in run("check").output
    write_settings(folder, f"sqlite:///{folder}/no/pgrokd.db")
    assert "will be created, and so will its folder" in run("check").output
    assert not (folder / "no").exists()


def test_a_name_that_is_not_the_wanted_one_is_explained(run: Run) -> None:
    assert "www-2  (www is taken, held or reserved)" in run("user", "add", "www").output
    assert "Name       bob\n" in run("user", "add", "bob").output


@pytest.mark.parametrize("identifier", ["ali\nce", "evil\x1b[31m"])
def test_an_identifier_can_be_typed_again(identifier: str, run: Run) -> None:
    assert "control characters" in run("user", "add", identifier, status=2).stderr
    assert "Nobody is here yet" in run("user", "list").output


def test_check_finds_the_original_and_leaves_it(folder: Path, run: Run, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(DUMP.read_text())
    write_settings(folder, postgres_url)
    assert "gets our tables; the original pgrok's people are taken over" in run("check").output
    assert "gets our tables" in run("check").output
    assert "taken over from the original pgrok: 1." in run("import").output
    assert "is ours" in run("check").output
    run("import", "--finish", status=1, answer="n\n")
    assert "table: 1." in run("import", "--finish", "--yes").output
    assert "table: 0." in run("import", "--finish", answer="y\n").output


def test_check_names_the_provider_and_a_database_that_is_down(folder: Path, run: Run) -> None:
    provider = (
        "identity_provider: {type: oidc, display_name: Acme, issuer: 'https://id.example',"
        " client_id: c, client_secret: hunter2, field_mapping: {identifier: email, email: email},"
        " required_domain: example.com}"
    )
    write_settings(folder, f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d", provider)
    said = run("check", status=1).output
    assert "Acme (https://id.example), only for example.com" in said
    assert "does not answer" in said
    assert "hunter2" not in said


def test_every_problem_of_the_settings_is_told(folder: Path, run: Run) -> None:
    (folder / "pgrokd.yml").write_text("web: {port: x}")
    for command in (["check"], ["user", "list"], ["serve"], []):
        lines = run(*command, status=2).stderr.splitlines()
        assert lines[0] == "pgrokd: The settings cannot be used:"
        assert len(lines) == 4


def test_a_named_file_has_to_be_there(run: Run) -> None:
    for command in (["--config", "no.yml", "check"], ["check", "--config", "no.yml"]):
        assert "no.yml: file: found No such file" in run(*command, status=2).stderr


def test_a_database_that_is_down_is_a_message(folder: Path, run: Run) -> None:
    write_settings(folder, f"postgresql://127.0.0.1:{free_port()}/d")
    assert "does not answer" in run("user", "list", status=1).stderr


def test_an_installation_of_the_client_alone_says_what_to_add(folder: Path) -> None:
    script = (
        "import sys; sys.modules['sqlalchemy'] = None\nfrom pgrok.cli.pgrokd import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "user", "list"], capture_output=True, text=True, cwd=folder
    )
    assert result.returncode == 1
    assert "uv tool install 'pgrok-tunnel[server]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_imports_nothing_that_is_slow(folder: Path) -> None:
    script = (
        "import sys\nfrom pgrok.cli.pgrokd import pgrokd\n"
        "pgrokd(['--help'], standalone_mode=False)\n"
        "assert not {'sqlalchemy', 'pydantic', 'asyncssh', 'rich', 'yaml'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
