"""`make demo`: a real call to the example application."""

import pytest

from jambones.local import baresip
from jambones.local.demo import demo


@pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")
async def test_the_menu_is_heard_the_keys_are_obeyed_and_the_message_is_played_back() -> None:
    told: list[str] = []

    assert await demo(told.append) == 0, "\n".join(told)
    assert any("dtmfDetected, 1" in line for line in told)
    assert any("dtmfDetected, 3" in line for line in told)
    (alike,) = [line.rpartition(" ")[2] for line in told if "the caller's own message" in line]
    assert float(alike) > 0.9
