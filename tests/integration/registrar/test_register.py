"""REGISTER, as a device behind an edge sees it; the hook is a real server that has the only copy of the password."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from jambones.common.bus.registrar import BLOCKED, Block
from jambones.common.bus.registrations import Binding
from jambones.common.clock import now_ms
from jambones.common.db.seed import ACCOUNT_SID
from jambones.common.db.tenant import PLATFORM
from jambones.sbc.registrations import registrations_bucket
from jambones.sip.digest import Credentials, authorize
from tests.integration.registrar.conftest import REALM, Running, contacts, header


async def bindings(running: Running) -> list[Binding]:
    return [entry.value for entry in await registrations_bucket(running.bus).entries()]


async def test_a_device_is_challenged_and_the_customers_server_lets_it_in(running: Running) -> None:
    await running.use_hook(username="jam", password="basic")
    await running.start()
    ann = running.device()

    first = await ann.send()
    assert first.status == 401
    assert f'realm="{REALM}"' in (header(first, "WWW-Authenticate") or "")
    answer = await ann.register()

    assert answer.status == 200
    assert contacts(answer) == [f"<sip:ann@203.0.113.7:{ann.port};transport=tcp>;expires=600"]
    assert answer.registered in {599, 600}
    asked = running.customer.asked[0]
    assert (asked["method"], asked["username"], asked["expires"]) == ("REGISTER", "ann", 600)
    assert (asked["source_address"], asked["source_port"]) == ("203.0.113.7", ann.port)
    assert asked["headers"]["user_agent"] == "test phone"
    assert running.customer.basic[0].startswith("Basic ")  # type: ignore[union-attr]
    assert (running.customer.signatures[0] or "").startswith("t=")
    (binding,) = await bindings(running)
    assert (binding.user, binding.realm, binding.account_sid) == ("ann", REALM, ACCOUNT_SID)
    assert running.customer.password not in repr(binding)


async def test_a_get_hook_gets_the_digest_in_the_query(running: Running) -> None:
    await running.use_hook(method="GET")
    await running.start()

    assert (await running.device().register()).status == 200
    assert running.customer.asked[0]["username"] == "ann"
    assert "headers" not in running.customer.asked[0]


async def test_the_hook_shortens_the_time_and_names_the_application_of_the_device(running: Running) -> None:
    def answer(_: Mapping[str, Any], right: bool) -> web.Response:
        return web.json_response(
            {"status": "OK" if right else "fail", "expires": 120, "call_hook": "http://app.example/device",
             "allow_direct_user_calling": False}
        )  # fmt: skip

    running.customer.answer = answer
    await running.use_hook()
    await running.start()

    assert contacts(await running.device().register())[0].endswith("expires=120")
    (binding,) = await bindings(running)
    assert binding.call_hook == "http://app.example/device"
    assert not binding.allow_direct_user_calling


async def test_a_wrong_password_is_403_with_the_hooks_words_and_headers(running: Running) -> None:
    def answer(_: Mapping[str, Any], right: bool) -> web.Response:
        verdict = {"status": "fail", "msg": "who are you\r\nX: y", "headers": {"X-Ticket": "77", "Via": "forged"}}
        return web.json_response({"status": "ok"} if right else verdict)

    running.customer.answer = answer
    await running.use_hook()
    await running.start()

    refused = await running.device(password="wrong").register()
    assert refused.status == 403
    assert header(refused, "X-Reason") == "who are you  X: y"
    assert header(refused, "X-Ticket") == "77"
    assert header(refused, "Via") is None
    assert await bindings(running) == []


@pytest.mark.parametrize(("http", "sip"), [(500, 500), (404, 404), (401, 403), (302, 403), (503, 503)])
async def test_an_error_of_the_hook_is_the_devices_answer(running: Running, http: int, sip: int) -> None:
    running.customer.answer = lambda fields, right: web.Response(status=http)
    await running.use_hook()
    await running.start()

    assert (await running.device().register()).status == sip
    assert await bindings(running) == []


async def test_a_hook_that_is_down_is_503_with_retry_after(running: Running) -> None:
    running.customer.url = "http://127.0.0.1:1/register"
    await running.use_hook()
    await running.start()

    answer = await running.device().register()
    assert answer.status == 503
    assert header(answer, "Retry-After")


@pytest.mark.parametrize("said", [[], {"verdict": "ok"}, {"status": True}, "ok"])
async def test_an_answer_that_is_no_clear_ok_lets_nobody_in(running: Running, said: Any) -> None:
    running.customer.answer = lambda fields, right: web.json_response(said)
    await running.use_hook()
    await running.start()

    assert (await running.device().register()).status == 403


async def test_a_refresh_on_the_same_flow_asks_nobody(running: Running) -> None:
    await running.use_hook()
    await running.start()
    ann = running.device()
    await ann.register()

    for _ in range(3):
        assert (await ann.send()).status == 200
    assert len(running.customer.asked) == 1
    (binding,) = await bindings(running)
    assert binding.cseq == ann.cseq

    other_flow = running.device(call_id=ann.call_id, cseq=ann.cseq, port=ann.port)
    assert (await other_flow.send()).status == 401
    ann.call_id = "another call"
    assert (await ann.send()).status == 401


async def test_behind_nat_a_device_is_told_30_seconds_and_the_account_is_asked_once(running: Running) -> None:
    await running.use_hook()
    await running.start()
    ann = running.device(transport="udp", inside="192.168.1.20")

    for _ in range(3):
        answer = await (ann.register() if ann.authorization is None else ann.send())
        assert contacts(answer) == [f"<sip:ann@192.168.1.20:{ann.port};transport=udp>;expires=30"]
    assert len(running.customer.asked) == 1
    (binding,) = await bindings(running)
    assert 90_000 < binding.expires_at - now_ms() <= 100_000  # some refreshes may be lost
    assert 590_000 < binding.granted_until - now_ms() <= 600_000


async def test_unregistering_is_always_challenged_and_ends_the_binding(running: Running) -> None:
    await running.use_hook()
    await running.start()
    ann = running.device()
    await ann.register()

    assert (await ann.send(expires=0)).status == 401
    answer = await ann.register(expires=0)
    assert answer.status == 200
    assert contacts(answer) == []
    assert answer.registered == 0
    assert await bindings(running) == []


@pytest.mark.parametrize("contact", ["", "*"])
async def test_an_end_that_a_later_refresh_has_overtaken_ends_nothing(running: Running, contact: str) -> None:
    await running.use_hook()
    await running.start()
    ann = running.device(cseq=10)
    await ann.register()

    ann.cseq = 3
    assert (await ann.register(contact=contact, expires=0)).status == 500
    assert len(await bindings(running)) == 1


async def test_a_wildcard_ends_all_bindings_and_wants_expires_0(running: Running) -> None:
    await running.use_hook()
    await running.start()
    ann, second = running.device(), running.device()
    await ann.register()
    assert len(contacts(await second.register())) == 2

    assert (await ann.send(contact="*", expires=600)).status == 400
    assert (await ann.register(contact="*", expires=0)).status == 200
    assert await bindings(running) == []


async def test_the_sixth_device_takes_the_place_of_the_oldest(running: Running) -> None:
    await running.use_hook()
    await running.start()
    devices = [running.device() for _ in range(6)]
    for device in devices:
        answer = await device.register()
        await asyncio.sleep(0.005)  # registered_at has milliseconds

    assert len(contacts(answer)) == 5
    assert sorted(binding.flow for binding in await bindings(running)) == sorted(d.flow for d in devices[1:])


async def test_the_same_instance_on_a_new_connection_replaces_its_old_binding(running: Running) -> None:
    await running.use_hook()
    await running.start()
    await running.device(instance="0000-1").register()
    again = running.device(instance="0000-1")
    await again.register()

    (binding,) = await bindings(running)
    assert binding.flow == again.flow


async def test_credentials_that_were_used_are_worth_nothing(running: Running) -> None:
    await running.use_hook()
    await running.start()
    ann = running.device()
    assert (await ann.register()).status == 200

    thief = running.device(call_id="x", port=ann.port, authorization=ann.authorization)
    stolen = await thief.send(authorization=ann.authorization)
    assert stolen.status == 401
    assert "stale=true" in (header(stolen, "WWW-Authenticate") or "")
    elsewhere = running.device(host="198.51.100.1")
    assert (await elsewhere.send(authorization=ann.authorization)).status == 401


async def test_a_nonce_serves_again_with_a_higher_count(running: Running) -> None:
    await running.client("ann")
    await running.start()
    ann = running.device()
    first = await ann.send(expires=0)
    challenges = [value for name, value in first.headers if name == "WWW-Authenticate"]
    counts: dict[str, int] = {}
    credentials = Credentials("ann", ann.password)
    for _ in range(2):
        answer = authorize(challenges, "REGISTER", f"sip:{REALM}", credentials, nonce_counts=counts)
        assert (await ann.send(expires=0, authorization=answer)).status == 200
    assert (await ann.send(expires=0, authorization=answer)).status == 401


async def test_realms_that_are_unknown_or_addresses_are_403(running: Running) -> None:
    await running.start()
    for realm in ("elsewhere.example", "203.0.113.1"):
        answer = await running.device(realm=realm).send()
        assert (answer.status, header(answer, "X-Reason")) == (403, "Unknown or invalid realm")


async def test_credentials_of_another_realm_are_403(running: Running) -> None:
    await running.client("ann")
    await running.start()
    ann = running.device()
    await ann.register()
    foreign = (ann.authorization or "").replace(f'realm="{REALM}"', 'realm="other.example"')

    assert (await running.device().send(authorization=foreign)).status == 403


async def test_a_client_of_the_table_registers_as_himself_only(running: Running) -> None:
    await running.client("ann", allow_direct_app_calling=False)
    await running.client("bob", is_active=False)
    await running.start()

    assert (await running.device().register()).status == 200
    (binding,) = await bindings(running)
    assert not binding.allow_direct_app_calling
    for stranger in (
        running.device(password="wrong"),
        running.device("bob"),
        running.device("eve"),
        running.device("eve", auth_user="ann"),
    ):
        answer = await stranger.register()
        assert (answer.status, header(answer, "X-Reason")) == (403, "Invalid credentials")


async def test_an_inactive_account_is_403_and_the_limit_of_devices_503(running: Running) -> None:
    await running.use_hook()
    async with running.database.transaction(PLATFORM) as tx:
        await tx.execute(
            "INSERT INTO account_limits (account_limits_sid, account_sid, category, quantity) VALUES ($1, $2, $3, 1)",
            "99999999-2222-4333-8444-555555555555", ACCOUNT_SID, "device",
        )  # fmt: skip
    await running.start()
    ann = running.device()
    assert (await ann.register()).status == 200
    assert (await running.device("ann").register()).status == 200  # another phone of the same address
    answer = await running.device("bob").send()
    assert (answer.status, header(answer, "X-Reason")) == (503, "Max Devices Registered")

    await running.account(is_active=False)
    async with asyncio.timeout(10):
        while (answer := await ann.send()).status != 403:
            await asyncio.sleep(0.05)
    assert header(answer, "X-Reason") == "Account exists but is inactive"


async def test_too_short_a_time_is_423(running: Running) -> None:
    await running.client("ann")
    await running.start()

    answer = await running.device().register(expires=10)
    assert (answer.status, header(answer, "Min-Expires")) == (423, "60")


async def test_guessing_blocks_the_source_and_a_known_phone_is_not_locked_out(running: Running) -> None:
    await running.client("ann")
    await running.start()
    ann = running.device()
    await ann.register()
    for _ in range(5):
        guess = await running.device(host="198.51.100.66", password="guess").register()
        assert guess.status == 403

    blocked = await running.bus.bucket(BLOCKED, Block, ttl=86_400).get("198.51.100.66")
    assert blocked is not None
    assert blocked.value.why == "failed authentications"
    assert (await ann.register(expires=0)).status == 200


async def test_the_hook_may_block_a_source_itself(running: Running) -> None:
    running.customer.answer = lambda fields, right: web.json_response({"status": "fail", "blacklist": 60})
    await running.use_hook()
    await running.start()

    await running.device(host="198.51.100.67").register()
    blocked = await running.bus.bucket(BLOCKED, Block, ttl=86_400).get("198.51.100.67")
    assert blocked is not None


async def test_two_registrars_share_devices_nonces_and_bindings(running: Running) -> None:
    await running.use_hook()
    await running.start()
    await running.start()
    devices = [running.device(f"user{n}") for n in range(20)]

    answers = await asyncio.gather(*(device.register() for device in devices))
    assert {answer.status for answer in answers} == {200}
    refreshed = await asyncio.gather(*(device.send() for device in devices))
    # A registrar that has not yet heard of the other's binding asks for credentials: never wrong, never often.
    assert sum(answer.status == 200 for answer in refreshed) >= 15
    assert len(await bindings(running)) == 20
