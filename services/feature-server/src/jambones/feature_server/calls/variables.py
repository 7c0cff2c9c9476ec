"""What an application has set for the rest of its call (verb `config`)."""

from dataclasses import dataclass
from typing import TypeVar

from jambones.common.verbs.config import BargeIn
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.model import WireModel
from jambones.common.verbs.speech import Recognizer, Synthesizer

M = TypeVar("M", bound=WireModel)
EVERYWHERE = ("hints", "hints_boost", "alt_languages", "punctuation", "asr_timeout", "asr_dtmf_termination_digit")
"""What `config` says of recognition and holds for verbs with a recogniser of their own, unless it says otherwise."""
WHO = ("vendor", "label", "language")
DEFAULT = "default"


def laid_over(below: M | None, above: M) -> M:
    """`below` with whatever `above` says; "default" says nothing."""
    if below is None:
        return above
    said = {name: value for name in above.model_fields_set if (value := getattr(above, name)) not in (None, DEFAULT)}
    return below.model_copy(update=said)


@dataclass
class Variables:
    """Session-wide values. `default_*` are the application's own, to which `reset` goes back."""

    default_synthesizer: Synthesizer | None = None
    default_recognizer: Recognizer | None = None
    synthesizer: Synthesizer | None = None
    recognizer: Recognizer | None = None
    notify_events: bool = False
    tts_cache: bool = True
    barge_in: BargeIn | None = None
    """The background gather that is wanted, as long as it is."""
    sip_request_hook: Hook | None = None
    """Hears of requests of the far end inside the call."""
    refer_hook: Hook | None = None
    on_hold_music: str | None = None
    """What a party of a dial hears while the other one holds."""

    def __post_init__(self) -> None:
        self.synthesizer = self.synthesizer or self.default_synthesizer
        self.recognizer = self.recognizer or self.default_recognizer

    def recognizer_for(self, asked: Recognizer | None) -> Recognizer | None:
        """How to recognise for a verb that asks for this."""
        session = self.recognizer
        if asked is None or session is None:
            return asked or session
        names = (*EVERYWHERE, *WHO) if asked.vendor == DEFAULT else EVERYWHERE
        missing = {name: getattr(session, name) for name in names if getattr(asked, name) in (None, (), DEFAULT)}
        return asked.model_copy(update=missing)
