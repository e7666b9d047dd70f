from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from pgrok.server.settings import (
    DatabaseSettings,
    MetricsSettings,
    ProxySettings,
    Settings,
    SSHDSettings,
    TCPSettings,
    WebSettings,
)


@pytest.mark.parametrize(
    ("domain", "host_domain", "public_url"),
    [
        ("example.com", "example.com", "https://bob.example.com"),
        ("Example.com:8443", "example.com", "https://bob.Example.com:8443"),
        ("localhost:3000", "localhost", "https://bob.localhost:3000"),
        ("example.com.", "example.com", "https://bob.example.com"),
    ],
)
def test_the_domain_keeps_its_port_for_urls_only(
    domain: str, host_domain: str, public_url: str
) -> None:
    proxy = ProxySettings(scheme="https", domain=domain)
    assert proxy.host_domain == host_domain
    assert proxy.public_url("bob") == public_url
    assert proxy.tcp.tcp_url(10086) == f"tcp://{host_domain}:10086"


def test_tcp_follows_the_proxy_unless_it_says_otherwise() -> None:
    proxy = ProxySettings(host="10.0.0.1", tcp=TCPSettings(domain="tcp.example.com"))
    assert (proxy.tcp.host, proxy.tcp.domain) == ("10.0.0.1", "tcp.example.com")


def test_defaults_follow_the_ports() -> None:
    settings = Settings(web=WebSettings(port=8080), proxy=ProxySettings(port=8081))
    assert settings.external_url == "http://localhost:8080"
    assert settings.proxy.domain == "localhost:8081"


@pytest.mark.parametrize(
    ("external_url", "address"),
    [
        ("https://example.com/", "example.com:2222"),
        ("http://[::1]:3320", "[::1]:2222"),
        ("https://example.com:8443", "example.com:2222"),
    ],
)
def test_clients_connect_to_the_host_of_the_external_url(external_url: str, address: str) -> None:
    settings = Settings(external_url=external_url, sshd=SSHDSettings(port=2222))
    assert settings.client_address == address
    assert not settings.external_url.endswith("/")


def test_the_servers_own_labels_are_those_under_the_domain() -> None:
    proxy = ProxySettings(domain="example.com:8443", tcp=TCPSettings(domain="raw.example.com"))
    settings = Settings(external_url="https://Dash.example.com", proxy=proxy)
    assert settings.own_labels == {"dash", "raw"}
    assert Settings(external_url="https://example.com", proxy=proxy).own_labels == {"raw"}
    assert Settings().own_labels == set()


@pytest.mark.parametrize(
    ("database", "url"),
    [
        (DatabaseSettings(host="db"), "postgresql://db:5432/"),
        (
            DatabaseSettings(
                host="::1", port=1, user="a@b", password=SecretStr("p/w:#?"), database="d b"
            ),
            "postgresql://a%40b:p%2Fw%3A%23%3F@[::1]:1/d%20b",
        ),
        (
            DatabaseSettings(host="/var/run/postgresql", user="u", database="d"),
            "postgresql://u@/d?host=/var/run/postgresql&port=5432",
        ),
        (DatabaseSettings(url="sqlite:///pgrokd.db"), "sqlite:///pgrokd.db"),
    ],
)
def test_the_parts_make_a_url(database: DatabaseSettings, url: str) -> None:
    assert database.url == url
    assert "p/w" not in repr(database)
    assert "p%2Fw" not in repr(database)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().external_url = "http://example.com"


LONG = "sixteen or more letters"


@pytest.mark.parametrize("listen", ["127.0.0.1:9321", "[::1]:9321", "127.9.9.9:1", "localhost:1"])
def test_metrics_may_be_for_this_machine(listen: str) -> None:
    assert MetricsSettings.model_validate({"listen": listen}).listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:9321", "192.0.2.1:9321", "metrics.example.com:9321"])
def test_metrics_for_others_want_a_token(listen: str) -> None:
    with pytest.raises(ValidationError, match=r"metrics\.token"):
        MetricsSettings.model_validate({"listen": listen})
    assert MetricsSettings.model_validate({"listen": listen, "token": LONG}).listen == listen


@pytest.mark.parametrize(
    "settings", [{"token": "short"}, {"token": ""}, {"listen": "127.0.0.1"}, {"listen": "a:b"}]
)
def test_other_metrics_are_none(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MetricsSettings.model_validate(settings)
