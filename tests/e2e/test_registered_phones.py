"""Calls to registered phones: the egress runs the dialog, the edge carries it on the phone's own flow.

The feature server is the test; the phone is baresip, registered with the password of the seeded client.
"""

import asyncio
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from jambones.common.bus import Bus
from jambones.common.db.accounts import Accounts
from jambones.common.db.clients import Clients
from jambones.common.db.seed import ACCOUNT_SID
from jambones.common.db.tenant import PLATFORM
from jambones.common.ids import new_sid
from jambones.local import baresip
from jambones.local.baresip import Baresip, registering
from jambones.local.listening import read_wav
from jambones.local.platform import LocalPlatform
from jambones.sbc import headers
from jambones.sbc.registrations import registrations_bucket
from jambones.sip.address import NameAddr
from jambones.sip.build import new_call_id
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended, LegEvent
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support.configuring import configuring
from tests.support.rtp import RtpPeer, audio_address

pytestmark = pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")

TONE = bytes(range(160))


async def _no_calls(leg: IncomingLeg) -> None:
    await leg.reject(404)


@asynccontextmanager
async def feature_server() -> AsyncIterator[Endpoint]:
    async with Endpoint.open([Address("udp", "127.0.0.1", 0)], _no_calls, nat_fix=False) as endpoint:
        yield endpoint


async def call(platform: LocalPlatform, endpoint: Endpoint, user: str, sdp: bytes) -> OutgoingLeg:
    """As a feature server asks the egress for a registered user."""
    private = platform.children["sbc-outbound"].env["JAMBONES_PRIVATE_LISTEN"].partition(",")[0]
    call_id = new_call_id()
    key = platform.secrets["internal"].encode()
    rows = [
        ("X-Jambones-Account", ACCOUNT_SID), ("X-Jambones-Route", "user"), ("X-Jambones-Call-Sid", new_sid()),
        ("X-Jambones-Sig", headers.sign(key, call_id, int(time.time()))),
    ]  # fmt: skip
    return await endpoint.invite(
        Uri.parse(f"sip:{user}@{platform.seeded.sip_realm}"), from_=NameAddr.parse("<sip:15550000@127.0.0.1>"), sdp=sdp,
        headers=rows, destination=Address.parse(private), call_id=call_id,
    )  # fmt: skip


async def until(leg: OutgoingLeg, *kinds: type[LegEvent]) -> LegEvent:
    async with asyncio.timeout(20):
        async for event in leg.events():
            if isinstance(event, kinds):
                return event
    raise AssertionError("the leg's events ended")


async def registered(platform: LocalPlatform, count: int = 1) -> None:
    async with Bus.connect([platform.nats_url], name="test") as bus, asyncio.timeout(20):
        while len(await registrations_bucket(bus).entries()) < count:
            await asyncio.sleep(0.1)


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[LocalPlatform]:
    made = LocalPlatform(tmp_path / "p", ports="auto", fast=True)
    async with made:
        yield made


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("ends", ["phone", "feature server"])
async def test_a_registered_phone_is_called_and_both_sides_hear_and_hang_up(
    platform: LocalPlatform, tmp_path: Path, transport: str, ends: str
) -> None:
    seeded = platform.seeded
    assert seeded.sip_user is not None
    assert seeded.sip_password is not None
    (tmp_path / "phone").mkdir()
    account = registering(seeded.sip_user, seeded.sip_realm, seeded.sip_password, platform.sip, transport=transport)
    async with (
        Baresip.open(tmp_path / "phone", transport=transport, account=account) as phone,
        feature_server() as endpoint,
        RtpPeer.open() as ear,
    ):
        await registered(platform)
        leg = await call(platform, endpoint, seeded.sip_user, ear.sdp)
        await phone.until("CALL_INCOMING", within=15)
        await phone.command("accept")
        answered = await until(leg, Answered, Ended)
        assert isinstance(answered, Answered), answered
        assert answered.sdp is not None
        for _ in range(50):
            ear.send_to(audio_address(answered.sdp), TONE)
            await asyncio.sleep(0.02)
        assert ear.waiting > 10  # the phone's silence
        if ends == "phone":
            await phone.hangup()
            ended = await until(leg, Ended)
            assert isinstance(ended, Ended)
            assert ended.by == "remote"
        else:
            await leg.hangup()
        await phone.until("CALL_CLOSED", within=10)
        heard = phone.heard()
    assert heard is not None
    assert heard.stat().st_size > 8000  # it recorded what came


