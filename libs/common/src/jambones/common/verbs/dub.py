"""dub: audio tracks beneath the call."""

from typing import Literal

from jambones.common.verbs.model import Flag, Gain, VerbModel
from jambones.common.verbs.say import Say


class Dub(VerbModel):
    """Add, remove, silence or feed a track that is mixed into what the caller hears."""

    verb: Literal["dub"] = "dub"
    action: Literal["addTrack", "removeTrack", "silenceTrack", "playOnTrack", "sayOnTrack"]
    track: str
    play: str | None = None
    say: Say | None = None
    loop: Flag = False
    gain: Gain | None = None
