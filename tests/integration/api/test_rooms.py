"""Queues and conferences, as feature servers write them."""

from jambones.common.bus.rooms import LiveConference, LiveQueue, conferences_bucket, queues_bucket
from jambones.common.ids import AccountSid
from tests.integration.api.conftest import World


async def test_queues_and_conferences_are_listed(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    _, other = await world.account(provider, "other")
    queues, conferences = f"/Accounts/{account}/Queues", f"/Accounts/{account}/Conferences"
    assert (await tenant.get(queues)).body == []
    assert (await tenant.get(conferences)).body == []
    sid = AccountSid(account)
    for name, length in (("test", 1), ("Support (de)", 3), ("a.b*c", 2)):
        await queues_bucket(world.bus).put(account, name, value=LiveQueue(account_sid=sid, name=name, length=length))
    for name in ("conf2", "conf1"):
        await conferences_bucket(world.bus).put(account, name, value=LiveConference(account_sid=sid, name=name))
    assert (await tenant.get(conferences)).body == ["conf1", "conf2"]
    assert len((await tenant.get(queues)).body) == 3
    for search, names in (("test", ["test"]), ("supp*", ["Support (de)"]), ("*b*c", ["a.b*c"]), ("tes", []), ("(", [])):
        assert [row["name"] for row in (await tenant.get(queues, search=search)).body] == names, search
    assert (await other.get(queues)).status == 403
    assert (await world.admin.get("/Accounts/00000000-0000-4000-8000-000000000000/Queues")).body == []
