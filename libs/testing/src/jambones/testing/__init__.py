"""A pytest plugin that runs applications against a scripted caller, without a telephone.

async with call(application) as caller:
    await caller.hears("Press 1 for sales")
    caller.presses("1")
    await caller.hears("Sales is closed")
    caller.hangs_up()
"""

from jambones.testing.application import HookRequest, HookResponse
from jambones.testing.callee import Callee
from jambones.testing.caller import Caller, call
from jambones.testing.listening import ListenSocket
from jambones.testing.virtual_time import settle, virtual_time

__all__ = ["Callee", "Caller", "HookRequest", "HookResponse", "ListenSocket", "call", "settle", "virtual_time"]
