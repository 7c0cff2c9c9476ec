"""Recordings, in an object store that checks signatures."""

from uuid import uuid4

from tests.integration.api.conftest import World
from tests.support.object_store import SECRET_KEY, object_store


async def test_a_recording_is_played_and_deleted(world: World) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    call_sid = str(uuid4())
    path = f"/Accounts/{account}/RecentCalls/{call_sid}/record/2026/01/31/wav"
    assert (await tenant.get(path)).status == 404
    async with object_store() as store:
        assert (await tenant.put(f"/Accounts/{account}", {"bucket_credential": store.credential()})).status == 204
        assert (await tenant.get(path)).status == 404
        sound = bytes(range(256)) * 5000
        store.objects[f"recordings/2026/01/31/{call_sid}.wav"] = sound
        async with tenant.session.get(
            tenant.url + path, headers={"Authorization": f"Bearer {tenant.token}"}
        ) as response:
            assert (response.status, response.content_type) == (200, "audio/wav")
            assert await response.read() == sound
        for wrong in ("2026/01/31/ogg", "2026/1/31/wav", "2026/../31/wav", "%2e%2e/01/31/wav"):
            assert (await tenant.get(f"/Accounts/{account}/RecentCalls/{call_sid}/record/{wrong}")).status == 404
        other, stranger = await world.account(provider, "other")
        assert (await stranger.get(path)).status == 403
        assert (await stranger.delete(path)).status == 403
        assert (await owner.delete(path)).status == 204
        assert (await owner.delete(path)).status == 404
        assert not store.objects
        assert (await stranger.get(path.replace(account, other))).status == 404
    down = await tenant.get(path)
    assert (down.status, SECRET_KEY in str(down.body)) == (424, False)


async def test_a_bucket_credential_is_tried(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/BucketCredentialTest"
    async with object_store() as store:
        assert (await tenant.post(path, store.credential())).body == {"status": "ok"}
        assert not store.objects
        refused = await tenant.post(path, store.credential(secret_access_key="something else"))
        assert (refused.status, refused.body["status"]) == (200, "failed")
        assert refused.body["reason"]
        assert (await tenant.put(f"/Accounts/{account}", {"bucket_credential": store.credential()})).status == 204
        shown = (await tenant.get(f"/Accounts/{account}")).body["bucket_credential"]
        assert shown["secret_access_key"] == SECRET_KEY[:6] + "X" * (len(SECRET_KEY) - 6)
        assert (await tenant.post(path, shown)).body == {"status": "ok"}
    assert (await tenant.post(path, shown)).body["status"] == "failed"
    for body in ({}, {"vendor": "floppy"}, {"vendor": "none"}, {"vendor": "azure", "name": "x"}):
        reply = await tenant.post(path, body)
        assert (reply.status, reply.body["status"]) == (200, "failed"), body
