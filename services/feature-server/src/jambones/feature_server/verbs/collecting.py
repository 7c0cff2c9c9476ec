"""The rules of gather: keys, transcripts and timers go in, what must be done and the result come out.

Pure: no clock, no tasks. Times are seconds of any clock that only goes forward.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from jambones.feature_server.calls.collaborators import Heard
from jambones.feature_server.calls.reasons import GatherEnd

TERMINATION_WAIT = 1.0  # seconds after asrDtmfTerminationDigit for a last transcript


@dataclass(frozen=True, slots=True)
class Rules:
    """What was asked for. Times in seconds; 0 or None: no such limit."""

    digits: bool = True
    speech: bool = False
    finish_on_key: str = ""
    num_digits: int | None = None
    min_digits: int = 1
    max_digits: int | None = None
    inter_digit_timeout: float | None = None
    timeout: float = 15.0
    bargein: bool = False
    dtmf_bargein: bool = True
    min_words: int = 1
    listen_during_prompt: bool = True
    asr_timeout: float = 0.0
    asr_termination_digit: str = ""
    fast_timeout: float = 0.0
    min_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Key:
    digit: str


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """The prompt was heard to the end, was stopped, or could not be played."""


@dataclass(frozen=True, slots=True)
class Talking:
    """Voice activity began."""


@dataclass(frozen=True, slots=True)
class RecognitionFailed:
    details: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has passed."""


Input = Key | PromptEnded | Talking | Heard | RecognitionFailed | Tick


class Do(Enum):
    """What the shell must do."""

    STOP_PROMPT = auto()
    STOP_HEARING = auto()
    START_HEARING = auto()


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended; `digits` or `speech` according to the reason."""

    reason: GatherEnd
    digits: str | None = None
    speech: dict[str, Any] | None = None
    details: str | None = None

    def payload(self) -> dict[str, Any]:
        """The action hook's own attributes."""
        found = {"digits": self.digits, "speech": self.speech, "details": self.details}
        return {"reason": self.reason.value} | {name: value for name, value in found.items() if value is not None}

    def __repr__(self) -> str:
        return f"Result({self.reason.value})"


