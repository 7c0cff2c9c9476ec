"""Several registrars and edges at once: races for the same bindings, and what happens when one is gone."""

import asyncio

from aiohttp import web

from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.bus.registrations import Binding
from jambones.common.db.accounts import Accounts
from jambones.common.db.clients import Clients
from jambones.common.db.seed import SERVICE_PROVIDER_SID
from jambones.common.db.tenant import PLATFORM
from jambones.common.ids import NodeId
from jambones.registrar.hook import AT_ONCE
from jambones.sbc.registrations import registrations_bucket
from tests.integration.registrar.conftest import PASSWORD, Running, contacts, registrar


async def bindings(running: Running) -> list[Binding]:
    return [entry.value for entry in await registrations_bucket(running.bus).entries()]


async def test_devices_of_one_address_register_at_once_at_two_registrars(running: Running) -> None:
    await running.client("ann")
    await running.start()
    await running.start()
    devices = [running.device() for _ in range(5)]

    answers = await asyncio.gather(*(device.register() for device in devices))
    assert {answer.status for answer in answers} == {200}
    assert sorted(binding.flow for binding in await bindings(running)) == sorted(device.flow for device in devices)
    await asyncio.sleep(0.3)
    assert len(contacts(await devices[0].register())) == 5


async def test_the_same_device_twice_at_once_is_one_binding(running: Running) -> None:
    await running.client("ann")
    await running.start()
    await running.start()
    first = running.device(instance="one")
    again = [running.device(instance="one", flow=first.flow, port=first.port) for _ in range(4)]

    answers = await asyncio.gather(*(device.register() for device in (first, *again)))
    # Each has its own Call-ID, so none is late; all write the same key, one after the other.
    assert {answer.status for answer in answers} <= {200, 503}
    assert sum(answer.status == 200 for answer in answers) >= 1
    assert len(await bindings(running)) == 1


async def test_when_a_registrar_ends_the_other_one_goes_on(running: Running) -> None:
    await running.client("ann")
    await running.start()
    ann = running.device()
    async with registrar(running.settings.model_copy(update={"node_id": NodeId("second")})):
        assert (await ann.register()).status == 200
    await asyncio.sleep(0.2)

    assert (await ann.send()).status == 200
    assert (await running.device().register()).status == 200


async def test_devices_of_an_edge_that_is_gone_are_no_longer_registered(running: Running) -> None:
    await running.client("ann")
    await running.client("bob")
    running.settings = running.settings.model_copy(update={"sweep_every": 0.1, "edge_lost_after": 6.0})
    async with Heartbeat.beating(running.bus, Node(kind="edge", id=NodeId("stays"))):
        await running.start()
        async with Heartbeat.beating(running.bus, Node(kind="edge", id=NodeId("goes"))):
            assert (await running.device("ann", edge="stays").register()).status == 200
            assert (await running.device("bob", edge="goes").register()).status == 200
            await asyncio.sleep(7)  # longer than the patience
            assert len(await bindings(running)) == 2
        async with asyncio.timeout(15):
            while len(left := await bindings(running)) > 1:
                await asyncio.sleep(0.05)

    assert [binding.user for binding in left] == ["ann"]


async def test_a_binding_expires_by_itself(running: Running) -> None:
    await running.client("ann")
    running.settings = running.settings.model_copy(update={"min_expires": 1})
    await running.start()

    assert (await running.device().register(expires=2)).status == 200
    async with asyncio.timeout(20):
        while await bindings(running):
            await asyncio.sleep(0.1)


async def test_a_slow_hook_holds_up_nobody_else(running: Running) -> None:
    release = asyncio.Event()

    async def slowly(request: web.Request) -> web.Response:
        await release.wait()
        return web.json_response({"status": "fail"})

    app = web.Application()
    app.router.add_post("/register", slowly)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        running.customer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/register"
        await running.use_hook()
        async with running.database.transaction(PLATFORM) as tx:
            other = await Accounts(tx).add(
                {"name": "other", "service_provider_sid": SERVICE_PROVIDER_SID, "sip_realm": "other.example",
                 "webhook_secret": "x"}
            )  # fmt: skip
            await Clients(tx).add({"account_sid": other.account_sid, "username": "eve", "password": PASSWORD})
        running.settings = running.settings.model_copy(update={"registration_hook_timeout": 20.0})
        await running.start()
        waiting = [asyncio.create_task(running.device(f"u{n}").register()) for n in range(AT_ONCE + 20)]
        done, _ = await asyncio.wait(waiting, timeout=3)
        assert {task.result().status for task in done} == {503}
        assert len(done) == 20

        assert (await running.device("eve", realm="other.example").register()).status == 200
        release.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert len(answers) == AT_ONCE + 20
    finally:
        release.set()
        await runner.cleanup()
