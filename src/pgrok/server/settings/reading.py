"""A settings file as a tree of keys and values, which nobody has looked at yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pgrok.errors import ConfigError, ConfigProblem


class _Again(yaml.MarkedYAMLError):
    """A key that stands there twice."""


class _Loader(yaml.SafeLoader):
    """Takes every key once: of two, the parser would believe the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; raise `_Again` at a key's second place."""
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise _Again(problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[Any, Any]:
    """Return what the YAML file `path` holds; nothing is an empty tree. Raises `ConfigError`."""
    try:
        tree = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(path, "file", reason, "a readable file") from None
    except _Again as error:
        raise _refused(path, _place(error.problem_mark), "a key again", "every key once") from None
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, error.problem_mark) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _not_yaml(path, None) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise _refused(path, "file", kind(tree), "keys and values")
    return tree


def kind(value: object) -> str:
    """Return what sort of thing a value is, in the words of problems."""
    kinds = {dict: "keys and values", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else "something")


def _not_yaml(path: Path, mark: yaml.Mark | None) -> ConfigError:
    # The parser's own words may quote a secret that lacks its quotes, so they are left out.
    expected = "UTF-8 YAML; a value with special characters needs quotes"
    return _refused(path, _place(mark), "no YAML", expected)


def _place(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"


def _refused(path: Path, place: str, found: str, expected: str) -> ConfigError:
    return ConfigError([ConfigProblem(str(path), place, found, expected)])
