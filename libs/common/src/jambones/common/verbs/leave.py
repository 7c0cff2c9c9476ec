"""leave: out of the queue."""

from typing import Literal

from jambones.common.verbs.model import VerbModel


class Leave(VerbModel):
    """Leave the queue; only in the waitHook script of an enqueue."""

    verb: Literal["leave"] = "leave"
