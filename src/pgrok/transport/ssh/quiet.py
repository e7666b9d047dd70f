"""asyncssh's log records, which it formats before it asks whether anybody wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncssh.logging import SSHLogger

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection as Base
else:
    Base = object


class Logger(SSHLogger):
    """Asks first."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Make a record if one is wanted."""
        if self.isEnabledFor(level):
            super().log(level, msg, *args, **kwargs)


LOGGER = Logger()
"""Of all connections: to tell them apart, one each would have to be made."""


class Quiet(Base):
    """Mixed into asyncssh's server connection, before it."""

    @property
    def logger(self) -> SSHLogger:
        """What this connection, its key exchange and its sign-in log to."""
        return LOGGER

    def log_sent_packet(self, *_args: Any) -> None:
        """Log nothing: a packet has no log record of its own."""

    def log_received_packet(self, *_args: Any) -> None:
        """Log nothing either."""
