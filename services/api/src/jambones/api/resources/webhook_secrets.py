"""The secret that signs an account's hooks."""

from typing import Any

from pydantic import BaseModel

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import forbidden
from jambones.api.operations import Resource
from jambones.api.wire import Input
from jambones.common.db.accounts import Accounts, new_webhook_secret

resource = Resource("WebhookSecret", "The secret that signs an account's hooks.")


class WebhookSecret(BaseModel):
    webhook_secret: str


class SecretQuery(Input):
    regenerate: str | None = None


@resource.get(
    "/Accounts/{account_sid}/WebhookSecret", summary="Show the secret that signs hooks, or make a new one",
    id="getWebhookSecret", query=SecretQuery, returns=WebhookSecret,
)  # fmt: skip
async def webhook_secret(ask: Ask) -> dict[str, Any]:
    account = await guards.account_item(ask)
    if not ask.query.get("regenerate"):
        return {"webhook_secret": account.webhook_secret.reveal()}
    if ask.caller.view_only:
        raise forbidden("User has view-only access")
    secret = new_webhook_secret()
    async with ask.transaction() as tx:
        await Accounts(tx).update(account.account_sid, {"webhook_secret": secret})
    return {"webhook_secret": secret}
