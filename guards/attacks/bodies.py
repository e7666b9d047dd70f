"""Bodies whose end could be found in two places, and connections that carry something over."""

from __future__ import annotations

from guards.guard import Area, Guard

_CHUNKS = "tests/unit/http/test_body.py::test_broken_chunks"

AREA = Area(
    "http-bodies",
    "HTTP: bodies, and nothing carried over",
    (
        Guard(
            "Chunk sizes that readers differ about: signed, with `0x`, beyond 64 bits",
            "http/body.py",
            'rb"([0-9A-Fa-f]{1,15})[ \\t]*',
            'rb"[+-]?(?:0x)?([0-9A-Fa-f]+)[ \\t]*',
            f"{_CHUNKS}[a size that wraps at 64 bits]",
        ),
        Guard(
            "Chunk extensions with control characters, which hide line ends",
            "http/body.py",
            r"(?:;[\t\x20-\x7e\x80-\xff]*)?",
            r"(?:;[^\n]*)?",
            f"{_CHUNKS}[a bare CR in an extension]",
        ),
        Guard(
            "Chunk lines that end with a bare LF",
            "http/body.py",
            'if len(self._line) > limit + 1 or b"\\n" in self._line:',
            "if len(self._line) > limit + 1:",
            "tests/unit/http/test_body.py::test_a_line_without_cr_is_not_waited_for",
        ),
        Guard(
            "Chunks that are longer than their size",
            "http/body.py",
            'if line:\n                raise RemoteProtocolError("a chunk is longer than its size")',
            "if False:\n                raise",
            f"{_CHUNKS}[a longer chunk]",
        ),
        Guard(
            "An endless chunk line, or an endless trailer",
            "http/body.py",
            'if len(self._line) > limit + 1 or b"\\n" in self._line:',
            'if b"\\n" in self._line:',
            "tests/unit/http/test_body.py::test_an_endless_trailer_is_not_waited_for",
        ),
        Guard(
            "Trailers without an end",
            "http/body.py",
            "if self._trailer_bytes > MAX_HEAD_BYTES or len(self._trailer_lines) >= MAX_HEAD_LINES:",
            "if False:",
            "tests/unit/http/test_body.py::test_too_many_trailers",
        ),
        Guard(
            "Trailers that redefine framing, routing, cookies or who asked",
            "http/fields.py",
            "trailers.lines_without(FORBIDDEN_IN_TRAILERS | said",
            "trailers.lines_without(said",
            "tests/unit/http/test_fields.py::test_trailers_cannot_change_a_message_that_is_under_way"
            "[Host]",
        ),
        Guard(
            "Trailers with underscores for dashes, which gateways take for the fields with dashes",
            "http/fields.py",
            "FORBIDDEN_IN_TRAILERS = in_all_spellings(",
            "FORBIDDEN_IN_TRAILERS = frozenset(",
            "tests/unit/http/test_fields.py::test_trailers_cannot_change_a_message_that_is_under_way"
            "[Content_Length]",
        ),
        Guard(
            "A request that is cut taken for a whole one",
            "http/body.py",
            'raise RemoteProtocolError(f"the body ended {self.left} octets early")',
            "self.done = True",
            "tests/unit/relay/test_downstream.py::test_an_end_that_cuts_an_upload",
        ),
        Guard(
            "A request behind a large upload, read into the packets of its body",
            "relay/passing_body.py",
            "return target.lend()[: message.body_left]",
            "return target.lend()",
            "tests/unit/relay/test_passing_body.py::test_what_follows_it_is_a_request_of_its_own"
            "[True]",
        ),
        Guard(
            "A request behind a large upload that came through a channel",
            "relay/passing_body.py",
            "if len(data) > message.body_left:",
            "if len(data) > (1 << 60):",
            "tests/unit/relay/test_passing_body.py::test_what_follows_it_is_a_request_of_its_own"
            "[False]",
        ),
        Guard(
            "Data of one connection in the packets of another one",
            "transport/channel.py",
            "self.write(bytes(link.lent[sent:octets]))",
            "self._outbox.put(link.lent[sent:octets])",
            "tests/unit/transport/test_channel.py::TestSending"
            "::test_what_is_lent_room_goes_as_if_it_were_written",
        ),
        Guard(
            "After a doubt the next request on the same connection, which may be part of the last",
            "relay/downstream.py",
            "self._peer.transport.write(refuse_bytes(problem))\n            self._peer.linger()",
            "self._peer.transport.write(refuse_bytes(problem))",
            "tests/unit/relay/test_downstream.py"
            "::test_what_is_no_request_is_answered_and_goes_no_further[TE.CL]",
        ),
        Guard(
            "The unread body of a refused request taken for the next request",
            "relay/refusal.py",
            "and (body_read or no_body)",
            "",
            "tests/unit/relay/test_downstream.py::test_a_refused_upload_is_not_waited_for",
        ),
        Guard(
            "A broken upload behind which the target waits, on a connection that is kept",
            "relay/exchange.py",
            "if came is None or not (upload is None or upload.ended):",
            "if came is None:",
            "tests/unit/relay/test_exchange.py::test_a_refusal_in_place_of_a_100_ends_the_connection",
        ),
        Guard(
            "Two responses for one request: the rest is the next visitor's answer",
            "relay/upstream.py",
            "            or not reader.clean\n",
            "",
            "tests/unit/relay/test_upstream.py::test_octets_after_the_response",
        ),
        Guard(
            "A body that looks like a response, for the next visitor to find",
            "http/reader.py",
            "if not (self.clean and self.awaits_message) or type(data)",
            "if not self.awaits_message or type(data)",
            "tests/unit/http/test_reader.py::test_a_body_that_looks_like_a_message_is_a_body",
        ),
        Guard(
            "Octets behind a message, taken for its body",
            "http/reader.py",
            "if head.whole != len(data):",
            "if not head.whole:",
            "tests/unit/relay/test_upstream.py::test_octets_after_the_response",
        ),
        Guard(
            "A response that comes while nobody asked, for the next visitor to find",
            "relay/upstream.py",
            "if exchange is None:\n            self.close()\n        elif",
            "if exchange is None:\n            reader.receive(data)\n        elif",
            "tests/unit/relay/test_upstream.py::test_whatever_comes_while_it_idles_closes_it[octets]",
        ),
        Guard(
            "Octets behind an early response, while the upload goes on",
            "relay/upstream.py",
            "elif reader.awaits_message:\n            self.heard",
            "elif True:\n            self.heard",
            "tests/unit/relay/test_upstream.py"
            "::test_octets_after_the_response_while_the_request_goes_on",
        ),
        Guard(
            "A request that has not all gone out, on a connection that is used again",
            "relay/upstream.py",
            "            or transport.get_write_buffer_size()\n",
            "",
            "tests/unit/relay/test_upstream.py::test_a_request_that_has_not_all_gone_out",
        ),
        Guard(
            "A target that is about to close gets the next request, and loses it",
            "relay/upstream.py",
            "            self._ended\n            or reader",
            "            reader",
            "tests/unit/relay/test_upstream.py"
            "::test_an_end_after_the_response_while_the_request_goes_on",
        ),
        Guard(
            "A cut response that looks complete (the visitor keeps half a file)",
            "relay/downstream.py",
            "        reset(self._peer.transport)\n\n    def leave",
            "        self._peer.linger()\n\n    def leave",
            "tests/unit/relay/test_exchange_failures.py::test_a_response_that_is_cut_looks_cut",
        ),
        Guard(
            "A raw connection by a 101 that nobody asked for, or to another protocol",
            "relay/exchange.py",
            "if head.status == SWITCHING_PROTOCOLS and not self._may_switch(head):",
            "if False:",
            "tests/unit/relay/test_exchange_websocket.py::test_a_switch_to_something_else[h2c]",
        ),
        Guard(
            "Raw octets before the 101: a visitor who only asked for a WebSocket sends a request",
            "relay/exchange.py",
            "return self.request.websocket and head",
            "return head",
            "tests/unit/relay/test_exchange_failures.py::test_an_answer_that_is_none"
            "[HTTP/1.1 101 Go\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n]",
        ),
        Guard(
            "Interim responses without an end, each of which lets the wait begin anew",
            "relay/answer.py",
            "if self._interim > MAX_INTERIM:",
            "if False:",
            "tests/unit/relay/test_exchange_failures.py::test_interim_responses_without_an_end",
        ),
        Guard(
            "A response with two lengths",
            "http/parsing.py",
            'length = fields.only(b"content-length")',
            'length = fields.first(b"content-length")',
            "tests/unit/relay/test_exchange_failures.py::test_an_answer_that_is_none"
            "[HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\nContent-Length: 2\\r\\n\\r\\n]",
        ),
        Guard(
            "A purchase made twice: a request sent again that changes something",
            "relay/exchange.py",
            "repeatable = self.request.safe_to_repeat",
            "repeatable = True",
            "tests/unit/relay/test_exchange_reuse.py::test_no_second_attempt_for_an_upload",
        ),
        Guard(
            "A request sent again although its response had begun",
            "relay/exchange.py",
            "return lost and not upstream.heard and repeatable",
            "return lost and repeatable",
            "tests/unit/relay/test_exchange_reuse.py::test_no_second_attempt_once_a_response_has_begun"
            "[H]",
        ),
        Guard(
            "A request sent again and again",
            "relay/exchange.py",
            "return lost and not upstream.heard and repeatable and not self._repeated",
            "return lost and not upstream.heard and repeatable",
            "tests/unit/relay/test_exchange_reuse.py"
            "::test_a_request_whose_way_is_lost_is_routed_anew_once",
        ),
        Guard(
            "An upload on a connection that has idled and may just be closing",
            "relay/pool.py",
            "if not repeatable and now - upstream.idle_since > FRESH_SECONDS:",
            "if False:",
            "tests/unit/relay/test_exchange_reuse.py::test_what_may_not_be_sent_twice_takes_no_risk",
        ),
    ),
)
