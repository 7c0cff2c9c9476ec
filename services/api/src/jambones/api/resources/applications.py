"""Applications: what a call does."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from jambones.api import app_env, guards, hooks
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden, unprocessable
from jambones.api.operations import Resource
from jambones.api.pagination import listed, text_filter
from jambones.api.wire import Input, SidOrNone, wire
from jambones.api.wire import shown as model_of
from jambones.common.db.applications import HOOKS, Application, Applications
from jambones.common.db.database import Transaction
from jambones.common.db.errors import StillReferenced, Taken
from jambones.common.db.phone_numbers import PhoneNumbers
from jambones.common.db.repository import Where, contains
from jambones.common.db.tenant import PLATFORM, Tenant
from jambones.common.db.webhooks import Webhook, Webhooks
from jambones.common.verbs.parse import ScriptError, parse_script

resource = Resource("Applications", "What a call does: hooks, or a script.")
HIDDEN = tuple(f"{name}_sid" for name in HOOKS)


def _hook(value: Any) -> Any:
    return None if value == {} else value


HookIn = Annotated[hooks.Hook | None, BeforeValidator(_hook)]
Word = Annotated[str | None, Field(max_length=64)]
Voice = Annotated[str | None, Field(max_length=256)]
Language = Annotated[str | None, Field(max_length=12)]


class ApplicationIn(Input):
    name: str | None = Field(None, min_length=1, max_length=64)
    account_sid: SidOrNone = None
    call_hook: HookIn = None
    call_status_hook: HookIn = None
    messaging_hook: HookIn = None
    app_json: str | None = None
    speech_synthesis_vendor: Word = None
    speech_synthesis_language: Language = None
    speech_synthesis_voice: Voice = None
    speech_synthesis_label: Word = None
    speech_recognizer_vendor: Word = None
    speech_recognizer_language: Word = None
    speech_recognizer_label: Word = None
    use_for_fallback_speech: bool | None = None
    fallback_speech_synthesis_vendor: Word = None
    fallback_speech_synthesis_language: Language = None
    fallback_speech_synthesis_voice: Voice = None
    fallback_speech_synthesis_label: Word = None
    fallback_speech_recognizer_vendor: Word = None
    fallback_speech_recognizer_language: Word = None
    fallback_speech_recognizer_label: Word = None
    env_vars: dict[str, Any] | None = None
    record_all_calls: bool | None = None

    KEY: ClassVar[str] = "application_sid"
    REQUIRED: ClassVar[tuple[str, ...]] = ("name",)
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "speech_synthesis_vendor": "google", "speech_synthesis_language": "en-US",
        "speech_recognizer_vendor": "google", "speech_recognizer_language": "en-US",
        "record_all_calls": False,
    }  # fmt: skip

    def columns(self) -> dict[str, Any]:
        """What goes into the row, without hooks and owner. Raises Refused for a script that cannot run."""
        values = self.given(but=(*HOOKS, "account_sid"))
        if "name" in values and not values["name"]:
            raise bad("missing field name")
        if values.get("app_json") is not None:
            check_script(values["app_json"])
        if values.get("env_vars") is not None:
            values["env_vars"] = json.dumps(values["env_vars"])
        return values


ApplicationOut = model_of(
    Application, "Application", drop=HIDDEN, env_vars=dict[str, Any] | None,
    call_hook=dict[str, Any] | None, call_status_hook=dict[str, Any] | None, messaging_hook=dict[str, Any] | None,
)  # fmt: skip


class ApplicationsQuery(Input):
    name: str | None = None
    page: str | None = None
    page_size: str | None = None


def check_script(text: str) -> None:
    """Raises Refused unless `text` is a script."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        raise bad("app_json is not JSON") from None
    try:
        parse_script(payload)
    except ScriptError as exc:
        raise bad(f"Error: {_in_words(exc)}") from exc


def _in_words(exc: ScriptError) -> str:
    """The first problem as clients know it: the verb, then what is wrong with it."""
    problem = exc.problems[0]
    if problem.verb is None:
        return str(problem)
    if problem.reason == "is required":
        return f"{problem.verb}: missing value for {problem.property}"
    return f"{problem.verb}: {problem.property} {problem.reason}".replace(":  ", ": ")


async def check_env(values: dict[str, Any], url: str) -> None:
    """Raises Refused unless `values` are what the application at `url` asks for, if it asks."""
    schema = await app_env.fetched(url) if url else None
    if schema is not None:
        app_env.check(values, schema)


async def shown(tx: Transaction, rows: list[Application]) -> list[dict[str, Any]]:
    """Applications as they go out, with their hooks."""
    sids = [sid for row in rows for sid in row.hook_sids]
    found: dict[str, Webhook] = await Webhooks(tx).some(sids) if sids else {}
    return [_shown(row, found) for row in rows]


def _shown(row: Application, found: Mapping[str, Webhook]) -> dict[str, Any]:
    env_vars = json.loads(row.env_vars.reveal()) if row.env_vars is not None else None
    outside = {name: hooks.shown(found.get(getattr(row, f"{name}_sid")), with_sid=True) for name in HOOKS}
    return wire(row, drop=HIDDEN, env_vars=env_vars) | outside


async def listing(ask: Ask, tenant: Tenant) -> Any:
    """The applications of a tenant, in pages when asked for."""
    where = Where()
    if (name := text_filter(ask.query, "name")) is not None:
        where.add("name ILIKE {}", contains(name))
    async with ask.reading(tenant) as tx:
        return await listed(
            ask, Applications(tx), where, lambda rows: shown(tx, rows), paged_order="lower(name), application_sid"
        )


