"""Public TCP ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.daemon import Daemon
from support.origin import Origin
from support.payload import digest, payload
from support.ports import is_free
from support.processes import until
from support.visitor import echo, port_of, talk

DATA = payload(2_000_000)


@pytest.mark.parametrize("kind", ["pgrok", "go"])
def test_bytes_come_back(
    kind: str, daemon: Daemon, start: Callable[..., Any], origin: Origin
) -> None:
    url = start(kind, origin.echo, "tcp").url()
    assert url.startswith("tcp://localhost:")
    assert port_of(url) in daemon.tcp
    assert echo(port_of(url), DATA) == DATA


def test_the_end_of_one_direction_leaves_the_other_open(
    start: Callable[..., Any], origin: Origin
) -> None:
    url = start("pgrok", origin.digest, "tcp").url()
    assert talk(port_of(url), DATA) == digest([DATA]).encode()


@pytest.mark.parametrize("kind", ["pgrok", "go"])
def test_a_person_gets_the_same_port_again(
    kind: str, start: Callable[..., Any], origin: Origin
) -> None:
    with start(kind, origin.echo, "tcp") as first:
        port = port_of(first.url())
    until(lambda: is_free(port), "the port is free again")
    assert port_of(start(kind, origin.echo, "tcp").url()) == port


def test_an_http_tunnel_opens_no_port(
    daemon: Daemon, start: Callable[..., Any], origin: Origin
) -> None:
    taken = [port for port in daemon.tcp if not is_free(port)]
    start("pgrok", origin.http).url()
    assert [port for port in daemon.tcp if not is_free(port)] == taken
