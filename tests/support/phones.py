"""A desk with two phones we did not write, each of which says something of its own again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jambones.common.bus import Bus
from jambones.local.baresip import Baresip, registering
from jambones.local.listening import Samples, read_wav
from jambones.sbc.registrations import registrations_bucket
from tests.support import sounds
from tests.support.scripted import Office, office

HELLO, REPLY = sounds.noise(1.5, seed=11), sounds.noise(1.5, seed=12)
GRACE = 3.0  # seconds of talk; the clips are sent again and again


@dataclass
class Phones:
    """A desk with two phones: `a` calls, `b` is registered and called."""

    desk: Office
    a: Baresip
    b: Baresip

    @property
    def target(self) -> dict[str, Any]:
        return {"type": "user", "name": f"{self.desk.platform.seeded.sip_user}"}

    def dials(self, **properties: Any) -> dict[str, Any]:
        return {"verb": "dial", "target": [self.target], "actionHook": f"{self.desk.app.origin}/done", **properties}

    async def a_calls(self) -> None:
        await self.a.dial(f"sip:{self.desk.number}@{self.desk.platform.sip};transport=udp")

    async def b_answers(self) -> None:
        await self.b.until("CALL_INCOMING", within=20)
        await self.b.command("accept")
        await self.b.until("CALL_ESTABLISHED", within=10)

    def statuses(self, direction: str) -> list[tuple[str, int]]:
        found = [event for event in self.desk.app.of("/status") if event["direction"] == direction]
        return [(event["call_status"], event["sip_status"]) for event in found]

    async def done(self) -> dict[str, Any]:
        await self.desk.app.until(lambda: bool(self.desk.app.of("/done")))
        return self.desk.app.of("/done")[0]

    async def until_told(self, direction: str, status: str) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            events = self.desk.app.of("/status")
            return [each for each in events if each["direction"] == direction and each["call_status"] == status]

        await self.desk.app.until(lambda: bool(found()))
        return found()[0]


def repeated(path: Path, clip: Samples) -> Path:
    """The clip for a minute, with pauses: whenever the bridge stands, some of them are heard whole."""
    silence = clip[:4000] * 0
    path.write_bytes(sounds.wav(np.concatenate([clip, silence] * 20)))
    return path


def heard(phone: Baresip) -> Samples:
    recording = phone.heard()
    assert recording is not None
    return read_wav(recording)


@asynccontextmanager
async def two_phones(tmp_path: Path, **options: Any) -> AsyncIterator[Phones]:
    """A platform with a phone that can call, and one that is registered; `options` are the platform's."""
    async with office(tmp_path / "office", **options) as desk:
        seeded = desk.platform.seeded
        assert seeded.sip_user is not None
        assert seeded.sip_password is not None
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        account = registering(seeded.sip_user, seeded.sip_realm, seeded.sip_password, desk.platform.sip)
        a_says, b_says = repeated(tmp_path / "a.wav", HELLO), repeated(tmp_path / "b.wav", REPLY)
        async with (
            Baresip.open(tmp_path / "a", source=a_says) as a,
            Baresip.open(tmp_path / "b", source=b_says, account=account) as b,
        ):
            async with Bus.connect([desk.platform.nats_url], name="test") as bus, asyncio.timeout(20):
                while not await registrations_bucket(bus).entries():
                    await asyncio.sleep(0.1)
            yield Phones(desk, a, b)
