"""What single settings may be; each description says what is expected where one is wrong."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import platformdirs
from pydantic import AfterValidator, AllowInfNan, BeforeValidator, Field, PlainValidator

from pgrok.address import Address, is_literal_ip, parse_address, parse_target
from pgrok.errors import AddressError

POSTGRESQL_PORT = 5432

type_of_network = ipaddress.IPv4Network | ipaddress.IPv6Network


def host_of(domain: str) -> str:
    """Return `domain` in lower case, without a port."""
    return parse_address(domain, default_port=1).host.lower().rstrip(".")


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("YAML's yes, no, true and false are no numbers")
    return value


def _host(text: str) -> str:
    """Return `text` if it is a host name or an IP address with no port."""
    try:
        if parse_address(text, default_port=1).host != text:
            raise ValueError("a host and nothing more")
    except AddressError as error:
        raise ValueError(str(error)) from None
    return text


def _listen_address(text: str) -> str:
    """Return `text` if it is a host with a port."""
    try:
        parse_address(text)
    except AddressError as error:
        raise ValueError(str(error)) from None
    return text


def _domain(text: str) -> str:
    """Return `text` if it is a host with or without a port."""
    try:
        parse_address(text, default_port=1)
    except AddressError as error:
        raise ValueError(str(error)) from None
    if text.startswith((":", ".", "[")) or text.isdigit() or is_literal_ip(host_of(text)):
        raise ValueError("no name that others can stand before")
    return text.rstrip(".")


def _web_url(text: str) -> str:
    """Return `text` without a trailing slash if it is an http or https URL."""
    if "://" not in text:
        raise ValueError("no scheme")
    try:
        parse_target(text)
    except AddressError as error:
        raise ValueError(str(error)) from None
    return text.strip().rstrip("/")


def _origin(url: str) -> str:
    """Return the URL if it has no path: the dashboard's own paths begin at the root."""
    if parse_target(url).base_path:
        raise ValueError("a path")
    return url


def _database_url(url: str) -> str:
    """Return the URL if it names a kind of database that the store speaks to."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        if parts.netloc or len(parts.path) < 2:
            raise ValueError("no file")
    elif parts.scheme in {"postgresql", "postgres"}:
        _ = parts.port
    else:
        raise ValueError("unknown scheme")
    return url


def _network(value: Any) -> type_of_network:
    return ipaddress.ip_network(str(value).strip(), strict=False)


def _listed(value: Any) -> Any:
    """Split a text at its commas: the environment has no lists."""
    return value.split(",") if isinstance(value, str) else value


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


Number = Annotated[int, BeforeValidator(_not_bool)]
Seconds = Annotated[float, BeforeValidator(_not_bool), AllowInfNan(False)]
Port = Annotated[
    int,
    BeforeValidator(_not_bool),
    Field(ge=0, le=65535, description="a port from 1 to 65535, or 0 for any free one"),
]
RangePort = Annotated[
    int,
    BeforeValidator(_not_bool),
    Field(ge=1, le=65535, description="a port from 1 to 65535"),
]
Host = Annotated[
    str, AfterValidator(_host), Field(description="a host name or an IP address to listen on")
]
ListenAddress = Annotated[str, AfterValidator(_listen_address)]
Domain = Annotated[
    str,
    AfterValidator(_domain),
    Field(description="a domain such as example.com, with :PORT where visitors have to type one"),
]
WebURL = Annotated[
    str,
    AfterValidator(_web_url),
    Field(description="a URL that begins with http:// or https://, such as https://example.com"),
]
OriginURL = Annotated[
    str,
    AfterValidator(_web_url),
    AfterValidator(_origin),
    Field(description="a URL without a path, such as https://example.com"),
]
DatabaseURL = Annotated[str, AfterValidator(_database_url)]
Network = Annotated[
    type_of_network,
    PlainValidator(_network),
    Field(description="an IP address or network such as 10.0.0.0/8"),
]
Networks = Annotated[
    tuple[Network, ...],
    BeforeValidator(_listed),
    Field(description="a list of IP addresses or networks such as 10.0.0.0/8"),
]
Claim = Annotated[str, Field(min_length=1, description="the name of a claim, such as email")]
OptionalHost = Annotated[Host | None, BeforeValidator(_none_if_empty)]
OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty), Field(description="a text")]


def data_folder() -> Path:
    """Return the folder for a server's data that belongs to the user who runs it."""
    return platformdirs.user_data_path("pgrok", appauthor=False)


def database_url(parts: dict[str, Any]) -> str:
    """Return the URL of the PostgreSQL database that `parts` name, else of SQLite.

    `parts` are the other keys of the section `database`.
    """
    host = parts.get("host")
    if host is None:
        return f"sqlite:///{data_folder() / 'pgrokd.db'}"
    password = parts.get("password")
    login = quote(parts.get("user") or "", safe="")
    if password is not None and password.get_secret_value():
        login += ":" + quote(password.get_secret_value(), safe="")
    place = f"{login}@" if login else ""
    port = parts.get("port") or POSTGRESQL_PORT
    database = quote(parts.get("database") or "", safe="")
    if host.startswith("/"):
        return f"postgresql://{place}/{database}?host={quote(host)}&port={port}"
    return f"postgresql://{place}{Address(host, port)}/{database}"
