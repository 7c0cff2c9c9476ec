"""`make demo`: a real call to the example application."""

import pytest

from jambones.local import baresip
from jambones.local.demo import demo


@pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")
async def test_the_menu_is_heard_and_the_key_obeyed() -> None:
    told: list[str] = []

    assert await demo(told.append) == 0, "\n".join(told)
    assert any("dtmfDetected, 1" in line for line in told)
