"""listen (also called stream): the call's audio over a WebSocket."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.hook import Auth, OptionalHook
from jambones.common.verbs.model import Channel, Flag, JsonObject, Seconds, VerbModel, Whole, WireModel
from jambones.common.verbs.transcribe import Transcribe

RATES = (8000, 16000, 24000, 32000, 48000, 64000)


def _known_rate(rate: int) -> int:
    if rate not in RATES:
        raise PydanticCustomError("rate", f"must be one of {', '.join(map(str, RATES))}")
    return rate


SampleRate = Annotated[Whole, AfterValidator(_known_rate)]
"""Hertz, one of RATES."""


class BidirectionalAudio(WireModel):
    """Audio from the application back to the call: JSON messages, or raw binary when streaming."""

    enabled: Flag = True
    streaming: Flag = False
    sample_rate: SampleRate | None = None


class Listen(VerbModel):
    """Stream the call's audio to `url`, and from it unless forbidden."""

    RENAMED: ClassVar = {"auth": "wsAuth"}

    verb: Literal["listen"] = "listen"
    url: str
    action_hook: OptionalHook = None
    mix_type: Literal["mono", "mixed", "stereo"] = "mono"
    sample_rate: SampleRate = 8000
    metadata: JsonObject | None = None
    bidirectional_audio: BidirectionalAudio = BidirectionalAudio()
    disable_bidirectional_audio: Flag = False
    ws_auth: Auth | None = None
    finish_on_key: str | None = None
    max_length: Seconds | None = None
    pass_dtmf: Flag = False
    play_beep: Flag = False
    timeout: Seconds | None = None
    transcribe: Transcribe | None = None
    early_media: Flag = False
    channel: Channel = 1


class BackgroundListen(Listen):
    """listen beneath all other verbs, as config starts and stops it."""

    enable: Flag
    url: str = ""
