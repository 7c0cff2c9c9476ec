"""play: recorded audio."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Count, Flag, Loop, Seconds, Strings, VerbModel

MOST_FILES: Final = 1000


class Play(VerbModel):
    """Play files one after another: http(s) URLs or silence_stream://<milliseconds>."""

    BARE: ClassVar[str | None] = "url"

    verb: Literal["play"] = "play"
    url: Annotated[Strings, Field(max_length=MOST_FILES)]
    loop: Loop = 1
    early_media: Flag = False
    seek_offset: Count | None = None
    """Samples to skip."""
    timeout_secs: Seconds | None = None
    action_hook: OptionalHook = None
