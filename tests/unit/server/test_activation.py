"""Sockets that somebody else opened; the descriptors are real, and nothing connects to them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgrok.errors import UsageError
from pgrok.server import activation

PID = 4242


@pytest.fixture
def descriptors() -> Iterator[list[int]]:
    """Two listening sockets, under numbers that follow each other, as systemd's do."""
    begin = 200
    for number in (begin, begin + 1):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            os.dup2(listening.fileno(), number)
    yield [begin, begin + 1]
    os.closerange(begin, begin + 2)


def environment(**changes: str) -> dict[str, str]:
    return {
        "LISTEN_PID": str(PID),
        "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": "proxy:sshd",
        "HOME": "/root",
        **changes,
    }


def test_sockets_come_by_name_and_only_once(descriptors: list[int]) -> None:
    environ = environment()
    taken = activation.take(environ, PID, first=descriptors[0])
    assert {name: len(sockets) for name, sockets in taken.items()} == {"proxy": 1, "sshd": 1}
    for name, descriptor in zip(("proxy", "sshd"), descriptors, strict=True):
        (listening,) = taken[name]
        with listening:
            assert listening.fileno() == descriptor
            assert not listening.get_inheritable()
            assert activation.address_of(listening).host == "127.0.0.1"
    assert environ == {"HOME": "/root"}


def test_one_name_may_have_several(descriptors: list[int]) -> None:
    environ = environment(LISTEN_FDNAMES="proxy:proxy")
    (both,) = activation.take(environ, PID, first=descriptors[0]).values()
    assert len(both) == 2
    for listening in both:
        listening.close()


@pytest.mark.parametrize(
    "changes", [{"LISTEN_PID": "1"}, {"LISTEN_PID": ""}, {"LISTEN_FDS": ""}, {"LISTEN_FDS": "x"}]
)
def test_what_is_meant_for_another_process_is_left_alone(changes: dict[str, str]) -> None:
    assert activation.take(environment(**changes), PID) == {}


@pytest.mark.parametrize("names", ["proxy", "proxy:pgrokd.socket", ""])
def test_a_socket_without_a_known_name_is_refused(names: str, descriptors: list[int]) -> None:
    with pytest.raises(UsageError, match="FileDescriptorName"):
        activation.take(environment(LISTEN_FDNAMES=names), PID, first=descriptors[0])


def test_only_listening_sockets_will_do() -> None:
    with socket.socket() as idle, pytest.raises(UsageError, match="ListenStream"):
        activation.take(environment(LISTEN_FDS="1"), PID, first=os.dup(idle.fileno()))


def test_a_file_is_no_socket() -> None:
    with Path(os.devnull).open() as file, pytest.raises(UsageError, match="no socket"):
        activation.take(environment(LISTEN_FDS="1"), PID, first=os.dup(file.fileno()))