@resource.post(
    "/Applications", summary="Make an application", id="createApplication", body=ApplicationIn, errors=(422,)
)
async def create(ask: Ask, body: ApplicationIn) -> dict[str, Any]:
    account_sid = ask.tenant.account_sid or body.account_sid
    if account_sid is None:
        raise bad("missing required field: 'account_sid'")
    owner = await guards.owner_for(ask, account_sid)
    for name in ("call_hook", "call_status_hook"):
        if not isinstance((ask.raw or {}).get(name), dict) and body.app_json is None:
            raise bad(f"'{name}' must be an object when adding an application")
        given = getattr(body, name)
        if given is not None and (given.url or body.app_json is None):
            hooks.check_url(name, given.url)
    values = body.columns() | {"account_sid": owner.account_sid}
    if body.env_vars and body.call_hook is not None and body.call_hook.url:
        await check_env(body.env_vars, body.call_hook.url)
    async with ask.transaction() as tx:
        for name in HOOKS:
            given = getattr(body, name)
            if given is not None and given.url:
                fresh = given.model_copy(update={"webhook_sid": None})
                values[f"{name}_sid"] = await hooks.store(tx, name, fresh, None, owner, any_host=False)
        try:
            return {"sid": (await Applications(tx).add(values)).application_sid}
        except Taken as exc:
            raise Taken("an application of this name already exists") from exc


@resource.get(
    "/Applications", summary="List applications", id="listApplications", query=ApplicationsQuery,
    returns=list[ApplicationOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_applications(ask: Ask) -> Any:
    return await listing(ask, ask.tenant)


@resource.get(
    "/Accounts/{account_sid}/Applications", summary="List an account's applications", id="listAccountApplications",
    query=ApplicationsQuery, returns=list[ApplicationOut] | dict[str, Any],  # type: ignore[valid-type]
)  # fmt: skip
async def list_of_account(ask: Ask) -> Any:
    return await listing(ask, (await guards.account_item(ask)).tenant)


@resource.get(
    "/Applications/{application_sid}", summary="Show an application", id="getApplication", returns=ApplicationOut
)
async def show(ask: Ask) -> dict[str, Any]:
    sid = ask.sid("application_sid")
    async with ask.reading() as tx:
        found = await Applications(tx).with_hooks(sid)
    if found is None:
        raise absent()
    return _shown(*found)


@resource.put(
    "/Applications/{application_sid}", summary="Change an application", id="updateApplication", body=ApplicationIn,
    errors=(422,),
)  # fmt: skip
async def update(ask: Ask, body: ApplicationIn) -> None:
    sid = ask.sid("application_sid")
    raw = ask.raw or {}
    values = body.columns()
    if body.env_vars is not None:
        await check_env(body.env_vars, await _hook_url(ask, sid, body))
    async with ask.transaction() as tx:
        row = await Applications(tx).mine(sid)
        if row is None:
            if ask.caller.scope == "admin":
                raise absent()
            raise forbidden("insufficient privileges" if ask.caller.scope == "account" else "insufficient permissions")
        if body.account_sid is not None and body.account_sid != row.account_sid:
            if ask.caller.scope == "account":
                raise forbidden("insufficient privileges")
            values["account_sid"] = (await guards.owner_for(ask, body.account_sid)).account_sid
        owner = Tenant(ask.tenant.service_provider_sid, row.account_sid) if ask.tenant.service_provider_sid else None
        owner = owner or await _owner(ask, row)
        dropped = []
        for name in HOOKS:
            if name not in body.model_fields_set or raw.get(name) == {}:
                continue
            given = getattr(body, name)
            if given is None and name != "messaging_hook" and "app_json" not in raw and row.app_json is None:
                raise bad(f"'{name}' must be an object")
            old = getattr(row, f"{name}_sid")
            new = values[f"{name}_sid"] = await hooks.store(tx, name, given, old, owner, any_host=False)
            dropped += [old] if old and old != new else []
        try:
            await Applications(tx).update(sid, values)
        except Taken as exc:
            raise Taken("an application of this name already exists") from exc
        if dropped:
            await Webhooks(tx).drop_unused(dropped)


@resource.delete(
    "/Applications/{application_sid}", summary="Delete an application", id="deleteApplication", errors=(422,)
)
async def delete(ask: Ask) -> None:
    sid = ask.sid("application_sid")
    async with ask.transaction() as tx:
        if await Applications(tx).mine(sid) is None:
            await _refuse_deletion(ask, sid)
        if await PhoneNumbers(tx).select(application_sid=sid):
            raise unprocessable("cannot delete application with phone numbers")
        try:
            await Applications(tx).delete(sid)
        except StillReferenced as exc:
            raise StillReferenced(f"cannot delete application: {exc.message}") from exc


async def _hook_url(ask: Ask, sid: str, body: ApplicationIn) -> str:
    """The call hook that the application will have. Empty: there is none."""
    if body.call_hook is not None and body.call_hook.url:
        return body.call_hook.url
    async with ask.reading() as tx:
        row = await Applications(tx).mine(sid)
        found = await Webhooks(tx).some([row.call_hook_sid]) if row is not None and row.call_hook_sid else {}
    return next(iter(found.values())).url if found else ""


async def _refuse_deletion(ask: Ask, sid: str) -> None:
    async with ask.reading(PLATFORM) as tx:
        known = await Applications(tx).get(sid) is not None
    match ask.caller.scope:
        case "account" if known:
            raise unprocessable("insufficient permissions")
        case "account":
            raise bad("application does not exist")
        case _ if known:
            raise forbidden()
        case _:
            raise absent()


async def _owner(ask: Ask, row: Application) -> Tenant:
    if row.account_sid is None:
        return Tenant(row.service_provider_sid)
    account = await guards.account_of(ask, row.account_sid)
    return account.tenant if account is not None else Tenant(row.service_provider_sid)
