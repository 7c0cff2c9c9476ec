"""Speaking a text through a feature server's voice, and what feature servers keep of spoken texts."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from jambones.common.bus.nodes import Heartbeat, Node
from jambones.common.bus.speech import KeptSpeech, SpeechCache
from jambones.common.ids import NodeId
from jambones.feature_server.speech.asked import AskedSpeech
from jambones.feature_server.speech.offline import OfflineSynthesizer
from tests.integration.api.conftest import World


async def test_cached_speech_is_counted_and_forgotten_on_every_feature_server(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/TtsCache"
    kept = {account: 2, "another": 5}
    asked: list[SpeechCache] = []

    async def cache(question: SpeechCache) -> KeptSpeech:
        asked.append(question)
        names = [question.account_sid] if question.account_sid else list(kept)
        size = sum(kept.get(name, 0) for name in names)
        if question.forget:
            for name in names:
                kept.pop(name, None)
        return KeptSpeech(size=size)

    assert (await tenant.get(path)).body == {"size": 0}
    assert world.api.parts is not None
    nodes = world.api.parts.nodes
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        for _ in range(2):
            node = Node(kind="fs", id=NodeId(str(uuid4())[:8]), sip="udp:127.0.0.1:5060", max_calls=10)
            await stack.enter_async_context(world.bus.serve(SpeechCache, cache, node_id=node.id))
            await stack.enter_async_context(Heartbeat.beating(world.bus, node))
            while nodes.get(node.id) is None:
                await nodes.changed()
        assert (await tenant.get(path)).body == {"size": 4}
        assert (await world.admin.get("/TtsCache")).body == {"size": 14}
        assert (await tenant.get("/TtsCache")).status == 403
        assert (await tenant.delete(path)).status == 204
        assert (await tenant.get(path)).body == {"size": 0}
        assert (await world.admin.delete("/TtsCache")).status == 204
        assert (await world.admin.get("/TtsCache")).body == {"size": 0}
        assert {question.account_sid for question in asked} == {account, None}


@pytest.mark.skipif(not OfflineSynthesizer().available, reason="neither flite nor espeak-ng is installed")
async def test_a_text_is_spoken_by_a_feature_server(world: World) -> None:
    provider, _ = await world.provider()
    account, tenant = await world.account(provider)
    path = f"/Accounts/{account}/TtsCache/Synthesize"
    credentials = f"/Accounts/{account}/SpeechCredentials"
    local = await tenant.make(credentials, {"vendor": "local"})
    other = await tenant.make(credentials, {"vendor": "nvidia", "riva_server_uri": "a:1"})
    body: dict[str, Any] = {"speech_credential_sid": local, "text": "good morning", "language": "en-US", "voice": "rms"}
    for name in body:
        refused = await tenant.post(path, {key: value for key, value in body.items() if key != name})
        assert (refused.status, refused.msg) == (400, f"missing field {name}")
    assert (await tenant.post(path, body | {"speech_credential_sid": str(uuid4())})).status == 400
    assert (await tenant.post(path, body)).msg == "no feature server speaks with local"
    async with AsyncExitStack() as stack:
        await AskedSpeech(OfflineSynthesizer(), None).serve(world.bus, NodeId("n"), stack)
        spoken = await tenant.post(path, body)
        assert (spoken.status, spoken.headers["Content-Type"]) == (200, "audio/wav")
        assert spoken.body.startswith("RIFF")
        assert len(spoken.body) > 8000
        assert (await tenant.post(path, body | {"text": "x" * 1001})).status == 400
        assert (await tenant.post(path, body | {"speech_credential_sid": other})).msg.endswith("speaks with nvidia")
