"""Figures: how long verbs ran, told apart by how they ended; what legs heard; how busy the host is."""

import asyncio
from pathlib import Path

import pytest

from jambones.common.metrics import Metrics
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.figures import CpuIdle, counting_closed_sockets, measuring_legs, timing_verbs
from jambones.media import LegStats
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (None, "finished"),
        (VerbFailed("invalid-app-payload", "no"), "failed"),
        (LegGone(), "gone"),
        (asyncio.CancelledError(), "stopped"),
    ],
)
async def test_a_verb_is_measured_to_its_end(raised: BaseException | None, outcome: str) -> None:
    metrics = Metrics(process=False)
    timed = timing_verbs(metrics)
    try:
        with timed("play"):
            await asyncio.sleep(3)
            if raised is not None:
                raise raised
    except type(raised or ValueError()):
        pass
    assert f'jambones_verb_seconds_sum{{outcome="{outcome}",verb="play"}} 3.0' in metrics.render().decode()


def test_what_ended_legs_heard_is_added_up() -> None:
    metrics = Metrics(process=False)
    ended = measuring_legs(metrics)
    ended(LegStats(packets_received=100, packets_lost=3, jitter_ms=4))
    ended(LegStats(packets_received=50, packets_lost=0, jitter_ms=15))
    ended(LegStats(packets_sent=10))  # nothing was heard: no jitter either

    text = metrics.render().decode()
    assert "jambones_rtp_received_total 150.0" in text
    assert "jambones_rtp_lost_total 3.0" in text
    assert 'jambones_rtp_jitter_seconds_bucket{le="0.005"} 1.0' in text
    assert "jambones_rtp_jitter_seconds_count 2.0" in text


def test_sockets_that_applications_close_are_counted() -> None:
    metrics = Metrics(process=False)
    counting_closed_sockets(metrics)("lost")

    assert 'jambones_ws_remote_close_total{reason="lost"} 1.0' in metrics.render().decode()


def test_the_idle_share_is_that_since_the_last_look(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    metrics = Metrics(process=False)
    metrics.collect(CpuIdle(stat))
    assert "jambones_fs_cpu_idle" not in metrics.render().decode()  # no such file here

    stat.write_text("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3\n")
    assert "jambones_fs_cpu_idle 0.85" in metrics.render().decode()
    stat.write_text("cpu  160 0 70 815 55 0 0 0 9 0\n")  # 80 ticks of work, 20 idle
    assert "jambones_fs_cpu_idle 0.2" in metrics.render().decode()
