"""Addresses that people type: `8080`, `:8080`, `example.com:2222`, `[::1]:80`, `https://host/base`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pgrok.errors import AddressError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_HOST = "localhost"
DEFAULT_PORTS = {"http": 80, "https": 443}

_PORT = re.compile(r"[0-9]{1,9}")
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


@dataclass(frozen=True, slots=True)
class Address:
    """A host, without brackets where it is an IPv6 address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TargetURL:
    """Where a client sends HTTP requests: scheme, address and the path put before theirs.

    `base_path` is empty or begins with a slash and does not end with one.
    """

    scheme: str
    address: Address
    base_path: str = ""

    @property
    def secure(self) -> bool:
        """Whether the target is spoken to over TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        if self.address.port == DEFAULT_PORTS[self.scheme]:
            host = str(self.address).rpartition(":")[0]
        else:
            host = str(self.address)
        return f"{self.scheme}://{host}{self.base_path}"


def parse_port(text: str) -> int:
    """Return the port that `text` names, 1 to 65535; raise `AddressError` if it names none."""
    if not (_PORT.fullmatch(text) and 1 <= int(text) <= 65535):
        raise AddressError(f"{text[:40]!r} is not a port: expected a number from 1 to 65535")
    return int(text)


def parse_address(text: str, *, default_port: int | None = None) -> Address:
    """Return the address that `text` names.

    A bare port (`8080`, `:8080`) means that port on localhost. A bare host takes
    `default_port`. IPv6 addresses with a port stand in brackets. Raises `AddressError`.
    """
    text = text.strip()
    if not text:
        raise AddressError("there is no address: expected HOST:PORT")
    if text.isascii() and text.isdigit():
        return Address(DEFAULT_HOST, parse_port(text))
    host, port = _split_port(text)
    if port is None and default_port is None:
        raise AddressError(f"{text!r} has no port: expected HOST:PORT, for example {text}:8080")
    return Address(
        _checked_host(host or DEFAULT_HOST, text),
        parse_port(port) if port is not None else default_port or 0,
    )


def parse_target(text: str) -> TargetURL:
    """Return the HTTP target that `text` names; without a scheme it is plain http.

    Raises `AddressError` for another scheme, a user, a query, or a host that is none.
    """
    text = text.strip()
    url = text if "://" in text else f"http://{text.lstrip('/')}"
    scheme, rest = url.split("://", 1)
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise AddressError(f"{text!r}: expected http:// or https://, found {scheme}://")
    if rest.isascii() and rest.partition("/")[0].isdigit():
        rest = f":{rest}"
    try:
        parts = urlsplit(f"//{rest}")
    except ValueError as error:
        raise AddressError(f"{text!r} is not a URL: {error}") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise AddressError(f"{text!r}: expected SCHEME://HOST:PORT/PATH and nothing more")
    if not parts.netloc:
        raise AddressError(f"{text!r} names no host: expected SCHEME://HOST:PORT")
    address = parse_address(parts.netloc, default_port=DEFAULT_PORTS[scheme])
    return TargetURL(scheme, address, _checked_path(parts.path, text))


def is_literal_ip(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an IP address, as a socket names its peer, lies in one of the networks.

    A listener for both families names IPv4 peers by mapped addresses (RFC 4291 2.5.5.2).
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return any(mapped in network for network in networks)


def _split_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressError(f"{text!r}: expected [IPV6]:PORT")
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        if is_literal_ip(text):
            return text, None
        raise AddressError(f"{text!r}: an IPv6 address with a port is written [ADDRESS]:PORT")
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _checked_host(host: str, text: str) -> str:
    if is_literal_ip(host) or _HOST_NAME.fullmatch(host):
        return host
    raise AddressError(f"{text!r}: {host!r} is neither a host name nor an IP address")


def _checked_path(path: str, text: str) -> str:
    path = path.rstrip("/")
    if not path.isascii() or any(c <= " " or c == "\x7f" for c in path):
        raise AddressError(f"{text!r}: write the path percent-encoded, without spaces")
    return path
