"""Whoever connects to the SSH port and has not signed in yet."""

from __future__ import annotations

from guards.guard import Area, Guard

_DOORWAY = "tests/unit/transport/test_doorway.py"
_WAITING = "tests/unit/transport/test_waiting.py"
_ADMISSION = "tests/unit/transport/test_admission.py"
_ALGORITHMS = "tests/unit/transport/test_algorithms.py"
_CONNECTING = "tests/integration/transport/test_connecting.py"

AREA = Area(
    "ssh-strangers",
    "SSH: before anybody has signed in",
    (
        Guard(
            "Connections that never sign in",
            "transport/server.py",
            "login_timeout=bounds.login",
            "login_timeout=0",
            "tests/integration/transport/test_limits.py::TestBeforeAuthentication"
            "::test_time_is_short_for_who_sends_an_octet_now_and_then",
        ),
        Guard(
            "Tokens guessed on one connection",
            "transport/ssh/server.py",
            "if self._attempts > self._max_attempts:",
            "if False:",
            f"{_CONNECTING}::test_a_connection_has_three_attempts_and_is_then_closed",
        ),
        Guard(
            "A flood of half-open connections in all",
            "transport/admission.py",
            "if self.is_full or not self.has_room(address):",
            "if not self.has_room(address):",
            f"{_ADMISSION}::test_half_open_connections_are_bounded_in_all",
        ),
        Guard(
            "A flood of half-open connections of one address",
            "transport/admission.py",
            "if self.is_full or not self.has_room(address):",
            "if self.is_full:",
            f"{_ADMISSION}::test_half_open_connections_are_bounded_per_address",
        ),
        Guard(
            "A flood from made-up addresses of one IPv6 network",
            "transport/admission.py",
            "return ip.ipv4_mapped or int(ip) >> (128 - NETWORK_BITS)",
            "return ip.ipv4_mapped or int(ip)",
            f"{_ADMISSION}::test_ipv6_addresses_of_one_network_count_as_one",
        ),
        Guard(
            "A queue without an end",
            "transport/waiting.py",
            "if not self._waiting.enter(address):",
            "if False:",
            f"{_WAITING}::test_the_queue_is_bounded_in_all_and_per_address",
        ),
        Guard(
            "One address that waits in front of all others",
            "transport/waiting.py",
            "        self._inside.enter(address)\n        self._take_turn(address)\n        return guest",
            "        self._inside.enter(address)\n        if origin in self._queues:\n            self._turns = {origin: address, **self._turns}\n        return guest",
            f"{_WAITING}::test_where_room_in_all_is_missing_the_addresses_take_turns",
        ),
        Guard(
            "Connections that wait for ever",
            "transport/doorway.py",
            "self._patience = loop.call_later(self._entrance.patience, self.turn_away)",
            "self._patience = loop.call_later(9e9, self.turn_away)",
            f"{_DOORWAY}::test_whoever_waits_too_long_is_turned_away",
        ),
        Guard(
            "Octets without an end before signing in: key exchanges, attempts, empty packets",
            "transport/doorway.py",
            "if self._heard > MAX_BEFORE_LOGIN:",
            "if False:",
            f"{_DOORWAY}::test_nobody_may_say_much_before_authenticating",
        ),
        Guard(
            "Key exchanges of strangers that hold up everybody's bytes",
            "transport/turns.py",
            "turns = list(itertools.islice(self._asked, AT_ONCE))",
            "turns = list(self._asked)",
            "tests/unit/transport/test_turns.py::test_a_step_of_the_loop_has_few_turns",
        ),
        Guard(
            "Somebody who left while their token was checked, counted as signed in",
            "transport/ssh/server.py",
            "if self.is_closed():\n            return\n        if good:",
            "if good:",
            f"{_CONNECTING}::test_a_client_that_leaves_while_its_token_is_checked_is_not_signed_in",
        ),
        Guard(
            "A refusal for want of a database, upon which clients give up for good",
            "server/sshd/session.py",
            'raise StoreError("the server cannot check tokens right now; try again") from None',
            "return False",
            "tests/integration/sshd/test_session.py::test_a_database_that_is_away_is_no_refusal",
        ),
        Guard(
            "Weak algorithms: SHA-1 signatures",
            "transport/algorithms.py",
            '    "rsa-sha2-512",\n]',
            '    "rsa-sha2-512",\n    "ssh-rsa",\n]',
            f"{_ALGORITHMS}::test_nothing_weak_or_slow_is_offered[sha1-SIGNATURES]",
        ),
        Guard(
            "SHA-1 signatures with our RSA key, which the library offers by itself",
            "transport/server.py",
            "    options.server_host_keys = OrderedDict((name, keys[name]) for name in offered)\n",
            "",
            "tests/unit/transport/test_server.py"
            "::test_host_keys_are_offered_under_the_names_that_are_listed",
        ),
        Guard(
            "Recorded traffic read by a quantum computer one day",
            "transport/algorithms.py",
            'KEY_EXCHANGES = ["mlkem768x25519-sha256", "curve25519-sha256",',
            'KEY_EXCHANGES = ["curve25519-sha256",',
            f"{_ALGORITHMS}::test_the_exchange_that_withstands_quantum_computers_comes_first",
        ),
        Guard(
            "MACs over what was not encrypted yet",
            "transport/algorithms.py",
            'MACS = ["hmac-sha2-256-etm@openssh.com",',
            'MACS = ["hmac-sha2-256",',
            f"{_ALGORITHMS}::test_macs_cover_what_was_encrypted",
        ),
        Guard(
            "Prefix truncation (Terrapin), by a cipher that it works with",
            "transport/algorithms.py",
            'CIPHERS = ["aes128-gcm@openssh.com",',
            'CIPHERS = ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com",',
            f"{_ALGORITHMS}::test_nothing_weak_or_slow_is_offered[chacha-CIPHERS]",
        ),
        Guard(
            "Whatever has become weak since: an auditor's findings",
            "transport/options.py",
            '    "encryption_algs": algorithms.CIPHERS,\n',
            "",
            "tests/e2e/test_ssh_audit.py::test_it_finds_no_failure",
        ),
        Guard(
            "Forged log lines, by a client's version",
            "transport/ssh/server.py",
            'return "".join(letter if " " <= letter <= "~" else "?" for letter in text)',
            "return text",
            f"{_CONNECTING}::test_control_characters_in_a_version_do_not_reach_logs",
        ),
    ),
)
