"""transfer: a packaged blind or warm transfer."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from jambones.common.verbs.amd import Amd
from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Flag, Seconds, VerbModel, WireModel, listed
from jambones.common.verbs.speech import Synthesizer
from jambones.common.verbs.target import Target

AfterFailure = Literal["return", "voicemail", "hangup"]


class Confirm(WireModel):
    """The one called must press `digit`."""

    prompt: str
    digit: str


class Disposition(WireModel):
    """What becomes of the caller when nobody takes the call."""

    on_no_answer: AfterFailure = "return"
    on_busy: AfterFailure = "return"
    on_decline: AfterFailure = "return"
    on_failure: AfterFailure = "return"
    voicemail_url: str | None = None


class Brief(WireModel):
    """Spoken to the one called."""

    BARE = "text"

    text: str
    synthesizer: Synthesizer | None = None


class Transfer(VerbModel):
    """Hand the caller to a target."""

    verb: Literal["transfer"] = "transfer"
    mode: Literal["blind", "warm"]
    blind_method: Literal["refer", "dial"] = "refer"
    caller_present: Flag = False
    target: Annotated[tuple[Target, ...], BeforeValidator(listed)]
    caller_id: str | None = None
    on_hold_hook: OptionalHook = None
    timeout: Seconds = 30
    confirm: Confirm | None = None
    amd: Amd | None = None
    disposition: Disposition = Disposition()
    brief: Brief | None = None
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
