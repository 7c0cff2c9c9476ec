"""Idempotency-Key: a POST that is sent again with the same key is answered again, not done again."""

import hashlib
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from jambones.api.ask import NOBODY, Ask
from jambones.api.errors import Refused, bad, unprocessable
from jambones.common.db.idempotent_answers import IdempotentAnswers
from jambones.common.db.tenant import PLATFORM

HEADER = "Idempotency-Key"
LONGEST = 255
JSON = "application/json"


async def once(ask: Ask, key: str, path: str, work: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Do `work` unless it was done for this caller and key. Raises Refused (400, 409, 422)."""
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise bad(f"invalid {HEADER}")
    # Nobody has a name before the login: strangers must not meet each other's keys.
    caller = ask.caller.name if ask.caller is not NOBODY else f"{ask.caller.name} {ask.address}"
    content = json.dumps([path.lower(), ask.raw], sort_keys=True).encode()
    request_digest = hashlib.sha256(content).digest()
    async with ask.transaction(PLATFORM) as tx:
        stored = await IdempotentAnswers(tx).begin(caller, key, request_digest)
    if stored is not None:
        if stored.request_digest != request_digest:
            raise unprocessable(f"this {HEADER} was used for another request")
        if stored.status is None:
            raise Refused(409, f"the first request with this {HEADER} has not been answered yet")
        replayed = web.Response(text=stored.body, status=stored.status, content_type="application/json")
        replayed.headers["Idempotent-Replayed"] = "true"
        return replayed
    try:
        response = await work()
    except BaseException:
        async with ask.parts.db.single() as tx:
            await IdempotentAnswers(tx).forget(caller, key)
        raise
    async with ask.parts.db.single() as tx:
        if isinstance(response, web.Response) and response.status < 500 and response.content_type == JSON:
            await IdempotentAnswers(tx).finish(caller, key, response.status, response.text or "")
        else:
            await IdempotentAnswers(tx).forget(caller, key)
    return response
