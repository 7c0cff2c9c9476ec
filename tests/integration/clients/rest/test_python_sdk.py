"""The published Python SDK `jambonz-sdk`, its synchronous and its asynchronous client, against our API.

Its `update` reads a body, which neither the reference's 204 nor ours has: it raises after the change was made.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jambonz
import pytest
from jambonz import AsyncJambonzClient, JambonzClient
from jambonz.exceptions import JambonzAPIError, JambonzAuthError, JambonzNotFoundError, JambonzValidationError
from jambonz.models import CallStatus, Direction, TrunkType

from jambones.api.records import call_row
from jambones.common.db.recent_calls import RecentCalls
from jambones.common.db.tenant import PLATFORM
from jambones.common.ids import ServiceProviderSid
from tests.integration.api.test_records import record
from tests.integration.clients.rest.conftest import FeatureServer, Tenant

HOOK = {"url": "https://example.com/hook", "method": "POST"}


@dataclass(frozen=True)
class Python:
    """Either client, asked in the same way."""

    client: Any

    async def ask(self, resource: str, method: str, *args: Any, **words: Any) -> Any:
        asked = getattr(getattr(self.client, resource), method)
        if isinstance(self.client, AsyncJambonzClient):
            return await asked(*args, **words)
        return await asyncio.to_thread(asked, *args, **words)

    async def change(self, resource: str, sid: Any, **words: Any) -> None:
        """Update; the SDK cannot read the answer to one that was made."""
        with pytest.raises(json.JSONDecodeError):
            await self.ask(resource, "update", str(sid), **words)


@pytest.fixture(params=["sync", "async"])
async def python(request: pytest.FixtureRequest, tenant: Tenant) -> AsyncIterator[Python]:
    words: Any = {
        "account_sid": tenant.account_sid, "api_key": tenant.key, "base_url": tenant.url, "max_retries": 0
    }  # fmt: skip
    if request.param == "async":
        async with AsyncJambonzClient(**words) as client:
            yield Python(client)
    else:
        with JambonzClient(**words) as client:
            yield Python(client)


@dataclass(frozen=True)
class Walk:
    resource: str
    model: type[Any]
    key: str
    new: dict[str, Any]
    read: dict[str, Any]
    """Fields of the SDK's model after it was made."""
    change: dict[str, Any]
    changed: dict[str, Any]


WALKS = (
    Walk(
        "applications", jambonz.models.Application, "application_sid",
        {"name": "new", "call_hook": HOOK, "call_status_hook": HOOK, "env_vars": {"A": 1}, "record_all_calls": True},
        {"name": "new", "env_vars": {"A": 1}, "record_all_calls": True, "messaging_hook": None,
         "speech_synthesis_vendor": "google", "speech_recognizer_language": "en-US"},
        {"speech_synthesis_voice": "Joanna", "record_all_calls": False},
        {"speech_synthesis_voice": "Joanna", "record_all_calls": False, "name": "new"},
    ),
    Walk(
        "carriers", jambonz.models.Carrier, "voip_carrier_sid",
        {"name": "new", "e164_leading_plus": True, "trunk_type": "reg", "requires_register": True,
         "register_username": "joe", "register_password": "s3cret", "register_sip_realm": "sip.example.com"},
        {"name": "new", "e164_leading_plus": True, "trunk_type": TrunkType.REGISTRATION, "requires_register": True,
         "is_active": True, "smpp_enquire_link_interval": 0, "diversion": None},
        {"is_active": False, "tech_prefix": "99"}, {"is_active": False, "tech_prefix": "99", "name": "new"},
    ),
    Walk(
        "gateways", jambonz.models.SipGateway, "sip_gateway_sid",
        {"voip_carrier_sid": "{voip_carrier_sid}", "ipv4": "192.0.2.7", "port": 5070, "inbound": True,
         "outbound": True},
        {"ipv4": "192.0.2.7", "port": 5070, "netmask": 32, "inbound": True, "outbound": True},
        {"port": 5080, "outbound": False}, {"port": 5080, "outbound": False, "inbound": True},
    ),
    Walk(
        "phone_numbers", jambonz.models.PhoneNumber, "phone_number_sid",
        {"number": "+15083084809", "voip_carrier_sid": "{voip_carrier_sid}"},
        {"number": "15083084809", "application_sid": None},
        {"application_sid": "{application_sid}"}, {"number": "15083084809"},
    ),
    Walk(
        "speech_services", jambonz.models.SpeechService, "speech_credential_sid",
        {"vendor": "aws", "access_key_id": "AKIA0123456789", "secret_access_key": "secret0123456789",
         "aws_region": "us-east-1", "use_for_tts": True, "use_for_stt": False},
        {"vendor": "aws", "aws_region": "us-east-1", "use_for_tts": True, "use_for_stt": False, "last_tested": None,
         "tts_tested_ok": None},
        {"use_for_stt": True, "use_for_tts": True, "aws_region": "eu-central-1"},
        {"use_for_stt": True, "aws_region": "eu-central-1"},
    ),
)  # fmt: skip


