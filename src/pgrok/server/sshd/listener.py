"""The SSH server's listener, and the watch over tokens whose tunnels are live."""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import Sequence
from functools import partial

import structlog

from pgrok.address import Address
from pgrok.errors import StoreUnavailable
from pgrok.protocol import GOING_AWAY
from pgrok.server.decisions import Event
from pgrok.server.members import Members
from pgrok.server.settings import LimitSettings
from pgrok.server.sshd.services import Guest, Services
from pgrok.server.sshd.session import Session
from pgrok.server.store.records import HostKey
from pgrok.transport.admission import Admission
from pgrok.transport.bounds import Bounds
from pgrok.transport.doorway import Doorway
from pgrok.transport.server import Listener, listen
from pgrok.transport.waiting import WaitingRoom

WATCH_SECONDS = 3.0
"""How often the store is asked whether a token was revoked; a live tunnel ends within five."""

log = structlog.get_logger(__name__)


async def start(
    address: Address,
    host_keys: list[HostKey],
    services: Services,
    inherited: Sequence[socket.socket] = (),
) -> Listener:
    """Listen for clients; raises `OSError` if the address is taken.

    Sockets that are `inherited` listen already, and take the place of the address. Of the keys of
    one algorithm the preferred one is presented.
    """
    in_order = sorted(host_keys, key=lambda key: not key.preferred)
    return await listen(
        address,
        host_keys=[key.pem for key in in_order],
        accept=lambda connection: Session(connection, services),
        room=_room(services.limits),
        bounds=_bounds(services),
        inherited=inherited,
        turned_away=partial(_note_turned_away, services),
    )


def _room(limits: LimitSettings) -> WaitingRoom[Doorway]:
    return WaitingRoom(
        Admission(in_all=limits.half_open, per_address=limits.half_open_per_address),
        in_all=limits.waiting,
        per_address=limits.waiting_per_address,
    )


def _bounds(services: Services) -> Bounds:
    limits, timeouts = services.limits, services.timeouts
    return Bounds(
        waiting=timeouts.waiting,
        login=timeouts.login,
        login_attempts=limits.login_attempts,
        keepalive=timeouts.keepalive,
        unanswered_keepalives=limits.unanswered_keepalives,
        channels=limits.channels_per_connection,
    )


def _note_turned_away(services: Services, address: str, reason: str) -> None:
    services.counts.handshakes["turned away"] += 1
    services.decisions.refused(Event.CLIENT, reason, peer=address)


def naming_secret(host_keys: list[HostKey]) -> bytes:
    """Return a secret of this server that stays as long as its host keys do."""
    pem = min(key.pem for key in host_keys)
    return hmac.new(pem, b"alternative tunnel names", "sha256").digest()


async def watch_tokens(services: Services) -> None:
    """End the sessions whose token was revoked or has expired, for as long as the daemon runs.

    Raises `StoreBusy` if another daemon has taken the database over.
    """
    seen = -1
    while True:
        try:
            await services.store.wait_for_change(WATCH_SECONDS)
            version = await services.store.version()
            await _end_invalid(services, all_of_them=version != seen)
            seen = version
            await services.store.tokens.flush()
        except StoreUnavailable as error:
            # Tunnels that are up stay up; the next round asks again.
            log.warning("tokens not watched", reason=str(error))
            await asyncio.sleep(WATCH_SECONDS)


async def _end_invalid(services: Services, *, all_of_them: bool) -> None:
    now = services.clock()
    sessions = [session for session in services.sessions if session.login is not None]
    invalid = [s for s in sessions if s.login and s.login.expires_at and s.login.expires_at <= now]
    if all_of_them and sessions:
        valid = await services.store.tokens.valid({s.login.token_id for s in sessions if s.login})
        invalid += [s for s in sessions if s.login and s.login.token_id not in valid]
    for session in invalid:
        log.info("token no longer holds", person=session.login.person.name if session.login else "")
        session.end("the token was revoked or has expired")


def say_goodbye(sessions: Members[Guest]) -> None:
    """Tell every client that the server goes away, so that it comes back soon."""
    for session in sessions:
        session.end(GOING_AWAY)
