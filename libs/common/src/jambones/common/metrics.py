"""Metrics in Prometheus text: a catalogue of names, and a registry a process.

Never a label per call, number or account: those belong to the call records.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
JITTER = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)


@dataclass(frozen=True)
class Definition:
    """A metric of the catalogue; `labels` are given at each use."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = FAST


CATALOGUE: dict[str, Definition] = {
    # calls at the edges
    "jambones_sip_invites_total": Definition("counter", "INVITEs accepted for processing", ("direction", "origin")),
    "jambones_sip_terminations_total": Definition(
        "counter", "Final outcome of each call attempt", ("direction", "sip_status", "origin", "answered")
    ),
    "jambones_sip_calls": Definition("gauge", "Calls in progress on this edge", ("direction",)),
    "jambones_sip_blocked_total": Definition("counter", "Messages refused before any transaction", ("reason",)),
    "jambones_call_setup_seconds": Definition("histogram", "INVITE to the first 18x", ("direction",), SLOW),
    "jambones_call_answer_seconds": Definition("histogram", "INVITE to the 200", ("direction",), SLOW),
    "jambones_media_sessions": Definition("gauge", "rtpengine sessions owned", ("node",)),
    "jambones_ng_seconds": Definition("histogram", "rtpengine control latency", ("command", "node", "result")),
    "jambones_ng_node_up": Definition("gauge", "rtpengine answers", ("node",)),
    "jambones_fs_nodes": Definition("gauge", "Feature servers seen", ("state",)),
    "jambones_gateways_down": Definition("gauge", "Gateways of carriers that are marked down"),
    # the SIP stack
    "jambones_sip_requests_total": Definition("counter", "SIP requests", ("method", "direction", "transport")),
    "jambones_sip_responses_total": Definition("counter", "SIP responses", ("class", "direction", "transport")),
    "jambones_sip_connections_refused_total": Definition(
        "counter", "Connections that were refused, or closed for their silence", ("reason",)
    ),
    "jambones_sip_large_requests_total": Definition(
        "counter",
        "SIP requests too large for UDP: `tcp` was tried, or tried in vain (`refused`), or not tried (`udp`)",
        ("way",),
    ),
    "jambones_sip_parse_errors_total": Definition("counter", "Messages that could not be read", ("reason",)),
    "jambones_sip_retransmissions_total": Definition("counter", "Messages sent or received again", ("direction",)),
    "jambones_sip_transactions": Definition("gauge", "Live SIP transactions by side", ("kind",)),
    "jambones_sip_dialogs": Definition("gauge", "Live SIP dialogs by side", ("kind",)),
    "jambones_sip_connections": Definition("gauge", "Open SIP connections by side", ("kind",)),
    # registration
    "jambones_registrations": Definition("gauge", "Distinct registered addresses of record", ("transport",)),
    "jambones_register_seconds": Definition("histogram", "Time to answer REGISTER", ("result", "cached"), SLOW),
    # feature servers
    "jambones_fs_calls": Definition("gauge", "Calls on this feature server", ("direction",)),
    "jambones_fs_bridges": Definition("gauge", "Bridged calls by the way of their audio", ("path", "reason")),
    "jambones_fs_channels_in_use": Definition("gauge", "Media legs in use"),
    "jambones_fs_channels_free": Definition("gauge", "Media legs free"),
    "jambones_fs_calls_per_second": Definition("gauge", "New calls a second, over the last ten"),
    "jambones_fs_cpu_idle": Definition("gauge", "Idle share of the host's processors since the last scrape, 0 to 1"),
    "jambones_verb_seconds": Definition("histogram", "How long verbs ran", ("verb", "outcome"), SLOW),
    "jambones_hook_seconds": Definition(
        "histogram", "Answer time of application hooks", ("hook_type", "transport", "status"), SLOW
    ),
    "jambones_hook_failures_total": Definition("counter", "Hooks that failed", ("reason",)),
    "jambones_ws_remote_close_total": Definition(
        "counter",
        "Applications' WebSockets that the other side closed: `normal`, for an `error`, or `lost`",
        ("reason",),
    ),
    "jambones_limits_rejected_total": Definition("counter", "Calls refused by a limit", ("scope",)),
    # the media engine
    "jambones_media_tick_late_p99_seconds": Definition("gauge", "99th percentile of ticks' lateness"),
    "jambones_media_underruns_total": Definition("counter", "Times a leg had nothing to send"),
    "jambones_media_workers": Definition("gauge", "Media worker processes", ("state",)),
    "jambones_rtp_received_total": Definition("counter", "RTP packets that ended legs received"),
    "jambones_rtp_lost_total": Definition("counter", "RTP packets that never came to ended legs"),
    "jambones_rtp_jitter_seconds": Definition("histogram", "Interarrival jitter at the end of legs", (), JITTER),
    # speech
    "jambones_tts_seconds": Definition("histogram", "Speech synthesis", ("vendor",), SLOW),
    "jambones_tts_requests_total": Definition("counter", "Speech synthesis requests", ("vendor", "accepted")),
    "jambones_tts_cache_total": Definition("counter", "Look-ups in the cache of spoken texts", ("found",)),
    # stores
    "jambones_db_seconds": Definition(
        "histogram", "Database operations: `select accounts`, `commit`, waiting for a `connection`", ("query",)
    ),
    "jambones_nats_connected": Definition("gauge", "1 while NATS is connected"),
    "jambones_nats_request_seconds": Definition("histogram", "Requests over NATS", ("subject", "result")),
    "jambones_nats_reconnects_total": Definition("counter", "Reconnections to NATS"),
    "jambones_nats_dropped_total": Definition("counter", "Messages dropped on our side", ("reason",)),
    "jambones_js_pending": Definition("gauge", "Records not yet acknowledged by NATS", ("where",)),
    "jambones_records_total": Definition("counter", "Durable events", ("event", "result")),
    # the API
    "jambones_api_requests_total": Definition("counter", "REST requests", ("method", "resource", "status")),
    "jambones_api_seconds": Definition("histogram", "REST answer time", ("method", "resource"), SLOW),
    # the process
    "jambones_asyncio_loop_lag_seconds": Definition("gauge", "How late the event loop ran, now"),
    "jambones_asyncio_loop_stall_seconds": Definition("gauge", "Longest stall of the event loop in the last minute"),
    "jambones_calls": Definition("gauge", "Calls in progress in this process"),
    "jambones_draining": Definition("gauge", "1 while this process takes no new work"),
    "jambones_task_failures_total": Definition("counter", "Background tasks that raised", ("task",)),
}


