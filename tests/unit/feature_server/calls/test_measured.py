"""What two looks at an SBC's counters say of audio that does not pass us."""

from typing import Any

import pytest

from jambones.common.bus.bus import RemoteError
from jambones.common.bus.control import LegCommand, LegCommanded
from jambones.common.errors import BusUnavailable
from jambones.feature_server.calls.measured import NotThere, Packets, SbcLeg, measuring, wrong

LEG = SbcLeg("edge-1", "leg-1")
START = (Packets(100, 100), Packets(100, 100))


@pytest.mark.parametrize(
    ("now", "first", "later"),
    [
        ((Packets(200, 200), Packets(200, 200)), "", ""),
        ((Packets(200, 200), Packets(200, 100)), "audio does not arrive", ""),
        ((Packets(200, 100), Packets(100, 200)), "", "a party is silent"),  # who says nothing is not missed at once
        ((Packets(100, 100), Packets(100, 100)), "", "a party is silent"),
        ((None, Packets(200, 200)), "", ""),
        ((None, None), "", ""),
    ],
)
def test_audio_goes_astray_at_first_and_parties_vanish_later(now: Any, first: str, later: str) -> None:
    assert wrong(START, now, first=True) == first
    assert wrong(START, now, first=False) == later
    assert wrong((None, None), now, first=False) == ""


def test_the_sbc_names_its_leg() -> None:
    assert SbcLeg.of("edge-1;uri=sip:10.0.0.1:5060", "leg-1") == LEG
    assert SbcLeg.of("edge-1", "leg-1") == LEG
    assert SbcLeg.of(None, "leg-1") is None
    assert SbcLeg.of("edge-1", None) is None


class Answering:
    """A bus at which somebody answers with this."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def request(self, question: LegCommand, timeout: float) -> LegCommanded:
        assert (question.edge_id, question.leg_id, question.op) == ("edge-1", "leg-1", "media.stats")
        if isinstance(self.answer, Exception):
            raise self.answer
        return LegCommanded(result=self.answer)


async def test_the_sbc_is_asked_over_the_bus() -> None:
    def measure(answer: Any) -> Any:
        bus: Any = Answering(answer)
        return measuring(bus)(LEG)

    assert await measure({"packets_in": 7, "packets_out": 5, "mos": 4.2}) == Packets(7, 5)
    assert await measure(BusUnavailable()) is None
    busy = RemoteError("busy", sip_status=503, http_status=503, reason="bus unavailable")
    assert await measure(busy) is None
    with pytest.raises(NotThere):
        await measure(RemoteError("no such leg", sip_status=404, http_status=404, reason="not found"))
