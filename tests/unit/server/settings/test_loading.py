from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgrok.errors import ConfigError
from pgrok.server.settings import Settings, load

SECRET = "hunter2"

ORIGINALS_EXAMPLE = """
external_url: "http://localhost:3320"
web:
  port: 3320
proxy:
  port: 3000
  scheme: "http"
  domain: "localhost:3000"
  tcp:
    domain: ""
    port_start: 10000
    port_end: 15000
sshd:
  port: 2222
database:
  host: "localhost"
  port: 5432
  user: "postgres"
  password: "hunter2"
  database: "pgrokd"
identity_provider:
  type: "oidc"
  display_name: "Google"
  issuer: "https://accounts.google.com"
  client_id: "client"
  client_secret: "hunter2"
  field_mapping:
    identifier: "email"
    display_name: "name"
    email: "email"
  required_domain: "Example.com"
"""

MINIMAL = "proxy: {scheme: http, domain: example.com}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pgrokd.yml"


def read(file: Path, text: str, **environ: str) -> Settings:
    file.write_text(text)
    return load(file, environ)


def problems(file: Path, text: str, **environ: str) -> list[str]:
    """Return what is wrong, without the name of the file."""
    with pytest.raises(ConfigError) as raised:
        read(file, text, **environ)
    return [str(problem).removeprefix(f"{file}: ") for problem in raised.value.problems]


def test_without_a_file_everything_is_on_this_machine() -> None:
    found = load(None, {})
    assert found.external_url == "http://localhost:7071"
    assert (found.web.host, found.web.port) == ("127.0.0.1", 7071)
    assert (found.proxy.host, found.proxy.port) == ("127.0.0.1", 7070)
    assert (found.sshd.host, found.sshd.port) == ("127.0.0.1", 7022)
    assert found.proxy.tcp.host == "127.0.0.1"
    assert found.proxy.public_url("bob") == "http://bob.localhost:7070"
    assert found.client_address == "localhost:7022"
    assert found.database.url.startswith("sqlite:////")
    assert found.identity_provider is None


def test_the_originals_example_means_what_it_meant(file: Path) -> None:
    found = read(file, ORIGINALS_EXAMPLE)
    assert found.external_url == "http://localhost:3320"
    assert [found.web.host, found.proxy.host, found.sshd.host] == ["0.0.0.0"] * 3
    assert found.proxy.public_url("bob") == "http://bob.localhost:3000"
    assert found.proxy.tcp.tcp_url(10086) == "tcp://localhost:10086"
    assert found.database.url == "postgresql://postgres:hunter2@localhost:5432/pgrokd"
    assert found.identity_provider is not None
    assert found.identity_provider.required_domain == "example.com"
    assert found.identity_provider.client_secret.get_secret_value() == SECRET


def test_a_file_says_scheme_and_domain_and_the_rest_is_the_originals(file: Path) -> None:
    found = read(file, MINIMAL)
    assert (found.web.port, found.proxy.port, found.sshd.port) == (3320, 3000, 2222)
    assert found.external_url == "http://localhost:3320"
    assert found.proxy.tcp.host == "0.0.0.0"


def test_a_file_without_scheme_or_domain_is_refused(file: Path) -> None:
    assert problems(file, "web: {port: 80}") == [
        "proxy.scheme: found nothing, expected http or https, as visitors use it",
        "proxy.domain: found nothing, expected the domain whose subdomains are the tunnels,"
        " such as example.com",
    ]


def test_the_environment_wins_over_the_file(file: Path) -> None:
    found = read(
        file,
        MINIMAL + "web: {port: 1000}",
        PGROKD_WEB__PORT="2000",
        PGROKD_PROXY__TCP__PORT_END="20000",
        PGROKD_PROXY__TRUSTED_PROXIES="10.0.0.0/8, ::1",
        PGROKD_DATABASE__HOST="db",
        PGROKD_DATABASE__PASSWORD=SECRET,
        UNRELATED="x",
    )
    assert (found.web.port, found.proxy.tcp.port_end) == (2000, 20000)
    assert found.proxy.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert found.database.url == f"postgresql://:{SECRET}@db:5432/"


def test_the_environment_can_name_what_a_file_must(file: Path) -> None:
    found = read(file, "", PGROKD_PROXY__SCHEME="https", PGROKD_PROXY__DOMAIN="example.com")
    assert found.proxy.public_url("bob") == "https://bob.example.com"


