"""Reading settings: defaults, then the file, then the environment; every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pgrok.errors import ConfigError, ConfigProblem
from pgrok.server.settings.clashes import clashes
from pgrok.server.settings.models import Settings
from pgrok.server.settings.reading import kind, read
from pgrok.server.settings.section import Section

Location = tuple[str, ...]

PREFIX = "PGROKD_"
LEVEL = "__"

ENVIRONMENT = "environment"
"""Where a setting stands that no file has."""

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
    tree = read(path) if path else {}
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
    where = str(path) if path else ENVIRONMENT
    problems += [ConfigProblem(where, *clash) for clash in clashes(settings)]
    if problems:
        raise ConfigError(problems)
    return settings


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
        found, expected = _found_and_expected(details, location)
        if value is None and not location[-1].isdigit():
            found = "nothing"
        where, key = str(path or ENVIRONMENT), ".".join(location)
        # A variable that begins so counts where nothing else stands there: an unknown section.
        for name in variables:
            in_unknown_section = name[: len(location)] == location and isinstance(value, dict)
            if location[: len(name)] == name or in_unknown_section:
                where, key = ENVIRONMENT, PREFIX + LEVEL.join(name).upper()
                break
        yield ConfigProblem(where, key, found, expected)


def _found_and_expected(details: ErrorDetails, location: Location) -> tuple[str, str]:
    if details["type"] in {"extra_forbidden", "invalid_key"}:
        return "an unknown key", _known_keys(location[:-1])
    field = _field(location)
    if field is None:
        return kind(details["input"]), "keys and values"
    if details["type"] == "expected":
        return _shown(details["input"], field), details["msg"]
    return _shown(details["input"], field), field.description or "keys and values"


def _shown(value: object, field: FieldInfo) -> str:
    """Return `value`, or only its kind where it is, or may hold, a secret."""
    secret = not field.repr or _section(field) is not None
    if secret or isinstance(value, bool) or not isinstance(value, str | int | float):
        return kind(value)
    # A URL may carry a password before its host.
    return repr(re.sub(r"//.*@", "//...@", str(value))[:_LONGEST_FOUND])


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
