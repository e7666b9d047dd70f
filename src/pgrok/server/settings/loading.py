"""Reading settings: defaults, then the file, then the environment; every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pgrok.errors import ConfigError, ConfigProblem
from pgrok.server.settings.models import Settings
from pgrok.server.settings.section import Section

Location = tuple[str, ...]

PREFIX = "PGROKD_"
LEVEL = "__"

FILE_DEFAULTS: Mapping[Location, object] = {
    # The original listens on every address, and its example uses these ports.
    ("web", "host"): "0.0.0.0",  # noqa: S104
    ("web", "port"): 3320,
    ("proxy", "host"): "0.0.0.0",  # noqa: S104
    ("proxy", "port"): 3000,
    ("sshd", "host"): "0.0.0.0",  # noqa: S104
    ("sshd", "port"): 2222,
}

REQUIRED_IN_FILE: Mapping[Location, str] = {
    ("proxy", "scheme"): "http or https, as visitors use it",
    ("proxy", "domain"): "the domain whose subdomains are the tunnels, such as example.com",
}
"""Without these a server for others would print URLs that do not work."""

# Kubernetes sets such variables in every container beside a service named "pgrokd".
_SERVICE_LINK = re.compile(r"SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?")

_LONGEST_FOUND = 60


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings in the YAML file `path`, overridden by `environ`.

    The environment names a key `PGROKD_PROXY__DOMAIN`. Without a `path` the defaults are those
    of a server for its own machine. Raises `ConfigError` with everything that is wrong.
    """
    tree = _read(path) if path else {}
    variables = dict(_variables(environ))
    for location, text in variables.items():
        _put(tree, location, text)
    problems = _lacking(tree, path) if path else []
    for location, value in FILE_DEFAULTS.items() if path else ():
        if _get(tree, location) is None:
            _put(tree, location, value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(problems + list(_explained(error, tree, path, variables))) from None
    if problems:
        raise ConfigError(problems)
    return settings


def _read(path: Path) -> dict[Any, Any]:
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError([ConfigProblem(str(path), "file", reason, "a readable file")]) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_not_yaml(path, error.problem_mark)]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError([_not_yaml(path, None)]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([ConfigProblem(str(path), "file", _kind(tree), "keys and values")])
    return tree


def _not_yaml(path: Path, mark: yaml.Mark | None) -> ConfigProblem:
    # The parser's own words may quote a secret that lacks its quotes, so they are left out.
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
    expected = "UTF-8 YAML; a value with special characters needs quotes"
    return ConfigProblem(str(path), place, "something else", expected)


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[Location, str]]:
    for name, value in sorted(environ.items()):
        key = name.removeprefix(PREFIX)
        if key != name and not _SERVICE_LINK.fullmatch(key):
            yield tuple(key.lower().split(LEVEL)), value


def _put(tree: dict[Any, Any], location: Location, value: object) -> None:
    """Set `location`; where a scalar stands in its way, leave that for validation to report."""
    *sections, key = location
    for name in sections:
        section = tree.get(name)
        if section is not None and not isinstance(section, dict):
            return
        # A copy, because YAML aliases make two sections one object.
        tree[name] = dict(section or {})
        tree = tree[name]
    tree[key] = value


def _get(tree: object, location: Location) -> object:
    for name in location:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _lacking(tree: dict[Any, Any], path: Path) -> list[ConfigProblem]:
    return [
        ConfigProblem(str(path), ".".join(location), "nothing", expected)
        for location, expected in REQUIRED_IN_FILE.items()
        if _get(tree, location) is None
    ]


def _explained(
    error: ValidationError,
    tree: dict[Any, Any],
    path: Path | None,
    variables: Mapping[Location, str],
) -> Iterator[ConfigProblem]:
    for details in error.errors(include_url=False, include_context=False):
        if details["type"] == "default_factory_not_called":
            continue  # what the default would have come from is reported itself
        location = tuple(str(part) for part in details["loc"])
        value = _get(tree, location)
        # A variable that begins so counts where nothing else stands there: an unknown section.
        in_environment = any(
            location[: len(name)] == name
            or (name[: len(location)] == location and isinstance(value, dict))
            for name in variables
        )
        where = str(path) if path and not in_environment else "environment"
        found, expected = _found_and_expected(details, location)
        if value is None and not location[-1].isdigit():
            found = "nothing"
        yield ConfigProblem(where, ".".join(location), found, expected)


def _found_and_expected(details: ErrorDetails, location: Location) -> tuple[str, str]:
    if details["type"] in {"extra_forbidden", "invalid_key"}:
        return "an unknown key", _known_keys(location[:-1])
    field = _field(location)
    if field is None:
        return _kind(details["input"]), "keys and values"
    if details["type"] == "expected":
        return _shown(details["input"], field), details["msg"]
    return _shown(details["input"], field), field.description or "keys and values"


def _shown(value: object, field: FieldInfo) -> str:
    """Return `value`, or only its kind where it is, or may hold, a secret."""
    secret = not field.repr or _section(field) is not None
    if secret or isinstance(value, bool) or not isinstance(value, str | int | float):
        return _kind(value)
    # A URL may carry a password before its host.
    return repr(re.sub(r"//.*@", "//...@", str(value))[:_LONGEST_FOUND])


def _kind(value: object) -> str:
    kinds = {dict: "keys and values", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else "something")


def _known_keys(location: Location) -> str:
    field = _field(location)
    section = _section(field) if field else Settings
    return "one of " + ", ".join(_names(section or Settings))


def _field(location: Location) -> FieldInfo | None:
    """Return the field at `location`, or of the list that it is an item of."""
    section: type[Section] | None = Settings
    field = None
    for name in location:
        if section is None:
            break
        field = _names(section).get(name)
        section = _section(field) if field else None
    return field


def _names(section: type[Section]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _section(field: FieldInfo) -> type[Section] | None:
    for option in (field.annotation, *get_args(field.annotation)):
        if isinstance(option, type) and issubclass(option, Section):
            return option
    return None
