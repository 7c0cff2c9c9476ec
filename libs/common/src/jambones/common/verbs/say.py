"""say: text to speech."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.model import Flag, Loop, Strings, VerbModel
from jambones.common.verbs.speech import Synthesizer

MOST_TEXTS: Final = 1000


class Say(VerbModel):
    """Speak texts in order. One that begins with "<speak" is SSML; one that is a URL is played as a file."""

    BARE: ClassVar[str | None] = "text"
    RENAMED: ClassVar = {"streaming": "stream", "closeOnStreamEmpty": "closeStreamOnEmpty"}

    verb: Literal["say"] = "say"
    text: Annotated[Strings, Field(max_length=MOST_TEXTS)] = ()
    loop: Loop = 1
    synthesizer: Synthesizer | None = None
    early_media: Flag = False
    disable_tts_cache: Flag = False
    stream: Flag = False
    close_stream_on_empty: Flag = True
    instructions: str | None = None

    @model_validator(mode="after")
    def _has_text(self) -> Self:
        if not self.stream and "text" not in self.model_fields_set:
            raise PydanticCustomError("required", "is required unless stream is true", {"property": "text"})
        return self
