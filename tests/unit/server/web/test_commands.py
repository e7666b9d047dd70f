"""Commands that work as they are copied."""

from __future__ import annotations

from pgrok.server.web.commands import commands


def test_the_client_is_told_address_and_host_key() -> None:
    assert " ".join(commands("tunnels.example.com:2222", "SHA256:abc").init) == (
        "pgrok init --remote-addr tunnels.example.com:2222 "
        "--forward-addr http://localhost:3000 --fingerprint SHA256:abc"
    )


def test_no_command_holds_a_token() -> None:
    assert "token" not in " ".join(commands("example.com:2222", "SHA256:abc").init)


def test_without_a_host_key_nothing_is_pinned() -> None:
    assert "--fingerprint" not in " ".join(commands("example.com:2222", None).init)


def test_ssh_is_told_the_port() -> None:
    expected = "ssh -N -R 0:localhost:3000 example.com -p 2222"
    assert " ".join(commands("example.com:2222", None).ssh) == expected


def test_ssh_knows_its_own_port() -> None:
    assert (
        " ".join(commands("example.com:22", None).ssh) == "ssh -N -R 0:localhost:3000 example.com"
    )


def test_an_ipv6_address_has_brackets_only_where_a_port_follows() -> None:
    made = commands("[::1]:2222", None)
    assert "--remote-addr [::1]:2222" in made.init
    assert " ".join(made.ssh) == "ssh -N -R 0:localhost:3000 ::1 -p 2222"
