"""Settings that an application asks for: the schema it answers to OPTIONS, and whether values fit it."""

import asyncio
import json
import re
from typing import Any

import aiohttp
from yarl import URL

from jambones.api import hooks
from jambones.api.errors import bad

TIMEOUT = 5.0
MOST_BYTES = 256 * 1024
TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}
_NAME = re.compile(r"[A-Za-z0-9_]+")


async def fetched(url: str) -> dict[str, Any] | None:
    """The schema of the application at `url`; None when it says none. Raises Refused (400) for what is no schema."""
    hooks.check_url("url", url)
    target = URL(url)
    target = target.with_scheme({"ws": "http", "wss": "https"}.get(target.scheme.lower(), target.scheme))
    document = await _options(target.with_fragment(None))
    if document is None:
        return None
    if not is_schema(document):
        raise bad("Invalid appenv schema")
    return dict(document)


async def _options(url: URL) -> Any:
    """The JSON that `url` answers to OPTIONS, or None."""
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.options(url, headers={"Accept": "application/json"}, allow_redirects=False) as response,
        ):
            if not 200 <= response.status < 300:
                return None
            data = bytearray()
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > MOST_BYTES:
                    return None
            return json.loads(data)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError):
        return None


def is_schema(document: Any) -> bool:
    """Whether `document` describes settings: a type and a description for each name."""
    return isinstance(document, dict) and bool(document) and all(map(_is_setting, document, document.values()))


def _is_setting(name: str, setting: Any) -> bool:
    if not _NAME.fullmatch(name) or not isinstance(setting, dict):
        return False
    kind = setting.get("type")
    if not isinstance(kind, str) or kind not in TYPES or not isinstance(setting.get("description"), str):
        return False
    flags = all(isinstance(setting.get(flag, False), bool) for flag in ("required", "obscure"))
    return flags and isinstance(setting.get("enum", []), list)


def check(values: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raises Refused (400) unless `values` have what `schema` requires, of the right type. Others pass."""
    for name, setting in schema.items():
        if name not in values or values[name] is None:
            if setting.get("required"):
                raise bad(f"Missing required value env_vars.{name}")
            continue
        value, kind = values[name], setting["type"]
        fits = isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        if not fits or (setting.get("enum") and value not in setting["enum"]):
            raise bad(f"Invalid value/type for env_vars.{name}")
