"""The quirks that existing clients rely on, one test each, named after the register of the contract (Q1 to Q32)."""

import pytest

from tests.integration.api.conftest import World

TTS = ("google", "aws", "microsoft", "wellsaid", "nuance", "nvidia", "elevenlabs", "whisper")
STT = (
    "google", "aws", "microsoft", "nuance", "deepgram", "nvidia", "cobalt", "soniox", "assemblyai", "voxist", "gladia",
)  # fmt: skip
MODELS = ("deepgram", "elevenlabs", "whisper")


@pytest.mark.parametrize("vendor", sorted({*TTS, *STT, *MODELS}))
async def test_q22_voices_are_listed_without_a_credential(world: World, vendor: str) -> None:
    provider, owner = await world.provider()
    account, tenant = await world.account(provider)
    path = "SpeechCredentials/speech/supportedLanguagesAndVoices"
    found = await tenant.get(f"/Accounts/{account}/{path}", vendor=vendor, create_new="true")
    assert found.status == 200
    assert found.body == (await owner.get(f"/ServiceProviders/{provider}/{path}", vendor=vendor)).body
    if vendor in TTS:
        language = found.body["tts"][0]
        assert {"value", "name", "voices"} == set(language)
        assert {"value", "name"} <= set(language["voices"][0])
    if vendor in STT:
        assert {"value", "name"} == set(found.body["stt"][0])
    if vendor in MODELS:
        assert {"value", "name"} == set(found.body["models"][0])
    assert (await tenant.get(f"/Accounts/{account}/{path}", vendor="nobody")).status == 422
    assert (await tenant.get(f"/Accounts/{account}/{path}")).status == 400


async def test_q30_a_get_makes_a_new_webhook_secret(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/WebhookSecret"
    secret = (await tenant.get(path)).body["webhook_secret"]
    assert secret.startswith("wh_secret_")
    assert (await tenant.get(path)).body == {"webhook_secret": secret}
    fresh = (await tenant.get(path, regenerate="true")).body["webhook_secret"]
    assert fresh.startswith("wh_secret_")
    assert fresh != secret
    assert (await tenant.get(f"/Accounts/{account}")).body["webhook_secret"] == fresh
