"""What Prometheus gets to see, made of plain counts at the moment it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pgrok import __version__
from pgrok.server.counts import Counts, Histogram, Present
from pgrok.server.decisions import Decisions


class Exporter(Collector):
    """Answers scrapes. No label names a person, a host or an address: those have no bound."""

    def __init__(
        self, counts: Counts, decisions: Decisions, look_around: Callable[[], Present]
    ) -> None:
        self._counts = counts
        self._decisions = decisions
        self._look_around = look_around
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type, in the format that `accept` prefers."""
        try:
            encode, content_type = choose_encoder(accept)
        except ValueError:  # a version that is no number
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type

    def describe(self) -> Iterable[Metric]:
        """Say nothing in advance: the names do not change."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield what is ours."""
        present = self._look_around()
        yield InfoMetricFamily("pgrok", "The version that runs.", {"version": __version__})
        yield from self._of_clients(present)
        yield from self._of_visitors(present)
        yield _counters(
            "pgrok_refusals",
            "What was refused, and why; see the log for most of it.",
            ("event", "reason"),
            {(event.value, why): n for (event, why), n in self._decisions.refusals.items()},
        )
        yield GaugeMetricFamily("pgrok_tasks", "Tasks of the event loop.", present.tasks)
        yield _histogram(
            "pgrok_loop_lag_seconds",
            "How late the event loop was, looked at once a second.",
            self._counts.lag,
        )

    def _of_clients(self, present: Present) -> Iterator[Metric]:
        yield _gauges("pgrok_tunnels", "Tunnels that are open.", "kind", present.tunnels)
        yield GaugeMetricFamily(
            "pgrok_clients", "Clients that are connected and signed in.", present.clients
        )
        yield GaugeMetricFamily(
            "pgrok_clients_connecting",
            "Clients that have not signed in yet.",
            present.clients_connecting,
        )
        yield _counters(
            "pgrok_handshakes",
            "SSH connections that were signed in, or why not.",
            ("result",),
            {(result,): number for result, number in self._counts.handshakes.items()},
        )

    def _of_visitors(self, present: Present) -> Iterator[Metric]:
        counts = self._counts
        yield _gauges(
            "pgrok_visitors", "Visitors' connections that are open.", "kind", present.visitors
        )
        yield _counters(
            "pgrok_visitor_connections",
            "Visitors' connections so far; a websocket has been http before.",
            ("kind",),
            {(kind,): number for kind, number in counts.visitors.items()},
        )
        yield _counters(
            "pgrok_requests",
            "Visitors' requests, by the class of their status; none without a response.",
            ("status",),
            _by_class(counts.requests),
        )
        yield _histogram(
            "pgrok_request_seconds",
            "From a request's head to the last octet of its response.",
            counts.latencies,
        )
        yield _counters(
            "pgrok_tunnel_bytes",
            "Bytes through tunnels, SSH not counted.",
            ("to",),
            {
                ("clients",): counts.octets_to_clients + present.octets_to_clients,
                ("visitors",): counts.octets_to_visitors + present.octets_to_visitors,
            },
        )


_STATUS_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
"""What is beyond them counts as the last one: a client takes an unknown status so (RFC 9110 15)."""


def _by_class(requests: Sequence[int]) -> dict[tuple[str, ...], int]:
    last = 100 * (len(_STATUS_CLASSES) - 1)
    numbers = [sum(requests[begin : begin + 100]) for begin in range(0, last, 100)]
    numbers.append(sum(requests[last:]))
    return {(name,): number for name, number in zip(_STATUS_CLASSES, numbers, strict=True)}


def _gauges(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family


def _counters(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], int]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for value, number in values.items():
        family.add_metric(value, number)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)
