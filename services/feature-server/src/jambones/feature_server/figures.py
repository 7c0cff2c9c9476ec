"""The numbers of a feature server for Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from prometheus_client.metrics_core import Metric

from jambones.common.metrics import Metrics, counted, gauged
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.registry import CallRegistry
from jambones.media import LegStats, MediaEngine


def timing_verbs(metrics: Metrics) -> Callable[[str], AbstractContextManager[object]]:
    """Give it the name of a verb, and have the verb run inside the block."""
    seconds = metrics.histogram("jambones_verb_seconds")

    @contextmanager
    def timed(verb: str) -> Iterator[None]:
        began, outcome = asyncio.get_running_loop().time(), "stopped"  # by the call's end or another script
        try:
            yield
            outcome = "finished"
        except VerbFailed:
            outcome = "failed"
            raise
        except LegGone:
            outcome = "gone"
            raise
        finally:
            seconds.labels(verb, outcome).observe(asyncio.get_running_loop().time() - began)

    return timed


def measuring_legs(metrics: Metrics) -> Callable[[LegStats], None]:
    """Give it the last counters of each leg of the media engine."""
    received, lost = metrics.counter("jambones_rtp_received_total"), metrics.counter("jambones_rtp_lost_total")
    jitter = metrics.histogram("jambones_rtp_jitter_seconds")

    def ended(stats: LegStats) -> None:
        if stats.packets_received:  # whoever said nothing has no jitter
            received.inc(stats.packets_received)
            lost.inc(stats.packets_lost)
            jitter.observe(stats.jitter_ms / 1000)

    return ended


def counting_closed_sockets(metrics: Metrics) -> Callable[[str], None]:
    """Give it the reason for which an application closed its WebSocket."""
    closed = metrics.counter("jambones_ws_remote_close_total")
    return lambda why: closed.labels(why).inc()


class CpuIdle:
    """The idle share of the host's processors between two looks at /proc/stat (proc(5)), 0 to 1."""

    def __init__(self, path: Path = Path("/proc/stat")) -> None:
        self._path = path
        self._before = (0, 0)

    def __call__(self) -> Iterator[Metric]:
        """The gauge; nothing where the system does not say."""
        try:
            words = self._path.read_text(encoding="ascii").partition("\n")[0].split()
        except OSError:
            return
        # user nice system idle iowait irq softirq steal; the rest is part of user and nice.
        ticks = [int(word) for word in words[1:9]]
        now = (ticks[3] + ticks[4], sum(ticks))
        idle, total = (new - old for new, old in zip(now, self._before, strict=True))
        self._before = now
        gauge = gauged("jambones_fs_cpu_idle")
        gauge.add_metric([], min(1.0, max(0.0, idle / total)) if total > 0 else 1.0)
        yield gauge


def of_the_calls(registry: CallRegistry, engine: MediaEngine) -> Iterator[Metric]:
    health = engine.health()
    calls = gauged("jambones_fs_calls")
    placed = [call for call in registry if call.state.direction == "outbound"]
    of_their_own = sum(call.info.parent_call_sid is None for call in placed)
    calls.add_metric(["inbound"], max(0, len(registry) - of_their_own))
    calls.add_metric(["outbound"], len(placed))
    bridges = gauged("jambones_fs_bridges")
    paths = Counter(
        (call.bridged.path.now, next(iter(call.bridged.path.stays), ""))
        for call in registry
        if call.bridged is not None and call.bridged.a is call
    )
    for path, count in paths.items():
        bridges.add_metric(path, count)
    workers = gauged("jambones_media_workers")
    workers.add_metric(["alive"], health.workers_alive)
    workers.add_metric(["dead"], health.workers - health.workers_alive)
    underruns = counted("jambones_media_underruns_total")
    underruns.add_metric([], health.underruns)
    yield from (calls, bridges, workers, underruns)
    for name, value in (
        ("jambones_fs_channels_in_use", health.legs),
        ("jambones_fs_channels_free", health.capacity - health.legs),
        ("jambones_fs_calls_per_second", registry.per_second()),
        ("jambones_media_tick_late_p99_seconds", health.tick_late_p99_ms / 1000),
    ):
        single = gauged(name)
        single.add_metric([], value)
        yield single
