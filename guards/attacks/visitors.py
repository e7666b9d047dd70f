"""What visitors could take from those behind a public proxy, and from each other."""

from __future__ import annotations

from guards.guard import Area, Guard

_DEADLINES = "tests/unit/relay/test_downstream_deadlines.py"
_LIMITS = "tests/integration/proxy/test_limits.py"
_FAIRNESS = "tests/integration/proxy/test_fairness.py"
_HALF_OPEN = "tests/integration/proxy/test_half_open.py"

AREA = Area(
    "http-visitors",
    "HTTP: visitors, their time and their numbers",
    (
        Guard(
            "Visitors who connect and say nothing, or little at a time (slowloris)",
            "relay/downstream.py",
            "        self._peer.wait_for_head()\n        self._reader.expect()",
            "        self._reader.expect()",
            f"{_DEADLINES}::test_a_visitor_who_says_nothing",
        ),
        Guard(
            "A second head in drops, on a connection that is kept",
            "relay/downstream.py",
            "        if was_idle and self._awaits_head:\n            peer.wait_for_head()\n",
            "",
            f"{_DEADLINES}::test_a_second_head_has_its_own_time",
        ),
        Guard(
            "Visitors who keep connections without a request",
            "relay/downstream.py",
            "peer.deadline.move_to(now + self._timeouts.idle)",
            "pass",
            f"{_DEADLINES}::test_an_idle_connection",
        ),
        Guard(
            "An upload that stops",
            "relay/peer.py",
            "self.deadline.move(self._timeouts.body)",
            "pass",
            f"{_DEADLINES}::test_an_upload_that_stops",
        ),
        Guard(
            "A client that takes no channel, and whose visitors wait for it",
            "relay/peer.py",
            "        elif exchange.connecting:\n            self.deadline.move(self._timeouts.connect)\n",
            "",
            f"{_DEADLINES}::test_a_connection_that_is_not_made",
        ),
        Guard(
            "A target that never answers",
            "relay/peer.py",
            "else:\n            self.deadline.move(self._timeouts.response)",
            "else:\n            self.deadline.rest()",
            f"{_DEADLINES}::test_a_target_that_does_not_answer",
        ),
        Guard(
            "A target that never answers any more",
            "relay/downstream.py",
            "self._peer.deadline.move_to(exchange.began + self._timeouts.response)",
            "pass",
            f"{_DEADLINES}::test_a_target_that_answers_no_more",
        ),
        Guard(
            "A visitor who does not go after a refusal",
            "relay/peer.py",
            "self.deadline.move(self._timeouts.linger)",
            "self.deadline.rest()",
            f"{_DEADLINES}::test_an_answer_is_lingered_over",
        ),
        Guard(
            "A visitor who reads nothing at all, and for whom an answer is kept",
            "relay/stalls.py",
            "if self._transport.get_write_buffer_size() == self._queued:",
            "if False:",
            "tests/unit/relay/test_stalls.py::test_who_takes_nothing_is_given_up_once",
        ),
        Guard(
            "Pipelined requests without an end, read while one is being answered",
            "relay/downstream.py",
            "self._reader.buffered < MAX_READ_AHEAD",
            "True",
            "tests/unit/relay/test_downstream.py::test_only_so_much_is_read_ahead",
        ),
        Guard(
            "Answers that pile up for a visitor who asks and does not read",
            "relay/downstream.py",
            "return self._peer.full if exchange is None else not exchange.takes_request",
            "return exchange is not None and not exchange.takes_request",
            "tests/unit/relay/test_downstream.py::test_refusals_do_not_pile_up",
        ),
        Guard(
            "A download for a visitor who does not read fills the memory",
            "relay/exchange.py",
            "self._upstream.hold_reading(full)",
            "pass",
            "tests/unit/relay/test_exchange.py::test_a_slow_visitor_slows_the_target",
        ),
        Guard(
            "An upload to a target that does not read fills the memory",
            "relay/exchange.py",
            "self.takes_request = not full",
            "self.takes_request = True",
            "tests/unit/relay/test_exchange.py::test_a_slow_target_slows_the_visitor",
        ),
        Guard(
            "Visitors who end their direction, wait for a silent answer and leave, 1,024 of them",
            "relay/peer.py",
            "        self.ended = True\n        self._expect_no_word()",
            "        self.ended = True",
            f"{_HALF_OPEN}::test_who_vanishes_from_http_is_missed[a silent stream]",
        ),
        Guard(
            "The same behind more requests than are read ahead",
            "relay/peer.py",
            "                self.transport.pause_reading()\n                self._expect_no_word()",
            "                self.transport.pause_reading()",
            f"{_HALF_OPEN}::test_who_vanishes_behind_requests_that_wait_is_missed",
        ),
        Guard(
            "The same in a WebSocket",
            "relay/splice.py",
            "            other._end_writing()\n        self._expect_no_word()",
            "            other._end_writing()",
            f"{_HALF_OPEN}::test_who_vanishes_from_a_websocket_is_missed",
        ),
        Guard(
            "The same while its target does not read",
            "relay/splice.py",
            "            self._transport.pause_reading()\n            self._expect_no_word()",
            "            self._transport.pause_reading()",
            f"{_HALF_OPEN}::test_who_vanishes_while_nobody_reads_is_missed",
        ),
        Guard(
            "Faults that anybody can bring about, each with a line of log or a traceback",
            "server/logs.py",
            "return self._seen[kind] <= LINES",
            "return True",
            "tests/unit/server/test_logs.py"
            "::TestFloods::test_of_many_lines_of_a_kind_few_are_written",
        ),
        Guard(
            "Running out of descriptors, and nobody knows why visitors are cut",
            "server/descriptors.py",
            "        exhausted = not exhausted\n        if exhausted:",
            "        exhausted = not exhausted\n        if False:",
            "tests/unit/server/test_descriptors.py"
            "::test_the_last_one_is_told_of_once_and_so_is_the_first_again",
        ),
        Guard(
            "Visitors who leave streams unread, and a target that waits for them for ever, as often"
            " as they like",
            "relay/splice.py",
            "            other._leave()\n",
            "            transport.close()\n",
            "tests/unit/relay/test_splice.py::test_who_does_not_read_before_he_has_written_is_read",
        ),
        Guard(
            "Visitors who take nothing of what a target has left them",
            "relay/parting.py",
            "            reset(self._transport)\n        else",
            "            self._look_later()\n        else",
            "tests/unit/relay/test_splice.py::test_who_takes_nothing_of_what_is_left_is_given_up",
        ),
        Guard(
            "The same behind a target that reads nothing, of whom nobody hears that they have left",
            "transport/ending.py",
            "            self._link.loop.call_later(UNREAD_SECONDS, self._read_on)",
            "            pass",
            "tests/unit/transport/test_channel.py"
            "::TestClosedWhileNobodyReads::test_what_came_is_read_on_after_a_while",
        ),
        Guard(
            "A stream whose reader is slow fills the memory",
            "relay/splice.py",
            "self._peer._pause_reading()",
            "pass",
            "tests/unit/relay/test_splice.py::test_a_slow_reader_slows_its_sender",
        ),
        Guard(
            "A flood of connections in all",
            "server/proxy/visitors.py",
            "if self._present >= self._limit:",
            "if False:",
            f"{_LIMITS}::TestConnections::test_are_so_many_in_all",
        ),
        Guard(
            "A flood of connections of one address, or of one IPv6 network",
            "server/proxy/visitors.py",
            "if stranger and not self._strangers.enter(address):",
            "if False:",
            f"{_LIMITS}::TestConnections::test_and_of_an_address",
        ),
        Guard(
            "A flood of streams, of WebSockets, that are no requests any more",
            "server/proxy/front.py",
            'return self.streams.enter("websocket", partial(self._visitors.leave, visitor.address))',
            "self._visitors.leave(visitor.address)\n"
            '        return self.streams.enter("websocket", lambda: None)',
            f"{_LIMITS}::TestStreams::test_that_were_requests_still_are",
        ),
        Guard(
            "A flood of streams, of tcp",
            "server/proxy/tcp.py",
            "if self._visitors.enter(address) is not None:",
            "if False:",
            f"{_LIMITS}::TestStreams::test_of_tcp_are_counted",
        ),
        Guard(
            "A flood of one sender behind a trusted proxy",
            "server/proxy/senders.py",
            "if self._under_way[sender] >= self._limit:",
            "if False:",
            "tests/unit/server/proxy/test_senders.py::test_everybody_has_as_many",
        ),
        Guard(
            "A sender who makes up addresses in front of the one that the proxy saw",
            "http/forwarding.py",
            'for element in reversed(seen.split(b",")):',
            'for element in seen.split(b","):',
            "tests/unit/server/proxy/test_senders.py::test_a_sender_is_whom_the_nearest_proxy_saw",
        ),
        Guard(
            "A flood at one tunnel that leaves nothing to the others",
            "relay/pool.py",
            "if len(self._open) >= self._max_open:",
            "if False:",
            "tests/unit/relay/test_pool.py::test_there_is_a_limit",
        ),
        Guard(
            "A flood at many tunnels of one person",
            "server/sshd/tunnels.py",
            "if not self.has_room():",
            "if False:",
            f"{_FAIRNESS}::test_many_tunnels_of_one_person_share_what_she_may_have",
        ),
        Guard(
            "Requests without an end that wait for a tunnel to come back",
            "server/proxy/parking.py",
            "if len(lot.waiting) >= self._per_name or len(self._parked) >= self._in_all:",
            "if False:",
            "tests/unit/server/proxy/test_parking.py::test_so_many_wait_in_all",
        ),
        Guard(
            "Requests that wait for ever for a tunnel that does not come back",
            "server/proxy/parking.py",
            "lot.deadline.move(self._seconds)",
            "pass",
            "tests/unit/server/proxy/test_parking.py::test_waiting_ends",
        ),
        Guard(
            "Visitors who vanish under an idle WebSocket or stream",
            "server/proxy/sockets.py",
            "        _notice_death(listening)\n",
            "",
            "tests/integration/proxy/test_sockets.py::test_tcp_looks_after_every_visitor",
        ),
    ),
)
