"""Speech options of verbs: how to speak (synthesizer), how to listen (recognizer, voice activity)."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from jambones.common.verbs.model import (
    Count,
    Flag,
    JsonObject,
    Milliseconds,
    Number,
    Seconds,
    Strings,
    Whole,
    WireModel,
    listed,
)

_ALIASES = {"polly": "aws", "azure": "microsoft"}


def _vendor(name: str) -> str:
    if name.startswith("custom:"):
        return name
    return _ALIASES.get(name.lower(), name.lower())


def _tts_vendor(name: str) -> str:
    return "whisper" if (vendor := _vendor(name)) == "openai" else vendor


def _stt_vendor(name: str) -> str:
    return "openai" if (vendor := _vendor(name)) == "whisper" else vendor


TtsVendor = Annotated[str, AfterValidator(_tts_vendor)]
SttVendor = Annotated[str, AfterValidator(_stt_vendor)]


def _voice(value: Any) -> str | JsonObject:
    if isinstance(value, str | dict):
        return value
    raise PydanticCustomError("voice", "must be a string or an object")


class Synthesizer(WireModel):
    """Vendor and voice of speech. "default", or nothing, is what the session or the application says."""

    vendor: TtsVendor = "default"
    label: str | None = None
    language: str | None = None
    voice: Annotated[str | JsonObject | None, PlainValidator(_voice)] = None
    engine: str | None = None
    gender: Literal["MALE", "FEMALE", "NEUTRAL"] | None = None
    options: JsonObject | None = None
    fallback_vendor: TtsVendor | None = None
    fallback_label: str | None = None
    fallback_language: str | None = None
    fallback_voice: Annotated[str | JsonObject | None, PlainValidator(_voice)] = None


class Vad(WireModel):
    """Voice activity detection before a recognizer is connected."""

    enable: Flag = True
    voice_ms: Milliseconds = 250
    silence_ms: Milliseconds = 150
    strategy: str = "one-shot"
    mode: Count = 2
    vendor: str = "silero"
    threshold: Number = 0.5
    speech_pad_ms: Milliseconds = 30


class Hint(WireModel):
    """A phrase that is likely to be said."""

    BARE = "phrase"

    phrase: str
    boost: Number | None = None


class Recognizer(WireModel):
    """Vendor and tuning of recognition. Vendors' own option objects are passed on as they are."""

    vendor: SttVendor = "default"
    label: str | None = None
    language: str | None = None
    fallback_vendor: SttVendor | None = None
    fallback_label: str | None = None
    fallback_language: str | None = None
    hints: Annotated[tuple[Hint, ...], BeforeValidator(listed)] = ()
    hints_boost: Number | None = None
    alt_languages: Strings = ()
    interim: Flag = False
    punctuation: Flag | None = None
    profanity_filter: Flag | None = None
    profanity_option: Literal["masked", "removed", "raw"] | None = None
    single_utterance: Flag | None = None
    model: str | None = None
    enhanced_model: Flag | None = None
    words: Flag | None = None
    diarization: Flag | None = None
    diarization_min_speakers: Count | None = None
    diarization_max_speakers: Count | None = None
    dual_channel: Flag | None = None
    separate_recognition_per_channel: Flag | None = None
    identify_channels: Flag | None = None
    interaction_type: str | None = None
    naics_code: Whole | None = None
    vocabulary_name: str | None = None
    vocabulary_filter_name: str | None = None
    filter_method: Literal["remove", "mask", "tag"] | None = None
    output_format: Literal["simple", "detailed"] | None = None
    request_snr: Flag | None = None
    initial_speech_timeout_ms: Milliseconds | None = None
    azure_service_endpoint: str | None = None
    azure_stt_endpoint_id: str | None = None
    asr_timeout: Seconds | None = None
    asr_dtmf_termination_digit: str | None = None
    fast_recognition_timeout: Seconds | None = None
    min_confidence: Number | None = None
    vad: Vad | None = None
    autogenerate_prompt: Flag | None = None
    deepgram_options: JsonObject | None = None
    google_options: JsonObject | None = None
    azure_options: JsonObject | None = None
    aws_options: JsonObject | None = None
    assembly_ai_options: JsonObject | None = None
    openai_options: JsonObject | None = None
    speechmatics_options: JsonObject | None = None
    custom_options: JsonObject | None = None
    elevenlabs_options: JsonObject | None = None
    soniox_options: JsonObject | None = None
    xai_options: JsonObject | None = None
    modulate_options: JsonObject | None = None
    nvidia_options: JsonObject | None = None
    ibm_options: JsonObject | None = None
    nuance_options: JsonObject | None = None
    cobalt_options: JsonObject | None = None
    verbio_options: JsonObject | None = None
    houndify_options: JsonObject | None = None
    gladia_options: JsonObject | None = None
    cartesia_options: JsonObject | None = None
    voxist_options: JsonObject | None = None
