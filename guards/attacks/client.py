"""Against the client, by its server, by visitors, and by others on its machine; and logs."""

from __future__ import annotations

from guards.guard import Area, Guard

_KNOWN = "tests/unit/client/test_known_hosts.py"
_FILES = "tests/unit/client/test_files.py"
_ELSEWHERE = "tests/integration/client/test_hostile_server.py::TestElsewhere"
_FLOODS = "tests/integration/client/test_server_floods.py"

_OPTIONS = """\
        **COMMON,
        keepalive_interval=KEEPALIVE_SECONDS,
        keepalive_count_max=KEEPALIVE_COUNT,
        host=address.host,
        port=address.port,
        username=USER_NAME,
        password=token,
        known_hosts=None,
        agent_path=None,
"""

AREA = Area(
    "client",
    "The client, the machine and the logs",
    (
        Guard(
            "Whoever sits in between gets the token: a host key that nobody compares",
            "transport/ssh/client.py",
            "        if not good:\n            self.host_key_error",
            "        if False:\n            self.host_key_error",
            "tests/integration/transport/test_connecting.py::TestHostKeys"
            "::test_the_key_is_checked_before_the_token_is_sent",
        ),
        Guard(
            "A changed host key",
            "client/known_hosts.py",
            "if not self._trusted or presented.fingerprint in self._trusted:",
            "if True:",
            f"{_KNOWN}::test_another_key_is_refused_with_both_fingerprints",
        ),
        Guard(
            "A pinned key that is not presented, where the record knows the other one",
            "client/known_hosts.py",
            "return self._pins or frozenset(key.fingerprint for key in self._known)",
            "return frozenset(key.fingerprint for key in self._known) or self._pins",
            f"{_KNOWN}::test_a_pin_is_all_that_counts",
        ),
        Guard(
            "A first key that is forgotten, so that every key is the first",
            "client/known_hosts.py",
            'write_private(self._path, f"{text}{line_break}{key}\\n")',
            "pass",
            f"{_KNOWN}::test_the_first_key_is_trusted_and_recorded",
        ),
        Guard(
            "A record of keys that cannot be read, and so trusts anybody",
            "client/known_hosts.py",
            '                raise _error(path, f"line {number}", repr(line[:80]))',
            "                continue",
            f"{_KNOWN}::test_a_line_that_makes_no_sense_is_not_passed_over",
        ),
        Guard(
            "A server that asks for keys, or for the token in another way",
            "transport/client.py",
            _OPTIONS + '        client_keys=None,\n        preferred_auth="password",\n',
            _OPTIONS.replace("COMMON", '(COMMON | {"public_key_auth": True, "kbdint_auth": True})')
            + '        preferred_auth="publickey,keyboard-interactive,password",\n',
            "tests/integration/client/test_hostile_server.py"
            "::test_the_token_is_told_to_who_asks_for_a_password_only",
        ),
        Guard(
            "A server that opens what nobody forwarded",
            "transport/ssh/client.py",
            "if self._accept is None or (self._forward_port and port not in (self._forward_port, 0)):",
            "if self._accept is None:",
            f"{_ELSEWHERE}::test_an_open_for_another_port_is_refused",
        ),
        Guard(
            "A server that opens channels although it refused the tunnel",
            "transport/ssh/client.py",
            "        except TunnelRefused:\n            self._accept = None\n            raise",
            "        except TunnelRefused:\n            raise",
            "tests/integration/transport/test_requests.py::test_a_refused_forward_takes_no_channels",
        ),
        Guard(
            "A request that leads the client to another machine by its target",
            "http/parsing.py",
            'if target.startswith(b"/") and b"#" not in target:',
            'if b"#" not in target:',
            f"{_ELSEWHERE}::test_requests_go_to_the_target_whatever_they_say",
        ),
        Guard(
            "A path that climbs out of what is public (`..`, however it is spelt)",
            "client/targets.py",
            'return self._confined and _CLIMB.search(_as_read(path.partition(b"?")[0])) is not None',
            "return False",
            "tests/unit/client/test_targets.py::test_dots_lead_out_of_nothing",
        ),
        Guard(
            "The same, where only the request is looked at and not its spelling",
            "client/targets.py",
            '_CLIMB.search(_as_read(path.partition(b"?")[0]))',
            '_CLIMB.search(path.partition(b"?")[0])',
            "tests/unit/client/test_targets.py::test_dots_lead_out_of_nothing",
        ),
        Guard(
            "A path that climbs out, sent by a visitor or a server",
            "client/forwarder.py",
            "if target.escapes(",
            "if False and target.escapes(",
            f"{_ELSEWHERE}::test_requests_go_to_the_target_whatever_they_say",
        ),
        Guard(
            "A rule for `/api` that takes `/apix`",
            "client/targets.py",
            'if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"/", b"?", b""):',
            "if path.startswith(prefix):",
            "tests/unit/client/test_targets.py::test_the_longest_prefix_wins_at_a_segments_end",
        ),
        Guard(
            "A target whose certificate nobody checks",
            "client/dialer.py",
            "ssl.create_default_context() if secure",
            "ssl._create_unverified_context() if secure",
            "tests/e2e/test_client.py::test_an_https_target_must_be_trusted",
        ),
        Guard(
            "Channels without an end by a server",
            "transport/ssh/client.py",
            "if len(self._channels) >= self.max_channels:",
            "if False:",
            f"{_FLOODS}::test_channels",
        ),
        Guard(
            "Announced keys that pile up by a server",
            "transport/ssh/client.py",
            "    def _process_hostkeys_00_at_openssh_dot_com_global_request(self, _packet: SSHPacket) -> None:",
            "    def _unused(self, _packet: SSHPacket) -> None:",
            f"{_FLOODS}::test_global_requests",
        ),
        Guard(
            "A server that says a megabyte where a reason is expected",
            "transport/ssh/client.py",
            'self._goodbye = goodbye.get_string()[:200].decode("utf-8", "replace")',
            'self._goodbye = goodbye.get_string().decode("utf-8", "replace")',
            "tests/integration/transport/test_liveness.py::TestGoodbye::test_a_long_reason_is_cut",
        ),
        Guard(
            "Data that piles up before the target has accepted",
            "relay/splice.py",
            "            self._early.append(data)\n            self._pause_reading()",
            "            self._early.append(data)",
            "tests/unit/relay/test_splice.py"
            "::test_no_more_than_one_read_is_kept_for_a_target_that_is_not_there",
        ),
        Guard(
            "A terminal commanded by a visitor's path",
            "client/console.py",
            'path = _legible(target.partition(b"?")[0])',
            'path = target.partition(b"?")[0].decode("latin-1")',
            "tests/unit/client/test_console.py::test_a_request_is_one_printable_line",
        ),
        Guard(
            "A terminal commanded by a server's words",
            "client/console.py",
            'first_line = printable(text.partition("\\n")[0]).rstrip(".")',
            'first_line = text.partition("\\n")[0].rstrip(".")',
            "tests/unit/client/test_console.py::test_a_pause_is_told_with_its_reason",
        ),
        Guard(
            "A terminal commanded by a server's words when the client ends",
            "cli/client_failures.py",
            "click.echo(printable(line), err=True)",
            "click.echo(line, err=True)",
            "tests/unit/cli/test_pgrok.py::test_what_a_server_says_commands_no_terminal",
        ),
        Guard(
            "An administrator's terminal commanded by what people call themselves",
            "cli/listing.py",
            "clean = [[printable(cell) for cell in row] for row in rows]",
            "clean = [list(row) for row in rows]",
            "tests/unit/cli/test_listing.py::test_cells_cannot_command_a_terminal",
        ),
        Guard(
            "A URL with commands for a terminal in it",
            "protocol.py",
            "or not host_url.isprintable() or",
            "or",
            "tests/unit/test_protocol.py::test_no_answer",
        ),
        Guard(
            "Invisible characters that turn the direction of text",
            "text.py",
            'return "".join(character if character.isprintable() else "�" for character in text)',
            'return "".join("�" if character < " " else character for character in text)',
            "tests/unit/test_text.py::test_what_would_command_a_terminal_is_marked",
        ),
        Guard(
            "Secrets in a query, in the client's log",
            "client/console.py",
            'path = _legible(target.partition(b"?")[0])',
            "path = _legible(target)",
            "tests/unit/client/test_console.py::test_the_query_is_not_logged",
        ),
        Guard(
            "Output that piles up because nobody reads it",
            "client/lines.py",
            "if len(self._lines) >= (self._limit if droppable else 2 * self._limit):",
            "if False:",
            "tests/unit/client/test_lines.py::test_what_waits_is_bounded_whatever_it_is",
        ),
        Guard(
            "Others on the machine who read the token",
            "client/files.py",
            'descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")',
            'descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")\n    os.fchmod(descriptor, 0o644)',
            f"{_FILES}::test_what_is_written_is_private",
        ),
        Guard(
            "Half a settings file after a crash",
            "client/files.py",
            "    except BaseException:\n        Path(temporary).unlink(missing_ok=True)\n        raise",
            "    except BaseException:\n        Path(temporary).replace(path)\n        raise",
            f"{_FILES}::test_a_failure_leaves_the_old_file_and_nothing_else",
        ),
        Guard(
            "A settings file with a token that others may read, and nobody says so",
            "client/settings.py",
            'if "token" in in_file and open_to_others(file):',
            "if False:",
            "tests/unit/client/test_settings.py"
            "::test_a_file_with_a_token_that_others_may_read_is_warned_of",
        ),
        Guard(
            "The server's database read by others on its machine",
            "server/store/engine.py",
            "            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))\n            file.chmod(0o600)\n",
            "",
            "tests/integration/store/test_database.py::test_the_file_and_its_folder_are_the_owners",
        ),
        Guard(
            "A one-time link in the log, because it was followed while the database was away",
            "server/web/failures.py",
            '_log.error("a page needs the database: %s", error)',
            '_log.error("%s: %s", request.url.path, error)',
            "tests/e2e/test_secrets.py::test_secrets_stay_where_they_belong[postgresql]",
        ),
        Guard(
            "A token in a message about the settings",
            "client/settings.py",
            'found = "something else" if key == "token" else repr(value)[:80]',
            "found = repr(value)[:80]",
            "tests/unit/client/test_settings.py::test_all_problems_are_told_at_once",
        ),
        Guard(
            "A password in a message about the server's settings",
            "server/settings/loading.py",
            "secret = not field.repr or _section(field) is not None",
            "secret = False",
            "tests/unit/server/settings/test_loading.py::test_a_problem_names_key_found_and_expected",
        ),
        Guard(
            "Passwords in the log at debug level, by libraries",
            "server/logs.py",
            "    for name in QUIET:\n        logging.getLogger(name).setLevel(logging.WARNING)\n",
            "",
            "tests/unit/server/test_logs.py::test_libraries_that_know_secrets_do_not_chat",
        ),
        Guard(
            "Forged lines in the server's log",
            "server/logs.py",
            "return [_one_line, structlog",
            "return [structlog",
            "tests/unit/server/test_logs.py::test_no_value_forges_a_line",
        ),
        Guard(
            "A disk filled by the log of refusals",
            "server/decisions.py",
            "if self._lines[event] <= LINES:",
            "if True:",
            "tests/unit/server/test_decisions.py::test_a_flood_fills_no_disk",
        ),
        Guard(
            "Tunnels that end because the database is down",
            "server/sshd/listener.py",
            "        except StoreUnavailable as error:",
            "        except ZeroDivisionError as error:",
            "tests/integration/sshd/test_session.py::TestTokens"
            "::test_a_database_that_is_away_ends_no_tunnel",
        ),
        Guard(
            "Requests that a restart cuts off",
            "relay/downstream.py",
            "elif self.idle:\n            self._peer.close()",
            "else:\n            self._peer.close()",
            "tests/unit/relay/test_downstream.py::test_a_busy_connection_is_drained_after_its_request",
        ),
        Guard(
            "Two daemons on one database, each with its own idea of who holds a name",
            "server/store/daemon_lock.py",
            'async with self._database.file_lock("daemon-lock", 0, self._busy()):\n                yield\n            return',
            "yield\n            return",
            "tests/integration/store/test_database.py::test_one_daemon_a_database[sqlite]",
        ),
    ),
)
