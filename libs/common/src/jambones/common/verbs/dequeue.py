"""dequeue: take the next one out of a queue."""

from typing import Literal

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Flag, Seconds, VerbModel


class Dequeue(VerbModel):
    """Bridge to the head of the queue `name`, or to `callSid` in it. `timeout` 0 waits for ever."""

    verb: Literal["dequeue"] = "dequeue"
    name: str
    timeout: Seconds = 0
    beep: Flag = False
    call_sid: str | None = None
    action_hook: OptionalHook = None
