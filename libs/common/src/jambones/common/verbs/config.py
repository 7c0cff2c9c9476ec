"""config: what holds for the rest of the call, and background tasks."""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field

from jambones.common.verbs.amd import Amd
from jambones.common.verbs.delay import ActionHookDelayAction, FillerNoise
from jambones.common.verbs.gather import Inputs
from jambones.common.verbs.hook import OptionalHook
from jambones.common.verbs.listen import BackgroundListen
from jambones.common.verbs.model import (
    NO_HEADERS,
    Count,
    Flag,
    Gain,
    Headers,
    Number,
    Seconds,
    Strings,
    VerbModel,
    WireModel,
    listed,
)
from jambones.common.verbs.speech import Recognizer, Synthesizer, Vad
from jambones.common.verbs.transcribe import BackgroundTranscribe

Resettable = Literal["synthesizer", "recognizer"]


def _resettable(value: Any) -> Any:
    """Names of other settings are passed over: nothing else can be brought back."""
    return tuple(name for name in listed(value) if name in get_args(Resettable) or not isinstance(name, str))


class BargeIn(WireModel):
    """A gather beneath all other verbs; with `sticky` it starts again after each result."""

    enable: Flag = False
    sticky: Flag = False
    action_hook: OptionalHook = None
    partial_result_hook: OptionalHook = None
    input: Inputs = ("speech",)
    finish_on_key: str | None = None
    num_digits: Count | None = None
    min_digits: Count = 1
    max_digits: Count | None = None
    inter_digit_timeout: Seconds | None = None
    dtmf_bargein: Flag | None = None
    min_bargein_word_count: Count = 1


class Record(WireModel):
    """Call recording: start, stop, pause, resume."""

    action: Literal["startCallRecording", "stopCallRecording", "pauseCallRecording", "resumeCallRecording"]
    type: Literal["siprec", "cloud"] = "siprec"
    siprec_server_url: Annotated[Strings, Field(alias="siprecServerURL")] = ()
    recording_id: Annotated[str | None, Field(alias="recordingID")] = None
    headers: Headers = NO_HEADERS


class TtsStream(WireModel):
    """Speech fed by the application's tokens."""

    enable: Flag = False
    synthesizer: Synthesizer | None = None


class NoiseIsolation(WireModel):
    """Noise removal on the caller's audio."""

    enable: Flag = True
    vendor: str = "krisp"
    level: Number = 100
    model: str | None = None


class TurnTaking(WireModel):
    """Acoustic end of turn."""

    enable: Flag = True
    vendor: str = "krisp"
    threshold: Number = 0.5
    model: str | None = None


class Config(VerbModel):
    """Only what is given changes."""

    RENAMED: ClassVar = {"bargein": "bargeIn", "stream": "listen"}

    verb: Literal["config"] = "config"
    synthesizer: Synthesizer | None = None
    recognizer: Recognizer | None = None
    reset: Annotated[tuple[Resettable, ...], BeforeValidator(_resettable)] = ()
    barge_in: BargeIn | None = None
    tts_stream: TtsStream | None = None
    record: Record | None = None
    listen: BackgroundListen | None = None
    transcribe: BackgroundTranscribe | None = None
    amd: Amd | None = None
    filler_noise: FillerNoise | None = None
    action_hook_delay_action: ActionHookDelayAction | None = None
    notify_events: Flag | None = None
    notify_stt_latency: Flag | None = None
    on_hold_music: str | None = None
    sip_request_within_dialog_hook: OptionalHook = None
    refer_hook: OptionalHook = None
    boost_audio_signal: Gain | None = None
    vad: Vad | None = None
    early_media: Flag = False
    auto_stream_tts: Flag | None = None
    disable_tts_cache: Flag | None = None
    track_tts_playout: Flag | None = None
    noise_isolation: NoiseIsolation | None = None
    turn_taking: TurnTaking | None = None
