from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgrok.descriptors import are_exhausted, make_room


@pytest.fixture(autouse=True)
def few() -> Iterator[int]:
    """Let this process have few more descriptors than it has; return how many."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = max(int(path.name) for path in Path("/dev/fd").iterdir()) + 50
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, before[1]))
    yield low
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_wanted(few: int) -> None:
    assert make_room(few + 10) == few + 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few + 10


def test_it_is_never_lowered(few: int) -> None:
    assert make_room(few - 10) == few


def test_no_further_than_is_allowed() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        assert make_room(most + 1) == most


def test_it_is_known_that_there_are_none() -> None:
    taken = []
    assert not are_exhausted()
    try:
        while not are_exhausted():
            taken.append(os.dup(2))
        assert taken
    finally:
        for descriptor in taken:
            os.close(descriptor)
    assert not are_exhausted()
