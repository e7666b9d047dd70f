"""What is made to go wrong with one tunnel, by a signal to its client or in the network."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from soak.troubles import Goodbye, Loss, Trouble
from soak.tunnels import Tunnel
from support.faults import STALLED
from support.faults import Faults as Network

LONGEST = 3.0
"""Seconds that something lasts which costs nothing but time: no deadline of ours is as short."""

HANDSHAKE = 6_000
"""Octets from a client until its tunnel is up, and some more."""

DELAYS = 0.02, 0.2
"""Seconds each way: another country, another continent."""

RATES = 200_000, 2_000_000
"""Octets a second: an old telephone line, a poor radio link."""


async def kill(tunnel: Tunnel, _chance: Random) -> None:
    """The client dies without a word."""
    await tunnel.kill()


async def stop(tunnel: Tunnel, _chance: Random) -> None:
    """Somebody presses Ctrl-C."""
    await tunnel.stop()


async def ghost(tunnel: Tunnel, chance: Random) -> None:
    """The client stops living without its connection's end, and another one takes its place."""
    old = tunnel.process
    old.send(signal.SIGSTOP)
    await tunnel.start()
    await tunnel.back()
    old.send(signal.SIGCONT)
    await asyncio.sleep(chance.uniform(0, LONGEST))
    await tunnel.end(old, signal.SIGKILL)


async def cut(tunnel: Tunnel, _chance: Random) -> None:
    """The network resets the client's connection."""
    tunnel.relay.reset()


async def cut_handshake(tunnel: Tunnel, chance: Random) -> None:
    """The network resets it, and the next one before it is a tunnel."""
    accepted = tunnel.relay.accepted
    tunnel.relay.set(up=Network(cut_after=chance.randrange(HANDSHAKE)))
    tunnel.relay.reset()
    while tunnel.relay.accepted == accepted and tunnel.process.running:
        await asyncio.sleep(0.01)
    await asyncio.sleep(chance.uniform(0, 0.5))
    tunnel.relay.heal()


async def freeze(tunnel: Tunnel, chance: Random) -> None:
    """The client's machine has no time for it."""
    tunnel.process.send(signal.SIGSTOP)
    await asyncio.sleep(chance.uniform(0, LONGEST))
    tunnel.process.send(signal.SIGCONT)


async def stall(tunnel: Tunnel, chance: Random) -> None:
    """Nothing passes, in one direction or both."""
    up, down = chance.choice([(STALLED, STALLED), (STALLED, Network()), (Network(), STALLED)])
    await _suffer(tunnel, chance, up, down)


async def delay(tunnel: Tunnel, chance: Random) -> None:
    """The way is long."""
    far = Network(delay=chance.uniform(*DELAYS))
    await _suffer(tunnel, chance, far, far)


async def throttle(tunnel: Tunnel, chance: Random) -> None:
    """The way is narrow."""
    narrow = Network(rate=chance.uniform(*RATES))
    await _suffer(tunnel, chance, narrow, narrow)


async def _suffer(tunnel: Tunnel, chance: Random, up: Network, down: Network) -> None:
    tunnel.relay.set(up=up, down=down)
    await asyncio.sleep(chance.uniform(0, LONGEST))
    tunnel.relay.heal()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to do to a tunnel, in which its client's connection is lost so often, at most.

    One that `ends_client` leaves it to the caller to start the next; if it is `polite`, the client
    takes leave, if it is of a kind that does. One that `replaces_client` has started it.
    """

    make: Callable[[Tunnel, Random], Awaitable[None]]
    losses: int = 0
    ends_client: bool = False
    polite: bool = False
    replaces_client: bool = False

    @property
    def name(self) -> str:
        """What it is called in the report."""
        return self.make.__name__.replace("_", " ")

    @property
    def survived(self) -> bool:
        """Whether the client lives on."""
        return not (self.ends_client or self.replaces_client)

    def trouble(self, tunnel: Tunnel) -> Trouble:
        """Return what it is to that tunnel, from now on."""
        if not self.losses:
            return Trouble(self.name, tunnel.name)
        kind = Goodbye if self.polite and tunnel.kind.takes_leave else Loss
        return kind(self.name, tunnel.name, losses=self.losses)


FAULTS = (
    Fault(kill, losses=1, ends_client=True),
    Fault(stop, losses=1, ends_client=True, polite=True),
    Fault(ghost, losses=1, replaces_client=True),
    Fault(cut, losses=1),
    Fault(cut_handshake, losses=2),
    Fault(freeze),
    Fault(stall),
    Fault(delay),
    Fault(throttle),
)


def possible(tunnel: Tunnel) -> list[Fault]:
    """Return what may be done to a tunnel: a veteran's client lives from the start to the end."""
    return [fault for fault in FAULTS if fault.survived or not tunnel.veteran]
