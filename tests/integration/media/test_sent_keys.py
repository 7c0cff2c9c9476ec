"""Keys that a leg on a real worker sends: as events, and no more of them once nobody wants them."""

import asyncio

from tests.integration.media.test_engine import EVENTS, engines
from tests.support.rtp import RtpPeer


async def test_keys_are_sent_as_events() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        async with asyncio.timeout(30):
            await leg.send_dtmf("5w#", 100)
        await peer.received(peer.waiting + 1, within=20.0)
        await leg.close()

    events = [packet for packet in peer.packets if packet.payload_type == EVENTS]
    stamps = list(dict.fromkeys(packet.timestamp for packet in events))
    assert [events[[p.timestamp for p in events].index(stamp)].payload[0] for stamp in stamps] == [5, 11]
    for stamp in stamps:
        ends = [packet for packet in events if packet.timestamp == stamp and packet.payload[1] & 0x80]
        assert len(ends) == 3
        assert int.from_bytes(ends[0].payload[2:4], "big") >= 800


async def test_keys_whose_sender_is_cancelled_stay_in() -> None:
    async with engines() as engine, RtpPeer.open() as peer:
        leg = await engine.accept(peer.sdp, "leg")
        sending = asyncio.create_task(leg.send_dtmf("1" * 100, 100))
        await peer.received(5, within=20.0)
        sending.cancel()
        await asyncio.wait((sending,))
        await leg.send_dtmf("5", 100)  # behind a hundred others it would take half a minute
        await leg.close()

    events = [packet for packet in peer.packets if packet.payload_type == EVENTS]
    assert events[-1].payload[0] == 5
    assert len({packet.timestamp for packet in events}) < 50
