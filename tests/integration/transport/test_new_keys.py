"""New keys on a connection that is in use: what is sent right behind NEWKEYS is read with them."""

from __future__ import annotations

import pytest
from asyncssh import constants as ssh
from asyncssh.packet import Boolean, String

from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.gcm import PacketCipher
from support.channels import Noting
from support.conditions import until
from support.payload import payload
from support.replay import given_to_asyncssh
from support.transport import channels, serving

GCM, LARGE_GCM, CTR = "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr"

CIPHERS = [(GCM,), (LARGE_GCM,), (CTR,), (CTR, GCM), (CTR, CTR), (LARGE_GCM, CTR, LARGE_GCM)]

DEBUG = Boolean(False) + String("x") + String("")


def begin_exchange(connection: ClientConnection, cipher: str) -> None:
    """Ask for new keys, and for this cipher with them."""
    connection._enc_algs = [cipher.encode()]
    connection._send_kexinit()
    connection._kexinit_sent = True


async def talk(near: Noting, far: Noting, data: bytes) -> None:
    """Send a payload each way, in several packets that are sent as soon as they may be."""
    assert near.transport
    assert far.transport
    before = len(near.data)
    near.transport.write(data)
    far.transport.write(data[::-1])
    await until(lambda: len(far.data) == len(near.data) == before + len(data))
    assert far.data[before:] == data
    assert near.data[before:] == data[::-1]


@pytest.mark.parametrize("length", [100, 100_000])
@pytest.mark.parametrize("ciphers", CIPHERS, ids=" ".join)
async def test_what_follows_them_is_read_with_them(ciphers: tuple[str, ...], length: int) -> None:
    async with serving() as served, channels(served) as (opener, acceptor, connection):
        near = await opener.open()
        (far,) = acceptor.protocols
        for number, cipher in enumerate(ciphers):
            begin_exchange(connection, cipher)
            for end in (connection, opener.connection):
                for _ in range(5):
                    end.send_packet(ssh.MSG_DEBUG, DEBUG)
            await talk(near, far, payload(length, number))
            assert connection._kex_complete
            for end in (connection, opener.connection):
                assert end.get_extra_info("recv_cipher") == cipher
                assert isinstance(end._recv_encryption, PacketCipher) == (cipher != CTR)
            await talk(near, far, payload(length, number))


@pytest.mark.parametrize("renewals", [(), (LARGE_GCM,), (GCM,), (CTR, GCM)], ids=" ".join)
async def test_bulk_goes_past_asyncssh_with_whichever_keys(renewals: tuple[str, ...]) -> None:
    async with serving() as served, channels(served) as (opener, acceptor, connection):
        near = await opener.open()
        (far,) = acceptor.protocols
        ends = (connection, opener.connection)
        for cipher in renewals:
            begin_exchange(connection, cipher)
            await talk(near, far, payload(100))
        for end in ends:
            await end.probe()  # what the exchange and the sign-in left behind has come
        given = [given_to_asyncssh(end) for end in ends]
        for length in (1, 1_000, 3_000_000):
            await talk(near, far, payload(length))
        for end in ends:
            end.measure_round_trip()
        await until(lambda: not any(end._global_request_waiters for end in ends), "answers")
        assert given == [[], []]
