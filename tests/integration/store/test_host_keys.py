from __future__ import annotations

import asyncssh

from pgrok.server.store import Store


async def test_a_new_server_has_two_keys(store: Store) -> None:
    keys = await store.host_keys.all()
    assert [key.algorithm for key in keys] == ["ssh-ed25519", "ssh-rsa"]
    assert all(key.preferred for key in keys)


async def test_ssh_reads_the_keys_and_agrees_on_their_fingerprints(store: Store) -> None:
    for key in await store.host_keys.all():
        read = asyncssh.import_private_key(key.pem)
        assert (read.get_algorithm(), read.get_fingerprint()) == (key.algorithm, key.fingerprint)


async def test_keys_are_made_once(store: Store, second_store: Store) -> None:
    assert await store.host_keys.all() == await second_store.host_keys.all()
