"""rest:dial: the call that was asked for over REST; applications do not write it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from jambones.common.verbs.amd import Amd
from jambones.common.verbs.hook import Hook, OptionalHook
from jambones.common.verbs.model import NO_HEADERS, Flag, Headers, JsonObject, Seconds, VerbModel
from jambones.common.verbs.target import Target


def _one_target(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _same(name: str, default: Any = None) -> Any:
    """These names have underscores on the wire, too."""
    return Field(default, alias=name)


class RestDial(VerbModel):
    """Place one call, and run the script of `call_hook` when it is answered."""

    RENAMED: ClassVar = {"callHook": "call_hook", "callStatusHook": "call_status_hook"}

    verb: Literal["rest:dial"] = "rest:dial"
    account_sid: str | None = _same("account_sid")
    application_sid: str | None = _same("application_sid")
    call_hook: Annotated[Hook, Field(alias="call_hook")]
    call_status_hook: OptionalHook = _same("call_status_hook")
    from_: Annotated[str, Field(alias="from")]
    from_host: str | None = None
    caller_name: str | None = None
    to: Annotated[Target, BeforeValidator(_one_target)]
    headers: Headers = NO_HEADERS
    tag: JsonObject | None = None
    timeout: Seconds = 60
    time_limit: Seconds | None = None
    amd: Amd | None = None
    answer_on_bridge: Flag = False
    dual_streams: Flag = _same("dual_streams", False)
    sip_request_within_dialog_hook: OptionalHook = None
    refer_hook: OptionalHook = None
    speech_synthesis_vendor: str | None = _same("speech_synthesis_vendor")
    speech_synthesis_label: str | None = _same("speech_synthesis_label")
    speech_synthesis_voice: str | None = _same("speech_synthesis_voice")
    speech_synthesis_language: str | None = _same("speech_synthesis_language")
    speech_recognizer_vendor: str | None = _same("speech_recognizer_vendor")
    speech_recognizer_label: str | None = _same("speech_recognizer_label")
    speech_recognizer_language: str | None = _same("speech_recognizer_language")
