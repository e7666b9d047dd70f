"""The settings themselves. Their defaults are those of a server without a settings file."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pgrok.address import Address, is_literal_ip, parse_address, parse_target
from pgrok.server.settings.limits import LifetimeSettings, LimitSettings, TimeoutSettings
from pgrok.server.settings.section import Section
from pgrok.server.settings.values import (
    Claim,
    DatabaseURL,
    Domain,
    Host,
    ListenAddress,
    Networks,
    OptionalHost,
    OptionalText,
    OriginURL,
    Port,
    RangePort,
    Seconds,
    WebURL,
    database_url,
    host_of,
)

LOOPBACK = "127.0.0.1"
MIN_TOKEN = 16
LOOPBACK_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class WebSettings(Section):
    """Where the dashboard listens."""

    host: Host = LOOPBACK
    port: Port = 7071


class SSHDSettings(Section):
    """Where clients connect."""

    host: Host = LOOPBACK
    port: Port = 7022


class TCPSettings(Section):
    """Public TCP ports. `domain` and `host`, where they are empty, are the proxy's."""

    domain: OptionalHost = Field(default=None, description="a host name without a port")
    host: OptionalHost = Field(default=None, description="a host name or an IP address")
    port_start: RangePort = 10000
    port_end: RangePort = 15000

    @field_validator("port_end")
    @classmethod
    def _not_empty(cls, end: int, info: ValidationInfo) -> int:
        if end <= info.data.get("port_start", 0):
            raise PydanticCustomError("expected", "a port above proxy.tcp.port_start")
        return end

    def tcp_url(self, port: int) -> str:
        """Return the public URL of `port`."""
        return f"tcp://{Address(self.domain or 'localhost', port)}"


class ProxySettings(Section):
    """The public front: where visitors come in, and under which names."""

    host: Host = LOOPBACK
    port: Port = 7070
    scheme: Literal["http", "https"] = Field(default="http", description="http or https")
    domain: Domain = Field(default_factory=lambda data: f"localhost:{data['port']}")
    trusted_proxies: Networks = LOOPBACK_NETWORKS
    parking_seconds: Seconds = Field(
        default=10.0, ge=0, le=60, description="a number of seconds from 0 to 60"
    )
    tcp: TCPSettings = TCPSettings()

    @field_validator("tcp")
    @classmethod
    def _inherit(cls, tcp: TCPSettings, info: ValidationInfo) -> TCPSettings:
        if not {"host", "domain"} <= info.data.keys():
            return tcp
        domain = tcp.domain or host_of(info.data["domain"])
        return tcp.model_copy(update={"domain": domain, "host": tcp.host or info.data["host"]})

    @property
    def host_domain(self) -> str:
        """The domain as Host headers are matched: lower case, without a port."""
        return host_of(self.domain)

    def public_url(self, label: str) -> str:
        """Return the URL under which visitors reach the tunnel named `label`."""
        return f"{self.scheme}://{label}.{self.domain}"


class DatabaseSettings(Section):
    """The database: a URL, or the parts of a PostgreSQL one, or SQLite in the data folder."""

    user: OptionalText = Field(default=None, description="a PostgreSQL user")
    password: SecretStr | None = Field(default=None, repr=False, description="a text in quotes")
    database: OptionalText = Field(default=None, description="the name of a PostgreSQL database")
    host: OptionalText = Field(
        default=None, description="a host name, or the folder of a Unix socket (begins with /)"
    )
    port: RangePort | None = Field(default=None, description="a port from 1 to 65535")
    url: DatabaseURL = Field(
        default_factory=database_url,
        repr=False,
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
        "special characters percent-encoded",
    )
    """What to open the store with. It may hold the password, so never print it."""

    @field_validator("url")
    @classmethod
    def _one_way(cls, url: str, info: ValidationInfo) -> str:
        given = ", ".join(key for key, value in info.data.items() if value is not None)
        if given and url != database_url(info.data):
            raise PydanticCustomError(
                "expected", "either url or {given}, not both", {"given": given}
            )
        if given and info.data.get("host", "") is None:
            raise PydanticCustomError("expected", "database.host or database.url as well")
        return url


