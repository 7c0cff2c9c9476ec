"""Accounts."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from jambones.api import bucket, guards, hooks
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden
from jambones.api.operations import Resource
from jambones.api.wire import Input, Lower, SidOrNone, problem, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.accounts import Account, Accounts, new_webhook_secret
from jambones.common.db.applications import Applications
from jambones.common.db.database import Transaction
from jambones.common.db.errors import Taken
from jambones.common.db.repository import Where
from jambones.common.db.service_providers import ServiceProviders
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.webhooks import Webhook, Webhooks

resource = Resource("Accounts", "The tenants that own applications, numbers and calls.")
HOOKS = ("registration_hook", "queue_event_hook")
HIDDEN = tuple(f"{name}_sid" for name in HOOKS)


def _object(value: Any) -> Any:
    if value is not None and not isinstance(value, dict):
        raise problem("webhook must be an object")
    return value


Realm = Annotated[str, Field(max_length=132, pattern=r"^[a-z0-9._-]*$")]
HookIn = Annotated[hooks.Hook | None, BeforeValidator(_object)]


class AccountIn(Input):
    name: str | None = Field(None, min_length=1, max_length=64)
    service_provider_sid: SidOrNone = None
    sip_realm: Annotated[Realm | None, Lower] = None
    registration_hook: HookIn = None
    queue_event_hook: HookIn = None
    device_calling_application_sid: SidOrNone = None
    siprec_hook_sid: SidOrNone = None
    is_active: bool | None = None
    plan_type: Annotated[Literal["trial", "free", "paid"] | None, Lower] = None
    webhook_secret: str | None = Field(None, max_length=36)
    disable_cdrs: bool | None = None
    deactivated_reason: str | None = Field(None, max_length=255)
    device_to_call_ratio: int | None = Field(None, ge=0, le=1_000_000)
    record_all_calls: bool | None = None
    record_format: Annotated[Literal["mp3", "wav"] | None, Lower] = None
    bucket_credential: dict[str, Any] | None = None
    enable_debug_log: bool | None = None

    REQUIRED: ClassVar[tuple[str, ...]] = ("name",)
    KEY: ClassVar[str] = "account_sid"
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "is_active": True, "plan_type": "trial", "disable_cdrs": False, "device_to_call_ratio": 5,
        "record_all_calls": False, "record_format": "mp3", "enable_debug_log": False,
    }  # fmt: skip


AccountOut = model_of(
    Account,
    "Account",
    drop=HIDDEN,
    registration_hook=dict[str, Any] | None,
    queue_event_hook=dict[str, Any] | None,
    bucket_credential=dict[str, Any] | None,
)


async def shown(tx: Transaction, rows: list[Account]) -> list[dict[str, Any]]:
    """Accounts as they go out, with their hooks."""
    sids = [sid for row in rows for name in HIDDEN if (sid := getattr(row, name))]
    found: dict[str, Webhook] = await Webhooks(tx).some(sids) if sids else {}
    return [
        wire(
            row,
            drop=HIDDEN,
            bucket_credential=bucket.shown(row.bucket_credential),
        )
        | {name: hooks.shown(found.get(getattr(row, f"{name}_sid")), with_sid=False) for name in HOOKS}
        for row in rows
    ]


@resource.post("/Accounts", summary="Make an account", id="createAccount", body=AccountIn, errors=(422,))
async def create(ask: Ask, body: AccountIn) -> dict[str, Any]:
    if ask.caller.scope == "account":
        raise forbidden()
    sp = ask.tenant.service_provider_sid or body.service_provider_sid
    if sp is None:
        raise bad("missing field service_provider_sid")
    async with ask.reading(PLATFORM) as tx:
        if await ServiceProviders(tx).get(sp) is None:
            raise bad(f"service_provider not found for sid {sp[:36]}")
    async with ask.transaction() as tx:
        values = body.given(but=(*HOOKS, "webhook_secret", "bucket_credential", "service_provider_sid"))
        if not values["name"]:
            raise bad("missing field name")
        credential = bucket.stored(body.bucket_credential, None)
        await _check_applications(tx, values, None)
        try:
            account = await Accounts(tx).add(
                values
                | {"service_provider_sid": sp, "webhook_secret": new_webhook_secret(), "bucket_credential": credential}
            )
        except Taken as exc:
            raise Taken("this sip_realm is in use") from exc
        columns = {}
        for name in HOOKS:
            given = getattr(body, name)
            if given is not None and given.url:
                columns[f"{name}_sid"] = await hooks.store(tx, name, given, None, account.tenant)
        await Accounts(tx).update(account.account_sid, columns)
        return {"sid": account.account_sid}


@resource.get("/Accounts", summary="List accounts", id="listAccounts", returns=list[AccountOut])  # type: ignore[valid-type]
async def list_accounts(ask: Ask) -> list[dict[str, Any]]:
    async with ask.reading() as tx:
        return await shown(tx, await Accounts(tx).find(Where()))


@resource.get("/Accounts/{account_sid}", summary="Show an account", id="getAccount", returns=AccountOut)
async def show(ask: Ask) -> dict[str, Any]:
    account = await guards.account_item(ask)
    async with ask.reading() as tx:
        return (await shown(tx, [account]))[0]


@resource.put("/Accounts/{account_sid}", summary="Change an account", id="updateAccount", body=AccountIn, errors=(422,))
async def update(ask: Ask, body: AccountIn) -> None:
    sid = ask.sid("account_sid")
    account = await guards.account_of(ask, sid)
    if account is None and ask.caller.scope == "admin":
        raise bad(f"account not found for sid {sid}")
    if account is None or not guards.may_use(ask, account):
        raise forbidden()
    given = body.model_fields_set
    if "service_provider_sid" in given and body.service_provider_sid != account.service_provider_sid:
        raise bad("service_provider_sid may not be modified")
    if ask.caller.scope == "account" and "sip_realm" in given and (body.sip_realm or None) != account.sip_realm:
        raise bad("sip_realm may not be modified here: use POST /Accounts/{sid}/SipRealms/{realm}")
    values = body.given(but=(*HOOKS, "bucket_credential", "service_provider_sid"))
    for name in ("name", "webhook_secret"):
        if name in values and not values[name]:
            raise bad(f"missing field {name}")
    if "sip_realm" in values:
        values["sip_realm"] = values["sip_realm"] or None
    if "bucket_credential" in given:
        values["bucket_credential"] = bucket.stored(body.bucket_credential, account.bucket_credential)
    async with ask.transaction() as tx:
        await _check_applications(tx, values, account)
        dropped = []
        for name in HOOKS:
            if name in given:
                old = getattr(account, f"{name}_sid")
                new = await hooks.store(tx, name, getattr(body, name), old, account.tenant)
                values[f"{name}_sid"] = new
                dropped += [old] if old and old != new else []
        try:
            if not await Accounts(tx).update(sid, values):
                raise absent()
        except Taken as exc:
            raise Taken("this sip_realm is in use") from exc
        if dropped:
            await Webhooks(tx).drop_unused(dropped)


@resource.delete("/Accounts/{account_sid}", summary="Delete an account with all it owns", id="deleteAccount")
async def delete(ask: Ask) -> None:
    await guards.account_item(ask)
    async with ask.transaction() as tx:
        if not await Accounts(tx).delete(ask.sid("account_sid")):
            raise absent()


async def _check_applications(tx: Transaction, values: dict[str, Any], account: Account | None) -> None:
    """The applications that an account names must be its own."""
    for name in ("device_calling_application_sid", "siprec_hook_sid"):
        if values.get(name) is None:
            continue
        application = await Applications(tx).get(values[name])
        if application is None or account is None or application.account_sid != account.account_sid:
            raise bad(f"unknown {name}")
