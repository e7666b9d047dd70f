"""Clients that have signed in, and what they may do to the server and to each other."""

from __future__ import annotations

from guards.guard import Area, Guard

_REFUSALS = "tests/integration/transport/test_refusals.py"
_OPENS = f"{_REFUSALS}::test_the_server_opens_nothing_but_sessions"
_SESSIONS = f"{_REFUSALS}::TestSessions"
_LIMITS = "tests/integration/transport/test_limits.py::TestAfterAuthentication"
_REQUESTS = "tests/integration/transport/test_requests.py"
_CHANNELS = "tests/integration/transport/test_channels.py"
_CHANNEL = "tests/unit/transport/test_channel.py"

AREA = Area(
    "ssh-clients",
    "SSH: after signing in",
    (
        Guard(
            "The server as a way into its own network: `direct-tcpip`",
            "transport/ssh/server.py",
            "    _process_direct_tcpip_open = _refuse_open  # type: ignore[assignment]\n",
            "    def connection_requested(self, *_: object) -> bool:\n        return True\n",
            f"{_OPENS}[uvloop-direct-tcpip]",
        ),
        Guard(
            "Unix sockets of the server: `direct-streamlocal`",
            "transport/ssh/server.py",
            "_process_direct_streamlocal_at_openssh_dot_com_open = _refuse_open  # type: ignore[assignment]",
            "_process_direct_streamlocal_at_openssh_dot_com_open = _process_channel_open = lambda s, _: s.new_session()",
            f"{_OPENS}[uvloop-direct-streamlocal@openssh.com]",
        ),
        Guard(
            "Network interfaces of the server: `tun`",
            "transport/ssh/server.py",
            "_process_tun_at_openssh_dot_com_open = _refuse_open  # type: ignore[assignment]",
            "_process_tun_at_openssh_dot_com_open = lambda s, _: s.new_session()",
            f"{_OPENS}[uvloop-tun@openssh.com]",
        ),
        Guard(
            "Files made by the server: forwarding of Unix sockets",
            "transport/ssh/server.py",
            "    def _process_streamlocal_forward_at_openssh_dot_com_global_request(\n        self, packet: SSHPacket\n    ) -> None:\n        self._report_global_response(False)",
            "    def _process_streamlocal_forward_at_openssh_dot_com_global_request(\n        self, packet: SSHPacket\n    ) -> None:\n        self._report_global_response(True)",
            f"{_REQUESTS}::test_unix_sockets_are_not_forwarded",
        ),
        Guard(
            "Commands, which plain `ssh` may ask for",
            "transport/ssh/session.py",
            "    def pty_requested(self, *_args: object) -> bool:\n",
            "    def exec_requested(self, command: str) -> bool:\n        return True\n\n    def pty_requested(self, *_args: object) -> bool:\n",
            f"{_SESSIONS}::test_commands_are_refused",
        ),
        Guard(
            "Subsystems, such as file transfer",
            "transport/ssh/session.py",
            "    def pty_requested(self, *_args: object) -> bool:\n",
            "    def subsystem_requested(self, subsystem: str) -> bool:\n        return True\n\n    def pty_requested(self, *_args: object) -> bool:\n",
            f"{_SESSIONS}::test_subsystems_are_refused",
        ),
        Guard(
            "An environment of the client's choice",
            "transport/ssh/session.py",
            "    def _process_env_request(self, packet: SSHPacket) -> bool:\n        return False\n",
            "",
            f"{_LIMITS}::test_requests_of_a_session_do_not_wait_in_a_queue",
        ),
        Guard(
            "Agents of clients on the server",
            "transport/ssh/session.py",
            "        self, packet: SSHPacket\n    ) -> bool:\n        return False",
            "        self, packet: SSHPacket\n    ) -> bool:\n        return True",
            f"{_SESSIONS}::test_an_agent_is_not_forwarded",
        ),
        Guard(
            "Displays of clients on the server (X11)",
            "transport/ssh/session.py",
            "    def _process_x11_req_request(self, packet: SSHPacket) -> bool:\n        return False",
            "    def _process_x11_req_request(self, packet: SSHPacket) -> bool:\n        return True",
            f"{_SESSIONS}::test_x11_is_not_forwarded",
        ),
        Guard(
            "Sessions without an end on one connection",
            "transport/ssh/server.py",
            "if len(sessions) >= MAX_SESSIONS:",
            "if False:",
            f"{_SESSIONS}::test_a_few_sessions_are_enough",
        ),
        Guard(
            "A port of the client's choice",
            "server/sshd/session.py",
            "if forward.port != 0:",
            "if False:",
            "tests/integration/sshd/test_ports.py"
            "::test_a_port_may_be_asked_for_by_number_only_if_it_is_zero",
        ),
        Guard(
            "A public port outside the range",
            "server/ports.py",
            "last is not None and last in ports",
            "last is not None",
            "tests/unit/server/test_ports.py"
            "::test_every_free_port_of_the_range_comes_once_and_in_order_of_who_may_miss_it",
        ),
        Guard(
            "A TCP port of the machine for every http tunnel, around the front",
            "server/sshd/opening.py",
            "opening = self._open_tcp if self.hint.kind is TunnelKind.TCP else self._open_http",
            "opening = self._open_tcp",
            "tests/integration/sshd/test_ports.py"
            "::test_an_http_tunnel_opens_no_port_and_leaves_the_memory_alone",
        ),
        Guard(
            "A hint of any size",
            "protocol.py",
            "if len(payload) > MAX_PAYLOAD:",
            "if False:",
            "tests/unit/test_protocol.py::test_no_hint",
        ),
        Guard(
            "A long address that goes back with every channel",
            "transport/ssh/server.py",
            "if len(address) > MAX_ADDRESS:",
            "if False:",
            f"{_LIMITS}::test_it_ends_the_connection[uvloop-a long address]",
        ),
        Guard(
            "Requests that pile up while one is answered",
            "transport/ssh/requests.py",
            "if len(self._global_request_queue) >= MAX_PENDING:",
            "if False:",
            f"{_REQUESTS}::test_too_many_requests_at_once_end_the_connection",
        ),
        Guard(
            "Answers that pile up for a client who does not read them",
            "transport/ssh/multiplexer.py",
            "if self._unsent > MAX_UNSENT:",
            "if False:",
            f"{_CHANNELS}::TestBackpressure::test_who_asks_and_does_not_read_the_answers_is_dropped",
        ),
        Guard(
            "Requests to a client that it never answers",
            "transport/ssh/liveness.py",
            "if len(self._global_request_waiters) >= MAX_UNANSWERED:",
            "if False:",
            f"{_LIMITS}::test_requests_to_it_that_it_never_answers_are_so_many",
        ),
        Guard(
            "Tunnels opened and closed without an end, lines of log for each",
            "server/sshd/session.py",
            "            self._check_patience()\n",
            "",
            "tests/integration/sshd/test_limits.py::TestTunnels"
            "::test_nobody_opens_and_closes_them_without_an_end",
        ),
        Guard(
            "Key exchanges without an end, the dearest that a client can ask for",
            "transport/ssh/guard.py",
            "        if seconds:\n",
            "        if False:\n",
            f"{_LIMITS}::test_key_exchanges_are_so_many",
        ),
        Guard(
            "Octets that pile up behind a key exchange that has to wait",
            "transport/ssh/liveness.py",
            "            transport.pause_reading()\n",
            "            pass\n",
            f"{_LIMITS}::test_nothing_is_read_behind_an_exchange_that_waits",
        ),
        Guard(
            "A name taken from a client that lives, while it waits for its key exchange",
            "transport/ssh/liveness.py",
            "        if self._is_unread:\n            return\n",
            "",
            f"{_LIMITS}::test_who_waits_for_an_exchange_is_not_taken_for_dead",
        ),
        Guard(
            "A key exchange that never ends, while packets wait for it",
            "transport/ssh/multiplexer.py",
            "if len(self._deferred_packets) >= MAX_DEFERRED:",
            "if False:",
            f"{_CHANNELS}::TestNewKeys::test_who_never_ends_an_exchange_cannot_make_us_hoard",
        ),
        Guard(
            "Commands for a terminal, or a novel, in the log's reason for an end",
            "transport/ssh/server.py",
            "return printable(str(exc)[:_LONGEST_REASON]) if by_us",
            "return str(exc) if by_us",
            f"{_LIMITS}::test_the_reason_is_short_and_fit_for_a_log",
        ),
        Guard(
            "Hundreds of signatures by one packet",
            "transport/ssh/guard.py",
            "if self._keys_proved or len(packet.get_full_payload()) > _REQUEST + largest:",
            "if False:",
            f"{_LIMITS}::test_keys_are_proved_once_and_each_once",
        ),
        Guard(
            "Channels of one connection without an end",
            "transport/ssh/multiplexer.py",
            "if len(self._channels) >= self.max_channels:",
            "if False:",
            f"{_CHANNELS}::TestOpening::test_a_connection_has_so_many_channels_and_no_more",
        ),
        Guard(
            "More data than the window that was granted",
            "transport/window.py",
            "if left < 0:",
            "if False:",
            "tests/unit/transport/test_window.py::test_data_beyond_the_window_is_refused",
        ),
        Guard(
            "More than that, where it is read as it arrives",
            "transport/window.py",
            "if passed < self._pass_at_most:",
            "if True:",
            "tests/unit/transport/test_window.py"
            "::test_data_beyond_the_window_is_refused_while_it_is_read_as_it_arrives",
        ),
        Guard(
            "A reader who stops, and whose memory the server's becomes",
            "transport/window.py",
            "        self._granted = left\n",
            "        self._granted = left\n        self._missing += octets\n",
            f"{_CHANNEL}::TestReceiving::test_a_paused_reader_grants_nothing_until_it_goes_on",
        ),
        Guard(
            "A reader who stops in the middle of what came, and is sent as much again",
            "transport/channel.py",
            "if self._reader_paused or self._close_sent or self._has_ended():",
            "if self._close_sent or self._has_ended():",
            f"{_CHANNEL}::TestReceiving"
            "::test_a_reader_that_paused_while_it_read_the_last_half_grants_when_it_goes_on",
        ),
        Guard(
            "A client that takes single octets, a packet of ours for each",
            "transport/channel.py",
            'self._require(max_packet >= MIN_PACKET, f"channel packets of {max_packet} octets at most")',
            "pass",
            f"{_CHANNEL}::TestOpening::test_a_peer_that_takes_single_octets_is_refused",
        ),
        Guard(
            "Data in single octets, each of which is kept with its own overhead",
            "transport/buffers.py",
            "elif isinstance(last, bytearray) and len(last) + len(data) <= PIECE:",
            "elif False:",
            "tests/unit/transport/test_buffers.py"
            "::test_octets_that_arrive_one_by_one_cost_little_more_than_octets",
        ),
        Guard(
            "A changed packet",
            "transport/ssh/gcm.py",
            "        try:\n            return decrypt(self._next_nonce(), sealed, length)\n        except InvalidTag:\n            return None",
            "        try:\n            return decrypt(self._next_nonce(), sealed, length)\n        except InvalidTag:\n            return bytes(sealed)",
            "tests/unit/transport/ssh/test_gcm.py::test_a_changed_packet_is_refused",
        ),
        Guard(
            "A nonce that is used twice under one key",
            "transport/ssh/gcm.py",
            "self._counter = counter + 1",
            "self._counter = (counter + 1) % 2",
            "tests/unit/transport/ssh/test_gcm.py::test_no_nonce_comes_twice_under_one_key",
        ),
        Guard(
            "A packet of any length",
            "transport/ssh/framing.py",
            "if not _SMALLEST <= length <= self._largest:",
            "if not _SMALLEST <= length:",
            "tests/unit/transport/ssh/test_framing.py::test_lengths_that_cannot_be_are_refused",
        ),
        Guard(
            "A dead client that keeps its connection, and its names",
            "transport/server.py",
            "        keepalive_interval=bounds.keepalive,\n",
            "",
            "tests/integration/sshd/test_limits.py::TestConnections::test_a_dead_one_goes_with_its_tunnel",
        ),
        Guard(
            "A dead server that its client does not notice",
            "transport/client.py",
            "        keepalive_interval=KEEPALIVE_SECONDS,\n",
            "",
            "tests/unit/transport/test_keepalive.py::test_a_dead_server_is_noticed_within_45_seconds",
        ),
        Guard(
            "A dead client that is noticed too late, by the settings that nobody changed",
            "server/settings/limits.py",
            "keepalive: Seconds = _up_to(LONGEST, default=21.0)",
            "keepalive: Seconds = _up_to(LONGEST, default=60.0)",
            "tests/unit/transport/test_keepalive.py::test_a_dead_client_is_noticed_within_45_seconds",
        ),
        Guard(
            "A dead client that is never given up, whatever the timer",
            "transport/ssh/liveness.py",
            "            super()._keepalive_timer_callback()",
            "            self._set_keepalive_timer()",
            "tests/integration/transport/test_liveness.py::TestKeepalive"
            "::test_a_dead_client_is_given_up",
        ),
        Guard(
            "A client that goes on talking after the server's goodbye",
            "transport/ssh/liveness.py",
            "if self._goodbye_said:\n            return False\n        if self._signs",
            "if self._signs",
            "tests/integration/transport/test_liveness.py::TestGoodbye"
            "::test_after_it_nobody_listens",
        ),
        Guard(
            "A client that reads no goodbye and so never goes",
            "transport/ssh/liveness.py",
            "        self.loop.call_later(GOODBYE_SECONDS, self.abort)\n",
            "",
            "tests/integration/transport/test_liveness.py::TestGoodbye"
            "::test_a_client_that_does_not_read_it_is_aborted",
        ),
    ),
)
