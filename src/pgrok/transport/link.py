"""What a channel asks of the SSH connection that it is part of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Buffer = bytes | bytearray | memoryview


class Loop(Protocol):
    """What a channel asks of the event loop."""

    def time(self) -> float:
        """Return the seconds on a clock that does not jump."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> object:
        """Call back in the next step."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> object:
        """Call back after so many seconds."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report an exception that nobody can catch."""


class Channel(Protocol):
    """A channel, as its connection sees it where only its place matters."""

    number: int

    def resume_sending(self) -> None:
        """Send one packet, and wait again if there are more."""


class ChannelLink(Protocol):
    """The connection, as its channels see it."""

    octets_received: int
    """Of data, on all channels so far; each channel adds its own."""

    @property
    def loop(self) -> Loop:
        """The loop that it lives in."""

    @property
    def shortest_round_trip(self) -> float:
        """Seconds to the peer and back when nothing is in the way."""

    @property
    def writable(self) -> bool:
        """Whether data may be sent now."""

    def wait_writable(self, channel: Channel) -> None:
        """Ask for a call of `Channel.resume_sending` once it may."""

    def send_data(self, channel: int, data: Buffer) -> None:
        """Send CHANNEL_DATA on the channel with that number at the peer."""

    @property
    def lent(self) -> memoryview:
        """Room that all channels share, for data that is to be sent at once."""

    def send_lent(self, channel: int, begin: int, octets: int) -> None:
        """Send CHANNEL_DATA with these octets of `lent`; what is before them is lost."""

    def send_window_adjust(self, channel: int, octets: int) -> None:
        """Send CHANNEL_WINDOW_ADJUST."""

    def send_eof(self, channel: int) -> None:
        """Send CHANNEL_EOF."""

    def send_close(self, channel: int) -> None:
        """Send CHANNEL_CLOSE."""

    def forget(self, channel: Channel) -> None:
        """Release the number of a channel on which CLOSE went both ways."""
