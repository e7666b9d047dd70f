"""What the client is set to: `pgrok.yml`, and what was typed over it.

Pure but for reading the one file. Every problem is found before any is reported.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, InstanceOf, SecretStr, ValidationError

from pgrok.address import Address, parse_address, parse_target
from pgrok.client import settings_file
from pgrok.client.files import open_to_others, settings_path
from pgrok.client.targets import DYNAMIC_FORWARDS, Forward, Rules, parse_forwards
from pgrok.errors import AddressError, ConfigError, ConfigProblem

DEFAULT_SSH_PORT = 2222
"""The port of `remote_addr` where it names none: the original server's."""

COMMAND_LINE = "command line or environment"
"""Where a problem is said to be whose value does not come from a file."""

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")

_EXPECTED = {
    "remote_addr": "the server's HOST:PORT, for example example.com:2222",
    "token": "the token that the server's dashboard shows",
    "forward_addr": "an address such as 8080, localhost:8080 or http://localhost:8080/base",
    "fingerprint": "the SHA256:... that the server's dashboard shows",
    DYNAMIC_FORWARDS: "a text block with one `PREFIX URL` a line",
}


def _remote_address(value: object) -> Address:
    try:
        return parse_address(_text(value), default_port=DEFAULT_SSH_PORT)
    except AddressError as error:
        raise ValueError(error) from None


def _forward_address(value: object) -> str:
    try:
        parse_target(_text(value))
    except AddressError as error:
        raise ValueError(error) from None
    return _text(value)


def _token(value: object) -> str:
    token = _text(value)
    if not token.isprintable() or " " in token:
        raise ValueError("no token holds spaces or control characters")
    return token


def _fingerprints(value: object) -> tuple[str, ...]:
    words = tuple(word.rstrip("=") for word in _text(value).split())
    if not all(_FINGERPRINT.fullmatch(word) for word in words):
        raise ValueError("no fingerprint as OpenSSH writes it")
    return words


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a single text was expected")
    return value.strip()


class Settings(BaseModel):
    """The client's settings, checked; immutable."""

    # The original's client ignores keys it does not know, and one file may serve it and
    # several versions of ours: an unknown key is a warning (see `load`), not an error.
    model_config = ConfigDict(frozen=True, extra="ignore")

    remote_addr: Annotated[InstanceOf[Address], BeforeValidator(_remote_address)]
    token: Annotated[SecretStr, BeforeValidator(_token)]
    forward_addr: Annotated[str | None, BeforeValidator(_forward_address)] = None
    fingerprint: Annotated[tuple[str, ...], BeforeValidator(_fingerprints)] = ()
    dynamic_forwards: tuple[InstanceOf[Forward], ...] = ()

    def http_rules(self) -> Rules:
        """Return where an http tunnel's requests go; raise `ConfigError` if that is not said."""
        if self.forward_addr is None:
            raise _forward_error("nothing", "an address, for example `pgrok http 3000`")
        return Rules(parse_target(self.forward_addr), self.dynamic_forwards)

    def tcp_target(self) -> Address:
        """Return where a tcp tunnel's connections go; raise `ConfigError` if that is not said."""
        expected = "HOST:PORT for a tcp tunnel, for example `pgrok tcp 5432`"
        if self.forward_addr is None:
            raise _forward_error("nothing", expected)
        try:
            return parse_address(self.forward_addr)
        except AddressError:
            raise _forward_error(repr(self.forward_addr), expected) from None


def load(path: Path | None, overrides: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings, and warnings about their file.

    A `path` that is given must exist; without one the file is searched for and may be missing.
    `overrides` win over the file. Raises `ConfigError` with all problems at once.
    """
    file = path or settings_path()
    in_file = settings_file.read(file) if path or file.exists() else {}
    settings = check({**in_file, **overrides}, str(file), typed=overrides)
    return settings, tuple(_warnings(file, in_file))


def check(values: Mapping[str, Any], where: str, *, typed: Collection[str] = ()) -> Settings:
    """Return the settings that `values` make; empty texts count as missing.

    `where` names their source in the `ConfigError` that is raised with all problems, but for
    those keys that were `typed`.
    """
    present = {key: value for key, value in values.items() if value != ""}
    forwards, problems = _forwards(present.get(DYNAMIC_FORWARDS, ""), where)
    try:
        settings = Settings.model_validate({**present, DYNAMIC_FORWARDS: forwards})
    except ValidationError as error:
        for key in (str(detail["loc"][0]) for detail in error.errors()):
            source = COMMAND_LINE if key in typed else where
            problems.append(_problem(key, present.get(key), source))
    if problems:
        raise ConfigError(problems)
    return settings


def check_value(key: str, text: str) -> None:
    """Raise `ConfigError` if the setting `key` cannot be `text`; others are not looked at."""
    try:
        check({key: text}, COMMAND_LINE)
    except ConfigError as error:
        if problems := [problem for problem in error.problems if problem.key == key]:
            raise ConfigError(problems) from None


def _forwards(rules: object, where: str) -> tuple[tuple[Forward, ...], list[ConfigProblem]]:
    if not isinstance(rules, str):
        return (), [_problem(DYNAMIC_FORWARDS, rules, where)]
    try:
        return parse_forwards(rules, where=where), []
    except ConfigError as error:
        return (), list(error.problems)


def _problem(key: str, value: object, where: str) -> ConfigProblem:
    if value is None:
        expected = f"{_EXPECTED[key]}; `pgrok init` asks for it"
        return ConfigProblem(where, key, "nothing", expected)
    found = "something else" if key == "token" else repr(value)[:80]
    return ConfigProblem(where, key, found, _EXPECTED[key])


def _forward_error(found: str, expected: str) -> ConfigError:
    return ConfigError([ConfigProblem(COMMAND_LINE, "forward_addr", found, expected)])


def _warnings(file: Path, in_file: Collection[str]) -> Iterator[str]:
    if "token" in in_file and open_to_others(file):
        yield f"{file} holds a token and others may read it. Close it: chmod 600 {file}"
    for key in in_file:
        if key not in _EXPECTED:
            near = difflib.get_close_matches(str(key), _EXPECTED, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            yield f"{file}: {key} is not a setting of pgrok and is ignored.{meant}"
