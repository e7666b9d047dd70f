"""The dashboard, beside which everybody's tunnels are sibling hosts."""

from __future__ import annotations

from guards.guard import Area, Guard

_SECURITY = "tests/unit/server/web/test_security.py"
_SIGN_IN = "tests/integration/web/test_sign_in.py"
_APP = "tests/integration/web/test_app.py"
_DASHBOARD = "tests/integration/web/test_dashboard.py"
_SESSIONS = "tests/integration/store/test_web_sessions.py"
_PEOPLE = "tests/integration/store/test_people.py"

AREA = Area(
    "dashboard",
    "The dashboard",
    (
        Guard(
            "DNS rebinding: the dashboard under a name of the attacker's",
            "server/web/security.py",
            "if len(hosts) != 1 or not _is_ours(hosts[0], path, site):",
            "if len(hosts) != 1:",
            f"{_SECURITY}::test_another_host_is_sent_to_ours[evil.example.com]",
        ),
        Guard(
            "Two hosts in one request",
            "server/web/security.py",
            "if len(hosts) != 1 or not",
            "if hosts and not",
            f"{_SECURITY}::test_a_missing_or_doubled_host_is_refused",
        ),
        Guard(
            "CSRF from a tunnel's origin, which is the same site",
            "server/web/security.py",
            "if method not in _SAFE_METHODS and not _is_from_us(fields, site):",
            "if False:",
            f"{_SECURITY}::test_a_sibling_host_is_not_us",
        ),
        Guard(
            "CSRF from a sibling host that the browser calls `same-site`",
            "server/web/security.py",
            '_OWN_SITES: Final = frozenset({"same-origin", "none"})',
            '_OWN_SITES: Final = frozenset({"same-origin", "same-site", "none"})',
            f"{_SECURITY}::test_a_sibling_host_is_not_us",
        ),
        Guard(
            "CSRF where browsers send no `Sec-Fetch-Site`: another origin",
            "server/web/security.py",
            'return fields.get("origin") == site.origin',
            'return fields.get("origin", "").endswith(site.host.partition(".")[2])',
            f"{_SECURITY}::test_a_sibling_host_is_not_us",
        ),
        Guard(
            "CSRF by a picture or a link: signing out by GET",
            "server/web/sign_in.py",
            'return self._renderer.page("sign_out.html")',
            "return await self.sign_out(request)",
            f"{_SIGN_IN}::test_signing_out_is_a_post",
        ),
        Guard(
            "One-time links used up by whoever previews them",
            "server/web/sign_in.py",
            'return self._renderer.page("link.html")',
            "return await self.follow_link(request)",
            f"{_SIGN_IN}::test_a_link_asks_first_and_works_once",
        ),
        Guard(
            "One-time links that work twice",
            "server/store/sign_ins.py",
            "            delete(tables.sign_in_links)\n            .where(_links.hash == hashed(raw))\n            .returning(_links.person_id, _links.expires_at)",
            "            tables.sign_in_links.select()\n            .with_only_columns(_links.person_id, _links.expires_at)\n            .where(_links.hash == hashed(raw))",
            "tests/integration/store/test_sign_ins.py::test_a_link_signs_its_person_in_once[sqlite]",
        ),
        Guard(
            "One-time links found a day later",
            "server/store/sign_ins.py",
            "if row is None or row.expires_at <= self._clock():",
            "if row is None:",
            "tests/integration/store/test_sign_ins.py::test_a_link_expires[sqlite]",
        ),
        Guard(
            "Cookie tossing: a tunnel's cookie taken for the dashboard's",
            "server/web/sessions.py",
            'prefix = "__Host-" if site.secure else ""',
            'prefix = ""',
            f"{_SIGN_IN}::test_cookies_are_for_this_host_alone_and_out_of_reach",
        ),
        Guard(
            "Scripts that read the session's cookie",
            "server/web/sessions.py",
            "            max_age=int(lifetime.total_seconds()),\n            secure=self._secure,\n            httponly=True,",
            "            max_age=int(lifetime.total_seconds()),\n            secure=self._secure,",
            f"{_SIGN_IN}::test_cookies_are_for_this_host_alone_and_out_of_reach",
        ),
        Guard(
            "The session's cookie over plain http",
            "server/web/sessions.py",
            "            max_age=int(lifetime.total_seconds()),\n            secure=self._secure,",
            "            max_age=int(lifetime.total_seconds()),\n            secure=False,",
            f"{_SIGN_IN}::test_cookies_are_for_this_host_alone_and_out_of_reach",
        ),
        Guard(
            "Session fixation: an id that was planted before the sign-in",
            "server/web/sessions.py",
            "raw_id = await self._store.web_sessions.create(person_id)",
            "raw_id = request.cookies.get(self._session_cookie) or await self._store.web_sessions.create(person_id)",
            f"{_SIGN_IN}::test_a_planted_session_id_is_not_taken_over",
        ),
        Guard(
            "A session that outlives the next sign-in",
            "server/web/sessions.py",
            "        await self._forget(request)\n        raw_id",
            "        raw_id",
            f"{_SIGN_IN}::test_the_session_id_changes_and_the_old_one_ends",
        ),
        Guard(
            "A session that outlives signing out",
            "server/web/sessions.py",
            "        await self._forget(request)\n        response.delete_cookie",
            "        response.delete_cookie",
            f"{_SIGN_IN}::test_signing_out_is_a_post",
        ),
        Guard(
            "A session that never ends",
            "server/store/web_sessions.py",
            "_sessions.id_hash == hashed(raw_id), _sessions.expires_at > self._clock())",
            "_sessions.id_hash == hashed(raw_id))",
            f"{_SESSIONS}::test_sessions_expire_and_go[sqlite]",
        ),
        Guard(
            "Sessions that can be taken over out of a stolen database",
            "server/store/web_sessions.py",
            "                    id_hash=hashed(raw_id),",
            "                    id_hash=raw_id.encode(),",
            f"{_SESSIONS}::test_a_session_is_found_by_its_id_until_it_is_deleted[sqlite]",
        ),
        Guard(
            "New tokens that can be read out of a stolen database",
            "server/store/web_sessions.py",
            "sealed = nonce + _cipher(raw_id).encrypt(nonce, token.encode(), hashed(raw_id))",
            "sealed = nonce + token.encode()",
            f"{_SESSIONS}::test_a_kept_token_cannot_be_read_from_the_database[sqlite]",
        ),
        Guard(
            "A new token shown for longer than its ten minutes",
            "server/store/web_sessions.py",
            "            _sessions.kept_until > now,\n",
            "",
            f"{_SESSIONS}::test_a_kept_token_is_shown_in_its_session_for_ten_minutes[sqlite]",
        ),
        Guard(
            "Sessions of somebody who was removed",
            "server/store/people.py",
            "            await web_sessions.end_all(connection, person_id)\n            await sign_ins",
            "            await sign_ins",
            f"{_PEOPLE}::test_a_removed_person_is_gone_with_tokens_sessions_and_links[sqlite]",
        ),
        Guard(
            "Clickjacking: the dashboard in somebody's frame",
            "server/web/security.py",
            "\"img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \"",
            "\"img-src 'self' data:; connect-src 'self'; form-action 'self'; \"",
            f"{_APP}::test_every_answer_carries_the_policy",
        ),
        Guard(
            "Scripts of others on a page",
            "server/web/security.py",
            "\"default-src 'none'; style-src 'self'; script-src 'self'; \"",
            "\"default-src 'none'; style-src 'self'; script-src 'self' 'unsafe-inline'; \"",
            f"{_APP}::test_every_answer_carries_the_policy",
        ),
        Guard(
            "Cross-site scripting by what people call themselves, or their clients",
            "server/web/rendering.py",
            "autoescape=True",
            "autoescape=False",
            f"{_DASHBOARD}::test_what_people_call_themselves_and_send_is_text",
        ),
        Guard(
            "Personal pages in a cache",
            "server/web/security.py",
            '"Cache-Control": "no-cache" if is_static else "no-store"',
            '"Cache-Control": "no-cache"',
            f"{_APP}::test_personal_pages_are_not_kept_and_static_ones_are_checked",
        ),
        Guard(
            "Another person's tunnels",
            "server/web/dashboard.py",
            "            tunnels=self._live_tunnels(person.id),\n            now",
            "            tunnels=[t for i in (person.id, 4711) for t in self._live_tunnels(i)],\n            now",
            f"{_DASHBOARD}::test_live_tunnels_are_the_person_s_own",
        ),
        Guard(
            "A token for whoever is not signed in, or a list of tunnels",
            "server/web/dashboard.py",
            "        if signed_in is None:\n            return Response(status_code=401)\n",
            "        if signed_in is None:\n            return Response()\n",
            f"{_DASHBOARD}::test_the_live_list_is_not_for_strangers",
        ),
        Guard(
            "Large bodies, or bodies without a length",
            "server/web/security.py",
            'if not _fits(fields.get("content-length", "0")):',
            "if False:",
            f"{_SECURITY}::test_bodies_are_small_and_say_how_small",
        ),
        Guard(
            "A traceback on a page",
            "server/web/failures.py",
            'text = "The server failed at this page; its log says why. Other pages may work."',
            'text = f"The server failed at this page; its log says why. {error!r}"',
            f"{_APP}::test_a_bug_shows_no_traceback",
        ),
        Guard(
            "Metrics for everybody",
            "server/web/monitoring.py",
            'if not self._may_read(request.headers.get("authorization", "")):',
            "if False:",
            "tests/integration/web/test_monitoring.py::test_metrics_want_the_very_token",
        ),
        Guard(
            "Metrics on a public address without a token",
            "server/settings/models.py",
            'if listen is None or info.data.get("token") is not None or _is_loopback(listen):',
            "if True:",
            "tests/unit/server/settings/test_models.py::test_metrics_for_others_want_a_token",
        ),
    ),
)
