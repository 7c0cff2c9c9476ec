"""gather: collect keys and speech."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from jambones.common.verbs.delay import ActionHookDelayAction, FillerNoise
from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Count, Flag, Seconds, VerbModel, listed
from jambones.common.verbs.play import Play
from jambones.common.verbs.say import Say
from jambones.common.verbs.speech import Recognizer, Vad


def _inputs(value: Any) -> Any:
    return tuple(dict.fromkeys("digits" if one == "dtmf" else one for one in listed(value)))


Inputs = Annotated[tuple[Literal["digits", "speech"], ...], BeforeValidator(_inputs)]


class Gather(VerbModel):
    """Collect keys, speech or both, with a prompt or without. `timeout` 0 waits for ever."""

    RENAMED: ClassVar = {"action": "actionHook"}

    verb: Literal["gather"] = "gather"
    action_hook: OptionalHook = None
    input: Inputs = ("digits",)
    finish_on_key: str | None = None
    num_digits: Count | None = None
    min_digits: Count = 1
    max_digits: Count | None = None
    inter_digit_timeout: Seconds | None = None
    timeout: Seconds = 15
    bargein: Flag = False
    dtmf_bargein: Flag | None = None
    """None: yes when keys are collected."""
    min_bargein_word_count: Count = 1
    listen_during_prompt: Flag = True
    partial_result_hook: OptionalHook = None
    recognizer: Recognizer | None = None
    say: Say | None = None
    play: Play | None = None
    speech_timeout: Seconds | None = None
    filler_noise: FillerNoise | None = None
    action_hook_delay_action: ActionHookDelayAction | None = None
    vad: Vad | None = None
    early_media: Flag | None = None
    """None: what the prompt says."""
