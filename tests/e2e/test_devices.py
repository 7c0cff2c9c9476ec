"""Phones that register: baresip through the edge and a registrar, calls to the account's application, heard."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from jambones.common.bus import Bus
from jambones.common.bus.registrations import Binding
from jambones.common.db.accounts import Accounts
from jambones.common.db.seed import ACCOUNT_SID, SERVICE_PROVIDER_SID
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.webhooks import Webhooks
from jambones.local import baresip
from jambones.local.baresip import Baresip, registering
from jambones.local.listening import read_wav, spoken
from jambones.local.platform import LocalPlatform
from jambones.sbc.registrations import registrations_bucket
from tests.support.configuring import configuring

pytestmark = pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")

PASSWORD = "only-the-customer-knows"
SAID = "welcome to the demonstration"
WORDS = (SAID, "good bye", "press one to hear a recording")


class Customer:
    """The customer's web server: the registration hook with the passwords, and the application."""

    def __init__(self) -> None:
        self.hooks: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []

    async def registration(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.hooks.append(asked)

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        ha1, ha2 = md5(f"{asked['username']}:{asked['realm']}:{PASSWORD}"), md5(f"{asked['method']}:{asked['uri']}")
        expected = md5(f"{ha1}:{asked['nonce']}:{asked['nc']}:{asked['cnonce']}:{asked['qop']}:{ha2}")
        return web.json_response({"status": "ok"} if expected == asked["response"] else {"status": "fail"})

    async def call(self, request: web.Request) -> web.Response:
        self.calls.append(await request.json())
        return web.json_response([{"verb": "say", "text": SAID}, {"verb": "pause", "length": 1}])

    async def status(self, request: web.Request) -> web.Response:
        return web.json_response({})


@asynccontextmanager
async def customers_server() -> AsyncIterator[tuple[Customer, str]]:
    customer, app = Customer(), web.Application()
    app.router.add_post("/register", customer.registration)
    app.router.add_post("/call", customer.call)
    app.router.add_post("/status", customer.status)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield customer, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def use_hook(platform: LocalPlatform, url: str) -> None:
    async with configuring(platform) as (database, _), database.transaction(PLATFORM) as tx:
        hook = await Webhooks(tx).add(
            {"url": url, "account_sid": ACCOUNT_SID, "service_provider_sid": SERVICE_PROVIDER_SID}
        )
        await Accounts(tx).update(ACCOUNT_SID, {"registration_hook_sid": hook.webhook_sid})


async def bindings(platform: LocalPlatform) -> list[Binding]:
    async with Bus.connect([platform.nats_url], name="test") as bus:
        return [entry.value for entry in await registrations_bucket(bus).entries()]


async def registered(platform: LocalPlatform) -> list[Binding]:
    """As soon as there are bindings: the phone registers before it can be listened to."""
    async with asyncio.timeout(20):
        while not (found := await bindings(platform)):
            await asyncio.sleep(0.1)
    return found


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_registered_by_a_hook_calls_the_accounts_application_and_hears_it(
    tmp_path: Path, transport: str
) -> None:
    async with customers_server() as (customer, url):
        platform = LocalPlatform(tmp_path / "p", ports="auto", hook_url=f"{url}/call", fast=True)
        async with platform:
            await use_hook(platform, f"{url}/register")
            realm = platform.seeded.sip_realm
            (tmp_path / "phone").mkdir()
            account = registering("ann", realm, PASSWORD, platform.sip, transport=transport)
            async with Baresip.open(tmp_path / "phone", transport=transport, account=account) as phone:
                (binding,) = await registered(platform)
                assert (binding.user, binding.realm, binding.transport) == ("ann", realm, transport)
                await phone.dial(f"sip:4711@{realm}")
                await phone.until("CALL_ESTABLISHED", within=15)
                await phone.until("CALL_CLOSED", within=20)
                heard = phone.heard()
        assert [asked["method"] for asked in customer.hooks[:2]] == ["REGISTER", "INVITE"]
        (call,) = customer.calls
        assert (call["from"], call["to"]) == ("ann", "4711")
        assert call["sip"]["headers"]["x-authenticated-user"] == f"ann@{realm}"
    assert heard is not None
    assert spoken(read_wav(heard), WORDS)[:1] == [SAID]


async def test_a_phone_with_a_wrong_password_is_refused(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path / "p", ports="auto", fast=True)
    async with platform:
        seeded = platform.seeded
        (tmp_path / "phone").mkdir()
        account = registering(seeded.sip_user or "", seeded.sip_realm, "guessed", platform.sip)
        async with Baresip.open(tmp_path / "phone", account=account):
            async with asyncio.timeout(15):
                while "403 Forbidden" not in (tmp_path / "phone" / "log").read_text():
                    await asyncio.sleep(0.1)
            assert await bindings(platform) == []


async def test_the_seeded_phone_registers_and_its_binding_ends_with_its_connection(tmp_path: Path) -> None:
    env = {"sbc-inbound": {"JAMBONES_FLOW_GRACE": "0.5"}}
    platform = LocalPlatform(tmp_path / "p", ports="auto", fast=True, service_env=env)
    async with platform:
        seeded = platform.seeded
        (tmp_path / "phone").mkdir()
        assert seeded.sip_user is not None
        assert seeded.sip_password is not None
        account = registering(seeded.sip_user, seeded.sip_realm, seeded.sip_password, platform.sip, transport="tcp")
        async with Baresip.open(tmp_path / "phone", transport="tcp", account=account):
            assert len(await registered(platform)) == 1
        async with asyncio.timeout(20):
            while await bindings(platform):
                await asyncio.sleep(0.1)
