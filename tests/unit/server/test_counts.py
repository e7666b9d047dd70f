from __future__ import annotations

from pgrok.server.counts import LATENCIES, Histogram


def test_a_value_counts_where_the_first_bound_is_that_is_not_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.0, 1.0, 1.5, 2.0, 2.1, 9.0):
        histogram.add(seconds)
    assert histogram.counts == [2, 2, 2]
    assert histogram.total == 15.6


def test_bounds_rise() -> None:
    assert sorted(set(LATENCIES)) == list(LATENCIES)
