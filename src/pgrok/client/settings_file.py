"""`pgrok.yml` as text: what stands in it, and how it is changed without losing the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pgrok.client.files import write_private
from pgrok.errors import ConfigError, ConfigProblem

_SHAPE = "lines of `key: value`"


def read(path: Path) -> dict[str, Any]:
    """Return what stands in a settings file, unchecked: keys with texts, lists or mappings.

    Raises `ConfigError` if it cannot be read or is no mapping in YAML.
    """
    return _mapping(_read_text(path), path)


def write(path: Path, values: Mapping[str, str]) -> None:
    """Set `values` in the settings file at `path` and keep all its other lines.

    Written as `files.write_private` does. Raises `ConfigError` if the file that is there
    cannot be read or the new one cannot be written.
    """
    text = _read_text(path) if path.exists() else ""
    _mapping(text, path)
    try:
        write_private(path, changed(text, values))
    except OSError as error:
        raise _error(path, _reason(error), "a folder that can be written to") from None


def changed(text: str, values: Mapping[str, str]) -> str:
    """Return a settings text with `values` set; comments and other keys stay as they were.

    `text` is a mapping in YAML, or empty. Where it is written in a way that cannot be edited
    in place, it is written anew, without its comments.
    """
    meant = {**(_load(text) or {}), **values}
    edited = _edited(text, values)
    try:
        kept = _load(edited) == meant
    except yaml.YAMLError:
        kept = False
    return edited if kept else yaml.safe_dump(meant, allow_unicode=True, sort_keys=False)


def _edited(text: str, values: Mapping[str, str]) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = node.value if isinstance(node, yaml.MappingNode) else []
    places = {key.value: (key.start_mark.index, value.end_mark.index) for key, value in entries}
    for key in sorted(values.keys() & places.keys(), key=places.__getitem__, reverse=True):
        start, end = places[key]
        # The end of a block text lies behind its line break, that of any other before it.
        line_break = "\n" if text[start:end].endswith("\n") else ""
        text = f"{text[:start]}{_line(key, values[key])}{line_break}{text[end:]}"
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{_line(key, values[key])}\n" for key in values if key not in places)


def _load(text: str) -> Any:
    # Texts stay texts: YAML's own types would turn a token of digits, or the address 10:22,
    # into a number.
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes no objects


def _line(key: str, value: str) -> str:
    return f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise _error(path, f"byte {error.start} that is not UTF-8", "UTF-8 text") from None
    except OSError as error:
        expected = "a settings file that can be read; `pgrok init` writes one"
        raise _error(path, _reason(error), expected) from None


def _mapping(text: str, path: Path) -> dict[str, Any]:
    try:
        values = _load(text)
    except (yaml.YAMLError, RecursionError) as error:
        # The library's own words can quote what stands there, which may be the token.
        raise _error(path, f"no YAML{_place(error)}", _SHAPE) from None
    if values is None or values == "":
        return {}
    if not isinstance(values, dict):
        raise _error(path, f"a {type(values).__name__}", _SHAPE)
    return values


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _error(path: Path, found: str, expected: str) -> ConfigError:
    return ConfigError([ConfigProblem(str(path), "file", found, expected)])
