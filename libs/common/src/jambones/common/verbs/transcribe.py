"""transcribe: what is said, as text, while it is said."""

from typing import Literal

from pydantic import Field

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Channel, Flag, VerbModel
from jambones.common.verbs.speech import Recognizer


class Transcribe(VerbModel):
    """Send transcripts to `transcriptionHook` until something else ends it."""

    verb: Literal["transcribe"] = "transcribe"
    transcription_hook: OptionalHook = None
    translation_hook: OptionalHook = None
    recognizer: Recognizer | None = None
    early_media: Flag = False
    channel: Channel | None = None
    enable: Flag = True
    """Only config makes use of it."""


class BackgroundTranscribe(Transcribe):
    """transcribe beneath all other verbs, as config starts and stops it."""

    enable: Flag = Field()
