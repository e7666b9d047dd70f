"""A channel on its own: what it sends and what its protocol is told, message by message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.errors import (
    ChannelRefused,
    ChannelTruncated,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
)
from pgrok.transport.buffers import HIGH_WATER
from pgrok.transport.channel import MIN_PACKET, TURN, TunnelChannel
from pgrok.transport.ending import UNREAD_SECONDS
from pgrok.transport.window import INITIAL_WINDOW
from support.channels import Noting, NotingLink, Stand
from support.payload import payload

BIG = 1 << 31


def lend(stand: Stand, data: bytes) -> None:
    """Write what was read to lent room, which is somebody else's after that."""
    room = stand.channel.lend()
    room[: len(data)] = data
    stand.channel.write_lent(len(data))
    room[:] = b"\xaa" * len(room)


class TestOpening:
    def test_the_protocol_is_told_when_the_peer_confirms(self) -> None:
        stand = Stand(opened=False)
        stand.run()
        assert stand.take_events() == []
        stand.channel.opened(7, 100, MIN_PACKET)
        assert stand.take_events() == ["made"]
        assert stand.protocol.transport is stand.channel

    def test_refusal_is_told_as_a_loss_without_a_beginning(self) -> None:
        stand = Stand(opened=False)
        stand.channel.refused("no such target")
        stand.run()
        assert stand.take_events() == ["lost"]
        assert isinstance(stand.protocol.error, ChannelRefused)
        assert "no such target" in str(stand.protocol.error)
        assert stand.link.forgotten == [stand.channel]
        assert stand.sent() == []

    @pytest.mark.parametrize("give_up", [TunnelChannel.abort, TunnelChannel.close])
    def test_giving_up_before_the_confirmation_closes_after_it(
        self, give_up: Callable[[TunnelChannel], None]
    ) -> None:
        stand = Stand(opened=False)
        give_up(stand.channel)
        stand.run()
        assert stand.take_events() == ["lost"]
        assert stand.sent() == []
        stand.channel.opened(7, BIG, MIN_PACKET)
        assert stand.sent() == [("close", 7)]
        stand.channel.close_arrived()
        stand.run()
        assert stand.link.forgotten == [stand.channel]
        assert stand.take_events() == []

    def test_giving_up_before_a_refusal_is_told_once(self) -> None:
        stand = Stand(opened=False)
        stand.channel.abort()
        stand.channel.refused("no")
        stand.run()
        assert stand.take_events() == ["lost"]
        assert stand.link.forgotten == [stand.channel]

    def test_what_is_written_before_the_confirmation_goes_out_after_it(self) -> None:
        stand = Stand(opened=False)
        stand.channel.write(b"early")
        stand.channel.write_eof()
        assert stand.sent() == []
        stand.channel.opened(7, BIG, MIN_PACKET)
        assert stand.sent() == [("data", 7, b"early"), ("eof", 7)]

    @pytest.mark.parametrize(
        "message",
        [
            lambda channel: channel.data_arrived(b"x"),
            lambda channel: channel.data_discarded(1),
            lambda channel: channel.window_adjusted(1),
            lambda channel: channel.eof_arrived(),
            lambda channel: channel.close_arrived(),
        ],
    )
    def test_a_message_before_the_confirmation_is_refused(
        self, message: Callable[[TunnelChannel], None]
    ) -> None:
        stand = Stand(opened=False)
        with pytest.raises(RemoteProtocolError, match="not open"):
            message(stand.channel)

    @pytest.mark.parametrize(
        "answer",
        [
            lambda channel: channel.opened(7, BIG, MIN_PACKET),
            lambda channel: channel.refused("no"),
        ],
    )
    def test_a_second_answer_is_refused(self, answer: Callable[[TunnelChannel], None]) -> None:
        stand = Stand()
        with pytest.raises(RemoteProtocolError, match="second answer"):
            answer(stand.channel)
        assert stand.take_events() == []

    def test_a_peer_that_takes_single_octets_is_refused(self) -> None:
        stand = Stand(opened=False)
        with pytest.raises(RemoteProtocolError, match="packets of 1023 octets"):
            stand.channel.opened(7, BIG, MIN_PACKET - 1)

    def test_the_link_is_lost_before_the_confirmation(self) -> None:
        stand = Stand(opened=False)
        stand.channel.link_lost()
        stand.run()
        assert stand.take_events() == ["lost"]
        assert isinstance(stand.protocol.error, ConnectionLost)


