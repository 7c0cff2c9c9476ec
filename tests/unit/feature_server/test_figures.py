"""Figures: how long verbs ran, told apart by how they ended."""

import asyncio

import pytest

from jambones.common.metrics import Metrics
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import LegGone
from jambones.feature_server.figures import timing_verbs
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
