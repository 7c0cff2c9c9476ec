"""pause: wait, whether answered or not."""

import asyncio

from jambones.common.verbs.pause import Pause
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import runs


@runs(Pause)
async def pause(verb: Pause, call: CallSession) -> None:
    """Ends early when the caller hangs up or another script comes: both cancel us here."""
    await asyncio.sleep(verb.length)