class FieldMapping(Section):
    """Which claims of the identity provider mean what."""

    identifier: Claim
    display_name: OptionalText = Field(default=None, description="the name of a claim")
    email: OptionalText = Field(default=None, description="the name of a claim")


class IdentityProviderSettings(Section):
    """Who says who somebody is: an OpenID Connect provider."""

    type: Literal["oidc"] = Field(description="oidc")
    display_name: str = Field(default="OpenID Connect", description="a text")
    issuer: WebURL
    client_id: str = Field(min_length=1, description="the client id that the provider gave")
    client_secret: SecretStr = Field(
        default=SecretStr(""),
        repr=False,
        description="the secret that the provider gave, in quotes",
    )
    field_mapping: FieldMapping
    required_domain: OptionalText = Field(default=None, description="a domain such as example.com")
    trust_unverified_email: bool = Field(default=False, description="true or false")

    @field_validator("required_domain")
    @classmethod
    def _needs_email(cls, domain: str | None, info: ValidationInfo) -> str | None:
        mapping = info.data.get("field_mapping")
        if domain is not None and mapping is not None and mapping.email is None:
            raise PydanticCustomError("expected", "identity_provider.field_mapping.email beside it")
        return domain.lower() if domain else None


class LogSettings(Section):
    """How log lines look (`auto`: text on a terminal, else JSON) and from which level on."""

    format: Literal["auto", "text", "json"] = Field(
        default="auto", description="auto, text or json"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )


class MetricsSettings(Section):
    """Who may read the metrics, and where; without either setting there are none."""

    token: SecretStr | None = Field(
        default=None, repr=False, description=f"a text of {MIN_TOKEN} characters or more, in quotes"
    )
    listen: ListenAddress | None = Field(
        default=None, description="an address and port to listen on, such as 127.0.0.1:9321"
    )

    @field_validator("token")
    @classmethod
    def _not_guessable(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < MIN_TOKEN:
            raise ValueError("too short")
        return token

    @field_validator("listen")
    @classmethod
    def _not_for_everybody(cls, listen: str | None, info: ValidationInfo) -> str | None:
        if listen is None or info.data.get("token") is not None or _is_loopback(listen):
            return listen
        raise PydanticCustomError("expected", "a loopback address, or metrics.token as well")


def _is_loopback(listen: str) -> bool:
    host = parse_address(listen).host
    if not is_literal_ip(host):
        return host == "localhost"
    return any(ipaddress.ip_address(host) in network for network in LOOPBACK_NETWORKS)


class Settings(Section):
    """Everything the server is set to."""

    web: WebSettings = WebSettings()
    external_url: OriginURL = Field(
        default_factory=lambda data: f"http://localhost:{data['web'].port}"
    )
    proxy: ProxySettings = ProxySettings()
    sshd: SSHDSettings = SSHDSettings()
    database: DatabaseSettings = DatabaseSettings()
    identity_provider: IdentityProviderSettings | None = None
    metrics: MetricsSettings = MetricsSettings()
    limits: LimitSettings = LimitSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    lifetimes: LifetimeSettings = LifetimeSettings()
    log: LogSettings = LogSettings()

    @property
    def client_address(self) -> str:
        """The `host:port` that clients connect to."""
        return str(Address(parse_target(self.external_url).address.host, self.sshd.port))

    @property
    def own_labels(self) -> frozenset[str]:
        """Labels under `proxy.domain` that are the server's own and no person may have."""
        hosts = (urlsplit(self.external_url).hostname or "", self.proxy.tcp.domain or "")
        suffix = f".{self.proxy.host_domain}"
        return frozenset(
            host.lower().removesuffix(suffix) for host in hosts if host.lower().endswith(suffix)
        )
