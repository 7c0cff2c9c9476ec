"""What is logged of a call at an SBC."""

import logging
from typing import Any

import pytest

from jambones.common import logs
from tests.support.edge import World
from tests.support.logged import logged
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
@pytest.mark.parametrize(("account", "shown"), [("acc", True), ("another", False)])
async def test_what_a_module_says_that_knows_no_account_is_logged_at_debug_for_the_account(
    account: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = logging.getLogger("deep")  # such as the client of rtpengine

    async def telling(side: Any, sdp: bytes) -> bytes:
        deep.debug("of the call")
        return sdp

    with logged(level="info") as out:
        logs.verbosity.set_debug(False, [account])
        deep.debug("nobody's")
        world = World()
        monkeypatch.setattr(world.relay, "offer", telling)
        await world.up()
        world.caller.hangs_up()
        await world.over()

    assert ("of the call" in out.getvalue()) is shown
    assert "nobody's" not in out.getvalue()
    assert "call ended" in out.getvalue()
