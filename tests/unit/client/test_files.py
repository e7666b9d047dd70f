"""Where the client's files are, and that nobody else reads them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pgrok.client.files import known_hosts_path, open_to_others, settings_path, write_private


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_originals_file_comes_first(home: Path) -> None:
    file = home / ".pgrok" / "pgrok.yml"
    file.parent.mkdir()
    file.touch()
    assert settings_path() == file


def test_else_the_users_own_folders(home: Path) -> None:
    assert settings_path().name == "pgrok.yml"
    for path in (settings_path(), known_hosts_path()):
        assert path.parent.name == "pgrok"
        assert path.is_relative_to(home)
        assert not path.parent.exists()


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("unix", {"HOME": "/home/a"}, "/home/a/.config/pgrok"),
        ("unix", {"XDG_CONFIG_HOME": "/config"}, "/config/pgrok"),
        ("macos", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/pgrok"),
    ],
)
def test_platformdirs_means_the_folders_of_the_original(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], folder: str
) -> None:
    from platformdirs.macos import MacOS
    from platformdirs.unix import Unix

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    directories = {"unix": Unix, "macos": MacOS}[platform]("pgrok", appauthor=False)
    assert directories.user_config_dir == folder


def test_what_is_written_is_private(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    write_private(file, "secret ü\n")
    assert file.read_text("utf-8") == "secret ü\n"
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert not open_to_others(file)


def test_a_file_that_others_may_read_is_replaced_by_one_they_may_not(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o644)
    assert open_to_others(file)
    write_private(file, "new")
    assert mode(file) == 0o600


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    write_private(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    file = tmp_path / "file"
    write_private(file, "old")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_private(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
