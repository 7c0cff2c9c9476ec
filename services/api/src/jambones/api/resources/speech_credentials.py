"""Speech credentials: how to reach speech vendors, of an account or shared by its service provider."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from jambones.api import guards, speech_probes, speech_vendors
from jambones.api.ask import Ask
from jambones.api.errors import absent, bad, forbidden, unprocessable
from jambones.api.operations import Resource
from jambones.api.wire import Input, Lower, SidOrNone, wire
from jambones.common import clock
from jambones.common.db.errors import Taken
from jambones.common.db.repository import Where
from jambones.common.db.speech_credentials import SpeechCredential, SpeechCredentials
from jambones.common.db.tenant import PLATFORM, Tenant

resource = Resource("SpeechCredentials", "How to reach speech vendors.")


class SpeechCredentialIn(Input):
    """The vendor's own members stand beside these."""

    model_config = ConfigDict(extra="allow")

    vendor: Annotated[str | None, Lower] = None
    label: str | None = Field(None, max_length=64)
    use_for_tts: bool | None = None
    use_for_stt: bool | None = None
    account_sid: SidOrNone = None


class TestResult(BaseModel):
    """What a test of a credential found."""

    status: str
    reason: str | None = None


class TestResults(BaseModel):
    tts: TestResult
    stt: TestResult


def _shown(ask: Ask, row: SpeechCredential) -> dict[str, Any]:
    shared = row.account_sid is None and ask.caller.scope == "account"
    values = json.loads(row.credential.reveal())
    return wire(row, drop=("credential",)) | speech_vendors.shown(values, secrets=not shared)


async def _mount(ask: Ask) -> Tenant:
    """Whose credentials the path is about: an account's, or a service provider's (seen by its accounts too)."""
    if "account_sid" in ask.params:
        return await guards.account_part(ask)
    return guards.service_provider_list(ask)


async def create(ask: Ask, body: SpeechCredentialIn) -> dict[str, Any]:
    owner = await _mount(ask)
    if owner.account_sid is None and body.account_sid is not None:
        account = await guards.account_of(ask, body.account_sid)
        if account is None or not guards.may_use(ask, account):
            raise forbidden("insufficient privileges")
        owner = account.tenant
    if not body.vendor or len(body.vendor) > 32:
        raise bad("invalid or missing vendor: " + str(body.vendor)[:32])
    if owner.service_provider_sid == "none":
        raise absent()
    if owner.account_sid is None and await guards.service_provider_of(ask, owner.service_provider_sid or "") is None:
        raise absent()
    values = speech_vendors.collected(body.vendor, ask.raw or {})
    label = body.label or None
    columns = {"vendor": body.vendor, "label": label, "credential": json.dumps(values)}
    columns |= {"account_sid": owner.account_sid, "service_provider_sid": owner.service_provider_sid}
    uses = {name: getattr(body, name) for name in ("use_for_tts", "use_for_stt") if name in body.model_fields_set}
    async with ask.transaction() as tx:
        try:
            return {"sid": (await SpeechCredentials(tx).add(columns | uses)).speech_credential_sid}
        except Taken as exc:
            raise Taken(f"Label {label} is already in use for another speech credential") from exc


async def list_credentials(ask: Ask) -> Any:
    tenant = await _mount(ask)
    where = Where()
    if tenant.account_sid is None:
        where.add("account_sid IS NULL")
    async with ask.reading(tenant) as tx:
        rows = await SpeechCredentials(tx).find(where)
    return [_shown(ask, row) for row in rows]


async def show(ask: Ask) -> Any:
    return _shown(ask, await _mine(ask))


async def update(ask: Ask, body: SpeechCredentialIn) -> None:
    row = await _mine(ask)
    uses = {name: getattr(body, name) for name in ("use_for_tts", "use_for_stt") if name in body.model_fields_set}
    if not uses:
        raise unprocessable("use_for_tts and use_for_stt are the only updateable fields")
    values = speech_vendors.changed(row.vendor, json.loads(row.credential.reveal()), ask.raw or {})
    async with ask.transaction() as tx:
        columns = uses | {"credential": json.dumps(values)}
        if not await SpeechCredentials(tx).update(row.speech_credential_sid, columns):
            raise absent()


async def delete(ask: Ask) -> None:
    row = await _mine(ask)
    async with ask.transaction() as tx:
        if not await SpeechCredentials(tx).delete(row.speech_credential_sid):
            raise absent()


async def test(ask: Ask) -> Any:
    """Ask the vendor, for the uses that are switched on, and remember the outcome."""
    row = await _mine(ask)
    results: dict[str, dict[str, str]] = {"tts": {"status": "not tested"}, "stt": {"status": "not tested"}}
    uses = [use for use in results if getattr(row, f"use_for_{use}")]
    problem = await speech_probes.tested(row.vendor, json.loads(row.credential.reveal())) if uses else ""
    if problem == "":
        return results
    for use in uses:
        results[use] = {"status": "ok"} if problem is None else {"status": "fail", "reason": problem}
    columns: dict[str, Any] = {f"{use}_tested_ok": problem is None for use in uses}
    async with ask.transaction() as tx:
        await SpeechCredentials(tx).update(row.speech_credential_sid, columns | {"last_tested": clock.now()})
    return results


async def _mine(ask: Ask) -> SpeechCredential:
    """The credential of the path, when the caller may change it."""
    tenant = await _mount(ask)
    sid = ask.sid("speech_credential_sid")
    async with ask.reading() as tx:
        row = await SpeechCredentials(tx).mine(sid)
    if row is not None:
        if "account_sid" in ask.params and row.account_sid not in (None, tenant.account_sid):
            raise absent()
        return row
    async with ask.reading(PLATFORM) as tx:
        if await SpeechCredentials(tx).get(sid) is not None:
            raise forbidden("Insufficient privileges")
    raise absent()


for mount, word in (("/Accounts/{account_sid}", ""), ("/ServiceProviders/{service_provider_sid}", "ServiceProvider")):
    path = f"{mount}/SpeechCredentials"
    item = path + "/{speech_credential_sid}"
    whose = "a service provider's" if word else "an account's"
    resource.post(
        path, summary=f"Add {whose} speech credential", id=f"create{word}SpeechCredential", body=SpeechCredentialIn,
        errors=(422,),
    )(create)  # fmt: skip
    resource.get(
        path, summary=f"List {whose} speech credentials", id=f"list{word}SpeechCredentials",
        returns=list[dict[str, Any]],
    )(list_credentials)  # fmt: skip
    resource.get(
        item, summary=f"Show {whose} speech credential", id=f"get{word}SpeechCredential", returns=dict[str, Any]
    )(show)
    resource.put(
        item, summary=f"Change {whose} speech credential", id=f"update{word}SpeechCredential", body=SpeechCredentialIn,
        errors=(422,),
    )(update)  # fmt: skip
    resource.delete(item, summary=f"Delete {whose} speech credential", id=f"delete{word}SpeechCredential")(delete)
    resource.get(
        f"{item}/test", summary=f"Test {whose} speech credential", id=f"test{word}SpeechCredential", returns=TestResults
    )(test)
