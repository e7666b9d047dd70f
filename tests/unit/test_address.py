"""Addresses that people type."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pgrok.address import (
    Address,
    TargetURL,
    is_literal_ip,
    is_within,
    parse_address,
    parse_port,
    parse_target,
)
from pgrok.errors import AddressError

hosts = st.sampled_from(["localhost", "example.com", "a-b.c_d", "127.0.0.1", "::1", "fe80::1"])
ports = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8080", Address("localhost", 8080)),
        (":8080", Address("localhost", 8080)),
        (" 8080 ", Address("localhost", 8080)),
        ("localhost:8080", Address("localhost", 8080)),
        ("example.com:2222", Address("example.com", 2222)),
        ("example.com.:2222", Address("example.com.", 2222)),
        ("my_app-1:1", Address("my_app-1", 1)),
        ("127.0.0.1:65535", Address("127.0.0.1", 65535)),
        ("[::1]:80", Address("::1", 80)),
        ("[2001:db8::1]:80", Address("2001:db8::1", 80)),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("example.com", Address("example.com", 2222)),
        ("example.com:22", Address("example.com", 22)),
        ("::1", Address("::1", 2222)),
        ("[::1]", Address("::1", 2222)),
        (":22", Address("localhost", 22)),
    ],
)
def test_a_default_port(text: str, address: Address) -> None:
    assert parse_address(text, default_port=2222) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:-1",
        "localhost:+1",
        "localhost:8o",
        "localhost:٣",
        "0",
        "-1",
        "::1",
        "::1:80:",
        "[::1",
        "[::1]80",
        "[::1]:",
        "a b:80",
        "a/b:80",
        "-a:80",
        "a-:80",
        "a..b:80",
        "http://a:80",
        "user@a:80",
        "a\n:80",
        "ä.example:80",
        f"{'a' * 64}:80",
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)


@pytest.mark.parametrize("text", ["", "0", "65536", "99999999999999999999", "1" * 5000, "²", "1_0"])
def test_no_port(text: str) -> None:
    with pytest.raises(AddressError):
        parse_port(text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("8080", TargetURL("http", Address("localhost", 8080))),
        (":8080", TargetURL("http", Address("localhost", 8080))),
        ("localhost:8080", TargetURL("http", Address("localhost", 8080))),
        ("localhost", TargetURL("http", Address("localhost", 80))),
        ("http://8080", TargetURL("http", Address("localhost", 8080))),
        ("8080/base", TargetURL("http", Address("localhost", 8080), "/base")),
        ("http://localhost:8000/base", TargetURL("http", Address("localhost", 8000), "/base")),
        ("http://localhost:8000/base/", TargetURL("http", Address("localhost", 8000), "/base")),
        ("http://localhost:8000/", TargetURL("http", Address("localhost", 8000))),
        ("HTTPS://example.com", TargetURL("https", Address("example.com", 443))),
        ("https://[::1]:8443/a%20b", TargetURL("https", Address("::1", 8443), "/a%20b")),
    ],
)
def test_a_target(text: str, target: TargetURL) -> None:
    assert parse_target(text) == target
    assert target.secure is (target.scheme == "https")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http:///base",
        "ftp://localhost",
        "tcp://localhost:22",
        "http://user:secret@localhost",
        "http://localhost/?q",
        "http://localhost/#f",
        "http://localhost/a b",
        "http://localhost/ä",
        "http://localhost:99999",
        "http://[::1",
        "http://a b",
        "http://localhost/\x00",
    ],
)
def test_no_target(text: str) -> None:
    with pytest.raises(AddressError):
        parse_target(text)


@given(hosts, ports)
def test_an_address_reads_as_it_is_written(host: str, port: int) -> None:
    assert parse_address(str(Address(host, port))) == Address(host, port)


@given(
    st.sampled_from(["http", "https"]),
    hosts,
    ports | st.sampled_from([80, 443]),
    st.sampled_from(["", "/base", "/a/b%2F"]),
)
def test_a_target_reads_as_it_is_written(scheme: str, host: str, port: int, path: str) -> None:
    target = TargetURL(scheme, Address(host, port), path)
    assert parse_target(str(target)) == target


@given(st.text() | st.text("[]:/@?#%.0123456789ab\n\t ", max_size=30))
@example("//[")
@example("http://a\u2100")
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    with suppress(AddressError):
        address = parse_address(text, default_port=1)
        assert 1 <= address.port <= 65535
    with suppress(AddressError):
        target = parse_target(text)
        assert 1 <= target.address.port <= 65535
        assert target.base_path == "" or target.base_path.startswith("/")
        assert not target.base_path.endswith("/")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", False), ("1.2.3", False), ("", False)],
)
def test_literal_addresses(host: str, expected: bool) -> None:
    assert is_literal_ip(host) is expected


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("11.1.2.3", False),
        ("::ffff:11.1.2.3", False),
        ("fd00::1", False),
    ],
)
def test_networks_are_known_by_what_sockets_say(address: str, inside: bool) -> None:
    networks = [ip_network("10.0.0.0/8"), ip_network("fe80::/10")]
    assert is_within(address, networks) is inside
    assert not is_within(address, [])