@dataclass
class Collector:
    """One gather. `handle` everything that happens; when `result` is set it is over."""

    rules: Rules
    prompting: bool
    """A prompt is being heard."""
    beneath: bool = False
    """There is no prompt of its own: what is to be stopped, once, is whatever is heard."""
    result: Result | None = None
    _digits: str = ""
    _no_input: float | None = None
    _inter_digit: float | None = None
    _asr: float | None = None
    _fast: float | None = None
    _waited: bool = False
    _terminated: bool = False
    _barged: bool = False
    _finals: list[Heard] = field(default_factory=list)
    _interim: Heard | None = None

    @property
    def hearing_wanted(self) -> bool:
        """Recognition is to run now."""
        return self.rules.speech and not self._digits and self.listening

    @property
    def listening(self) -> bool:
        """Keys and speech count now."""
        return self.rules.listen_during_prompt or not self.prompting

    @property
    def deadline(self) -> float | None:
        """When the next Tick is due."""
        times = [time for time in (self._no_input, self._inter_digit, self._asr, self._fast) if time is not None]
        return min(times, default=None)

    def start(self, now: float) -> list[Do]:
        """Without a prompt the time runs from here."""
        if not self.prompting:
            self._start_no_input(now)
        return [Do.START_HEARING] if self.hearing_wanted else []

    def handle(self, happened: Input, now: float) -> list[Do]:
        """What must be done now. Nothing is accepted once there is a result."""
        if self.result is not None:
            return []
        match happened:
            case Key(digit):
                return self._key(digit, now) if self.listening else []
            case PromptEnded():
                return self._prompt_ended(now)
            case Talking():
                return self._stop_prompt() if self.rules.bargein and self.rules.min_words == 0 else []
            case Heard(final=False):
                return self._heard_interim(happened, now)
            case Heard():
                return self._heard_final(happened, now)
            case RecognitionFailed(details):
                self.result = Result(GatherEnd.ERROR, details=details)
            case Tick():
                self._tick(now)
        return []

    # -- keys --------------------------------------------------------------------------------------------------

    def _key(self, digit: str, now: float) -> list[Do]:
        rules = self.rules
        todo = self._stop_prompt() if rules.dtmf_bargein else []
        if rules.asr_timeout and digit == rules.asr_termination_digit and self.hearing_wanted:
            self._terminated = self._waited = True
            self._no_input, self._asr = None, now + TERMINATION_WAIT
            return todo
        if not rules.digits:
            return todo
        if digit in rules.finish_on_key:
            self._resolve_digits()
            return todo
        if not self._digits and rules.speech:
            todo.append(Do.STOP_HEARING)
            self._asr = self._fast = None
        self._digits += digit
        if len(self._digits) in (rules.num_digits, rules.max_digits):
            self._resolve_digits()
        elif rules.inter_digit_timeout and len(self._digits) >= rules.min_digits:
            self._no_input, self._inter_digit = None, now + rules.inter_digit_timeout
        elif self._no_input is None:
            self._start_no_input(now)
        return todo

    def _resolve_digits(self) -> None:
        self.result = Result(GatherEnd.DIGITS, digits=self._digits)

    # -- prompt and timers -------------------------------------------------------------------------------------

    def _stop_prompt(self) -> list[Do]:
        if self.beneath and not self._barged:
            self._barged = True
            return [Do.STOP_PROMPT]
        return [Do.STOP_PROMPT] if self.prompting else []

    def barge_in(self) -> list[Do]:
        """What must be done when it has ended and was heard beneath something that nobody stopped yet."""
        return self._stop_prompt() if self.beneath else []

    def _prompt_ended(self, now: float) -> list[Do]:
        if not self.prompting:
            return []
        heard_before = self.hearing_wanted
        self.prompting = False
        if self._no_input is None and self._inter_digit is None:
            self._start_no_input(now)
        return [Do.START_HEARING] if self.hearing_wanted and not heard_before else []

    def _start_no_input(self, now: float) -> None:
        if self.rules.timeout:
            self._no_input = now + self.rules.timeout

    def _tick(self, now: float) -> None:
        if self._inter_digit is not None and now >= self._inter_digit:
            self._resolve_digits()
        elif self._fast is not None and now >= self._fast and self._interim is not None:
            self._fast = None
            self._resolve_speech([self._interim])
        elif self._asr is not None and now >= self._asr:
            self._asr = None
            if self._finals:
                self._resolve_speech(self._finals)
            elif self._waited:
                self.result = Result(GatherEnd.TIMEOUT)
        elif self._no_input is not None and now >= self._no_input:
            self._no_input = None
            if self._digits and len(self._digits) >= self.rules.min_digits:
                self._resolve_digits()
            elif self.rules.speech and self.rules.asr_timeout and not self._digits:
                self._waited, self._asr = True, now + self.rules.asr_timeout
            else:
                self.result = Result(GatherEnd.TIMEOUT)

    # -- speech ------------------------------------------------------------------------------------------------

    def _heard_interim(self, heard: Heard, now: float) -> list[Do]:
        if not self.hearing_wanted:
            return []
        self._interim = heard
        if self._no_input is not None:
            self._start_no_input(now)
        if self._asr is not None and not self._terminated:
            self._asr = now + self.rules.asr_timeout  # still talking
        if self.rules.fast_timeout:
            self._fast = now + self.rules.fast_timeout
        barge_in = self.rules.bargein and len(heard.transcript.split()) >= max(1, self.rules.min_words)
        return self._stop_prompt() if barge_in else []

    def _heard_final(self, heard: Heard, now: float) -> list[Do]:
        self._fast = None
        if not self.hearing_wanted or not heard.transcript.strip():
            return []
        if self.rules.asr_timeout:
            self._finals.append(heard)
            self._no_input, self._asr = None, now + self.rules.asr_timeout
            if self._terminated:
                self._resolve_speech(self._finals)
        else:
            self._resolve_speech([heard])
        return []

    def _resolve_speech(self, heard: list[Heard]) -> None:
        speech = join(heard)
        confidence = sum(piece.confidence for piece in heard) / len(heard)
        enough = confidence >= self.rules.min_confidence
        self.result = Result(GatherEnd.SPEECH if enough else GatherEnd.LOW_CONFIDENCE, speech=speech)


def join(heard: list[Heard]) -> dict[str, Any]:
    """Several transcripts as one: joined with spaces (digits without), confidence averaged, events in a list."""
    if len(heard) == 1:
        return dict(heard[0].speech) | {"is_final": True}
    text = ""
    for piece in (re.sub(r"[.,;:!?]+$", "", piece.transcript.strip()) for piece in heard):
        glue = "" if not text or (text[-1].isdigit() and piece.isdigit()) else " "
        text += glue + piece
    first = heard[0].speech
    confidence = sum(piece.confidence for piece in heard) / len(heard)
    vendor = dict(first.get("vendor") or {})
    vendor["evt"] = [(piece.speech.get("vendor") or {}).get("evt") for piece in heard]
    alternatives = [{"transcript": text, "confidence": confidence}]
    return dict(first) | {"is_final": True, "alternatives": alternatives, "vendor": vendor}
