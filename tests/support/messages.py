"""SSH messages to try on whoever reads them: those that make sense, and what is left of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import asyncssh
from asyncssh import constants as ssh
from asyncssh.channel import SSHServerChannel
from asyncssh.packet import Boolean, String, UInt32
from hypothesis import strategies as st

from pgrok.protocol import Hint, TunnelKind
from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.server import ServerConnection

Message = tuple[int, bytes]
Bytes = st.SearchStrategy[bytes]
Messages = st.SearchStrategy[Message]

NUMBERS = (0, 1, 2, 3, 80, 1023, 1024, 2**15, 2**18, 2**31, 2**32 - 1)


def names(*suffixes: str) -> list[bytes]:
    """Return every name that finds a handler of asyncssh's or ours by that suffix."""
    found = set(_names(suffixes)) | {"", "no-such-thing", "x" * 300}
    return sorted(name.encode() for name in found)


def _names(suffixes: tuple[str, ...]) -> Iterator[str]:
    classes = (ServerConnection, ClientConnection, SSHServerChannel, asyncssh.SSHClientChannel)
    for name in {name for each in classes for name in dir(each)}:
        for suffix in suffixes:
            if found := re.fullmatch(f"_process_(.*)_{suffix}", name):
                yield found[1].replace("_at_", "@").replace("_dot_", ".").replace("_", "-")
                yield found[1]


def joined(*parts: Bytes) -> Bytes:
    """Return what the parts make one behind the other."""
    return st.tuples(*parts).map(b"".join)


octets = st.binary(max_size=40)
boolean = st.booleans().map(Boolean)
number = (st.sampled_from(NUMBERS) | st.integers(0, 2**32 - 1)).map(UInt32)
channel = (st.integers(0, 4) | st.sampled_from(NUMBERS)).map(UInt32)
"""Whichever end numbers them begins at 0, so that small ones are likely to be there."""
text = st.sampled_from([b"", b"localhost", b"\xff\0\x1b[2J\r\n", b"/tmp/x", b"x" * 4000])
string = (text | octets).map(String)
window = st.sampled_from([0, 1, 4096, 2**18, 2**32 - 1]).map(UInt32)
hint = st.sampled_from([Hint(kind, "a" * 32, 1).encode() for kind in TunnelKind])

request = st.sampled_from(names("global_request")).map(String)
request_details = st.one_of(
    octets, hint, joined(string, number), joined(string, st.just(UInt32(0))), string
)
opening = st.sampled_from(names("open")).map(String)
opening_details = st.one_of(octets, joined(string, number, string, number), joined(number, number))
asking = st.sampled_from(names("request")).map(String)
asking_details = st.one_of(
    octets,
    string,
    joined(string, number, number, number, number, string),
    joined(boolean, string, string, number),
    joined(string, string),
    number,
)

VALID: dict[int, Bytes] = {
    ssh.MSG_DISCONNECT: joined(number, string, string),
    ssh.MSG_IGNORE: string,
    ssh.MSG_UNIMPLEMENTED: number,
    ssh.MSG_DEBUG: joined(boolean, string, string),
    ssh.MSG_SERVICE_REQUEST: st.sampled_from([b"ssh-userauth", b"ssh-connection"]).map(String),
    ssh.MSG_EXT_INFO: joined(number, string, string),
    ssh.MSG_KEXINIT: joined(st.binary(min_size=16, max_size=16), *[string] * 10, boolean, number),
    ssh.MSG_NEWKEYS: st.just(b""),
    ssh.MSG_USERAUTH_REQUEST: joined(string, st.just(String("ssh-connection")), string, string),
    ssh.MSG_GLOBAL_REQUEST: joined(request, boolean, request_details),
    ssh.MSG_REQUEST_SUCCESS: st.just(b"") | number,
    ssh.MSG_REQUEST_FAILURE: st.just(b"") | octets,
    ssh.MSG_CHANNEL_OPEN: joined(opening, channel, window, number, opening_details),
    ssh.MSG_CHANNEL_OPEN_CONFIRMATION: joined(channel, channel, window, number),
    ssh.MSG_CHANNEL_OPEN_FAILURE: joined(channel, number, string, string),
    ssh.MSG_CHANNEL_WINDOW_ADJUST: joined(channel, number),
    ssh.MSG_CHANNEL_DATA: joined(channel, string),
    ssh.MSG_CHANNEL_EXTENDED_DATA: joined(channel, number, string),
    ssh.MSG_CHANNEL_EOF: channel,
    ssh.MSG_CHANNEL_CLOSE: channel,
    ssh.MSG_CHANNEL_REQUEST: joined(channel, asking, boolean, asking_details),
    ssh.MSG_CHANNEL_SUCCESS: channel,
    ssh.MSG_CHANNEL_FAILURE: channel,
}

FREQUENT = (
    ssh.MSG_GLOBAL_REQUEST,
    ssh.MSG_CHANNEL_OPEN,
    ssh.MSG_CHANNEL_OPEN_CONFIRMATION,
    ssh.MSG_CHANNEL_DATA,
    ssh.MSG_CHANNEL_REQUEST,
)
"""What most can be done with."""


@st.composite
def mutated(draw: st.DrawFn, payload: Bytes) -> bytes:
    """Return a payload, mostly as it was made, else cut short, with more behind it, or changed."""
    whole = draw(payload)
    change = draw(st.sampled_from(["none", "none", "none", "cut", "more", "one octet"]))
    if change == "more":
        return whole + draw(octets)
    if change == "none" or not whole:
        return whole
    place = draw(st.integers(0, len(whole) - 1))
    if change == "cut":
        return whole[:place]
    return whole[:place] + bytes([draw(st.integers(0, 255))]) + whole[place + 1 :]


def of_kind(kind: int) -> Messages:
    """Return messages with that number."""
    return st.tuples(st.just(kind), mutated(VALID[kind]))


message: Messages = st.one_of(
    st.sampled_from(FREQUENT).flatmap(of_kind),
    st.sampled_from(sorted(VALID)).flatmap(of_kind),
    st.tuples(st.integers(1, 255), octets),
)
