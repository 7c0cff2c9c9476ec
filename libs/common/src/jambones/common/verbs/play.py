"""play: recorded audio."""

from typing import ClassVar, Literal

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Count, Flag, Loop, Seconds, Strings, VerbModel


class Play(VerbModel):
    """Play files one after another: http(s) URLs or silence_stream://<milliseconds>."""

    BARE: ClassVar[str | None] = "url"

    verb: Literal["play"] = "play"
    url: Strings
    loop: Loop = 1
    early_media: Flag = False
    seek_offset: Count | None = None
    """Samples to skip."""
    timeout_secs: Seconds | None = None
    action_hook: OptionalHook = None
