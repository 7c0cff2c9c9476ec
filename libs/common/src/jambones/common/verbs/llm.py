"""llm (also <vendor>_s2s): talk to a speech-to-speech model."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Flag, JsonObject, Milliseconds, Strings, VerbModel, WireModel


def _vendor(name: str) -> str:
    return "deepgram" if name.lower() == "voiceagent" else name.lower()


class McpServer(WireModel):
    """A server of tools (Model Context Protocol)."""

    url: str
    auth: JsonObject | None = None
    roots: tuple[JsonObject, ...] = ()


class LlmHangup(WireModel):
    """The built-in tool that hangs up."""

    reason: str | None = None


class Llm(VerbModel):
    """Connect the caller to a vendor's model; `llmOptions` are the vendor's own."""

    verb: Literal["llm"] = "llm"
    vendor: Annotated[str, AfterValidator(_vendor)]
    model: str | None = None
    auth: JsonObject | None = None
    connect_options: JsonObject | None = None
    llm_options: JsonObject | None = None
    """None for elevenlabs only, whose agent is configured there."""
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
    tool_hook: OptionalHook = None
    events: Strings = ()
    mcp_servers: tuple[McpServer, ...] = ()
    handoff: JsonObject | None = None
    hangup: LlmHangup | None = None
    response_timeout_ms: Milliseconds | None = None
    cancel_on_response_timeout: Flag = False
    cancel_on_barge_in: Flag = False

    RENAMED: ClassVar = {"mcp_servers": "mcpServers"}

    @model_validator(mode="after")
    def _has_options(self) -> Self:
        if self.llm_options is None and self.vendor != "elevenlabs":
            raise PydanticCustomError("required", "is required", {"property": "llmOptions"})
        return self
