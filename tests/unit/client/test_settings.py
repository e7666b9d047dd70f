"""The client's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgrok.address import Address
from pgrok.client.settings import COMMAND_LINE, Settings, check, check_value, load
from pgrok.errors import ConfigError

FINGERPRINT = f"SHA256:{'A' * 43}"
NEEDED = {"remote_addr": "example.com", "token": "s3cret"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pgrok.yml"


def problems(values: dict[str, object]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        check(values, "pgrok.yml")
    assert "s3cret" not in str(caught.value)
    return {problem.key: problem.found for problem in caught.value.problems}


def settings(**values: str) -> Settings:
    return check({**NEEDED, **values}, "pgrok.yml")


def test_every_key_of_the_original(file: Path) -> None:
    file.write_text(
        "remote_addr: example.com:2022\n"
        "forward_addr: http://localhost:3000\n"
        "token: s3cret\n"
        "dynamic_forwards: |\n"
        "  /api http://localhost:8080\n"
        "  /web http://localhost:9000\n"
    )
    file.chmod(0o600)
    loaded, warnings = load(file, {})
    assert loaded.remote_addr == Address("example.com", 2022)
    assert loaded.token.get_secret_value() == "s3cret"
    assert [forward.prefix for forward in loaded.dynamic_forwards] == ["/api", "/web"]
    assert str(loaded.http_rules().default.url) == "http://localhost:3000"
    assert warnings == ()


def test_what_was_typed_wins(file: Path) -> None:
    file.write_text("remote_addr: a b\ntoken: old\nforward_addr: ''\n")
    loaded, _ = load(file, {"remote_addr": "[::1]:22", "token": "new"})
    assert loaded.remote_addr == Address("::1", 22)
    assert loaded.token.get_secret_value() == "new"
    assert loaded.forward_addr is None


def test_the_port_of_the_server_is_the_originals_unless_given() -> None:
    assert settings().remote_addr == Address("example.com", 2222)


def test_without_a_file_the_command_line_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgrok.client.settings.settings_path", lambda: tmp_path / "none.yml")
    loaded, warnings = load(None, NEEDED)
    assert loaded.remote_addr.host == "example.com"
    assert warnings == ()


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.yml", NEEDED)


def test_all_problems_are_told_at_once() -> None:
    assert problems(
        {
            "remote_addr": "example.com:99999",
            "token": "s3cret two",
            "forward_addr": "ftp://localhost",
            "fingerprint": "MD5:aa",
            "dynamic_forwards": "/a\nb",
        }
    ) == {
        "remote_addr": "'example.com:99999'",
        "token": "something else",
        "forward_addr": "'ftp://localhost'",
        "fingerprint": "'MD5:aa'",
        "dynamic_forwards, line 1": "'/a'",
        "dynamic_forwards, line 2": "'b'",
    }


def test_what_is_missing_is_told() -> None:
    assert problems({"token": ""}) == {"remote_addr": "nothing", "token": "nothing"}


@pytest.mark.parametrize("value", [["s3cret"], {"s3cret": "x"}])
def test_a_value_that_is_no_text(value: object) -> None:
    keys = problems({"remote_addr": "x", "token": value, "dynamic_forwards": []})
    assert set(keys) == {"token", "dynamic_forwards"}


def test_a_problem_says_where_its_value_came_from(file: Path) -> None:
    file.write_text("remote_addr: ':'\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {"forward_addr": "ftp://x"})
    assert {problem.key: problem.where for problem in caught.value.problems} == {
        "remote_addr": str(file),
        "token": str(file),
        "forward_addr": COMMAND_LINE,
    }


def test_a_file_with_a_token_that_others_may_read_is_warned_of(file: Path) -> None:
    file.write_text("remote_addr: x\ntoken: s3cret\n")
    file.chmod(0o640)
    (warning,) = load(file, {})[1]
    assert f"chmod 600 {file}" in warning


def test_a_key_that_is_unknown_is_warned_of(file: Path) -> None:
    file.write_text("remote_adr: x\nother: y\n")
    near, far = load(file, NEEDED)[1]
    assert "remote_adr" in near
    assert "Did you mean remote_addr?" in near
    assert "mean" not in far


def test_the_token_is_not_in_what_is_printed_of_the_settings() -> None:
    assert "s3cret" not in repr(settings())


def test_fingerprints_as_openssh_prints_them() -> None:
    assert settings(fingerprint=f"{FINGERPRINT}= {FINGERPRINT}").fingerprint == (FINGERPRINT,) * 2


@pytest.mark.parametrize("text", ["5432", ":5432", "localhost:5432"])
def test_a_tcp_target(text: str) -> None:
    assert settings(forward_addr=text).tcp_target() == Address("localhost", 5432)


@pytest.mark.parametrize("text", ["http://localhost:3000", "localhost"])
def test_a_tcp_target_has_no_scheme_and_a_port(text: str) -> None:
    with pytest.raises(ConfigError, match="pgrok tcp 5432"):
        settings(forward_addr=text).tcp_target()


def test_a_target_that_is_not_said() -> None:
    with pytest.raises(ConfigError, match="pgrok http 3000"):
        settings().http_rules()
    with pytest.raises(ConfigError, match="pgrok tcp 5432"):
        settings().tcp_target()


def test_one_value_is_checked_alone() -> None:
    check_value("remote_addr", "example.com")
    with pytest.raises(ConfigError, match="for example"):
        check_value("remote_addr", "a b")
    with pytest.raises(ConfigError, match="nothing"):
        check_value("token", "")
