"""Speech vendors: which members a credential has, which are needed, which are secret."""

import json
from dataclasses import dataclass
from typing import Any

from jambones.api.errors import bad
from jambones.api.obscure import obscured

CUSTOM = "custom:"
SECRETS = frozenset(
    {
        "service_key", "secret_access_key", "api_key", "secret", "tts_api_key", "stt_api_key", "client_key",
        "client_secret", "auth_token",
    }
)  # fmt: skip
LONGEST = 16384


@dataclass(frozen=True)
class Vendor:
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    instead: tuple[tuple[str, ...], ...] = ()
    """Sets of members, any of which makes the required ones unnecessary."""

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys((*self.required, *self.optional, *(name for names in self.instead for name in names)))
        )


_KEY = Vendor(("api_key",))
_MODEL = Vendor(("api_key", "model_id"), ("options",))
VENDORS: dict[str, Vendor] = {
    "local": Vendor(),
    "google": Vendor(("service_key",), ("model_id",)),
    "aws": Vendor((), ("access_key_id", "secret_access_key", "aws_region", "role_arn")),
    "microsoft": Vendor(
        ("region", "api_key"),
        ("use_custom_tts", "custom_tts_endpoint", "use_custom_stt", "custom_stt_endpoint"),
        (("custom_tts_endpoint_url",), ("custom_stt_endpoint_url",)),
    ),
    "wellsaid": _KEY,
    "soniox": _KEY,
    "voxist": _KEY,
    "deepgramflux": _KEY,
    "nuance": Vendor(("client_id", "secret"), (), (("nuance_tts_uri",), ("nuance_stt_uri",))),
    "deepgram": Vendor(("api_key",), ("deepgram_stt_use_tls", "model_id"), (("deepgram_stt_uri", "deepgram_tts_uri"),)),
    "gladia": Vendor((), ("api_key", "region")),
    "resemble": Vendor(("api_key",), ("resemble_tts_uri", "resemble_tts_use_tls")),
    "ibm": Vendor((), ("tts_api_key", "tts_region", "stt_api_key", "stt_region", "instance_id")),
    "nvidia": Vendor(("riva_server_uri",)),
    "cobalt": Vendor(("cobalt_server_uri",)),
    "elevenlabs": Vendor(("api_key", "model_id"), ("api_uri", "options")),
    "speechmatics": Vendor(("api_key", "speechmatics_stt_uri"), ("options",)),
    "playht": Vendor(("api_key", "user_id", "voice_engine"), ("playht_tts_uri", "options")),
    "cartesia": Vendor(("api_key",), ("model_id", "stt_model_id", "options")),
    "rimelabs": _MODEL,
    "inworld": _MODEL,
    "assemblyai": Vendor(("api_key",), ("service_version",)),
    "houndify": Vendor(("client_id", "client_key", "user_id"), ("houndify_server_uri",)),
    "whisper": Vendor(("api_key", "model_id")),
    "openai": Vendor(("api_key", "model_id")),
    "verbio": Vendor(("client_id", "client_secret", "engine_version")),
}
_CUSTOM = Vendor((), ("auth_token", "custom_stt_url", "custom_tts_url", "custom_tts_streaming_url"))


def vendor_of(name: str) -> Vendor:
    """Raises Refused for a vendor that we do not know."""
    known = _CUSTOM if name.startswith(CUSTOM) and len(name) > len(CUSTOM) else VENDORS.get(name)
    if known is None:
        raise bad(f"invalid or missing vendor: {name[:32]}")
    return known


def collected(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """The members of a new credential, of what was sent. Raises Refused."""
    vendor = vendor_of(name)
    values = {member: raw[member] for member in vendor.members if raw.get(member) not in (None, "")}
    if not any(all(member in values for member in members) for members in vendor.instead):
        for member in vendor.required:
            if member not in values:
                raise bad(f"missing field {member}")
    for member, value in values.items():
        if member in SECRETS and not isinstance(value, str):
            raise bad(f"invalid {member}")
    if "service_key" in values:
        _check_service_key(values["service_key"])
    _check_size(values)
    return values


def changed(name: str, stored: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """A stored credential after an update: secrets stay, other members are those sent, the model unless it is sent."""
    vendor = vendor_of(name)
    values = {member: value for member, value in stored.items() if member in SECRETS}
    if "model_id" not in raw and "model_id" in stored:
        values["model_id"] = stored["model_id"]
    for member in vendor.members:
        if member not in SECRETS and raw.get(member) not in (None, ""):
            values[member] = raw[member]
    _check_size(values)
    return values


def shown(values: dict[str, Any], *, secrets: bool) -> dict[str, Any]:
    """The members as they go out: secrets obscured, or left out."""
    out: dict[str, Any] = {}
    for member, value in values.items():
        if member not in SECRETS:
            out[member] = value
        elif secrets and isinstance(value, str):
            out[member] = _obscured_key(value) if member == "service_key" else obscured(value)
    if "service_key" in values:
        out.setdefault("model_id", None)  # Google's: kept with the key, shown as null where there is none
    return out


def _obscured_key(text: str) -> str:
    key = json.loads(text)
    begin, _, rest = str(key["private_key"]).partition("\n")
    key["private_key"] = f"{begin}\n{obscured(rest)}"
    return json.dumps(key)


def _check_service_key(text: Any) -> None:
    try:
        key = json.loads(text)
        complete = isinstance(key["client_email"], str) and isinstance(key["private_key"], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        complete = False
    if not complete:
        raise bad("invalid service_key: needs client_email and private_key")


def _check_size(values: dict[str, Any]) -> None:
    if len(json.dumps(values)) > LONGEST:
        raise bad("the credential is too long")
