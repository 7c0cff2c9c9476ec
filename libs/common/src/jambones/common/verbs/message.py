"""message: SMS and MMS."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Strings, VerbModel


class Message(VerbModel):
    """Send a text, media or both."""

    RENAMED: ClassVar = {"provider": "carrier"}

    verb: Literal["message"] = "message"
    to: str
    from_: Annotated[str, Field(alias="from")]
    text: str | None = None
    media: Strings = ()
    carrier: str | None = None
    account_sid: Annotated[str | None, Field(alias="account_sid")] = None
    message_sid: Annotated[str | None, Field(alias="message_sid")] = None
    action_hook: OptionalHook = None

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.text is None and not self.media:
            raise PydanticCustomError("required", "is required unless media is given", {"property": "text"})
        return self