def test_variables_that_kubernetes_sets_are_not_ours() -> None:
    links = {
        "PGROKD_SERVICE_HOST": "10.0.0.1",
        "PGROKD_SERVICE_PORT_WEB": "80",
        "PGROKD_PORT": "tcp://10.0.0.1:80",
        "PGROKD_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert load(None, links) == load(None, {})


def test_every_problem_is_told_at_once(file: Path) -> None:
    text = """
    external_url: example.com
    web: {port: http}
    proxy: {scheme: ftp, domain: "http://example.com", trusted_proxies: [10.0.0.0/8, here]}
    sshd: 2222
    identity_provider: {type: saml, issuer: "https://id", field_mapping: {}, required_domain: x.y}
    log: {level: loud}
    web_port: 80
    """
    assert problems(file, text, PGROKD_PROXY__TCP__PORT_START="0", PGROKD_NO__WHERE="x") == [
        "web.port: found 'http', expected a port from 1 to 65535, or 0 for any free one",
        "external_url: found 'example.com', expected a URL without a path,"
        " such as https://example.com",
        "proxy.scheme: found 'ftp', expected http or https",
        "proxy.domain: found 'http://example.com', expected a domain such as example.com, with"
        " :PORT where visitors have to type one",
        "proxy.trusted_proxies.1: found 'here', expected a list of IP addresses or networks such"
        " as 10.0.0.0/8",
        "environment: PGROKD_PROXY__TCP__PORT_START: found '0', expected a port from 1 to 65535",
        "sshd: found a number, expected keys and values",
        "identity_provider.type: found 'saml', expected oidc",
        "identity_provider.client_id: found nothing, expected the client id that the provider gave",
        "identity_provider.field_mapping.identifier: found nothing, expected the name of a claim,"
        " such as email",
        "log.level: found 'loud', expected debug, info, warning or error",
        "web_port: found an unknown key, expected one of web, external_url, proxy, sshd,"
        " database, identity_provider, metrics, limits, timeouts, lifetimes, log",
        "environment: PGROKD_NO__WHERE: found an unknown key, expected one of web, external_url,"
        " proxy, sshd, database, identity_provider, metrics, limits, timeouts, lifetimes, log",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "identity_provider: {type: oidc, issuer: 'https://id', client_id: c,"
            " field_mapping: {identifier: sub}, required_domain: example.com}",
            "identity_provider.required_domain: found 'example.com',"
            " expected identity_provider.field_mapping.email beside it",
        ),
        (
            "database: {url: 'postgresql://h/d', host: h, password: hunter2}",
            "database.url: found a text, expected either url or password, host, not both",
        ),
        (
            "database: {password: hunter2}",
            "database.url: found nothing, expected database.host or database.url as well",
        ),
        (
            "database: {url: 'mysql://u:hunter2@h/d'}",
            "database.url: found a text, expected sqlite:///FILE or"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded",
        ),
        ("external_url: 'http://'", "external_url: found 'http://', expected a URL without a path,"
         " such as https://example.com"),
        (
            "proxy: {scheme: http, domain: ''}",
            "proxy.domain: found '', expected a domain such as example.com, with :PORT where"
            " visitors have to type one",
        ),
        (
            "proxy: {scheme: http, domain: '192.0.2.1:80'}",
            "proxy.domain: found '192.0.2.1:80', expected a domain such as example.com, with :PORT"
            " where visitors have to type one",
        ),
        (
            "proxy: {scheme: http, domain: x.y, tcp: {port_start: 20000}}",
            "proxy.tcp.port_end: found nothing, expected a port above proxy.tcp.port_start",
        ),
        ("web: {port: true}", "web.port: found true or false, expected a port from 1 to 65535,"
         " or 0 for any free one"),
        ("web: {host: 'localhost:80'}", "web.host: found 'localhost:80', expected a host name or"
         " an IP address to listen on"),
        ("database: hunter2", "database: found a text, expected keys and values"),
        ("database: {pasword: hunter2}", "database.pasword: found an unknown key, expected one of"
         " user, password, database, host, port, url"),
        ("external_url: 'https://u:hunter2@h'", "external_url: found 'https://...@h', expected a"
         " URL without a path, such as https://example.com"),
        (
            "external_url: https://example.com/base",
            "external_url: found 'https://example.com/base', expected a URL without a path, such"
            " as https://example.com",
        ),
        ("1: x", "1: found an unknown key, expected one of web, external_url, proxy, sshd,"
         " database, identity_provider, metrics, limits, timeouts, lifetimes, log"),
    ],
)  # fmt: skip
def test_a_problem_names_key_found_and_expected(file: Path, text: str, problem: str) -> None:
    prefix = "" if text.startswith("proxy") else MINIMAL
    assert problems(file, prefix + text) == [problem]


