"""Spoken texts: how many feature servers keep, each in its own memory, forgetting them, and speaking one."""

import asyncio
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import Refused, bad
from jambones.api.operations import Answer, Resource
from jambones.api.wire import Input, SidOrNone
from jambones.common.bus.bus import RemoteError
from jambones.common.bus.speech import KeptSpeech, SpeechCache, Spoken, Synthesize
from jambones.common.db.accounts import Accounts
from jambones.common.db.speech_credentials import SpeechCredentials
from jambones.common.errors import BusUnavailable
from jambones.common.ids import AccountSid
from jambones.common.private import Private

resource = Resource("TtsCache", "Spoken texts that are kept.")
LONGEST_TEXT = 1000
COUNT_TIMEOUT = 2.0
SPEAK_TIMEOUT = 25.0


class CacheSize(BaseModel):
    """Entries, not bytes."""

    size: int


class SynthesizeIn(Input):
    speech_credential_sid: SidOrNone = None
    text: str | None = Field(None, max_length=LONGEST_TEXT)
    language: str | None = Field(None, max_length=64)
    voice: str | None = Field(None, max_length=256)
    engine: str | None = Field(None, max_length=64)
    encodingMp3: bool | None = None  # noqa: N815 - its name on the wire

    REQUIRED: ClassVar[tuple[str, ...]] = ("speech_credential_sid", "text", "language", "voice")


async def _kept(ask: Ask, account_sid: str | None, *, forget: bool = False) -> int:
    """What all feature servers keep; one that does not answer keeps nothing that we know of."""

    async def one(node_id: str) -> int:
        question = SpeechCache(
            node_id=node_id, account_sid=AccountSid(account_sid) if account_sid else None, forget=forget
        )
        try:
            answer: KeptSpeech = await ask.bus.request(question, timeout=COUNT_TIMEOUT)
        except (BusUnavailable, RemoteError):
            return 0
        return answer.size

    return sum(await asyncio.gather(*(one(node.id) for node in ask.parts.nodes.nodes)))


@resource.get("/TtsCache", summary="Count cached speech", id="getTtsCache", returns=CacheSize)
async def cache_size(ask: Ask) -> Any:
    guards.only_admin(ask)
    return {"size": await _kept(ask, None)}


@resource.delete("/TtsCache", summary="Empty the cache of speech", id="deleteTtsCache")
async def empty_cache(ask: Ask) -> None:
    guards.only_admin(ask)
    await _kept(ask, None, forget=True)


@resource.get(
    "/Accounts/{account_sid}/TtsCache", summary="Count an account's cached speech", id="getAccountTtsCache",
    returns=CacheSize,
)  # fmt: skip
async def account_cache_size(ask: Ask) -> Any:
    return {"size": await _kept(ask, (await guards.account_part(ask)).account_sid)}


@resource.delete(
    "/Accounts/{account_sid}/TtsCache", summary="Empty an account's cache of speech", id="deleteAccountTtsCache"
)
async def empty_account_cache(ask: Ask) -> None:
    await _kept(ask, (await guards.account_part(ask)).account_sid, forget=True)


@resource.post(
    "/Accounts/{account_sid}/TtsCache/Synthesize", summary="Speak a text", id="synthesize", body=SynthesizeIn,
    status=200, media_type="audio/wav",
)  # fmt: skip
async def synthesize(ask: Ask, body: SynthesizeIn) -> Any:
    owner = await guards.account_part(ask)
    for name in body.REQUIRED:
        if not getattr(body, name):
            raise bad(f"missing field {name}")
    async with ask.reading(owner) as tx:
        account = await Accounts(tx).get(owner.account_sid or "")
        credential = await SpeechCredentials(tx).get(body.speech_credential_sid or "")
    if account is None or not account.is_active:
        raise bad("unknown or inactive account")
    if credential is None or not credential.use_for_tts:
        raise bad("unknown speech_credential_sid, or one that is not for speaking")
    question = Synthesize(
        vendor=credential.vendor,
        account_sid=AccountSid(account.account_sid),
        text=Private(body.text or ""),
        language=body.language,
        voice=body.voice,
    )
    try:
        spoken: Spoken = await ask.bus.request(question, timeout=SPEAK_TIMEOUT)
    except RemoteError as exc:
        raise Refused(400 if exc.http_status < 500 else 502, exc.message) from exc
    except BusUnavailable as exc:
        if ask.bus.connected and "nobody serves" in exc.message:
            raise bad(f"no feature server speaks with {credential.vendor}") from exc
        raise
    return Answer(200, spoken.audio, spoken.content_type)
