"""pause: wait."""

from typing import Literal

from jambones.common.verbs.model import Seconds, VerbModel


class Pause(VerbModel):
    """Wait `length` seconds; never answers the call."""

    verb: Literal["pause"] = "pause"
    length: Seconds
