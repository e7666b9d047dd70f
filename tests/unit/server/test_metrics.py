from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from pgrok import __version__
from pgrok.server.counts import Counts, Present
from pgrok.server.decisions import Decisions, Event
from pgrok.server.metrics import Exporter

PRESENT = Present(
    tunnels={"http": 3, "tcp": 1},
    clients=4,
    clients_connecting=2,
    visitors={"http": 7, "websocket": 5, "tcp": 6},
    octets_to_clients=30,
    octets_to_visitors=40,
    tasks=8,
)


def scraped(counts: Counts, decisions: Decisions) -> dict[str, float]:
    """Return each sample, with its labels as they are written."""
    body, content_type = Exporter(counts, decisions, lambda: PRESENT).scrape("text/plain")
    assert content_type.startswith("text/plain")
    return {
        " ".join([sample.name, *(f"{k}={v}" for k, v in sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def new_decisions() -> Decisions:
    return Decisions(lambda _seconds, _callback: None)


def test_what_is_there_is_counted_when_it_is_asked_for() -> None:
    samples = scraped(Counts(octets_to_clients=1, octets_to_visitors=2), new_decisions())
    assert samples[f"pgrok_info version={__version__}"] == 1
    assert samples["pgrok_tunnels kind=http"] == 3
    assert samples["pgrok_clients"] == 4
    assert samples["pgrok_clients_connecting"] == 2
    assert samples["pgrok_visitors kind=websocket"] == 5
    assert samples["pgrok_tunnel_bytes_total to=clients"] == 31
    assert samples["pgrok_tunnel_bytes_total to=visitors"] == 42
    assert samples["pgrok_tasks"] == 8


def test_what_was_counted_is_told() -> None:
    counts, decisions = Counts(), new_decisions()
    counts.requests[0] = 1
    counts.requests[204] = 20
    counts.requests[500] = 3
    counts.requests[999] = 4
    counts.handshakes["done"] = 9
    counts.visitors["tcp"] = 8
    counts.latencies.add(0.02)
    counts.latencies.add(100.0)
    decisions.count(Event.REQUEST, "no-tunnel")
    samples = scraped(counts, decisions)
    assert samples["pgrok_requests_total status=none"] == 1
    assert samples["pgrok_requests_total status=2xx"] == 20
    assert samples["pgrok_requests_total status=5xx"] == 7
    assert samples["pgrok_handshakes_total result=done"] == 9
    assert samples["pgrok_visitor_connections_total kind=tcp"] == 8
    assert samples["pgrok_request_seconds_bucket le=0.01"] == 0
    assert samples["pgrok_request_seconds_bucket le=0.025"] == 1
    assert samples["pgrok_request_seconds_bucket le=60.0"] == 1
    assert samples["pgrok_request_seconds_bucket le=+Inf"] == 2
    assert samples["pgrok_request_seconds_sum"] == 100.02
    assert samples["pgrok_refusals_total event=request refused reason=no-tunnel"] == 1


def test_the_process_is_watched_too() -> None:
    samples = scraped(Counts(), new_decisions())
    assert samples["process_resident_memory_bytes"] > 0
    assert samples["process_cpu_seconds_total"] > 0
    assert samples["process_open_fds"] > 0


def test_the_newer_format_is_given_to_those_who_ask() -> None:
    exporter = Exporter(Counts(), new_decisions(), lambda: PRESENT)
    body, content_type = exporter.scrape("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
