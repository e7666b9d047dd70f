from __future__ import annotations

import pytest

from pgrok.transport.admission import Admission


def enter(admission: Admission, *addresses: str) -> list[bool]:
    return [admission.enter(address) for address in addresses]


def test_half_open_connections_are_bounded_in_all() -> None:
    admission = Admission(in_all=2, per_address=2)
    assert enter(admission, "192.0.2.1", "192.0.2.2", "192.0.2.3") == [True, True, False]


def test_half_open_connections_are_bounded_per_address() -> None:
    admission = Admission(in_all=9, per_address=2)
    assert enter(admission, *["192.0.2.1"] * 3, "192.0.2.2") == [True, True, False, True]


def test_whoever_leaves_makes_room() -> None:
    admission = Admission(in_all=1, per_address=1)
    enter(admission, "192.0.2.1")
    admission.leave("192.0.2.1")
    assert enter(admission, "192.0.2.2") == [True]


def test_whoever_was_refused_takes_no_room() -> None:
    admission = Admission(in_all=2, per_address=1)
    enter(admission, "192.0.2.1", "192.0.2.1", "192.0.2.1")
    assert enter(admission, "192.0.2.2") == [True]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_ipv6_addresses_of_one_network_count_as_one(one: str, other: str, same: bool) -> None:
    admission = Admission(per_address=1)
    assert enter(admission, one, other) == [True, not same]
    admission.leave(one)
    assert enter(admission, one) == [True]
