from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from pgrok.server import descriptors
from pgrok.server.settings import LimitSettings
from support.conditions import until


def test_a_system_that_allows_too_few_is_told_of_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = {"at most": 2148}
    monkeypatch.setattr(descriptors, "make_room", lambda wanted: min(wanted, allowed["at most"]))
    with capture_logs() as lines:
        descriptors.suffice(LimitSettings(visitors=100))
        assert not lines
        descriptors.suffice(LimitSettings(visitors=101))
    (line,) = lines
    assert (line["log_level"], line["allowed"], line["wanted"]) == ("warning", 2148, 2149)


async def test_the_last_one_is_told_of_once_and_so_is_the_first_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [False, True, True, True, False, False]
    monkeypatch.setattr(descriptors, "LOOK_SECONDS", 0)
    monkeypatch.setattr(descriptors, "are_exhausted", lambda: bool(looks) and looks.pop(0))
    with capture_logs() as lines:
        watching = asyncio.create_task(descriptors.watch())
        await until(lambda: not looks)
        watching.cancel()
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("error", "no file descriptors left"),
        ("info", "file descriptors are free again"),
    ]
