"""The units for systemd fit the example of a settings file, and what the server takes."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

from pgrok.server.activation import NAMES
from pgrok.server.rooms import LAST_WRITES_SECONDS
from pgrok.server.settings import Settings, load
from pgrok.server.store.engine import TRANSACTION_TIMEOUT

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "deploy/systemd"
SETTINGS = load(ROOT / "pgrokd.example.yml", {})


def unit(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser


def address(settings: Settings, name: str) -> str:
    section = getattr(settings, name)
    return f"{section.host}:{section.port}"


@pytest.mark.parametrize("name", ["web", "proxy", "sshd"])
def test_a_socket_unit_opens_what_the_example_says(name: str) -> None:
    socket = unit(f"pgrokd-{name}.socket")["Socket"]
    assert name in NAMES
    assert socket["FileDescriptorName"] == name
    assert socket["ListenStream"] == address(SETTINGS, name)
    assert socket["Service"] == "pgrokd.service"


def test_the_service_has_the_time_that_a_drain_takes() -> None:
    service = unit("pgrokd.service")["Service"]
    timeouts = SETTINGS.timeouts
    # One after the other, though clients say goodbye while the last is written.
    writing = LAST_WRITES_SECONDS + TRANSACTION_TIMEOUT
    assert int(service["TimeoutStopSec"]) > timeouts.drain + timeouts.goodbye + writing
