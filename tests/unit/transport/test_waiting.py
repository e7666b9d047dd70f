from __future__ import annotations

from pgrok.transport.admission import Admission
from pgrok.transport.waiting import Place, WaitingRoom

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def room_of(
    in_all: int = 9, per_address: int = 1, waiting: int = 9, waiting_per_address: int = 9
) -> WaitingRoom[str]:
    inside = Admission(in_all=in_all, per_address=per_address)
    return WaitingRoom(inside, in_all=waiting, per_address=waiting_per_address)


def enter(room: WaitingRoom[str], *guests: str) -> list[Place]:
    """Have guests come; the address is the first letter of a name."""
    return [room.enter(guest, address_of(guest)) for guest in guests]


def address_of(guest: str) -> str:
    return {"a": A, "b": B, "c": C}[guest[0]]


def leave(room: WaitingRoom[str], *guests: str) -> list[str | None]:
    return [room.leave(address_of(guest)) for guest in guests]


def test_while_there_is_room_nobody_waits() -> None:
    assert enter(room_of(per_address=2), "a1", "a2", "b1") == [Place.INSIDE] * 3


def test_one_more_than_an_address_may_have_waits_and_comes_in_later() -> None:
    room = room_of(per_address=1)
    assert enter(room, "a1", "a2", "a3") == [Place.INSIDE, Place.WAITING, Place.WAITING]
    assert list(room) == ["a2", "a3"]
    assert leave(room, "a1", "a2", "a3") == ["a2", "a3", None]
    assert enter(room, "a4") == [Place.INSIDE]


def test_one_address_that_waits_is_in_nobody_elses_way() -> None:
    room = room_of(per_address=1)
    enter(room, "a1", "a2", "a3")
    assert enter(room, "b1") == [Place.INSIDE]
    assert leave(room, "b1") == [None]


def test_where_room_in_all_is_missing_the_addresses_take_turns() -> None:
    room = room_of(in_all=1)
    enter(room, "a1", "a2", "a3", "a4", "b1", "b2", "c1")
    inside, order = "a1", []
    while following := room.leave(address_of(inside)):
        order.append(inside := following)
    assert order == ["b1", "c1", "a2", "b2", "a3", "a4"]


def test_an_address_with_all_its_places_taken_passes_its_turn() -> None:
    room = room_of(in_all=2, per_address=1)
    enter(room, "a1", "b1", "a2", "c1")
    assert leave(room, "b1") == ["c1"]
    assert leave(room, "a1") == ["a2"]


def test_whoever_gives_up_is_not_called() -> None:
    room = room_of()
    enter(room, "a1", "a2", "a3")
    room.give_up("a2", A)
    assert leave(room, "a1") == ["a3"]


def test_an_address_of_which_all_gave_up_has_no_turn() -> None:
    room = room_of(in_all=1)
    enter(room, "a1", "b1", "c1")
    room.give_up("b1", B)
    assert leave(room, "a1") == ["c1"]


def test_the_queue_is_bounded_in_all_and_per_address() -> None:
    room = room_of(waiting=3, waiting_per_address=2)
    enter(room, "a0", "b0", "c0")
    waiting, full = Place.WAITING, Place.OUTSIDE
    assert enter(room, "a1", "a2", "a3", "b1", "c1") == [waiting, waiting, full, waiting, full]


def test_a_full_queue_does_not_keep_out_whoever_need_not_wait() -> None:
    room = room_of(waiting=1)
    enter(room, "a1", "a2")
    assert enter(room, "a3", "b1") == [Place.OUTSIDE, Place.INSIDE]


def test_whoever_gives_up_makes_room_in_the_queue() -> None:
    room = room_of(waiting=1)
    enter(room, "a1", "a2")
    room.give_up("a2", A)
    assert enter(room, "a3") == [Place.WAITING]
