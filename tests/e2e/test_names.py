"""Who gets a name that another tunnel holds, or held (leases)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from support.daemon import Daemon, Person
from support.origin import Origin
from support.visitor import visit

Start = Callable[..., Any]


def is_alternative(url: str, person: Person) -> bool:
    return re.match(rf"http://[0-9a-f]{{32}}-{person.name}\.", url) is not None


@pytest.mark.parametrize(
    ("holder", "newcomer"),
    [
        ("pgrok", "pgrok"),
        ("go", "go"),
        ("ssh", "ssh"),
        ("go", "ssh"),
        ("pgrok", "go"),
        ("ssh", "pgrok"),
    ],
)
def test_a_live_holder_keeps_the_name(
    holder: str, newcomer: str, daemon: Daemon, person: Person, start: Start, origin: Origin
) -> None:
    first = start(holder, origin.http).url()
    second_client = start(newcomer, origin.http)
    second = second_client.url()
    assert first == daemon.public_url(person.name)
    assert is_alternative(second, person)
    if newcomer == "pgrok":
        second_client.wait_for(rf"The name {person.name} is in use by another tunnel of yours")
    assert visit(first).status == visit(second).status == 200


@pytest.mark.parametrize("holder", ["pgrok", "go", "ssh"])
def test_a_killed_holder_leaves_the_name_to_the_next(
    holder: str, daemon: Daemon, person: Person, start: Start, origin: Origin
) -> None:
    with start(holder, origin.http) as first:
        assert first.url() == daemon.public_url(person.name)
    assert start("pgrok", origin.http).url() == daemon.public_url(person.name)


def test_two_people_hold_two_names(
    daemon: Daemon, person: Person, start: Start, starter: Start, origin: Origin
) -> None:
    other = daemon.add(f"not-{person.name}")
    assert start("pgrok", origin.http).url() == daemon.public_url(person.name)
    url = starter("pgrok", daemon.ssh, other.token, origin.http).url()
    assert url == daemon.public_url(other.name)
