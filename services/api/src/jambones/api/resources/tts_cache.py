"""Spoken texts that are kept: how many, and speaking one. Feature servers keep them in memory, each its own."""

from typing import Any

from pydantic import BaseModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource

resource = Resource("TtsCache", "Spoken texts that are kept.")


class CacheSize(BaseModel):
    """Entries, not bytes."""

    size: int


@resource.get("/TtsCache", summary="Count cached speech", id="getTtsCache", returns=CacheSize)
async def cache_size(ask: Ask) -> Any:
    guards.only_admin(ask)
    return {"size": 0}


@resource.delete("/TtsCache", summary="Empty the cache of speech", id="deleteTtsCache")
async def empty_cache(ask: Ask) -> None:
    guards.only_admin(ask)


@resource.get(
    "/Accounts/{account_sid}/TtsCache", summary="Count an account's cached speech", id="getAccountTtsCache",
    returns=CacheSize,
)  # fmt: skip
async def account_cache_size(ask: Ask) -> Any:
    await guards.account_part(ask)
    return {"size": 0}


@resource.delete(
    "/Accounts/{account_sid}/TtsCache", summary="Empty an account's cache of speech", id="deleteAccountTtsCache"
)
async def empty_account_cache(ask: Ask) -> None:
    await guards.account_part(ask)


resource.later("POST", "/Accounts/{account_sid}/TtsCache/Synthesize", summary="Speak a text", id="synthesize")
