"""Whether speech vendors take a credential: one cheap request to those that have one for it. Others are not tested."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

TIMEOUT = 8.0
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Probe:
    """A request that answers 2xx when the credential is good."""

    url: Callable[[Values], str]
    headers: Callable[[Values], dict[str, str]]
    on_premises: tuple[str, ...] = ()
    """Members that lead to a server of the customer's own; then the vendor's is not asked."""


def _fixed(url: str) -> Callable[[Values], str]:
    return lambda values: url


def _key(header: str, prefix: str = "") -> Callable[[Values], dict[str, str]]:
    return lambda values: {header: prefix + str(values.get("api_key", ""))}


_OPENAI = Probe(_fixed("https://api.openai.com/v1/models"), _key("Authorization", "Bearer "))
PROBES: dict[str, Probe] = {
    "deepgram": Probe(
        _fixed("https://api.deepgram.com/v1/projects"),
        _key("Authorization", "Token "),
        ("deepgram_stt_uri", "deepgram_tts_uri"),
    ),
    "elevenlabs": Probe(_fixed("https://api.elevenlabs.io/v1/user"), _key("xi-api-key"), ("api_uri",)),
    "openai": _OPENAI,
    "whisper": _OPENAI,
    "assemblyai": Probe(_fixed("https://api.assemblyai.com/v2/transcript?limit=1"), _key("Authorization")),
    "microsoft": Probe(
        lambda values: f"https://{values.get('region', '')}.tts.speech.microsoft.com/cognitiveservices/voices/list",
        _key("Ocp-Apim-Subscription-Key"),
        ("custom_tts_endpoint_url", "custom_stt_endpoint_url"),
    ),
}


async def tested(vendor: str, values: Values) -> str | None:
    """None when the vendor takes the credential, "" when it is not tested, else why it does not."""
    probe = PROBES.get(vendor)
    if probe is None or any(values.get(name) for name in probe.on_premises):
        return ""
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(probe.url(values), headers=probe.headers(values), allow_redirects=False) as response,
        ):
            if response.status < 300:
                return None
            return f"{vendor} answered {response.status}"
    except TimeoutError:
        return f"no answer from {vendor}"
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        return f"cannot ask {vendor}: {type(exc).__name__}"