def counted(name: str) -> CounterMetricFamily:
    """The counter `name` with numbers that somebody else counts, for `Metrics.collect`."""
    definition = _definition(name, "counter")
    return CounterMetricFamily(name, definition.help, labels=definition.labels)


def gauged(name: str) -> GaugeMetricFamily:
    """The gauge `name` with numbers that somebody else knows, for `Metrics.collect`."""
    definition = _definition(name, "gauge")
    return GaugeMetricFamily(name, definition.help, labels=definition.labels)


def _definition(name: str, kind: str) -> Definition:
    definition = CATALOGUE[name]
    if definition.kind != kind:
        raise KeyError(f"{name} is a {definition.kind}")
    return definition


class Metrics:
    """The metrics of one process. A metric of the catalogue comes into being at its first use."""

    def __init__(self, *, process: bool = True) -> None:
        self.registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        if process:
            ProcessCollector(registry=self.registry)

    def counter(self, name: str) -> Counter:
        """The counter `name`; KeyError when the catalogue does not have it."""
        made = self._get(name, "counter")
        assert isinstance(made, Counter)
        return made

    def gauge(self, name: str) -> Gauge:
        """The gauge `name`; KeyError when the catalogue does not have it."""
        made = self._get(name, "gauge")
        assert isinstance(made, Gauge)
        return made

    def histogram(self, name: str) -> Histogram:
        """The histogram `name`; KeyError when the catalogue does not have it."""
        made = self._get(name, "histogram")
        assert isinstance(made, Histogram)
        return made

    def collect(self, source: Callable[[], Iterable[Metric]]) -> None:
        """Ask `source` at every scrape, for numbers that somebody else counts (the SIP endpoint, the media engine)."""
        self.registry.register(_Source(source))

    def render(self) -> bytes:
        """All of them, in Prometheus text format."""
        return generate_latest(self.registry)

    def _get(self, name: str, kind: str) -> Counter | Gauge | Histogram:
        if (made := self._made.get(name)) is not None:
            return made
        definition = _definition(name, kind)
        match definition.kind:
            case "counter":
                made = Counter(name, definition.help, definition.labels, registry=self.registry)
            case "gauge":
                made = Gauge(name, definition.help, definition.labels, registry=self.registry)
            case "histogram":
                made = Histogram(
                    name, definition.help, definition.labels, registry=self.registry, buckets=definition.buckets
                )
        self._made[name] = made
        return made


class _Source(Collector):
    def __init__(self, source: Callable[[], Iterable[Metric]]) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        return self._source()

    def describe(self) -> Iterable[Metric]:
        return []
