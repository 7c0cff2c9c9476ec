"""Answering machine detection, as dial, config and a call placed over REST ask for it."""

from jambones.common.verbs.hook import Hook
from jambones.common.verbs.model import Count, Milliseconds, WireModel
from jambones.common.verbs.speech import Recognizer


class AmdTimers(WireModel):
    """How long to wait, in milliseconds."""

    no_speech_timeout_ms: Milliseconds = 5000
    decision_timeout_ms: Milliseconds = 15000
    tone_timeout_ms: Milliseconds = 20000
    greeting_completion_timeout_ms: Milliseconds = 2000


class Amd(WireModel):
    """Is it a person or a machine that answered?"""

    action_hook: Hook
    threshold_word_count: Count = 9
    digit_count: Count = 0
    recognizer: Recognizer | None = None
    timers: AmdTimers = AmdTimers()
