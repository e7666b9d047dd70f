"""The tree of errors."""

from __future__ import annotations

import inspect
import re

import pytest

from pgrok import errors
from pgrok.errors import ConfigError, ConfigProblem, PgrokError, RemoteProtocolError

CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception)
}


def drawn() -> dict[str, str]:
    """The classes of the tree in the docstring, with the one that each hangs from."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if branch := re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line):
            depth = len(branch[1]) // 4
            path[depth:] = [branch[2]]
            parents[branch[2]] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    assert drawn() == {name: kind.__mro__[1].__name__ for name, kind in CLASSES.items()}


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_error_is_ours(kind: type[Exception]) -> None:
    assert issubclass(kind, PgrokError)
    assert kind.__doc__


def test_a_settings_error_tells_every_problem() -> None:
    error = ConfigError(
        [
            ConfigProblem("pgrok.yml", "token", "nothing", "a token"),
            ConfigProblem("environment", "proxy.domain", "", "a domain"),
        ]
    )
    assert str(error) == (
        "pgrok.yml: token: found nothing, expected a token\n"
        "environment: proxy.domain: expected a domain"
    )
    assert len(error.problems) == 2


def test_a_peers_error_carries_the_status_to_answer_with() -> None:
    assert RemoteProtocolError("x").status == 400
    assert RemoteProtocolError("x", status=431).status == 431
