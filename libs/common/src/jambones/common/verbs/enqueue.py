"""enqueue: wait in a queue."""

from typing import Annotated, Literal

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import VerbModel, clamped


class Enqueue(VerbModel):
    """Wait in the account's queue `name`; lower priorities leave first."""

    verb: Literal["enqueue"] = "enqueue"
    name: str
    priority: Annotated[int, clamped(0, 999)] = 999
    wait_hook: OptionalHook = None
    action_hook: OptionalHook = None
