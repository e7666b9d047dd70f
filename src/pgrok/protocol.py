"""What client and server say to each other besides RFC 4254: `hint` and `server-info`.

Both are SSH global requests with a JSON payload, and their failures carry a text, which
RFC 4254 does not forbid and every client ignores or prints.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pgrok.errors import RemoteProtocolError

HINT = "hint"
SERVER_INFO = "server-info"

MAX_PAYLOAD = 4096
"""Bytes that a payload of either request may have."""

REPLACED = "replaced"
"""Reason of the DISCONNECT that a client gets whose name another one took."""

GOING_AWAY = "going away"
"""Reason of the DISCONNECT with which a draining server says goodbye."""

_INSTANCE = re.compile(r"[0-9a-f]{32}")


class TunnelKind(StrEnum):
    """What a tunnel carries."""

    HTTP = "http"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Hint:
    """What a client says of itself before it asks for a tunnel.

    `instance` (32 hex digits, random per process) and `generation` (rising with every
    connection attempt) tell a returning client from its own ghost. Clients other than ours
    send neither.
    """

    kind: TunnelKind = TunnelKind.HTTP
    instance: str | None = None
    generation: int = 0

    def encode(self) -> bytes:
        """Return the payload of a `hint` request."""
        fields: dict[str, Any] = {"protocol": self.kind.value}
        if self.instance is not None:
            fields |= {"instance": self.instance, "generation": self.generation}
        return json.dumps(fields).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Hint:
        """Read a `hint` payload; raise `RemoteProtocolError` whose text goes to the client."""
        fields = _decode_object(payload)
        kind = _decode_kind(fields.get("protocol", ""))
        instance, generation = fields.get("instance"), fields.get("generation", 0)
        if instance is None:
            return cls(kind)
        if not (isinstance(instance, str) and _INSTANCE.fullmatch(instance)):
            raise RemoteProtocolError("instance: expected 32 hexadecimal digits")
        if type(generation) is not int or not 0 <= generation < 2**63:
            raise RemoteProtocolError("generation: expected a number from 0")
        return cls(kind, instance, generation)


@dataclass(frozen=True, slots=True)
class ServerInfoRequest:
    """A client's question where its tunnel is; an empty payload leaves the kind open."""

    kind: TunnelKind | None = None

    def encode(self) -> bytes:
        """Return the payload of a `server-info` request."""
        return json.dumps({"protocol": self.kind.value}).encode() if self.kind else b""

    @classmethod
    def decode(cls, payload: bytes) -> ServerInfoRequest:
        """Read the payload; raise `RemoteProtocolError` whose text goes to the client."""
        if not payload:
            return cls()
        kind = _decode_object(payload).get("protocol", "")
        return cls(_decode_kind(kind)) if kind != "" else cls()


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The answer: the public URL of the tunnel, `http(s)://host[:port]` or `tcp://host:port`."""

    host_url: str

    def encode(self) -> bytes:
        """Return the payload of a successful answer."""
        return json.dumps({"host_url": self.host_url}).encode()

    @classmethod
    def decode(cls, payload: bytes) -> ServerInfo:
        """Read the answer; raise `RemoteProtocolError` if it holds no printable URL."""
        host_url = _decode_object(payload).get("host_url")
        if not isinstance(host_url, str) or not host_url.isprintable() or "://" not in host_url:
            raise RemoteProtocolError("server-info: expected a host_url")
        return cls(host_url)


def _decode_object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD:
        raise RemoteProtocolError(f"payload: expected at most {MAX_PAYLOAD} bytes")
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        raise RemoteProtocolError("payload: expected JSON") from None
    if not isinstance(fields, dict):
        raise RemoteProtocolError("payload: expected a JSON object")
    return fields


def _decode_kind(name: object) -> TunnelKind:
    for kind in TunnelKind:
        if kind.value == name:
            return kind
    raise RemoteProtocolError(f"unsupported protocol: {str(name)[:40]!r}")
