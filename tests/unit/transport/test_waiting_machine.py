"""The queue before the key exchange, through whatever may come and go, held against a list."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pgrok.transport.admission import Admission
from pgrok.transport.waiting import Place, WaitingRoom

INSIDE, PER_ADDRESS = 4, 2
WAITING, WAITING_PER_ADDRESS = 6, 4
ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"]


class Guest:
    """A connection from an address."""

    def __init__(self, address: str) -> None:
        self.address = address


class Comings(RuleBasedStateMachine):
    """Connections come, wait, come in, give up and leave."""

    def __init__(self) -> None:
        super().__init__()
        inside = Admission(in_all=INSIDE, per_address=PER_ADDRESS)
        self.room: WaitingRoom[Guest] = WaitingRoom(
            inside, in_all=WAITING, per_address=WAITING_PER_ADDRESS
        )
        self.inside: list[Guest] = []
        self.waiting: list[Guest] = []
        self.passed: dict[str, list[str]] = {address: [] for address in ADDRESSES}
        """The addresses of those who came in while somebody of this one was next in line."""

    @rule(address=st.sampled_from(ADDRESSES))
    def come(self, address: str) -> None:
        guest = Guest(address)
        place = self.room.enter(guest, address)
        if place is Place.INSIDE:
            self.inside.append(guest)
        elif place is Place.WAITING:
            self.waiting.append(guest)
        else:
            mine = self.of(address, self.waiting)
            assert len(self.waiting) == WAITING or len(mine) == WAITING_PER_ADDRESS

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        guest = data.draw(st.sampled_from(self.inside))
        self.inside.remove(guest)
        following = self.room.leave(guest.address)
        if following is not None:
            self.come_in(following)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        guest = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(guest)
        self.room.give_up(guest, guest.address)

    def come_in(self, guest: Guest) -> None:
        """First come, first served within an address; between addresses, in turn."""
        assert guest is self.of(guest.address, self.waiting)[0]
        self.waiting.remove(guest)
        for passed in self.passed.values():
            passed.append(guest.address)
        self.passed[guest.address] = []
        self.inside.append(guest)

    def of(self, address: str, guests: list[Guest]) -> list[Guest]:
        return [guest for guest in guests if guest.address == address]

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.inside) <= INSIDE
        assert len(self.waiting) <= WAITING
        for address in ADDRESSES:
            assert len(self.of(address, self.inside)) <= PER_ADDRESS
            assert len(self.of(address, self.waiting)) <= WAITING_PER_ADDRESS

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        for guest in self.waiting:
            full = len(self.of(guest.address, self.inside)) == PER_ADDRESS
            assert full or len(self.inside) == INSIDE

    @invariant()
    def nobody_starves(self) -> None:
        """Nobody of one other address comes in twice before whoever may come in does."""
        for address, passed in self.passed.items():
            full = len(self.of(address, self.inside)) == PER_ADDRESS
            if full or not self.of(address, self.waiting):
                passed.clear()
            assert len(passed) == len(set(passed))

    @invariant()
    def those_wait_who_are_known_to_wait(self) -> None:
        assert set(self.room) == set(self.waiting)

    def teardown(self) -> None:
        """Whoever entered leaves, and nothing of them remains."""
        while self.inside:
            guest = self.inside.pop()
            following = self.room.leave(guest.address)
            if following is not None:
                self.come_in(following)
        assert self.waiting == []
        assert vars(self.room)["_queues"] == vars(self.room)["_turns"] == {}
        assert len(self.room._waiting) == len(self.room._inside) == 0


TestComings = Comings.TestCase
TestComings.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
