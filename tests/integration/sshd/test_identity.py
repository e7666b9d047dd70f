"""Who a client is comes from its token, and from nothing else that it says."""

from __future__ import annotations

import asyncssh
import pytest

from support.house import House

OFFERED = {"config": None, "known_hosts": None, "client_keys": None, "agent_path": None}


@pytest.mark.parametrize("username", ["alice", "alice@example.com", "root", "..", "x" * 200])
async def test_a_user_name_is_no_name(house: House, token: str, username: str) -> None:
    """Whoever calls herself alice with bob's token is bob."""
    await house.person("alice")
    async with asyncssh.connect(
        house.ssh.host, house.ssh.port, username=username, password=token, **OFFERED
    ) as connection:
        await connection.forward_remote_port("alice", 0, "localhost", 1)
        assert [name for _, name in (lease.key for lease in house.daemon.registry)] == ["bob"]


async def test_who_was_removed_is_nobody(house: House, token: str) -> None:
    bob = await house.daemon.store.people.by_name("bob")
    assert bob
    await house.daemon.store.people.remove(bob.id)
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            house.ssh.host, house.ssh.port, username="bob", password=token, **OFFERED
        )
