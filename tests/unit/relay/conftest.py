from __future__ import annotations

import pytest

from support.relay import Relay
from support.transports import MemoryTransport


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def visitor(relay: Relay) -> MemoryTransport:
    return relay.visitor()
