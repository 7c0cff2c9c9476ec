"""Languages, voices and models of speech vendors, as forms offer them: the well-known ones. Others can be typed in."""

from collections.abc import Sequence
from typing import Any

LANGUAGES = {
    "da-DK": "Danish", "de-DE": "German", "en": "English", "en-AU": "English (Australia)", "en-GB": "English (UK)",
    "en-IN": "English (India)", "en-US": "English (US)", "es-ES": "Spanish (Spain)", "es-MX": "Spanish (Mexico)",
    "es-US": "Spanish (US)", "fr-CA": "French (Canada)", "fr-FR": "French (France)", "it-IT": "Italian",
    "ja-JP": "Japanese", "ko-KR": "Korean", "nb-NO": "Norwegian", "nl-NL": "Dutch", "pl-PL": "Polish",
    "pt-BR": "Portuguese (Brazil)", "pt-PT": "Portuguese (Portugal)", "ru-RU": "Russian", "sv-SE": "Swedish",
    "tr-TR": "Turkish", "de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish",
    "en_US-8khz": "English (US), telephone", "es_US-8khz": "Spanish (US), telephone",
}  # fmt: skip

_GOOGLE = {
    "da-DK": "ACDE", "de-DE": "ABCDEF", "en-AU": "ABCD", "en-GB": "ABCDF", "en-IN": "ABCD", "en-US": "ABCDEFGHIJ",
    "es-ES": "ABCD", "es-US": "ABC", "fr-CA": "ABCD", "fr-FR": "ABCDE", "it-IT": "ABCD", "ja-JP": "ABCD",
    "ko-KR": "ABCD", "nl-NL": "ABCDE", "pl-PL": "ABCDE", "pt-BR": "ABC", "sv-SE": "ABCDE",
}  # fmt: skip
_AWS = {
    "da-DK": "Naja Mads Sofie", "de-DE": "Marlene Vicki Hans Daniel", "en-AU": "Nicole Olivia Russell",
    "en-GB": "Amy Emma Arthur Brian", "en-IN": "Aditi Kajal Raveena",
    "en-US": "Joanna Ivy Kendra Kimberly Ruth Salli Joey Justin Kevin Matthew Stephen",
    "es-ES": "Conchita Lucia Enrique Sergio", "es-MX": "Mia Andres", "es-US": "Lupe Penelope Miguel Pedro",
    "fr-CA": "Chantal Gabrielle Liam", "fr-FR": "Celine Lea Mathieu Remi", "it-IT": "Bianca Carla Adriano Giorgio",
    "ja-JP": "Kazuha Mizuki Tomoko Takumi", "ko-KR": "Seoyeon", "nb-NO": "Ida Liv", "nl-NL": "Laura Lotte Ruben",
    "pl-PL": "Ewa Maja Ola Jacek Jan", "pt-BR": "Camila Vitoria Ricardo Thiago", "pt-PT": "Ines Cristiano",
    "ru-RU": "Tatyana Maxim", "sv-SE": "Astrid Elin", "tr-TR": "Burcu Filiz",
}  # fmt: skip
_MICROSOFT = {
    "de-DE": "Katja Amala Conrad Killian", "en-AU": "Natasha William", "en-GB": "Sonia Libby Ryan Thomas",
    "en-IN": "Neerja Prabhat", "en-US": "Jenny Aria Jane Sara Guy Davis Jason Tony", "es-ES": "Elvira Alvaro",
    "es-MX": "Dalia Jorge", "fr-CA": "Sylvie Jean Antoine", "fr-FR": "Denise Eloise Henri",
    "it-IT": "Elsa Isabella Diego", "ja-JP": "Nanami Keita", "ko-KR": "SunHi InJoon",
    "nl-NL": "Colette Fenna Maarten", "pl-PL": "Agnieszka Zofia Marek", "pt-BR": "Francisca Antonio",
    "sv-SE": "Hillevi Sofie Mattias",
}  # fmt: skip
_NUANCE = {
    "de-DE": "Anna-ML Petra-ML Markus Viktor Yannick", "en-GB": "Serena Kate Stephanie Daniel Malcolm Oliver",
    "en-US": "Ava-Mls Allison Joelle Samantha Zoe-Ml Evan Nathan Tom", "es-ES": "Marisol Monica-Ml Jorge",
    "fr-FR": "Audrey-Ml Aurelie Thomas", "it-IT": "Alice-Ml Federica Paola Luca",
}  # fmt: skip
_WELLSAID = {
    "3": "Alana B.", "4": "Ramona J.", "5": "Ramona J. (promo)", "7": "Wade C.", "8": "Sofia H.", "9": "David D.",
    "11": "Isabel V.", "12": "Ava H.", "13": "Jeremy G.", "14": "Nicole L.", "15": "Paige L.", "16": "Tobin A.",
}  # fmt: skip
_ELEVENLABS = {
    "21m00Tcm4TlvDq8ikWAM": "Rachel", "AZnzlk1XvdvUeBnXmlld": "Domi", "EXAVITQu4vr4xnSDxMaL": "Bella",
    "ErXwobaYiN019PkySvjV": "Antoni", "TxGEqnHWrfWFTfGW9XjX": "Josh", "VR6AewLTigWG4xSOukaG": "Arnold",
    "pNInz6obpgDQGcFmaJgB": "Adam", "yoZ06aMxZJJ28mfd3POQ": "Sam",
}  # fmt: skip
_OPENAI = ["alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"]
_AURA = ("asteria", "luna", "stella", "athena", "hera", "orion", "arcas", "perseus", "angus", "orpheus", "zeus")
_WIDE = (
    "da-DK", "de-DE", "en-AU", "en-GB", "en-IN", "en-US", "es-ES", "es-MX", "es-US", "fr-CA", "fr-FR", "it-IT",
    "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE", "tr-TR",
)  # fmt: skip
_SHORT = ("de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv")


