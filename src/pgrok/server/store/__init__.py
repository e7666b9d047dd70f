"""What outlives a restart: people, tokens, host keys, sessions, ports. SQL lives here only."""

from __future__ import annotations

from pgrok.server.store.database import Store
from pgrok.server.store.records import (
    HostKey,
    Identity,
    Login,
    Person,
    Session,
    SignIn,
    Token,
)

__all__ = ["HostKey", "Identity", "Login", "Person", "Session", "SignIn", "Store", "Token"]