def filled(value: dict[str, Any], sids: dict[str, str]) -> dict[str, Any]:
    return {name: inner.format(**sids) if isinstance(inner, str) else inner for name, inner in value.items()}


def fields(row: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in wanted}


async def walked(python: Python, tenant: Tenant, walk: Walk, sids: dict[str, str]) -> None:
    words = {"voip_carrier_sid": sids["voip_carrier_sid"]} if walk.resource == "gateways" else {}
    before = {getattr(row, walk.key) for row in await python.ask(walk.resource, "list", **words)}

    made = await python.ask(walk.resource, "create", **filled(walk.new, sids))
    row = await python.ask(walk.resource, "get", made.sid)
    assert isinstance(row, walk.model)
    assert getattr(row, walk.key) == UUID(made.sid)
    assert fields(row, walk.read) == walk.read
    if "account_sid" in walk.model.model_fields:
        assert row.account_sid == UUID(tenant.account_sid)

    await python.change(walk.resource, made.sid, **filled(walk.change, sids))
    rows = await python.ask(walk.resource, "list", **words)
    assert {getattr(row, walk.key) for row in rows} == before | {UUID(made.sid)}
    (row,) = [row for row in rows if getattr(row, walk.key) == UUID(made.sid)]
    assert row == await python.ask(walk.resource, "get", made.sid)
    assert fields(row, walk.changed) == walk.changed

    await python.ask(walk.resource, "delete", made.sid)
    assert {getattr(row, walk.key) for row in await python.ask(walk.resource, "list", **words)} == before
    with pytest.raises(JambonzNotFoundError):
        await python.ask(walk.resource, "get", made.sid)


async def test_resources_are_made_read_changed_listed_and_deleted(python: Python, tenant: Tenant) -> None:
    carrier = await python.ask("carriers", "create", name="trunk")
    sids = {"application_sid": tenant.application_sid, "voip_carrier_sid": carrier.sid}
    for walk in WALKS:
        await walked(python, tenant, walk, sids)


async def test_accounts_and_users_are_walked_with_the_key_of_their_provider(tenant: Tenant) -> None:
    words: Any = {"account_sid": tenant.account_sid, "api_key": tenant.owner.token, "base_url": tenant.url}
    async with AsyncJambonzClient(**words, max_retries=0) as client:
        python = Python(client)
        hook = HOOK | {"username": "joe", "password": "x"}
        made = await client.accounts.create(
            name="new", service_provider_sid=tenant.provider_sid, sip_realm="New.example.org", registration_hook=hook
        )
        await python.change("accounts", made.sid, record_all_calls=1, record_format="wav")
        account = await client.accounts.get(made.sid)
        assert (account.name, account.sip_realm) == ("new", "new.example.org")
        assert (account.record_all_calls, account.record_format) == (True, "wav")
        assert account.registration_hook is not None
        assert account.registration_hook.model_dump() == hook | {"webhook_sid": None}
        assert account.service_provider_sid == UUID(tenant.provider_sid)
        listed = [row.account_sid for row in await client.accounts.list()]
        assert sorted(listed) == sorted([UUID(tenant.account_sid), UUID(made.sid)])

        person = await client.users.create(
            name="ann", email="ann@example.com", initial_password="correct horse 1", account_sid=made.sid
        )
        await python.change("users", person.user_sid, is_active=False)
        user = await client.users.get(str(person.user_sid))
        assert (user.name, user.email, user.is_active) == ("ann", "ann@example.com", False)
        assert user.account_sid == UUID(made.sid)
        assert [row.user_sid for row in await client.users.list()] == [person.user_sid]
        await client.users.delete(str(person.user_sid))
        await client.accounts.delete(made.sid)
        assert [row.account_sid for row in await client.accounts.list()] == [UUID(tenant.account_sid)]


