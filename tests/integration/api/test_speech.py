"""Speech credentials: sealed at rest, obscured when shown, shared by a service provider."""

import json

from tests.integration.api.conftest import World

KEY = json.dumps({"client_email": "a@b", "private_key": "-----BEGIN PRIVATE KEY-----\nabcdefghij\n"})


async def test_a_credential_lives(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/SpeechCredentials"
    body = {
        "vendor": "deepgram", "label": "l1", "api_key": "abcdef1234", "use_for_tts": 0, "use_for_stt": 1,
        "deepgram_stt_use_tls": True, "model_id": "nova",
    }  # fmt: skip
    sid = await tenant.make(path, body)
    shown = (await tenant.get(f"{path}/{sid}")).body
    assert "credential" not in shown
    assert (shown["api_key"], shown["deepgram_stt_use_tls"], shown["use_for_tts"]) == ("abcdefXXXX", True, 0)
    assert [shown] == (await tenant.get(path)).body
    taken = await tenant.post(path, body)
    assert (taken.status, taken.msg) == (422, "Label l1 is already in use for another speech credential")
    assert (await tenant.put(f"{path}/{sid}", {"vendor": "x"})).status == 422
    change = {"use_for_tts": 1, "use_for_stt": 1, "api_key": "other", "deepgram_stt_uri": "a:1"}
    assert (await tenant.put(f"{path}/{sid}", change)).status == 204
    shown = (await tenant.get(f"{path}/{sid}")).body
    assert (shown["api_key"], shown["deepgram_stt_uri"], shown["model_id"]) == ("abcdefXXXX", "a:1", "nova")
    assert "deepgram_stt_use_tls" not in shown
    assert (await tenant.get(f"{path}/{sid}/test")).body["tts"] == {"status": "not tested"}
    assert (await tenant.delete(f"/ServiceProviders/{provider}/SpeechCredentials/{sid}")).status == 204
    assert (await tenant.get(f"{path}/{sid}")).status == 404


async def test_credentials_that_cannot_be_are_refused(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/SpeechCredentials"
    for body, words in [
        ({}, "invalid or missing vendor"),
        ({"vendor": "nobody"}, "invalid or missing vendor: nobody"),
        ({"vendor": "deepgram"}, "missing field api_key"),
        ({"vendor": "deepgram", "api_key": 5}, "invalid api_key"),
        ({"vendor": "google", "service_key": "{}"}, "invalid service_key"),
        ({"vendor": "microsoft", "region": "x"}, "missing field api_key"),
    ]:
        reply = await tenant.post(path, body)
        assert (reply.status, words in reply.msg) == (400, True), (body, reply)
    await tenant.make(path, {"vendor": "microsoft", "custom_tts_endpoint_url": "http://x"})
    google = await tenant.make(path, {"vendor": "google", "service_key": KEY})
    assert (await tenant.get(f"{path}/{google}")).body["model_id"] is None
    shown = json.loads((await tenant.get(f"{path}/{google}")).body["service_key"])
    assert shown["private_key"] == "-----BEGIN PRIVATE KEY-----\nabcdefXXXXX"


async def test_an_account_uses_what_is_shared_but_sees_no_secret_of_it(world: World) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/ServiceProviders/{provider}/SpeechCredentials"
    sid = await owner.make(path, {"vendor": "deepgram", "api_key": "abcdef1234"})
    for place in (path, f"/Accounts/{account}/SpeechCredentials"):
        (row,) = (await tenant.get(place)).body
        assert (row["speech_credential_sid"], "api_key" in row) == (sid, False)
        refused = await tenant.get(f"{place}/{sid}")
        assert (refused.status, refused.msg) == (403, "Insufficient privileges")
        assert (await tenant.delete(f"{place}/{sid}")).status == 403
    assert (await owner.get(f"{path}/{sid}")).body["api_key"] == "abcdefXXXX"
