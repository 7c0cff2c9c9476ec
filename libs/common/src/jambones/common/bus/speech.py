"""Questions about speech to those that speak: say a text, and what is kept of texts said before."""

from typing import ClassVar

from pydantic import Base64Bytes, BaseModel

from jambones.common.bus.control import Reply
from jambones.common.bus.event import Question
from jambones.common.ids import AccountSid
from jambones.common.private import Private

MOST_BYTES = 640 * 1024
"""Of audio in one answer, so that it fits a message in base64."""


class Spoken(Reply):
    """A sound file."""

    audio: Base64Bytes
    content_type: str = "audio/wav"


class Synthesize(Question[Spoken]):
    """Say `text` for an account. One of those that have the vendor answers; nobody does when none has it."""

    SUBJECT: ClassVar[str] = "speech.synthesize.{vendor}"
    REPLY: ClassVar[type[BaseModel]] = Spoken

    vendor: str
    account_sid: AccountSid
    text: Private[str]
    language: str | None = None
    voice: str | None = None


class KeptSpeech(Reply):
    """Texts that a feature server keeps spoken."""

    size: int


class SpeechCache(Question[KeptSpeech]):
    """How many texts of an account (None: of all) a feature server keeps; `forget`: and it forgets them."""

    SUBJECT: ClassVar[str] = "fs.{node_id}.speech.cache"
    REPLY: ClassVar[type[BaseModel]] = KeptSpeech

    node_id: str
    account_sid: AccountSid | None = None
    forget: bool = False
