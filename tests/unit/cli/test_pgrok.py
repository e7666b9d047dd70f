"""The command line of `pgrok`: what is typed, what comes of it, and how it ends."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pgrok.cli import pgrok as command
from pgrok.cli.client_options import Options
from pgrok.errors import (
    AddressError,
    ConfigError,
    ConfigProblem,
    ConnectionLost,
    HostKeyMismatch,
    LocalProtocolError,
    PgrokError,
    ServerUnreachable,
    TokenRefused,
    TunnelRefused,
)
from pgrok.protocol import TunnelKind

Served = list[tuple[TunnelKind, Options]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings, and no variables of ours."""
    for name in ("REMOTE_ADDR", "FORWARD_ADDR", "TOKEN", "FINGERPRINT", "CONFIG"):
        monkeypatch.delenv(f"PGROK_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    return tmp_path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """The tunnels that would be opened."""
    calls: Served = []
    monkeypatch.setattr(
        "pgrok.cli.client_tunnel.serve", lambda kind, options: calls.append((kind, options))
    )
    return calls


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Have every tunnel end with an error."""

    def fail_with(error: BaseException) -> None:
        def serve(kind: TunnelKind, options: Options) -> None:
            raise error

        monkeypatch.setattr("pgrok.cli.client_tunnel.serve", serve)

    return fail_with


@pytest.mark.parametrize(
    ("typed", "kind", "address"),
    [
        ("", "http", None),
        ("http", "http", None),
        ("http 8080", "http", "8080"),
        ("8080", "http", "8080"),
        (":8080", "http", ":8080"),
        ("localhost", "http", "localhost"),
        ("https://localhost/base", "http", "https://localhost/base"),
        ("[::1]:80", "http", "[::1]:80"),
        ("tcp", "tcp", None),
        ("tcp 5432", "tcp", "5432"),
        ("-f 1", "http", "1"),
        ("http -f 1 2", "http", "2"),
        ("-f 1 tcp", "tcp", "1"),
        ("-f 1 tcp -f 2", "tcp", "2"),
        ("-f 1 2", "http", "2"),
    ],
)
def test_what_is_forwarded_where(
    served: Served, typed: str, kind: str, address: str | None
) -> None:
    assert command.run(typed.split()) == 0
    ((served_kind, options),) = served
    assert served_kind == kind
    assert options.values.get("forward_addr") == address


@pytest.mark.parametrize(
    "typed",
    [
        "--debug --token t --remote-addr r --config c --fingerprint f http 8080",
        "http 8080 --debug --token t --remote-addr r --config c --fingerprint f",
        "8080 -d -t t -r r -c c --fingerprint f",
        "-d -t t http -r r -c c --fingerprint f 8080",
        "-t wrong 8080 -d -t t -r r -c c --fingerprint f",
    ],
)
def test_options_stand_before_the_command_or_after_it(served: Served, typed: str) -> None:
    assert command.run(typed.split()) == 0
    ((_, options),) = served
    assert options == Options(
        Path("c"),
        True,
        {"remote_addr": "r", "token": "t", "fingerprint": "f", "forward_addr": "8080"},
    )


def test_variables_give_what_was_not_typed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGROK_TOKEN", "from-environment")
    monkeypatch.setenv("PGROK_REMOTE_ADDR", "environment:1")
    monkeypatch.setenv("PGROK_FORWARD_ADDR", "")
    command.run(["-r", "before:1", "tcp", "1"])
    command.run(["tcp", "-r", "after:1"])
    assert [options.values for _, options in served] == [
        {"token": "from-environment", "remote_addr": "before:1", "forward_addr": "1"},
        {"token": "from-environment", "remote_addr": "after:1"},
    ]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("htp 8080", "No such command 'htp'"),
        ("--nonsense", "No such option"),
        ("http 1 2", "unexpected extra argument"),
        ("http -t", "requires an argument"),
        ("http ''", "ADDR: it is empty"),
    ],
)
def test_what_makes_no_sense_is_told(
    served: Served, capsys: pytest.CaptureFixture[str], typed: str, message: str
) -> None:
    assert command.run(shlex.split(typed)) == 2
    assert message in capsys.readouterr().err
    assert served == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AddressError("x"), 2),
        (ServerUnreachable("x"), 3),
        (ConnectionLost("x"), 3),
        (TokenRefused("x"), 4),
        (HostKeyMismatch("x"), 5),
        (TunnelRefused("x"), 6),
        (LocalProtocolError("x"), 1),
        (RuntimeError("x"), 1),
        (KeyboardInterrupt(), 0),
    ],
)
def test_every_failure_has_its_status(
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
) -> None:
    failing(error)
    assert command.run(["http"]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert (captured.err.strip() == "") is (status == 0)


def test_every_problem_with_the_settings_is_told(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    problem = ConfigProblem("f.yml", "token", "nothing", "a token")
    failing(ConfigError([problem, ConfigProblem("f.yml", "remote_addr", "'\x1b'", "an address")]))
    assert command.run([]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "pgrok: the settings cannot be used:",
        "  f.yml: token: found nothing, expected a token",
        "  f.yml: remote_addr: found '�', expected an address",
    ]


def test_what_a_server_says_commands_no_terminal(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(TunnelRefused("no\x1b[2J"))
    command.run([])
    assert capsys.readouterr().err.splitlines()[0] == "pgrok: no�[2J"


@pytest.mark.parametrize("kind", [TunnelRefused, TokenRefused, ServerUnreachable, ConnectionLost])
def test_what_a_server_says_begins_no_line(
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
    kind: type[PgrokError],
) -> None:
    failing(kind("no\r\n🎉 You're ready to go live at http://evil!"))
    command.run([])
    first, advice = capsys.readouterr().err.splitlines()
    assert first == "pgrok: no��🎉 You're ready to go live at http://evil!"
    assert "🎉" not in advice


def test_what_is_said_of_a_host_key_has_its_lines(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(HostKeyMismatch("another key\n  expected   a\n  presented  b"))
    command.run([])
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["pgrok: another key", "  expected   a", "  presented  b"]


def test_a_fault_shows_where_it_comes_from_if_asked(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(RuntimeError("the cause"))
    assert command.run(["http", "--debug"]) == 1
    assert "the cause" in capsys.readouterr().err


def test_no_words_of_others_begin_a_line_there(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(RuntimeError("the cause\n🎉 You're ready to go live\x1b[2J"))
    command.run(["http", "--debug"])
    shown = capsys.readouterr().err
    assert "\n  🎉 You're ready to go live�[2J\n" in shown


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_is_printed(capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert command.run([option]) == 0
    assert "pgrok" in capsys.readouterr().out


def test_help_names_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    command.run(["--help"])
    shown = capsys.readouterr().out
    assert all(f"  {status}  " in shown for status in range(7))


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pgrok.cli.pgrok import run; run(['--help']); run(['http', '--help']);"
        "print(sorted(sys.modules.keys() & "
        "{'asyncio', 'asyncssh', 'cryptography', 'pydantic', 'rich', 'ssl', 'uvloop', 'yaml'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


class TestInit:
    """`pgrok init`."""

    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
        """Type answers at a terminal; the questions are given back."""

        def type_(*texts: str) -> list[str]:
            remaining, questions = list(texts), []

            def prompt(question: str) -> str:
                questions.append(question)
                return remaining.pop(0)

            monkeypatch.setattr("sys.stdin.isatty", lambda: True)
            monkeypatch.setattr("click.termui.visible_prompt_func", prompt)
            monkeypatch.setattr("click.termui.hidden_prompt_func", prompt)
            return questions

        return type_

    @pytest.fixture
    def file(self, home: Path) -> Path:
        return home / ".config" / "pgrok" / "pgrok.yml"

    def test_it_asks_for_everything(
        self, answers: Callable[..., list[str]], file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        questions = answers("example.com", "", "s3cret")
        assert command.run(["init"]) == 0
        assert yaml.safe_load(file.read_text()) == {
            "remote_addr": "example.com",
            "forward_addr": "http://localhost:3000",
            "token": "s3cret",
        }
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(questions) == 3
        shown = capsys.readouterr().out
        assert str(file) in shown
        assert "s3cret" not in shown

    def test_it_asks_again_after_nonsense(self, answers: Callable[..., list[str]]) -> None:
        questions = answers("a b", "example.com", "ftp://x", "8080", "two words", "s3cret")
        assert command.run(["init"]) == 0
        assert len(questions) == 6

    def test_what_stands_there_is_offered_and_the_rest_stays(
        self, answers: Callable[..., list[str]], file: Path
    ) -> None:
        file.parent.mkdir(parents=True)
        file.write_text("# ours\nremote_addr: old:1\ntoken: s3cret\nforward_addr: '1'\nother: x\n")
        questions = answers("", "2", "")
        assert command.run(["init"]) == 0
        assert yaml.safe_load(file.read_text()) == {
            "remote_addr": "old:1",
            "token": "s3cret",
            "forward_addr": "2",
            "other": "x",
        }
        assert file.read_text().startswith("# ours\n")
        assert "s3cret" not in "".join(questions)

    def test_options_leave_nothing_to_ask(self, tmp_path: Path) -> None:
        typed = "-t s3cret init --remote-addr r:1 --forward-addr 3000 --config"
        file = tmp_path / "mine.yml"
        assert command.run([*typed.split(), str(file)]) == 0
        assert yaml.safe_load(file.read_text())["remote_addr"] == "r:1"

    def test_without_a_terminal_what_is_missing_is_told(
        self, capsys: pytest.CaptureFixture[str], file: Path
    ) -> None:
        assert command.run(["init", "-r", "r:1", "-f", "1"]) == 2
        assert "--token or PGROK_TOKEN" in capsys.readouterr().err
        assert not file.exists()

    def test_nonsense_is_not_written(self, capsys: pytest.CaptureFixture[str], file: Path) -> None:
        assert command.run(["init", "-r", "a b", "-f", "1", "-t", "two words"]) == 2
        shown = capsys.readouterr().err
        assert "remote_addr" in shown
        assert "token" in shown
        assert "two words" not in shown
        assert not file.exists()

    def test_an_answer_that_is_broken_off_writes_nothing(
        self,
        monkeypatch: pytest.MonkeyPatch,
        answers: Callable[..., list[str]],
        capsys: pytest.CaptureFixture[str],
        file: Path,
    ) -> None:
        def interrupt(question: str) -> str:
            raise KeyboardInterrupt

        answers()
        monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
        assert command.run(["init"]) == 1
        assert "before anything was written" in capsys.readouterr().err
        assert not file.exists()
