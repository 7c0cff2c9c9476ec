"""The numbers of an SBC for Prometheus."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from jambones.common.bus.calls import Direction
from jambones.common.metrics import Metrics, counted, gauged
from jambones.media.rtpengine import RtpengineCluster, Timing
from jambones.sip.stats import Stats


class Figures:
    """What calls count as they go; numbers kept elsewhere are asked for at each scrape."""

    def __init__(self, metrics: Metrics, direction: Direction = "inbound") -> None:
        self._direction = direction
        self._invites = metrics.counter("jambones_sip_invites_total")
        self._terminations = metrics.counter("jambones_sip_terminations_total")
        self._blocked = metrics.counter("jambones_sip_blocked_total")
        self._limited = metrics.counter("jambones_limits_rejected_total")
        self.setup = metrics.histogram("jambones_call_setup_seconds").labels(direction)
        self.answer = metrics.histogram("jambones_call_answer_seconds").labels(direction)
        self._ng = metrics.histogram("jambones_ng_seconds")

    def invited(self, origin: str) -> None:
        self._invites.labels(self._direction, origin).inc()

    def terminated(self, status: int, origin: str, *, answered: bool) -> None:
        self._terminations.labels(self._direction, str(status), origin, "yes" if answered else "no").inc()

    def blocked(self, reason: str) -> None:
        self._blocked.labels(reason).inc()

    def limited(self, scope: str) -> None:
        self._limited.labels(scope).inc()

    def commanded(self, timing: Timing) -> None:
        self._ng.labels(timing.command, timing.node, timing.result).observe(timing.seconds)


def of_the_stack(*several: tuple[str, Stats]) -> Iterator[Metric]:
    """The SIP stack's counters; the sides (outside, inside) are added up, their directions are told apart."""
    requests, responses = counted("jambones_sip_requests_total"), counted("jambones_sip_responses_total")
    errors = counted("jambones_sip_parse_errors_total")
    refused = counted("jambones_sip_connections_refused_total")
    large = counted("jambones_sip_large_requests_total")
    again = counted("jambones_sip_retransmissions_total")
    transactions, dialogs = gauged("jambones_sip_transactions"), gauged("jambones_sip_dialogs")
    connections = gauged("jambones_sip_connections")
    for family, name in ((requests, "requests"), (responses, "responses")):
        total: dict[tuple[str, str, str], int] = {}
        for _, stats in several:
            for labels, count in getattr(stats, name).items():
                total[labels] = total.get(labels, 0) + count
        for labels, count in sorted(total.items()):
            family.add_metric(list(labels), count)
    simple = (errors, "parse_errors"), (refused, "turned_away"), (large, "large"), (again, "retransmissions")
    for family, name in simple:
        summed: dict[str, int] = {}
        for _, stats in several:
            for label, count in getattr(stats, name).items():
                summed[label] = summed.get(label, 0) + count
        for label, count in sorted(summed.items()):
            family.add_metric([label], count)
    for side, stats in several:
        transactions.add_metric([side], stats.transactions)
        dialogs.add_metric([side], stats.dialogs)
        connections.add_metric([side], stats.connections)
    yield from (requests, responses, errors, refused, large, again, transactions, dialogs, connections)


def of_rtpengine(cluster: RtpengineCluster) -> Iterator[Metric]:
    up, sessions = gauged("jambones_ng_node_up"), gauged("jambones_media_sessions")
    for node in cluster.nodes:
        up.add_metric([node.name], float(node.up))
        sessions.add_metric([node.name], node.sessions)
    yield from (up, sessions)
