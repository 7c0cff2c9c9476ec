"""Registered users, read from the bindings that registrars write."""

from uuid import uuid4

from jambones.common import clock
from jambones.common.bus.registrations import BUCKET, LONGEST, Binding
from jambones.common.ids import AccountSid, NodeId
from tests.integration.api.conftest import World

FLAGS = {"allow_direct_app_calling": 1, "allow_direct_queue_calling": 0, "allow_direct_user_calling": 1}


async def bind(world: World, account: str, realm: str, user: str, *, age: int = 0, lives: int = 60_000) -> Binding:
    now = clock.now_ms()
    binding = Binding(
        account_sid=AccountSid(account), user=user, realm=realm, contact=f"sip:{user}@10.10.1.{age + 1}",
        transport="udp", source="10.10.1.1:5060", edge=NodeId("e"), flow="f", registered_at=now - age,
        expires_at=now + lives, granted_until=now, sip_call_id=f"{age}", cseq=1, allow_direct_queue_calling=False,
    )  # fmt: skip
    bucket = world.bus.bucket(BUCKET, Binding, ttl=LONGEST)
    await bucket.put(realm, user, str(age), value=binding)
    return binding


async def test_registered_users_are_shown_in_three_forms(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/RegisteredSipUsers"
    for ask in (tenant.get(path), tenant.post(path, [])):
        refused = await ask
        assert (refused.status, refused.msg) == (400, "account does not have sip_realm configuration")
    assert (await tenant.get(f"{path}/joe")).body["registered_status"] == "inactive"
    unknown = await world.admin.get(f"/Accounts/{uuid4()}/RegisteredSipUsers")
    assert (unknown.status, "account not found for sid" in unknown.msg) == (400, True)
    realm = f"r{account[:8]}.example.com"
    assert (await tenant.post(f"/Accounts/{account}/SipRealms/{realm.upper()}")).status == 204
    assert (await tenant.get(path)).body == []
    await bind(world, account, realm, "joe", age=5)
    newest = await bind(world, account, realm, "joe")
    await bind(world, account, realm, "past", lives=-1)
    await bind(world, "another", realm, "foreign")
    await bind(world, account, "other." + realm, "elsewhere")

    assert (await tenant.get(path)).body == [f"joe@{realm}"]
    row = {"name": "joe", "contact": newest.contact, "protocol": "udp", "expiryTime": newest.expires_at}
    nobody = {"name": "ann", "contact": None, "expiryTime": 0, "protocol": None, "registered_status": "inactive"}
    assert (await tenant.post(path, [])).body == [row]
    assert (await tenant.post(path)).body == [row]
    assert (await tenant.post(path, ["joe", "ann"])).body == [row | {"registered_status": "active"}, nobody]
    detail = row | {"registered_status": "active", "proxy": None} | FLAGS
    assert (await tenant.get(f"{path}/joe")).body == detail
    assert (await tenant.get(f"{path}/joe@{realm}")).body == detail | {"name": f"joe@{realm}"}
    absent = await tenant.get(f"{path}/ann")
    assert (absent.status, absent.body) == (200, nobody | dict.fromkeys(FLAGS, 0) | {"proxy": None})
    await tenant.make("/Clients", {"username": "ann", "password": "x", "allow_direct_user_calling": False})
    assert (await tenant.get(f"{path}/ann")).body == absent.body | dict.fromkeys(FLAGS, 1) | {
        "allow_direct_user_calling": 0
    }
    assert (await tenant.post(path, ["x"] * 1001)).status == 400
