from __future__ import annotations

import logging

import pytest

from pgrok.transport.ssh.quiet import LOGGER


class Expensive:
    """Notes when it is made a text of."""

    def __init__(self) -> None:
        self.shown = 0

    def __str__(self) -> str:
        self.shown += 1
        return "expensive"


def test_what_nobody_wants_is_not_formatted(caplog: pytest.LogCaptureFixture) -> None:
    thing = Expensive()
    with caplog.at_level(logging.WARNING, "asyncssh"):
        LOGGER.info("%s", [thing])
        LOGGER.debug1("%s", [thing])
    assert thing.shown == 0
    assert caplog.text == ""


def test_what_is_wanted_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "asyncssh"):
        LOGGER.debug1("from %s", ("192.0.2.1", 80))
    assert "from 192.0.2.1, port 80" in caplog.text
