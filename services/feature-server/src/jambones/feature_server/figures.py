"""The numbers of a feature server for Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from prometheus_client.metrics_core import Metric

from jambones.common.metrics import Metrics, counted, gauged
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.calls.registry import CallRegistry
from jambones.media import MediaEngine


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
