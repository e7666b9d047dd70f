from __future__ import annotations

from ipaddress import ip_network

import pytest

from pgrok.http.pages import Code
from pgrok.server.decisions import Decisions
from pgrok.server.proxy.visitors import Visitors
from pgrok.server.settings import LimitSettings
from support.manual_loop import manual_loop

PROXY, ONE, OTHER = "127.0.0.1", "192.0.2.1", "192.0.2.2"


@pytest.fixture
def visitors() -> Visitors:
    limits = LimitSettings(visitors=3, visitors_per_address=2)
    return Visitors((ip_network(PROXY),), limits, Decisions(manual_loop().call_later))


def refusal(visitors: Visitors, address: str) -> Code | None:
    problem = visitors.enter(address)
    return None if problem is None else problem.code


def test_one_address_has_no_more_than_its_share(visitors: Visitors) -> None:
    assert [refusal(visitors, ONE) for _ in range(3)] == [None, None, Code.TOO_MANY_REQUESTS]
    visitors.leave(ONE)
    assert refusal(visitors, ONE) is None


def test_where_all_is_full_no_address_is_at_fault(visitors: Visitors) -> None:
    for _ in range(3):
        assert refusal(visitors, PROXY) is None
    assert refusal(visitors, OTHER) is Code.OVERLOADED
    visitors.leave(PROXY)
    assert [refusal(visitors, OTHER) for _ in range(2)] == [None, Code.OVERLOADED]
    visitors.leave(OTHER)
    assert refusal(visitors, OTHER) is None, "who was refused is not counted"