def _items(pairs: dict[str, str] | Sequence[str]) -> list[dict[str, str]]:
    named = pairs if isinstance(pairs, dict) else {value: value for value in pairs}
    return [{"value": value, "name": name} for value, name in named.items()]


def _spoken(voices: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    return [{"value": code, "name": LANGUAGES[code], "voices": _items(named)} for code, named in voices.items()]


def _heard(*codes: str) -> list[dict[str, str]]:
    return [{"value": code, "name": LANGUAGES[code]} for code in codes]


def _google() -> list[dict[str, Any]]:
    return _spoken(
        {
            code: {f"{code}-{kind}-{letter}": f"{kind}-{letter}" for kind in ("Standard", "Wavenet") for letter in all_}
            for code, all_ in _GOOGLE.items()
        }
    )


def _words(voices: dict[str, str], pattern: str = "{name}") -> list[dict[str, Any]]:
    return _spoken(
        {code: {pattern.format(code=code, name=name): name for name in names.split()} for code, names in voices.items()}
    )


CATALOGUE: dict[str, dict[str, Any]] = {
    "local": {"tts": _words({"en-US": "rms slt kal", "en-GB": "awb"}), "stt": []},
    "google": {"tts": _google(), "stt": _heard(*_WIDE)},
    "aws": {"tts": _words(_AWS), "stt": _heard(*_WIDE)},
    "microsoft": {"tts": _words(_MICROSOFT, "{code}-{name}Neural"), "stt": _heard(*_WIDE)},
    "wellsaid": {"tts": _spoken({"en-US": _WELLSAID}), "stt": []},
    "nuance": {"tts": _words(_NUANCE), "stt": _heard(*_WIDE)},
    "nvidia": {
        "tts": _words({"en-US": "English-US.Female-1 English-US.Male-1"}),
        "stt": _heard("de-DE", "en-GB", "en-US", "es-ES", "es-US", "fr-FR", "it-IT", "ja-JP", "ko-KR", "pt-BR"),
    },
    "elevenlabs": {
        "tts": _spoken({"en": _ELEVENLABS}),
        "stt": [],
        "models": _items(
            {
                "eleven_turbo_v2": "Turbo v2",
                "eleven_turbo_v2_5": "Turbo v2.5",
                "eleven_flash_v2": "Flash v2",
                "eleven_flash_v2_5": "Flash v2.5",
                "eleven_multilingual_v2": "Multilingual v2",
            }
        ),
    },
    "whisper": {
        "tts": _spoken({"en-US": {name: name.title() for name in _OPENAI}}),
        "stt": [],
        "models": _items({"tts-1": "TTS-1", "tts-1-hd": "TTS-1-HD", "gpt-4o-mini-tts": "GPT-4o Mini TTS"}),
    },
    "openai": {
        "tts": [],
        "stt": _heard(*_SHORT),
        "models": _items(["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"]),
    },
    "deepgram": {
        "tts": _spoken({"en-US": {f"aura-{name}-en": name.title() for name in _AURA}}),
        "stt": _heard("en", "en-US", "en-GB", "en-AU", "en-IN", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt"),
        "models": _items({f"aura-{name}-en": f"Aura {name.title()}" for name in _AURA}),
        "sttModels": _items(["nova-3", "nova-2", "nova-2-phonecall", "nova", "enhanced", "base"]),
    },
    "deepgramflux": {"tts": [], "stt": _heard("en"), "sttModels": _items(["flux-general-en"])},
    "cobalt": {"tts": [], "stt": _heard("en_US-8khz", "es_US-8khz")},
    "soniox": {"tts": [], "stt": _heard(*_SHORT)},
    "assemblyai": {"tts": [], "stt": _heard("en", "de", "es", "fr", "it", "nl", "pt")},
    "voxist": {"tts": [], "stt": _heard("en", "de", "es", "fr", "it", "nl", "pt")},
    "gladia": {"tts": [], "stt": _heard(*_SHORT)},
    "speechmatics": {"tts": [], "stt": _heard(*_SHORT)},
}
"""By vendor: `tts`, `stt`, `models`, `sttModels`. Vendors without an entry have empty lists."""
