"""What a request could be made to say: to whom it goes, and who sent it."""

from __future__ import annotations

from guards.guard import Area, Guard

_FORWARDING = "tests/unit/http/test_forwarding.py"
_FRONT = "tests/integration/proxy/test_front.py"

AREA = Area(
    "http-forwarding",
    "HTTP: whose tunnel it is, and what goes on to it",
    (
        Guard(
            "Another field than `Host` that leads to somebody else's tunnel",
            "server/proxy/ways.py",
            "host = canonical_host(request.host)",
            'host = canonical_host(request.fields.first(b"x-forwarded-host") or request.host)',
            "tests/integration/proxy/test_whose_tunnel.py::test_no_other_field_leads_elsewhere",
        ),
        Guard(
            "Another case, a port or a dot at the end of the host finds another tunnel, or none",
            "server/proxy/ways.py",
            'return text.removesuffix(".")',
            "return text",
            "tests/unit/server/proxy/test_ways.py"
            "::test_hosts_are_looked_up_without_case_port_and_dot[bob.example.com.-bob.example.com]",
        ),
        Guard(
            "A host that only ends like a tunnel's",
            "server/proxy/ways.py",
            'label = host.removesuffix(self._suffix) if host.endswith(self._suffix) else ""',
            'label = host.partition(".")[0]',
            f"{_FRONT}::TestHosts::test_no_tunnel[bob.localhost.example.com]",
        ),
        Guard(
            "Cross-site scripting by a host that a page repeats",
            "http/pages.py",
            'host=escape(host[:MAX_SHOWN]) or "This address",',
            'host=host[:MAX_SHOWN] or "This address",',
            "tests/unit/http/test_pages.py::test_a_hostile_host_or_detail_stays_text_and_the_page_small",
        ),
        Guard(
            "Pages for visitors that scripts, frames or forms could be put into",
            "http/pages.py",
            "f\"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; \"",
            "f\"default-src *; style-src 'sha256-{_STYLE_HASH}'; \"",
            "tests/unit/http/test_pages.py::test_the_policy_allows_the_one_style_and_nothing_else",
        ),
        Guard(
            "An exception's text on a page",
            "server/proxy/ways.py",
            "return Problem(Code.TUNNEL_LOST if lost else Code.TARGET_DOWN, 502)",
            "return Problem(Code.TARGET_DOWN, 502, detail=repr(error))",
            "tests/unit/server/proxy/test_ways.py::test_no_error_is_told_to_visitors",
        ),
        Guard(
            "A visitor who says who they are by `X-Forwarded-*`, `Forwarded`, `X-Real-IP`",
            "http/forwarding.py",
            "always = unforwarded(request.options, _TOLD_ANEW)",
            "always = unforwarded(request.options, _WRITTEN_ANEW)",
            f"{_FORWARDING}::test_a_stranger_is_told_of_as_seen_here",
        ),
        Guard(
            "The same with underscores for dashes, which gateways take for the same field",
            "http/forwarding.py",
            "in_all_spellings(ABOUT_VISITOR)",
            "ABOUT_VISITOR",
            f"{_FORWARDING}::test_underscores_make_no_second_name",
        ),
        Guard(
            "A visitor who says of the proxy what it did not: `X-Forwarded-Port`, `-Prefix`, `-Ssl`",
            "http/forwarding.py",
            "return always | said if said else always",
            "return always",
            f"{_FORWARDING}::test_a_stranger_says_nothing_in_the_name_of_a_proxy[X-Forwarded-Port]",
        ),
        Guard(
            "The same with underscores, which a trusted proxy passes on as it does any field",
            "http/forwarding.py",
            'said = frozenset(name for name in said if b"_" in name)',
            "said = frozenset()",
            f"{_FORWARDING}::test_no_proxy_writes_underscores[X_Forwarded_Port]",
        ),
        Guard(
            "The same in trailers",
            "http/fields.py",
            "FORBIDDEN_IN_TRAILERS | said_by_relays(trailers.names)",
            "FORBIDDEN_IN_TRAILERS",
            "tests/unit/http/test_fields.py"
            "::test_trailers_cannot_change_a_message_that_is_under_way[X-Forwarded-Port]",
        ),
        Guard(
            "Names of a proxy that are repeated until a head is too large for the other end",
            "http/forwarding.py",
            "return value if value and len(value) <= MAX_TOLD else None",
            "return value",
            f"{_FORWARDING}::test_what_is_too_long_to_be_meant_is_as_if_not_said[X-Forwarded-Host]",
        ),
        Guard(
            "A stranger whose word counts as a trusted proxy's",
            "http/forwarding.py",
            "if visitor.trusted and not ABOUT",
            "if not ABOUT",
            f"{_FORWARDING}::test_a_stranger_is_told_of_as_seen_here",
        ),
        Guard(
            "`X-Real-IP` of a visitor whom a trusted proxy saw elsewhere, and passed on",
            "http/forwarding.py",
            "address = sender",
            'address = came.first(b"x-real-ip") or sender',
            f"{_FORWARDING}::test_a_trusted_proxy_is_not_believed_what_it_has_not_said_itself"
            "[X-Real-IP: 203.0.113.6]",
        ),
        Guard(
            "`Forwarded` of such a visitor, with another address, host or scheme",
            "http/forwarding.py",
            "hops = []",
            'hops = [*filter(None, came.values(b"forwarded"))]',
            f"{_FORWARDING}::test_a_trusted_proxy_is_not_believed_what_it_has_not_said_itself"
            "[Forwarded: for=203.0.113.6]",
        ),
        Guard(
            "Addresses that a visitor put before their own in `X-Forwarded-For`",
            "http/forwarding.py",
            "            if not _is_proxy(address, is_trusted):\n                break\n",
            "",
            f"{_FORWARDING}::test_the_sender_is_whom_the_farthest_trusted_proxy_saw"
            "[203.0.113.6, 198.51.100.7-198.51.100.7]",
        ),
        Guard(
            "Trust in a proxy by an address that is none of `trusted_proxies`",
            "address.py",
            "return any(mapped in network for network in networks)",
            "return True",
            f"{_FRONT}::TestVisitors::test_nobody_else_is",
        ),
        Guard(
            "`Connection: x-forwarded-for` takes away what tells of the visitor, or `host`",
            "http/fields.py",
            "return always.union(nominated) - kept",
            "return always.union(nominated)",
            "tests/unit/http/test_fields.py"
            "::test_connection_cannot_take_away_what_routes_and_frames",
        ),
        Guard(
            "Hop-by-hop fields that reach the application (`Proxy-Authorization`, `TE`, ...)",
            "http/forwarding.py",
            "_WRITTEN_ANEW = HOP_BY_HOP | FRAMING",
            "_WRITTEN_ANEW = FRAMING",
            f"{_FORWARDING}::test_a_request_goes_on_without_the_fields_of_its_connection",
        ),
        Guard(
            "Fields that `Connection` names reach the application",
            "http/fields.py",
            "return always.union(nominated) - kept",
            "return always",
            f"{_FORWARDING}::test_a_request_goes_on_without_the_fields_of_its_connection",
        ),
        Guard(
            "`Content_Length` and `Transfer_Encoding`, which gateways take for framing",
            "http/fields.py",
            'FRAMING = in_all_spellings({b"content-length", b"transfer-encoding"})',
            'FRAMING = frozenset({b"content-length", b"transfer-encoding"})',
            f"{_FORWARDING}::test_underscores_make_no_second_framing",
        ),
        Guard(
            "`Upgrade: h2c` passed on: the target goes over to HTTP/2 and the relay does not",
            "http/forwarding.py",
            "    if request.websocket:\n        lines += _TO_WEBSOCKET",
            '    if b"upgrade" in request.fields.names:\n        lines += _TO_WEBSOCKET',
            f"{_FORWARDING}::test_h2c_is_not_asked_for",
        ),
        Guard(
            "Cookie tossing: a tunnel sets a cookie for the domain above, the dashboard's or all",
            "http/forwarding.py",
            "lines = _without_foreign_cookies(lines, host.encode())",
            "pass",
            f"{_FORWARDING}::test_cookies_for_neighbours_are_dropped[a=b; Domain=example.com-False]",
        ),
        Guard(
            "The same in an interim response, which comes before the answer",
            "relay/answer.py",
            "forward_response(head, self._request.minor_version, True, self._host)",
            "forward_response(head, self._request.minor_version, True)",
            "tests/unit/relay/test_exchange.py::test_so_are_those_of_interim_responses",
        ),
        Guard(
            "The answer to one visitor's head given to another who sent the same",
            "server/proxy/ways.py",
            "self.recall = remembering(self.find)",
            "known: dict[RequestHead, Way] = {}\n        self.recall = lambda request, visitor: known.setdefault(request, self.find(request, visitor))",
            "tests/unit/server/proxy/test_front.py::test_the_same_request_of_two_visitors_tells_of_two",
        ),
        Guard(
            "Large heads that are remembered by the hundred",
            "http/head.py",
            "self.small = octets <= MAX_REMEMBERED_BYTES\n        if self.framing",
            "self.small = True\n        if self.framing",
            "tests/unit/server/proxy/test_front.py::test_long_heads_are_not_kept",
        ),
        Guard(
            "Large heads that are remembered as octets",
            "http/parsing.py",
            "read = recall_request if len(head) <= MAX_REMEMBERED_BYTES else _read_request",
            "read = recall_request",
            "tests/unit/http/test_remembering.py::test_long_heads_are_not_kept[request]",
        ),
    ),
)