async def test_api_keys_are_made_below_the_account_and_work(python: Python, tenant: Tenant) -> None:
    made = await python.ask("api_keys", "create")
    assert (await tenant.client.with_token(made.token).get("/Accounts")).status == 200
    key = await python.ask("api_keys", "get", made.sid)
    assert (key.api_key_sid, key.token, key.account_sid) == (UUID(made.sid), made.token, UUID(tenant.account_sid))
    assert isinstance(key.last_used, str)
    assert made.sid in {str(row.api_key_sid) for row in await python.ask("api_keys", "list")}
    await python.ask("api_keys", "delete", made.sid)
    assert (await tenant.client.with_token(made.token).get("/Accounts")).status == 401


async def test_a_call_is_placed_read_changed_listed_and_ended(
    python: Python, tenant: Tenant, feature_server: FeatureServer
) -> None:
    to = {"type": "phone", "number": "16172375080"}
    made = await python.ask(
        "calls", "create", from_="15083084809", to=to, application_sid=tenant.application_sid, tag={"order": 17}
    )
    (taken,) = feature_server.created
    assert (taken.call["from"], taken.call["to"], taken.call["tag"]) == ("15083084809", to, {"order": 17})
    call = await python.ask("calls", "get", made.sid)
    assert (call.call_sid, call.account_sid) == (UUID(made.sid), UUID(tenant.account_sid))
    assert (call.call_status, call.direction) == (CallStatus.IN_PROGRESS, Direction.OUTBOUND)
    assert (call.from_, call.to, call.sip_status, call.duration) == ("15083084809", "16172375080", 200, 7)
    assert [call] == await python.ask("calls", "list", direction="outbound")
    await python.change("calls", made.sid, call_status="completed")
    assert feature_server.changed[-1].changes == {"call_status": "completed"}
    await python.ask("calls", "delete", made.sid)
    assert await python.ask("calls", "list") == []


async def test_calls_that_ended_are_read_in_pages(python: Python, tenant: Tenant) -> None:
    ended = record(tenant.account_sid, service_provider_sid=ServiceProviderSid(tenant.provider_sid))
    async with tenant.world.db.transaction(PLATFORM) as tx:
        await RecentCalls(tx).store([call_row(ended)])
    (call,) = await python.ask("recent_calls", "list", days=1, page=1, count=25, direction="inbound")
    assert (call.call_sid, call.account_sid) == (UUID(ended.call_sid), UUID(tenant.account_sid))
    assert (call.from_, call.to, call.direction) == ("15083084809", "18882349999", Direction.INBOUND)
    assert (call.answered, call.duration, call.sip_status, call.trunk) == (True, 45, 200, "twilio")
    assert datetime.fromisoformat(call.attempted_at) == datetime.fromtimestamp(ended.attempted_at / 1000, UTC)
    assert await python.ask("recent_calls", "list", page=2) == []


async def test_errors_are_of_the_kinds_that_the_sdk_knows(python: Python, tenant: Tenant) -> None:
    with pytest.raises(JambonzNotFoundError):
        await python.ask("calls", "get", str(uuid4()))
    with pytest.raises(JambonzAuthError):
        await python.ask("accounts", "get", str(uuid4()))
    hooks = {"call_hook": HOOK, "call_status_hook": HOOK}
    with pytest.raises(JambonzValidationError, match="already exists"):
        await python.ask("applications", "create", name="a", **hooks)
    with pytest.raises(JambonzAPIError, match="missing field name"):
        await python.ask("carriers", "create")
