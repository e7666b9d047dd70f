"""Who somebody is, which name is theirs, and the tokens that say so."""

from __future__ import annotations

from guards.guard import Area, Guard

_PEOPLE = "tests/integration/store/test_people.py"
_DATABASE = "tests/integration/store/test_database.py"
_TOKENS = "tests/integration/store/test_tokens.py"
_NAMES = "tests/integration/sshd/test_names.py"
_PARKING = "tests/integration/sshd/test_parking.py"
_QUOTAS = "tests/unit/server/sshd/test_quotas.py"
_REGISTRY = "tests/unit/server/test_registry.py"
_PORTS = "tests/integration/sshd/test_ports.py"
_CHOOSING = "tests/unit/server/test_ports.py"

AREA = Area(
    "names",
    "People, names and tokens",
    (
        Guard(
            "Who one is by what one types: the SSH user name in place of the token",
            "transport/ssh/server.py",
            "return await self._require_client().authenticate(password)",
            "return await self._require_client().authenticate(self._username or password)",
            "tests/integration/transport/test_connecting.py"
            "::test_a_foreign_client_with_another_user_name_connects",
        ),
        Guard(
            "Another way in than the token, such as none at all",
            "transport/ssh/server.py",
            "good = password is not None and await",
            "good = password is None or await",
            "tests/integration/transport/test_refusals.py::TestSigningIn"
            "::test_other_ways_are_failures_that_list_password[uvloop-\\x00\\x00\\x00\\x04none]",
        ),
        Guard(
            "A tunnel under a name that another person holds",
            "server/registry.py",
            "if current.holder.person_id != claim.person_id or current is alive:",
            "if current is alive:",
            f"{_REGISTRY}::test_a_name_of_somebody_else_is_occupied_without_a_question",
        ),
        Guard(
            "Another person's name by their client's instance, which is no credential",
            "server/registry.py",
            "return claim.key[0], claim.person_id, claim.instance",
            "return claim.key[0], 0, claim.instance",
            f"{_REGISTRY}::TestReturning::test_an_instance_is_of_one_person_and_one_kind",
        ),
        Guard(
            "Visitors of a port that another person's client has just lost, by drawing it",
            "server/sshd/opening.py",
            "Avoided(others, kept)",
            "Avoided(others)",
            f"{_PORTS}::test_a_port_that_was_lost_is_kept_from_others_until_its_client_is_back",
        ),
        Guard(
            "Visitors of the port that another person had last, while others are free",
            "server/ports.py",
            "elif port in avoided.lasts:",
            "elif False:",
            f"{_CHOOSING}"
            "::test_a_port_that_somebody_else_had_last_comes_after_those_that_nobody_had",
        ),
        Guard(
            "Every public port kept from everybody by one person, whose clients come and go",
            "server/ports.py",
            "    yield from last_resort\n",
            "",
            f"{_PORTS}"
            "::test_where_no_other_port_is_free_nobody_is_refused_for_one_who_may_come_back",
        ),
        Guard(
            "A late end of a lost connection frees the name of whoever has it by now",
            "server/registry.py",
            "if not self.holds(lease):\n            return False",
            "if not self.holds(lease):\n            lease = self._leases[lease.key]",
            f"{_REGISTRY}::TestReleasing::test_a_displaced_lease_changes_nothing",
        ),
        Guard(
            "A connection overtaken by a newer one of the same client takes the name from it",
            "server/registry.py",
            "if claim.generation <= previous.generation:",
            "if False:",
            f"{_REGISTRY}::TestReturning::test_an_older_attempt_comes_too_late",
        ),
        Guard(
            "A name that stays taken when its connection is gone",
            "server/sshd/session.py",
            "        self._holdings.release_all(vanished=not (goodbye or self._dismissed))\n",
            "",
            "tests/integration/sshd/test_session.py::test_a_tunnel_whose_client_left_is_no_tunnel",
        ),
        Guard(
            "A displaced client that does not hear of it, and goes on without a name",
            "server/sshd/claims.py",
            "        displaced.connection.end(REPLACED)\n",
            "",
            f"{_NAMES}::TestSilentHolders::test_they_are_displaced",
        ),
        Guard(
            "What is remembered of ended tunnels, without an end",
            "server/registry.py",
            "if self._remembered_of[person_id] < MAX_REMEMBERED:",
            "if True:",
            f"{_REGISTRY}::TestReturning"
            "::test_one_person_is_remembered_so_often_and_costs_nobody_their_memory",
        ),
        Guard(
            "A probe for every newcomer, and as many answers that differ",
            "server/sshd/claims.py",
            "probe = self._probes.get(lease)",
            "probe = None",
            f"{_NAMES}::TestSilentHolders::test_two_newcomers_share_one_probe",
        ),
        Guard(
            "Visitors who wait for somebody who has said goodbye",
            "server/sshd/session.py",
            "self._holdings.release_all(vanished=not (goodbye or self._dismissed))",
            "self._holdings.release_all(vanished=True)",
            f"{_PARKING}::TestLost::test_nobody_waits_for_one_that_said_goodbye",
        ),
        Guard(
            "Two clients that displace each other for ever",
            "client/tunnel.py",
            "            self._instance = self._draw_instance()\n        if str(reason)",
            "            pass\n        if str(reason)",
            "tests/unit/client/test_tunnel.py::test_who_was_replaced_comes_back_as_another",
        ),
        Guard(
            "A live tunnel loses its name to another one of the same person",
            "server/sshd/claims.py",
            "lives = await self._lives(verdict.lease)",
            "lives = False",
            f"{_NAMES}::TestTwoLiveClients::test_the_second_gets_an_alternative",
        ),
        Guard(
            "A ghost, whose client is gone without a word, keeps the name",
            "server/sshd/claims.py",
            "except (TimeoutError, ConnectionLost):\n        return False",
            "except (TimeoutError, ConnectionLost):\n        return True",
            f"{_NAMES}::TestSilentHolders::test_they_are_displaced",
        ),
        Guard(
            "Two people of one name, whatever else goes wrong",
            "server/store/migrations/versions/v0001_begin.py",
            'sa.Column("name", sa.Text, nullable=False, unique=True),',
            'sa.Column("name", sa.Text, nullable=False),',
            f"{_DATABASE}::test_the_migrations_make_the_schema_that_the_code_uses[sqlite]",
        ),
        Guard(
            "The id, and so the tokens and sessions, of somebody who is gone",
            "server/store/migrations/versions/v0001_begin.py",
            'sa.Column("released_at", TIME),\n        sqlite_autoincrement=True,',
            'sa.Column("released_at", TIME),',
            f"{_DATABASE}::test_ids_of_deleted_rows_are_not_given_out_again[sqlite]",
        ),
        Guard(
            "Two people of one name who come at the same moment",
            "server/store/people.py",
            "with suppress(RaceLost):",
            "with suppress():",
            f"{_PEOPLE}::test_two_bobs_who_sign_in_at_once_get_two_names[postgresql]",
        ),
        Guard(
            "A name of several labels, which no certificate covers, or with what no host holds",
            "server/subdomains.py",
            'r"[^A-Za-z0-9]+"',
            'r"[^A-Za-z0-9.]+"',
            "tests/unit/server/test_subdomains.py::test_an_identifier_asks_for_a_label",
        ),
        Guard(
            "Names that look like the server's own (`www`, `admin`, `api`, `mail`)",
            "server/subdomains.py",
            "if name not in reserved:",
            "if True:",
            f"{_PEOPLE}::test_reserved_names_and_the_servers_own_go_to_nobody[sqlite]",
        ),
        Guard(
            "The dashboard's own label",
            "server/settings/models.py",
            'hosts = (urlsplit(self.external_url).hostname or "", self',
            'hosts = ("", self',
            "tests/unit/server/settings/test_models.py"
            "::test_the_servers_own_labels_are_those_under_the_domain",
        ),
        Guard(
            "The server's own labels given to people all the same",
            "server/store/database.py",
            "reserved = RESERVED | own_labels",
            "reserved = RESERVED",
            f"{_PEOPLE}::test_reserved_names_and_the_servers_own_go_to_nobody[sqlite]",
        ),
        Guard(
            "The name, and so the visitors, of somebody who was removed yesterday",
            "server/store/people.py",
            "if holder.released_at is not None and holder.released_at <= free_since:",
            "if holder.released_at is not None:",
            f"{_PEOPLE}::test_the_name_of_a_removed_person_rests_30_days[sqlite]",
        ),
        Guard(
            "A further tunnel's name that can be guessed",
            "server/sshd/claims.py",
            "return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:32]",
            "return hashlib.sha256(text).hexdigest()[:32]",
            "tests/unit/server/sshd/test_claims.py::test_nobody_else_can_tell_what_it_is",
        ),
        Guard(
            "A token of a few bits",
            "server/store/tokens.py",
            "text = PREFIX + secrets.token_hex(RANDOM_BYTES)",
            "text = PREFIX + secrets.token_hex(8)",
            f"{_TOKENS}::test_a_token_has_a_prefix_and_160_bits_or_more[sqlite]",
        ),
        Guard(
            "Tokens that can be read in a stolen database",
            "server/store/records.py",
            'return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()',
            'return secret.encode("utf-8", "surrogatepass")',
            f"{_TOKENS}::test_only_the_hash_of_a_token_is_kept[sqlite]",
        ),
        Guard(
            "A token that was revoked",
            "server/store/tokens.py",
            "return unexpired & _tokens.revoked_at.is_(None) & _people",
            "return unexpired & _people",
            f"{_TOKENS}::test_revoking_ends_one_token_and_is_announced[sqlite]",
        ),
        Guard(
            "A token that has expired",
            "server/store/tokens.py",
            "return unexpired & _tokens",
            "return _tokens",
            f"{_TOKENS}::test_a_token_ends_when_it_expires[sqlite]",
        ),
        Guard(
            "A token whose person has been removed",
            "server/store/tokens.py",
            "_tokens.revoked_at.is_(None) & _people.released_at.is_(None)",
            "_tokens.revoked_at.is_(None)",
            f"{_TOKENS}::test_a_token_of_somebody_who_was_removed_is_none[sqlite]",
        ),
        Guard(
            "A removed person's token, when they come back",
            "server/store/people.py",
            "            await tokens.revoke_all(connection, person_id, now)\n",
            "",
            f"{_PEOPLE}::test_a_removed_person_who_comes_back_has_their_name_and_no_old_token[sqlite]",
        ),
        Guard(
            "A tunnel that lives on when its token was revoked",
            "server/sshd/listener.py",
            "invalid += [s for s in sessions if s.login and s.login.token_id not in valid]",
            "pass",
            "tests/integration/sshd/test_session.py::TestTokens::test_a_revoked_one_ends_its_tunnels",
        ),
        Guard(
            "A tunnel that lives on when its token has expired",
            "server/sshd/listener.py",
            "s.login.expires_at <= now]",
            "False]",
            "tests/integration/sshd/test_session.py::TestTokens::test_an_expired_one_ends_its_tunnels",
        ),
        Guard(
            "Tokens in command lines that people are shown, and so in process lists",
            "server/web/commands.py",
            "--remote-addr",
            "--token pgrok_ --remote-addr",
            "tests/unit/server/web/test_commands.py::test_no_command_holds_a_token",
        ),
        Guard(
            "Everybody's tunnels by one person: forwards of one connection",
            "server/sshd/quotas.py",
            "if tunnels >= limit:",
            "if False:",
            f"{_QUOTAS}::test_tunnels_of_a_connection",
        ),
        Guard(
            "All names and ports taken by one person",
            "server/sshd/quotas.py",
            "if len(tunnels) > limit:",
            "if False:",
            f"{_QUOTAS}::test_tunnels_of_a_person",
        ),
        Guard(
            "A restart after which the addresses of a person's two clients are swapped",
            "server/rooms.py",
            "        self.registry.recall(tenures)\n",
            "",
            "tests/e2e/test_restart.py::test_each_client_has_its_own_name_again[http]",
        ),
        Guard(
            "All public ports taken by one person",
            "server/sshd/quotas.py",
            "if sum(tunnel.kind is TunnelKind.TCP for tunnel in tunnels) > limit:",
            "if False:",
            f"{_QUOTAS}::test_public_ports_of_a_person",
        ),
        Guard(
            "Connections of one person without an end",
            "server/sshd/quotas.py",
            "if self._connections[person_id] >= limit:",
            "if False:",
            f"{_QUOTAS}::test_connections_of_a_person",
        ),
    ),
)
