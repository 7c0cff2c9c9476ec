"""rasa: a bot behind the REST channel of Rasa."""

from typing import Literal

from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.model import Seconds, VerbModel
from jambones.common.verbs.speech import Recognizer, Synthesizer


class Rasa(VerbModel):
    """Pass what the caller says to `url`, speak what comes back."""

    verb: Literal["rasa"] = "rasa"
    url: str
    prompt: str | None = None
    recognizer: Recognizer | None = None
    tts: Synthesizer | None = None
    timeout: Seconds = 10
    action_hook: OptionalHook = None
    event_hook: OptionalHook = None
