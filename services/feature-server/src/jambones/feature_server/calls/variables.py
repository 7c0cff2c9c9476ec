"""What an application has set for the rest of its call (verb `config`)."""

from dataclasses import dataclass

from jambones.common.verbs.config import BargeIn
from jambones.common.verbs.hook import Hook
from jambones.common.verbs.speech import Recognizer, Synthesizer


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
