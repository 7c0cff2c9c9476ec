"""dialogflow: a bot of Google."""

from typing import Annotated, Any, Literal

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Flag, JsonObject, Seconds, Strings, VerbModel
from jambones.common.verbs.speech import Synthesizer


def _credentials(value: Any) -> str | JsonObject:
    if isinstance(value, str | dict):
        return value
    raise PydanticCustomError("credentials", "must be an object or its JSON text")


class Dialogflow(VerbModel):
    """Connect the caller to an agent of Dialogflow (ES, CX)."""

    verb: Literal["dialogflow"] = "dialogflow"
    project: str
    lang: str
    session_id: str | None = None
    credentials: Annotated[str | JsonObject, PlainValidator(_credentials)]
    agent: str | None = None
    environment: str | None = None
    region: str = "us-central1"
    deployment: str | None = None
    model: Literal["es", "cx", "ces"] = "es"
    welcome_event: str | None = None
    welcome_event_params: JsonObject | None = None
    no_input_timeout: Seconds = 20
    no_input_event: str = "actions_intent_NO_INPUT"
    pass_dtmf_as_text_input: Flag = False
    thinking_music: str | None = None
    tts: Synthesizer | None = None
    bargein: Flag = False
    query_input: JsonObject | None = None
    events: Strings = ()
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
    tool_hook: OptionalHook = None