class TestSending:
    def test_data_goes_out_in_packets_the_peer_takes(self) -> None:
        stand = Stand(max_packet=MIN_PACKET)
        stand.channel.write(b"x" * (2 * MIN_PACKET + 1))
        assert [len(sent[2]) for sent in stand.sent()] == [MIN_PACKET, MIN_PACKET, 1]

    def test_data_waits_for_the_peers_window(self) -> None:
        stand = Stand(window=3)
        stand.channel.write(b"abcdef")
        assert stand.sent() == [("data", 7, b"abc")]
        assert stand.channel.get_write_buffer_size() == 3
        stand.channel.window_adjusted(2)
        assert stand.sent() == [("data", 7, b"de")]
        stand.channel.window_adjusted(BIG)
        assert stand.sent() == [("data", 7, b"f")]

    @pytest.mark.parametrize("max_packet", [MIN_PACKET, 3 * MIN_PACKET])
    def test_what_is_lent_room_goes_as_if_it_were_written(self, max_packet: int) -> None:
        lending = Stand(window=3 * MIN_PACKET, max_packet=max_packet)
        writing = Stand(window=3 * MIN_PACKET, max_packet=max_packet)
        for number in range(1, 4):
            data = payload(number * MIN_PACKET - 1, number)
            lend(lending, data)
            writing.channel.write(data)
        for octets in (1, MIN_PACKET, BIG):
            for stand in (lending, writing):
                stand.channel.window_adjusted(octets)
            assert lending.sent() == writing.sent()
        assert lending.channel.get_write_buffer_size() == 0

    def test_what_has_to_wait_for_the_connection_leaves_the_room(self) -> None:
        stand = Stand()
        stand.link.room = 1
        lend(stand, data := payload(3 * 32 * 1024))
        [first] = stand.sent()
        stand.link.go_on()
        assert first[2] + b"".join(sent[2] for sent in stand.sent()) == data

    def test_what_is_lent_room_ends_as_what_is_written_does(self) -> None:
        stand = Stand()
        stand.channel.write_eof()
        with pytest.raises(LocalProtocolError):
            lend(stand, b"late")
        stand.channel.abort()
        assert [sent[0] for sent in stand.sent()] == ["eof", "close"]

    def test_what_nobody_takes_any_more_is_dropped(self) -> None:
        stand = Stand()
        stand.channel.close()
        lend(stand, b"late")
        assert stand.sent() == [("eof", 7), ("close", 7)]

    def test_a_window_beyond_its_range_is_refused(self) -> None:
        stand = Stand(window=0xFFFFFFFF)
        with pytest.raises(RemoteProtocolError, match=r"2\^32 - 1"):
            stand.channel.window_adjusted(1)

    @pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
    def test_what_was_written_may_change_afterwards(
        self, data: bytes | bytearray | memoryview
    ) -> None:
        stand = Stand(window=0)
        stand.channel.write(data)
        if isinstance(data, bytearray):
            data[:] = b"xyz"
        stand.channel.window_adjusted(10)
        assert stand.sent() == [("data", 7, b"abc")]

    def test_pieces_share_a_packet(self) -> None:
        stand = Stand()
        stand.channel.writelines([b"ab", bytearray(b"cd"), memoryview(b"ef")])
        assert stand.sent() == [("data", 7, b"abcdef")]

    def test_nothing_is_sent_for_nothing(self) -> None:
        stand = Stand()
        stand.channel.write(b"")
        stand.channel.writelines([])
        assert stand.sent() == []

    def test_the_writer_is_paused_above_the_high_water_mark_and_resumed_at_the_low(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"x" * HIGH_WATER)
        assert stand.take_events() == []
        stand.channel.write(b"x")
        stand.channel.write(b"x")
        assert stand.take_events() == ["pause"]
        stand.channel.window_adjusted(HIGH_WATER - HIGH_WATER // 4 + 1)
        assert stand.take_events() == []
        stand.channel.window_adjusted(1)
        assert stand.take_events() == ["resume"]

    def test_water_marks_can_be_moved(self) -> None:
        stand = Stand(window=0)
        stand.channel.set_write_buffer_limits(high=4, low=2)
        assert stand.channel.get_write_buffer_limits() == (2, 4)
        stand.channel.write(b"12345")
        stand.channel.window_adjusted(3)
        assert stand.take_events() == ["pause", "resume"]

    def test_lower_marks_pause_a_writer_at_once(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"12345")
        stand.channel.set_write_buffer_limits(high=4)
        assert stand.take_events() == ["pause"]

    def test_data_waits_for_the_connection(self) -> None:
        stand = Stand()
        stand.link.room = 0
        stand.channel.write(b"abc")
        stand.channel.write(b"def")
        stand.channel.write_eof()
        assert stand.sent() == []
        stand.link.go_on()
        assert stand.sent() == [("data", 7, b"abc"), ("data", 7, b"def"), ("eof", 7)]

    @pytest.mark.parametrize("packets", [1, 2, 100])
    def test_channels_take_turns_on_a_connection_that_had_no_room(self, packets: int) -> None:
        link = NotingLink()
        channels = [TunnelChannel(link, Noting(), number) for number in range(3)]
        for channel in channels:
            channel.opened(channel.number, BIG, MIN_PACKET)
        link.room = 0
        for channel in channels:
            channel.write(b"x" * 2 * MIN_PACKET)
        while link.waiting:
            link.go_on(packets)
        assert [channel for _, channel, _ in link.sent] == [0, 1, 2, 0, 1, 2]

    def test_a_turn_is_shorter_than_a_packet_may_be(self) -> None:
        stand = Stand(window=BIG, max_packet=4 * TURN)
        stand.link.room = 0
        stand.channel.write(b"x" * 2 * TURN)
        while stand.link.waiting:
            stand.link.go_on(1)
        stand.link.go_on()
        stand.channel.write(b"x" * 2 * TURN)
        assert [len(data) for _, _, data in stand.link.sent] == [TURN, TURN, 2 * TURN]


class TestReceiving:
    def test_data_is_delivered_at_once(self) -> None:
        stand = Stand()
        stand.channel.data_arrived(b"abc")
        assert stand.protocol.data == b"abc"

    def test_a_packet_without_data_is_nothing(self) -> None:
        stand = Stand()
        stand.channel.data_arrived(b"")
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"")
        stand.channel.resume_reading()
        stand.run()
        assert stand.take_events() == []

    def test_the_window_is_granted_again_when_half_of_it_has_been_read(self) -> None:
        stand = Stand()
        stand.channel.data_arrived(b"x" * (INITIAL_WINDOW // 2 - 1))
        assert stand.sent() == []
        stand.channel.data_arrived(b"x")
        assert stand.sent() == [("adjust", 7, INITIAL_WINDOW // 2)]

    def test_data_beyond_the_window_is_refused(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"x" * INITIAL_WINDOW)
        with pytest.raises(RemoteProtocolError, match="1 octets in a window of 0"):
            stand.channel.data_arrived(b"x")

    def test_discarded_data_counts_against_the_window_and_is_granted_again(self) -> None:
        stand = Stand()
        stand.channel.data_discarded(INITIAL_WINDOW // 2)
        assert stand.sent() == [("adjust", 7, INITIAL_WINDOW // 2)]
        with pytest.raises(RemoteProtocolError):
            stand.channel.data_discarded(INITIAL_WINDOW + 1)

    def test_a_paused_reader_gets_its_data_in_order_when_it_goes_on(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        assert not stand.channel.is_reading()
        stand.channel.data_arrived(b"ab")
        stand.channel.resume_reading()
        assert stand.take_events() == []
        stand.channel.data_arrived(b"cd")
        stand.run()
        assert stand.protocol.data == b"abcd"

    def test_a_paused_reader_grants_nothing_until_it_goes_on(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"x" * INITIAL_WINDOW)
        assert stand.sent() == []
        stand.channel.resume_reading()
        stand.run()
        assert sum(octets for _, _, octets in stand.sent()) == INITIAL_WINDOW

    def test_a_reader_that_paused_while_it_read_the_last_half_grants_when_it_goes_on(self) -> None:
        stand = Stand()
        stand.protocol.on_data = lambda _: stand.channel.pause_reading()
        stand.channel.data_arrived(b"x" * INITIAL_WINDOW)
        assert stand.sent() == []
        stand.channel.resume_reading()
        assert stand.sent() == [("adjust", 7, INITIAL_WINDOW)]

    def test_a_reader_may_pause_in_the_middle_of_what_waits(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        for letter in b"abc":
            stand.channel.data_arrived(bytes([letter]) * 32 * 1024)
        stand.channel.eof_arrived()
        stand.protocol.on_data = lambda _: stand.channel.pause_reading()
        for letter in b"abc":
            stand.channel.resume_reading()
            stand.run()
            assert stand.protocol.data[-1] == letter
        assert stand.take_events() == ["data"] * 3
        stand.channel.resume_reading()
        stand.run()
        assert stand.take_events() == ["eof"]

    def test_pausing_and_going_on_twice_is_the_same_as_once(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"a")
        stand.channel.resume_reading()
        stand.channel.resume_reading()
        stand.channel.pause_reading()
        stand.channel.resume_reading()
        stand.run()
        assert stand.protocol.data == b"a"

    def test_another_protocol_can_take_over_in_the_middle(self) -> None:
        stand, other = Stand(), Noting()
        stand.protocol.on_data = lambda _: stand.channel.set_protocol(other)
        stand.channel.data_arrived(b"ab")
        stand.channel.data_arrived(b"cd")
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        stand.run()
        assert stand.channel.get_protocol() is other
        assert stand.protocol.data == b"ab"
        assert other.data == b"cd"
        assert stand.take_events() == ["data"]
        assert other.events == ["data", "eof", "lost"]


class TestEnding:
    def test_either_direction_may_end_first(self) -> None:
        stand = Stand()
        stand.channel.eof_arrived()
        assert stand.take_events() == ["eof"]
        stand.channel.write(b"still")
        assert stand.sent() == [("data", 7, b"still")]
        stand.channel.write_eof()
        assert stand.sent() == [("eof", 7)]
        assert not stand.channel.is_closing()

    def test_our_direction_ends_after_what_is_queued(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"ab")
        stand.channel.write_eof()
        stand.channel.write_eof()
        assert stand.sent() == []
        stand.channel.window_adjusted(2)
        assert stand.sent() == [("data", 7, b"ab"), ("eof", 7)]
        stand.channel.data_arrived(b"answer")
        assert stand.protocol.data == b"answer"

    def test_writing_after_the_end_is_a_bug_of_ours(self) -> None:
        stand = Stand()
        stand.channel.write_eof()
        with pytest.raises(LocalProtocolError):
            stand.channel.write(b"x")
        with pytest.raises(LocalProtocolError):
            stand.channel.writelines([b"x"])

    def test_a_protocol_that_does_not_stay_is_closed_at_the_end(self) -> None:
        stand = Stand()
        stand.protocol.keep_open = False
        stand.channel.eof_arrived()
        assert stand.sent() == [("eof", 7), ("close", 7)]

    def test_closing_flushes_what_is_queued(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"ab")
        stand.channel.close()
        assert stand.channel.is_closing()
        stand.run()
        assert stand.take_events() == []
        stand.channel.window_adjusted(2)
        assert stand.sent() == [("data", 7, b"ab"), ("eof", 7), ("close", 7)]
        stand.run()
        assert stand.take_events() == ["lost"]
        assert stand.protocol.error is None
        assert stand.link.forgotten == []
        stand.channel.close_arrived()
        assert stand.link.forgotten == [stand.channel]

    def test_nothing_is_delivered_after_closing(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"ab")
        stand.channel.close()
        stand.channel.data_arrived(b"late")
        stand.channel.eof_arrived()
        stand.run()
        assert stand.take_events() == []

    def test_what_arrives_while_closing_makes_room_for_more(self) -> None:
        """Else two ends that close with more queued than the window would wait for ever."""
        stand = Stand(window=0)
        stand.link.shortest_round_trip = 0.0
        stand.channel.write(b"ab")
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"x" * (INITIAL_WINDOW // 2))
        stand.channel.close()
        assert stand.sent() == [("adjust", 7, INITIAL_WINDOW // 2)]
        stand.channel.data_arrived(b"x" * (INITIAL_WINDOW // 2))
        assert stand.sent() == [("adjust", 7, INITIAL_WINDOW // 2)]

    def test_aborting_sends_a_close_without_an_end(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"ab")
        stand.channel.abort()
        assert stand.sent() == [("close", 7)]
        assert stand.channel.get_write_buffer_size() == 0
        stand.run()
        assert stand.take_events() == ["lost"]
        assert stand.protocol.error is None

    def test_aborting_cuts_a_close_short(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"ab")
        stand.channel.close()
        stand.channel.abort()
        stand.channel.abort()
        stand.channel.close()
        assert stand.sent() == [("close", 7)]
        stand.run()
        assert stand.take_events() == ["lost"]

    def test_writing_after_closing_is_ignored(self) -> None:
        stand = Stand()
        stand.channel.close()
        stand.sent()
        stand.channel.write(b"x")
        stand.channel.write_eof()
        assert stand.sent() == []

    def test_the_peers_close_after_its_end_is_a_clean_loss(self) -> None:
        stand = Stand()
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        assert stand.sent() == [("close", 7)]
        assert stand.link.forgotten == [stand.channel]
        stand.run()
        assert stand.take_events() == ["eof", "lost"]
        assert stand.protocol.error is None

    def test_the_peers_close_without_an_end_is_a_truncation(self) -> None:
        stand = Stand()
        stand.channel.data_arrived(b"part")
        stand.channel.close_arrived()
        stand.run()
        assert stand.take_events() == ["data", "lost"]
        assert isinstance(stand.protocol.error, ChannelTruncated)

    def test_the_peers_close_ends_writing_at_once(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"x" * (HIGH_WATER + 1))
        stand.channel.pause_reading()
        stand.channel.close_arrived()
        assert stand.channel.is_closing()
        stand.channel.write(b"more")
        assert stand.channel.get_write_buffer_size() == 0
        assert stand.sent() == [("close", 7)]

    def test_end_and_close_wait_for_a_paused_reader(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"last")
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        assert stand.sent() == [("close", 7)]
        stand.run()
        assert stand.take_events() == []
        stand.channel.resume_reading()
        stand.run()
        assert stand.take_events() == ["data", "eof", "lost"]
        assert stand.protocol.error is None
        assert stand.sent() == []

    def test_an_end_alone_waits_for_a_paused_reader(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.eof_arrived()
        stand.channel.resume_reading()
        stand.run()
        assert stand.take_events() == ["eof"]

    def test_an_end_does_not_overtake_data_that_is_about_to_be_delivered(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"last")
        stand.channel.resume_reading()
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        stand.run()
        assert stand.take_events() == ["data", "eof", "lost"]

    def test_a_reader_that_pauses_at_the_end_learns_of_the_close_later(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"last")
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        stand.protocol.eof_received = stand.channel.pause_reading  # type: ignore[assignment, method-assign]
        stand.channel.resume_reading()
        stand.run()
        assert stand.take_events() == ["data", "lost"]

    def test_a_paused_reader_may_close_what_the_peer_has_closed(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"last")
        stand.channel.close_arrived()
        stand.channel.close()
        stand.run()
        assert stand.take_events() == ["lost"]
        assert stand.sent() == [("close", 7)]

    @pytest.mark.parametrize(
        "message",
        [
            lambda channel: channel.data_arrived(b"x"),
            lambda channel: channel.data_discarded(1),
            lambda channel: channel.eof_arrived(),
        ],
    )
    @pytest.mark.parametrize("end", [TunnelChannel.eof_arrived, TunnelChannel.close_arrived])
    def test_data_after_the_end_is_refused(
        self, message: Callable[[TunnelChannel], None], end: Callable[[TunnelChannel], None]
    ) -> None:
        stand = Stand()
        end(stand.channel)
        with pytest.raises(RemoteProtocolError, match="end"):
            message(stand.channel)

    def test_a_second_close_is_refused(self) -> None:
        stand = Stand()
        stand.channel.close_arrived()
        with pytest.raises(RemoteProtocolError, match="second close"):
            stand.channel.close_arrived()


class TestClosedWhileNobodyReads:
    @pytest.fixture
    def stand(self) -> Stand:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"the rest")
        stand.channel.close_arrived()
        return stand

    def test_what_came_is_read_on_after_a_while(self, stand: Stand) -> None:
        stand.link.loop.advance(UNREAD_SECONDS - 1)
        assert stand.take_events() == []
        stand.link.loop.advance(1)
        assert stand.take_events() == ["data", "lost"]
        assert isinstance(stand.protocol.error, ChannelTruncated)

    def test_a_reader_who_pauses_again_is_not_waited_for(self, stand: Stand) -> None:
        stand.channel.resume_reading()
        stand.channel.pause_reading()
        stand.link.loop.advance(UNREAD_SECONDS)
        stand.channel.pause_reading()
        stand.run()
        assert stand.take_events() == ["data", "lost"]

    def test_who_has_read_it_meanwhile_hears_nothing_twice(self, stand: Stand) -> None:
        stand.channel.resume_reading()
        stand.link.loop.advance(UNREAD_SECONDS)
        assert stand.take_events() == ["data", "lost"]


class TestLosingTheLink:
    def test_everything_is_over(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"x" * (HIGH_WATER + 1))
        stand.channel.link_lost()
        stand.channel.resume_sending()
        stand.run()
        assert stand.take_events() == ["pause", "lost"]
        assert isinstance(stand.protocol.error, ConnectionLost)
        assert stand.sent() == []
        stand.channel.write(b"x")
        stand.channel.close()
        stand.channel.abort()
        stand.run()
        assert stand.take_events() == []

    def test_unread_data_that_is_not_whole_is_dropped(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"part")
        stand.channel.link_lost()
        stand.run()
        assert stand.take_events() == ["lost"]
        assert isinstance(stand.protocol.error, ConnectionLost)

    def test_unread_data_that_is_whole_can_still_be_read(self) -> None:
        stand = Stand()
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"all of it")
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        stand.channel.link_lost()
        stand.channel.resume_reading()
        stand.run()
        assert stand.take_events() == ["data", "eof", "lost"]
        assert stand.protocol.error is None

    def test_a_closed_channel_is_lost_once(self) -> None:
        stand = Stand()
        stand.channel.close()
        stand.channel.link_lost()
        stand.run()
        assert stand.take_events() == ["lost"]

    def test_before_a_goodbye_no_end_is_told(self) -> None:
        stand = Stand(window=0)
        stand.channel.write(b"queued")
        stand.channel.link_ending()
        stand.channel.data_arrived(b"too late")
        stand.channel.eof_arrived()
        stand.channel.close_arrived()
        stand.run()
        assert stand.sent() == []
        assert stand.take_events() == ["lost"]
        assert isinstance(stand.protocol.error, ConnectionLost)


class TestProtocolsThatFail:
    """An exception above a channel is reported, and costs nobody but that channel."""

    def fail(self, *_: object) -> None:
        raise ZeroDivisionError

    def check(self, stand: Stand) -> None:
        stand.run()
        assert stand.sent()[-1] == ("close", 7)
        assert stand.take_events()[-1] == "lost"
        (report,) = stand.link.loop.failures
        assert isinstance(report["exception"], ZeroDivisionError)

    def test_in_connection_made(self) -> None:
        stand = Stand(opened=False)
        stand.protocol.connection_made = self.fail  # type: ignore[assignment, method-assign]
        stand.channel.opened(7, BIG, MIN_PACKET)
        self.check(stand)

    def test_in_data_received(self) -> None:
        stand = Stand()
        stand.protocol.on_data = self.fail
        stand.channel.data_arrived(b"x")
        self.check(stand)

    def test_in_data_received_after_a_pause(self) -> None:
        stand = Stand()
        stand.protocol.on_data = self.fail
        stand.channel.pause_reading()
        stand.channel.data_arrived(b"x" * 40_000)
        stand.channel.data_arrived(b"x" * 40_000)
        stand.channel.resume_reading()
        self.check(stand)

    def test_in_eof_received(self) -> None:
        stand = Stand()
        stand.protocol.eof_received = self.fail  # type: ignore[assignment, method-assign]
        stand.channel.eof_arrived()
        self.check(stand)

    def test_in_pause_writing(self) -> None:
        stand = Stand(window=0)
        stand.protocol.pause_writing = self.fail  # type: ignore[method-assign]
        stand.channel.write(b"x" * (HIGH_WATER + 1))
        self.check(stand)

    def test_in_resume_writing(self) -> None:
        stand = Stand(window=0)
        stand.protocol.resume_writing = self.fail  # type: ignore[method-assign]
        stand.channel.write(b"x" * (HIGH_WATER + 1))
        stand.channel.window_adjusted(BIG)
        self.check(stand)
