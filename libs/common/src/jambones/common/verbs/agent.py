"""agent: recogniser, text model and synthesizer as one."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.llm import LlmHangup, McpServer
from jambones.common.verbs.model import Flag, JsonObject, Seconds, VerbModel
from jambones.common.verbs.speech import Recognizer, Synthesizer


def _word_or_object(value: Any) -> str | JsonObject:
    if isinstance(value, str | dict):
        return value
    raise PydanticCustomError("mode", "must be a string or an object")


def _filler(value: Any) -> Any:
    return None if value is False else value


def _lock(value: Any) -> bool | str:
    if isinstance(value, bool) or value == "always":
        return bool(value) if isinstance(value, bool) else "always"
    raise PydanticCustomError("lock", 'must be true, false or "always"')


Mode = Annotated[str | JsonObject, PlainValidator(_word_or_object)]


class Agent(VerbModel):
    """A packaged conversation; option objects are passed on as they are."""

    RENAMED: ClassVar = {"preflightLlm": "earlyGeneration"}

    verb: Literal["agent"] = "agent"
    llm: JsonObject | None = None
    """None: the application's."""
    stt: Recognizer | None = None
    tts: Synthesizer | None = None
    turn_detection: Mode = "stt"
    barge_in: JsonObject | None = None
    greeting: Flag = True
    early_generation: Flag = False
    no_response_timeout: Seconds = 0
    auto_lock_language: Annotated[bool | str, PlainValidator(_lock)] = False
    language_config: JsonObject | None = None
    noise_isolation: Mode | None = None
    mcp_servers: tuple[McpServer, ...] = ()
    handoff: JsonObject | None = None
    hangup: LlmHangup | None = None
    tool_filler: Annotated[JsonObject | None, BeforeValidator(_filler)] = None
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
    tool_hook: OptionalHook = None
