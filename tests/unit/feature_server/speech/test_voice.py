"""The voice of calls: who speaks, what is kept, what is asked once for many."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from jambones.common.metrics import Metrics
from jambones.common.verbs.speech import Synthesizer
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.variables import Variables
from jambones.feature_server.speech.offline import Speaker
from jambones.feature_server.speech.voice import KEPT_FOR, CachedVoice
from tests.support.calls import KeptAlerts, call_info
from tests.support.virtual_time import in_virtual_time


class FakeSynthesizer:
    """Takes a second for a text; a text with "fail" in it fails."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str | None, str | None]] = []

    def speaker(self, language: str | None, voice: str | None) -> Speaker:
        return Speaker(language or "en", voice or "rms")

    async def synthesize(self, text: str, speaker: Speaker) -> bytes:
        self.made.append((text, speaker.program, speaker.voice))
        await asyncio.sleep(1)
        if "fail" in text:
            raise VerbFailed("tts-failure", "it failed")
        return text.encode()


class Call:
    """As much of a CallSession as a voice sees."""

    def __init__(self, account: str = "account-1", **session: Any) -> None:
        self.info = call_info()
        self.info.account_sid = type(self.info.account_sid)(account)
        self.variables = Variables(**session)
        self.alerts = KeptAlerts()

    def alert(self, kind: Any, message: str, **data: Any) -> None:
        self.alerts.alert(self.info, kind, message, **data)


def voices() -> tuple[CachedVoice, FakeSynthesizer]:
    synthesizer = FakeSynthesizer()
    untyped: Any = synthesizer

    async def decode(data: bytes) -> Any:
        return SimpleNamespace(samples=len(data), text=data.decode())

    return CachedVoice(untyped, decode, Metrics(process=False)), synthesizer


async def said(clips: AsyncIterator[Any]) -> list[str]:
    return [clip.text async for clip in clips]


def speak(
    voice: CachedVoice, text: str, call: Any, synthesizer: Synthesizer | None = None, *, cache: bool = True
) -> AsyncIterator[Any]:
    return voice.speak(text, call, synthesizer, cache=cache)


@in_virtual_time
async def test_a_text_is_made_once_and_kept_for_hours() -> None:
    voice, made = voices()
    for _ in range(3):
        assert await said(speak(voice, "Hello.", Call())) == ["Hello."]
    assert len(made.made) == 1

    await asyncio.sleep(KEPT_FOR + 1)
    await said(speak(voice, "Hello.", Call()))
    assert len(made.made) == 2


@in_virtual_time
async def test_many_calls_at_once_share_one_synthesis() -> None:
    voice, made = voices()
    await asyncio.gather(*(said(speak(voice, "Hello.", Call())) for _ in range(10)))

    assert len(made.made) == 1


@in_virtual_time
async def test_a_caller_who_hangs_up_does_not_spoil_it_for_the_others() -> None:
    voice, made = voices()
    first = asyncio.create_task(said(speak(voice, "Hello.", Call())))
    second = asyncio.create_task(said(speak(voice, "Hello.", Call())))
    await asyncio.sleep(0.5)
    first.cancel()

    assert await second == ["Hello."]
    assert len(made.made) == 1


@in_virtual_time
async def test_accounts_share_nothing() -> None:
    voice, made = voices()
    await said(speak(voice, "Hello.", Call("account-1")))
    await said(speak(voice, "Hello.", Call("account-2")))

    assert len(made.made) == 2


@in_virtual_time
async def test_the_cache_can_be_left_out() -> None:
    voice, made = voices()
    for cache in (False, False, True):
        await said(speak(voice, "Hello.", Call(), cache=cache))

    assert len(made.made) == 3


@in_virtual_time
async def test_a_failure_is_told_and_not_kept() -> None:
    voice, made = voices()
    for _ in range(2):
        with pytest.raises(VerbFailed):
            await said(speak(voice, "fail now", Call()))

    assert len(made.made) == 2


@in_virtual_time
async def test_the_verb_decides_before_the_session() -> None:
    voice, made = voices()
    session = Synthesizer(vendor="local", language="de-DE", voice="slt")
    await said(speak(voice, "a", Call(synthesizer=session)))
    await said(speak(voice, "b", Call(synthesizer=session), Synthesizer(vendor="local", language="fr-FR")))
    await said(speak(voice, "c", Call()))

    assert made.made == [("a", "de-DE", "slt"), ("b", "fr-FR", "slt"), ("c", "en", "rms")]


@in_virtual_time
async def test_a_vendor_that_is_not_here_is_an_alert_and_the_built_in_voice_speaks() -> None:
    voice, _ = voices()
    call = Call()

    assert await said(speak(voice, "Hello.", call, Synthesizer(vendor="google"))) == ["Hello."]
    assert [kind for kind, _ in call.alerts.told] == ["no-tts"]


@in_virtual_time
async def test_what_is_kept_is_counted_and_forgotten_by_account() -> None:
    voice, made = voices()
    for account, text in (("account-1", "a"), ("account-1", "b"), ("account-2", "a")):
        await said(speak(voice, text, Call(account)))
    assert [voice.kept(account) for account in ("account-1", "account-2", "account-3", None)] == [2, 1, 0, 3]

    voice.forget("account-1")
    assert [voice.kept(account) for account in ("account-1", "account-2", None)] == [0, 1, 1]
    await said(speak(voice, "a", Call("account-1")))
    assert len(made.made) == 4
    voice.forget(None)
    assert voice.kept(None) == 0