def test_secrets_show_up_nowhere(file: Path) -> None:
    found = read(file, ORIGINALS_EXAMPLE)
    assert SECRET not in repr(found)
    assert SECRET not in str(found.model_dump(exclude={"database": {"url"}}))


@pytest.mark.parametrize(
    "text", ["a: [", "password: *hunter2", "x: 2026-13-45", "a: %hunter2", "[" * 5000, "a: \x00"]
)
def test_what_is_not_yaml_is_refused_without_repeating_it(file: Path, text: str) -> None:
    [problem] = problems(file, text)
    assert "expected UTF-8 YAML; a value with special characters needs quotes" in problem
    assert SECRET not in problem


def test_what_is_not_yaml_is_placed(file: Path) -> None:
    [problem] = problems(file, "web:\n  port: [")
    assert problem.startswith("line 2, column 10: ")


def test_a_key_is_taken_once(file: Path) -> None:
    text = "web: {port: 1}\nsshd: {port: 2}\nweb: {host: localhost}"
    assert problems(file, text) == ["line 3, column 1: found a key again, expected every key once"]
    assert problems(file, "web: {port: 1, port: 1}")[0].startswith("line 1, column 16: ")
    merged = "a: &a {port: 1}\nb: &b {port: 2}\nweb: {<<: *a, <<: *b, port: 3}"
    assert "a key again" in problems(file, merged)[0]


@pytest.mark.parametrize(
    ("text", "clash"),
    [
        (
            "web: {port: 3000}",
            "proxy.port: found 3000, expected another port than that of web.port",
        ),
        ("sshd: {port: 3000}", "sshd.port: found 3000, expected another port than that of proxy"),
        (
            "metrics: {listen: '127.0.0.1:2222'}",
            "metrics.listen: found 2222, expected another port than that of sshd.port",
        ),
    ],
)
def test_two_listeners_have_two_addresses(text: str, clash: str, file: Path) -> None:
    [problem] = problems(file, f"proxy: {{scheme: http, domain: localhost}}\n{text}")
    assert problem.startswith(clash)


def test_a_port_may_be_had_at_several_addresses(file: Path) -> None:
    hosts = "web: {host: 127.0.0.2, port: 80}\nsshd: {host: 127.0.0.3, port: 80}\n"
    read(file, f"{hosts}proxy: {{host: 127.0.0.4, port: 80, scheme: http, domain: localhost}}")
    text = "external_url: http://localhost\nproxy: {scheme: http, domain: localhost, port: 0}\n"
    read(file, text + "web: {port: 0}")


def test_files_that_cannot_be_read_are_named(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"pgrokd\.yml: file: found No such file"):
        load(file, {})
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="expected UTF-8 YAML"):
        load(file, {})
    assert problems(file, "- a") == ["file: found a list, expected keys and values"]


def test_null_is_unset_and_shared_sections_stay_apart(file: Path) -> None:
    found = read(
        file,
        MINIMAL + "web: &shared {port: 1, host: null}\nsshd: *shared\ndatabase:\n",
        PGROKD_SSHD__PORT="2",
    )
    assert (found.web.port, found.sshd.port, found.web.host) == (1, 2, "0.0.0.0")


KEYS = st.sampled_from(["web", "proxy", "tcp", "domain", "port", "database", "url", "host", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(KEYS, VALUES), value=st.text())
def test_any_yaml_makes_settings_or_problems(file: Path, tree: object, value: str) -> None:
    file.write_text(yaml.safe_dump(tree))
    with suppress(ConfigError):
        load(file, {"PGROKD_PROXY__DOMAIN": value, "PGROKD_DATABASE__URL": value})
