"""Calls to registered phones: the egress runs the dialog, the edge carries it on the phone's own flow.

The feature server is the test; the phone is baresip, registered with the password of the seeded client.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jambones.common.bus import Bus
from jambones.common.db.seed import ACCOUNT_SID
from jambones.common.ids import new_sid
from jambones.local import baresip
from jambones.local.baresip import Baresip, registering
from jambones.local.platform import LocalPlatform
from jambones.sbc import headers
from jambones.sbc.registrations import registrations_bucket
from jambones.sip.address import NameAddr
from jambones.sip.build import new_call_id
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended, LegEvent
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.sdp import SessionDescription
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support.rtp import RtpPeer

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
        description = SessionDescription.parse(answered.sdp)
        audio = description.audio()
        assert audio is not None
        connection = description.connection_of(audio)
        assert connection is not None
        for _ in range(50):
            ear.send_to((connection.address, audio.port), TONE)
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
