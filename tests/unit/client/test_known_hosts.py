"""Which server is the right one."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from pgrok.address import Address
from pgrok.client.known_hosts import KnownHosts
from pgrok.errors import ConfigError, HostKeyMismatch
from pgrok.transport.algorithms import HOST_KEYS
from pgrok.transport.interfaces import HostKeyInfo

SERVER = Address("Example.com", 2222)
ED25519 = HostKeyInfo("ssh-ed25519", "SHA256:ed")
ECDSA = HostKeyInfo("ecdsa-sha2-nistp256", "SHA256:ec")
RSA = HostKeyInfo("ssh-rsa", "SHA256:rsa")
OTHER = HostKeyInfo("ssh-ed25519", "SHA256:other")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "pgrok" / "known_hosts"


@pytest.fixture
def known(record: Path) -> Path:
    """A record in which the server has an RSA key."""
    hosts = KnownHosts(SERVER, record)
    hosts.check(RSA)
    hosts.confirm()
    return record


def test_the_first_key_is_trusted_and_recorded(
    record: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hosts = KnownHosts(SERVER, record)
    with caplog.at_level(logging.INFO):
        assert hosts.check(ED25519)
        assert not record.exists(), "whoever owns a key has not proved it when it is checked"
        hosts.confirm()
    assert record.read_text() == "example.com:2222 ssh-ed25519 SHA256:ed\n"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert "SHA256:ed" in caplog.text


def test_a_known_key_is_trusted_and_not_recorded_again(known: Path) -> None:
    hosts = KnownHosts(SERVER, known)
    assert hosts.check(RSA)
    hosts.confirm()
    assert known.read_text().count("\n") == 1


@pytest.mark.parametrize("presented", [OTHER, ECDSA])
def test_another_key_is_refused_with_both_fingerprints(known: Path, presented: HostKeyInfo) -> None:
    with pytest.raises(HostKeyMismatch) as caught:
        KnownHosts(SERVER, known).check(presented)
    message = str(caught.value)
    for part in (RSA.fingerprint, presented.fingerprint, str(known), "example.com:2222"):
        assert part in message


def test_a_key_that_changes_while_we_run_is_refused(record: Path) -> None:
    hosts = KnownHosts(SERVER, record)
    hosts.check(ED25519)
    hosts.confirm()
    with pytest.raises(HostKeyMismatch):
        hosts.check(OTHER)


def test_servers_are_told_apart_by_host_and_port(known: Path) -> None:
    for other in (Address("example.com", 22), Address("example.org", 2222)):
        assert KnownHosts(other, known).check(OTHER)
    assert KnownHosts(Address("EXAMPLE.COM", 2222), known).check(RSA)


def test_the_algorithms_of_known_keys_are_asked_for(record: Path, known: Path) -> None:
    assert KnownHosts(SERVER, known).algorithms == ("rsa-sha2-256", "rsa-sha2-512")
    assert KnownHosts(Address("new", 1), record).algorithms == ()


def test_other_lines_and_comments_stay(record: Path) -> None:
    record.parent.mkdir()
    record.write_text("# mine\nother:1 ssh-rsa SHA256:x  # why")
    hosts = KnownHosts(SERVER, record)
    hosts.check(ED25519)
    hosts.confirm()
    assert record.read_text().split("\n") == [
        "# mine",
        "other:1 ssh-rsa SHA256:x  # why",
        "example.com:2222 ssh-ed25519 SHA256:ed",
        "",
    ]


@pytest.mark.parametrize("line", ["example.com:2222", "a b c d", "example.com:2222 SHA256:x"])
def test_a_line_that_makes_no_sense_is_not_passed_over(record: Path, line: str) -> None:
    record.parent.mkdir()
    record.write_text(f"\n{line}\n")
    with pytest.raises(ConfigError, match="line 2"):
        KnownHosts(SERVER, record)


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path)):
        KnownHosts(SERVER, tmp_path)


def test_a_record_that_cannot_be_written_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    hosts = KnownHosts(SERVER, tmp_path / "pgrok" / "known_hosts")
    hosts.check(ED25519)
    (tmp_path / "pgrok").touch()
    hosts.confirm()
    assert "cannot be recorded" in caplog.text
    with pytest.raises(HostKeyMismatch):
        hosts.check(OTHER)


def test_a_pin_is_all_that_counts(known: Path) -> None:
    hosts = KnownHosts(SERVER, known, [ED25519.fingerprint])
    assert hosts.check(ED25519)
    hosts.confirm()
    assert ED25519.fingerprint not in known.read_text()
    with pytest.raises(HostKeyMismatch, match="--fingerprint SHA256:rsa"):
        hosts.check(RSA)


def test_any_of_several_pins_will_do(record: Path) -> None:
    hosts = KnownHosts(SERVER, record, [ED25519.fingerprint, RSA.fingerprint])
    assert hosts.check(ED25519)
    assert hosts.check(RSA)


def test_a_pinned_key_is_found_whatever_its_algorithm(record: Path) -> None:
    hosts = KnownHosts(SERVER, record, [RSA.fingerprint])
    assert hosts.algorithms == tuple(HOST_KEYS)
    for presented in (ED25519, ECDSA):
        with pytest.raises(HostKeyMismatch):
            hosts.check(presented)
        assert hosts.another_may_be_pinned
    assert hosts.algorithms == ("rsa-sha2-256", "rsa-sha2-512")
    assert hosts.check(RSA)


def test_a_server_without_the_pinned_key_is_not_asked_for_ever(record: Path) -> None:
    hosts = KnownHosts(SERVER, record, ["SHA256:pinned"])
    asked: list[HostKeyInfo] = []
    while not asked or hosts.another_may_be_pinned:
        presented = OTHER if asked else ED25519
        asked.append(presented)
        with pytest.raises(HostKeyMismatch):
            hosts.check(presented)
    assert len(asked) == 2


def test_without_pins_a_refusal_is_final(known: Path) -> None:
    hosts = KnownHosts(SERVER, known)
    with pytest.raises(HostKeyMismatch):
        hosts.check(OTHER)
    assert not hosts.another_may_be_pinned
