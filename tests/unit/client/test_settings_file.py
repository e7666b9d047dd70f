"""`pgrok.yml` as text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pgrok.client.settings_file import changed, read, write
from pgrok.errors import ConfigError

FILE = """\
# what the team uses
remote_addr: old.example.com:2222  # behind the load balancer
token: >
  folded
  text
dynamic_forwards: |
  /api http://localhost:8080
  /web http://localhost:3000
forward_addr:
"""

printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")))


def load(text: str) -> object:
    return yaml.load(text, Loader=yaml.BaseLoader)


def test_other_lines_stay_what_they_were() -> None:
    values = {"remote_addr": "new:1", "token": "t", "forward_addr": "2", "fingerprint": "f"}
    assert (
        changed(FILE, values)
        == """\
# what the team uses
remote_addr: "new:1"  # behind the load balancer
token: "t"
dynamic_forwards: |
  /api http://localhost:8080
  /web http://localhost:3000
forward_addr: "2"
fingerprint: "f"
"""
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "a: b", "{a: b, token: x}", "{}", "a: b\n...\n", "---\n"]
)
def test_a_key_is_added_to_any_mapping(text: str) -> None:
    before = load(text) or {}
    assert isinstance(before, dict)
    assert load(changed(text, {"token": "secret"})) == {**before, "token": "secret"}


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), printable), printable)
def test_what_is_set_is_what_is_read(others: dict[str, str], token: str) -> None:
    text = yaml.safe_dump(others, allow_unicode=True) if others else ""
    assert load(changed(text, {"token": token, "b": "2"})) == {**others, "token": token, "b": "2"}


def test_writing_makes_the_file_and_reading_gives_it_back(tmp_path: Path) -> None:
    file = tmp_path / "pgrok" / "pgrok.yml"
    write(file, {"token": "one"})
    write(file, {"remote_addr": "example.com:2222", "token": "two"})
    assert read(file) == {"token": "two", "remote_addr": "example.com:2222"}


@pytest.mark.parametrize("text", ["token: 0123", "token: 1e5", "token: 10:22", "token: yes"])
def test_values_stay_texts(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pgrok.yml"
    file.write_text(text)
    assert read(file) == {"token": text.removeprefix("token: ")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"token: s3cret\n\tremote_addr: x", "no YAML at line 2, column 1"),
        (b"token: *s3cret", "no YAML at line 1"),
        (b"token: 's3cret", "no YAML"),
        (b"[s3cret]", "found a list"),
        (b"s3cret", "found a str"),
        (b"token: s3cret \xff", "not UTF-8"),
        (b"{[s3cret]: 1}", "no YAML"),
        (b"[" * 5000, "no YAML"),
    ],
)
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "pgrok.yml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read(file)
    assert str(file) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file or directory.*`pgrok init`"):
        read(tmp_path / "pgrok.yml")


def test_a_file_that_is_broken_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "pgrok.yml"
    file.write_text("[")
    with pytest.raises(ConfigError):
        write(file, {"token": "x"})
    assert file.read_text() == "["


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="folder that can be written to"):
        write(tmp_path / "file" / "pgrok.yml", {"token": "x"})
