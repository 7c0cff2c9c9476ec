"""Hooks by their sid."""

from typing import Any

from pydantic import BaseModel

from jambones.api import hooks
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad
from jambones.api.operations import Resource
from jambones.common.db.webhooks import Webhooks

resource = Resource("Webhooks", "Hooks by their sid.")


class HookOut(BaseModel):
    """A hook."""

    webhook_sid: str
    url: str
    method: str
    username: str | None
    password: str | None


@resource.post("/Webhooks", summary="Make a hook", id="createWebhook", body=hooks.Hook)
async def create_hook(ask: Ask, body: hooks.Hook) -> Any:
    if body.url is None:
        raise bad("missing field url")
    async with ask.transaction() as tx:
        fresh = body.model_copy(update={"webhook_sid": None})
        sid = await hooks.store(tx, "webhook", fresh, None, ask.tenant)
    if sid is None:
        raise bad("webhook URL is invalid")
    return {"sid": sid}


@resource.get("/Webhooks/{webhook_sid}", summary="Show a hook", id="getWebhook", returns=HookOut)
async def show_hook(ask: Ask) -> Any:
    async with ask.reading() as tx:
        row = await Webhooks(tx).get(ask.sid("webhook_sid"))
    if row is None:
        raise absent()
    return hooks.shown(row, with_sid=True)