async def test_a_phone_whose_connection_is_gone_is_not_registered(platform: LocalPlatform, tmp_path: Path) -> None:
    seeded = platform.seeded
    assert seeded.sip_user is not None
    assert seeded.sip_password is not None
    (tmp_path / "phone").mkdir()
    account = registering(seeded.sip_user, seeded.sip_realm, seeded.sip_password, platform.sip, transport="tcp")
    async with feature_server() as endpoint, RtpPeer.open() as ear:
        async with Baresip.open(tmp_path / "phone", transport="tcp", account=account):
            await registered(platform)
        leg = await call(platform, endpoint, seeded.sip_user, ear.sdp)
        ended = await until(leg, Ended, Answered)
        assert isinstance(ended, Ended)
        assert ended.status in {404, 480}


@pytest.mark.parametrize("edges", [1, 2])
async def test_two_phones_of_an_account_call_each_other_by_name_and_hear_each_other(tmp_path: Path, edges: int) -> None:
    services = ["feature-server", "registrar", "sbc-outbound", *(["sbc-inbound"] * edges)]
    async with LocalPlatform(tmp_path / "p", ports="auto", fast=True, services=services) as platform:
        await _two_phones(platform, tmp_path, [_edge(platform, 1), _edge(platform, edges)])


def _edge(platform: LocalPlatform, number: int) -> str:
    name = "sbc-inbound" if number == 1 else f"sbc-inbound-{number}"
    first = platform.children[name].env["JAMBONES_SIP_LISTEN"].partition(",")[0]
    return first.removeprefix("udp:")


async def _two_phones(platform: LocalPlatform, tmp_path: Path, edges: list[str]) -> None:
    """Each registers at an edge, one calls the other."""
    seeded = platform.seeded
    async with configuring(platform) as (database, _), database.transaction(PLATFORM) as tx:
        for name in ("ann", "bob"):
            await Clients(tx).add({"account_sid": ACCOUNT_SID, "username": name, "password": "secret"})
        # With an application for devices, that one would get the call.
        await Accounts(tx).update(ACCOUNT_SID, {"device_calling_application_sid": None})
    await asyncio.sleep(1)
    sources = {"ann": tone(tmp_path / "ann.wav", 440), "bob": tone(tmp_path / "bob.wav", 700)}
    async with AsyncExitStack() as stack:
        phones = {}
        for (name, source), edge in zip(sources.items(), edges, strict=True):
            (tmp_path / name).mkdir()
            account = registering(name, seeded.sip_realm, "secret", edge)
            phones[name] = await stack.enter_async_context(
                Baresip.open(tmp_path / name, account=account, source=source)
            )
        await registered(platform, 2)
        await phones["ann"].dial(f"sip:bob@{seeded.sip_realm}")
        await phones["bob"].until("CALL_INCOMING", within=15)
        await phones["bob"].command("accept")
        await phones["ann"].until("CALL_ESTABLISHED", within=15)
        await asyncio.sleep(4)
        await phones["bob"].hangup()
        await phones["ann"].until("CALL_CLOSED", within=15)
        heard = {name: phone.heard() for name, phone in phones.items()}
    assert heard["ann"] is not None
    assert heard["bob"] is not None
    assert loudest(heard["ann"]) == pytest.approx(700, abs=10)
    assert loudest(heard["bob"]) == pytest.approx(440, abs=10)


def tone(path: Path, hertz: float) -> Path:
    """A WAV file with a minute of one tone."""
    samples = (8000 * np.sin(2 * np.pi * hertz * np.arange(60 * 8000) / 8000)).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.tobytes())
    return path


def loudest(path: Path) -> float:
    """The strongest frequency of a recording, in hertz."""
    samples = read_wav(path)
    return float(np.fft.rfftfreq(len(samples), 1 / 8000)[np.argmax(np.abs(np.fft.rfft(samples)))])
