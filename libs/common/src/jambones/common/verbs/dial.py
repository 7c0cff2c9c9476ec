"""dial: call others and bridge."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from jambones.common.verbs.amd import Amd
from jambones.common.verbs.dub import Dub
from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.listen import Listen
from jambones.common.verbs.model import (
    NO_HEADERS,
    Flag,
    Gain,
    Headers,
    JsonObject,
    Seconds,
    Strings,
    VerbModel,
    WireModel,
    listed,
)
from jambones.common.verbs.target import Target
from jambones.common.verbs.transcribe import Transcribe

MAX_TARGETS = 10


def _each_once(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    once: list[Target] = []
    for target in targets:
        if target not in once:
            once.append(target)
    if not 1 <= len(once) <= MAX_TARGETS:
        raise PydanticCustomError("targets", f"must name 1 to {MAX_TARGETS} targets")
    return tuple(once)


def _captures(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"childCall": value, "parentCall": value}


class DtmfCapture(WireModel):
    """Key sequences to report, of the leg called and of the caller."""

    child_call: Strings = ()
    parent_call: Strings = ()


class Dial(VerbModel):
    """Call all targets at once; the first to answer is bridged."""

    RENAMED: ClassVar = {"action": "actionHook", "stream": "listen"}

    verb: Literal["dial"] = "dial"
    target: Annotated[tuple[Target, ...], BeforeValidator(listed), AfterValidator(_each_once)]
    action_hook: OptionalHook = None
    answer_on_bridge: Flag = False
    caller_id: str | None = None
    caller_name: str | None = None
    timeout: Seconds = 60
    time_limit: Seconds | None = None
    confirm_hook: OptionalHook = None
    dial_music: str | None = None
    headers: Headers = NO_HEADERS
    proxy: str | None = None
    dtmf_capture: Annotated[DtmfCapture | None, BeforeValidator(_captures)] = None
    dtmf_hook: OptionalHook = None
    refer_hook: OptionalHook = None
    on_hold_hook: OptionalHook = None
    anchor_media: Flag = False
    codecs: Strings = ()
    exit_media_path: Flag = False
    listen: Listen | None = None
    transcribe: Transcribe | None = None
    amd: Amd | None = None
    dub: Annotated[tuple[Dub, ...], BeforeValidator(listed), Field(max_length=2)] = ()
    tag: JsonObject | None = None
    boost_audio_signal: Gain | None = None
    forward_pai: Annotated[Flag, Field(alias="forwardPAI")] = True
    srtp_encryption: Literal["sdes", "dtls"] | None = None

    @classmethod
    def mend(cls, given: JsonObject) -> JsonObject:
        """Older documents wrote confirmUrl and confirmMethod."""
        url, method = given.pop("confirmUrl", None), given.pop("confirmMethod", None)
        if url is not None and "confirmHook" not in given:
            given["confirmHook"] = {"url": url, "method": method}
        return given
