"""Which secrets a settings file tells to everybody on its machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pgrok.server.settings.secrecy import advice, told_to_everybody

SECRETS = """
metrics: {token: a-long-metrics-token}
database: {password: hunter2}
identity_provider: {client_secret: hunter2}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "pgrokd.yml"
    file.write_text(SECRETS)
    return file


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o640 | 0o002])
def test_secrets_that_everybody_may_read_or_change_are_named(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert told_to_everybody(file) == (
        "metrics.token",
        "database.password",
        "identity_provider.client_secret",
    )


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_a_file_of_its_owner_and_group_is_closed(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert told_to_everybody(file) == ()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        ("database: {url: 'postgresql://u:hunter2@h/d'}", ("database.url",)),
        ("database: {url: 'postgresql://u@h/d'}", ()),
        ("database: {url: 'sqlite:////var/lib/pgrokd.db', password: null}", ()),
        ("identity_provider: {client_secret: ''}", ()),
        ("metrics: 7", ()),
    ],
)
def test_only_what_holds_a_secret_counts(file: Path, text: str, keys: tuple[str, ...]) -> None:
    file.write_text(text)
    file.chmod(0o644)
    assert told_to_everybody(file) == keys


def test_windows_has_no_such_modes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o644)
    monkeypatch.setattr(os, "name", "nt")
    assert told_to_everybody(file) == ()


def test_no_file_tells_nothing() -> None:
    assert told_to_everybody(None) == ()


def test_the_advice_says_what_to_type(file: Path) -> None:
    assert f"chmod 600 {file}" in advice(file)
