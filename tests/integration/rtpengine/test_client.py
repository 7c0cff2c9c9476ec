"""Our NG client against a real rtpengine."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jambones.media.rtpengine import (
    FEATURE_SERVER,
    PLAIN,
    SDES,
    WEBRTC,
    BadDescription,
    NgClient,
    NgError,
    NgUnreachable,
    NoRtpengine,
    Profile,
    RtpengineCluster,
    Timing,
    UnknownCall,
)
from jambones.media.rtpengine.bencode import decode, encode
from jambones.media.rtpengine.vocabulary import LISTS, WORDS
from jambones.sip.sdp import SessionDescription
from tests.support.rtp import RtpPeer, audio_address
from tests.support.rtpengine import Rtpengine, running_rtpengine

pytestmark = pytest.mark.integration


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Rtpengine]:
    async with running_rtpengine(tmp_path) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Rtpengine) -> AsyncIterator[NgClient]:
    async with NgClient.open(daemon.address) as client:
        yield client


async def sessions(client: NgClient) -> object:
    """call-ids of the sessions that the daemon has."""
    return (await client.command("list", {"limit": 1000})).get("calls")


async def call(client: NgClient, caller: RtpPeer, callee: RtpPeer, **flags: list[str]) -> tuple[bytes, bytes]:
    """Offer and answer as an edge does them; what the callee and what the caller is told."""
    told_callee = await client.offer(
        "call-1", caller.sdp, from_tag="fe", towards=FEATURE_SERVER, direction=["public", "private"], **flags
    )
    told_caller = await client.answer("call-1", callee.sdp, from_tag="fe", to_tag="fs", towards=PLAIN, **flags)
    return told_callee, told_caller


async def test_audio_is_relayed_both_ways_and_counted(client: NgClient) -> None:
    async with RtpPeer.open() as caller, RtpPeer.open() as callee:
        told_callee, told_caller = await call(client, caller, callee)
        assert b"PCMU" in told_callee
        assert b"telephone-event" in told_caller
        caller.send_to(audio_address(told_caller), b"\x11" * 160, count=10)
        callee.send_to(audio_address(told_callee), b"\x22" * 160, count=10)
        heard_there, heard_here = await callee.received(10), await caller.received(10)

        assert heard_there == [b"\x11" * 160] * 10
        assert heard_here == [b"\x22" * 160] * 10
        totals = (await client.query("call-1"))["totals"]
        assert isinstance(totals, dict)
        assert isinstance(totals["RTP"], dict)
        assert totals["RTP"]["packets"] == 20
        counted = (await client.delete("call-1", from_tag="fe"))["totals"]
        assert isinstance(counted, dict)
        assert counted["RTP"] == totals["RTP"]


async def test_a_session_of_the_cluster_ends_with_its_counters(daemon: Rtpengine) -> None:
    async with RtpengineCluster.open([daemon.address]) as cluster, RtpPeer.open() as peer:
        session = cluster.session("call-2")
        await session.offer(peer.sdp, from_tag="fe", towards=FEATURE_SERVER)
        told_caller = await session.answer(peer.sdp, from_tag="fe", to_tag="fs", towards=PLAIN, flags=["strict-source"])
        peer.send_to(audio_address(told_caller), b"\x11" * 160, count=3)
        await peer.received(3)
        last = await session.delete()

        assert last is not None
        assert isinstance(last["totals"], dict)
        assert last["totals"]["RTP"] == {"packets": 3, "bytes": 3 * 172, "errors": 0}
        assert await session.delete() is None
        with pytest.raises(NoRtpengine):
            await session.query()
        assert await sessions(cluster.nodes[0].client) == []


async def test_a_deleted_session_is_gone_and_deleting_again_is_no_error(client: NgClient) -> None:
    async with RtpPeer.open() as caller, RtpPeer.open() as callee:
        await call(client, caller, callee)
    assert await sessions(client) == ["call-1"]
    await client.delete("call-1")

    assert await sessions(client) == []
    assert "warning" in await client.delete("call-1")
    with pytest.raises(UnknownCall) as error:
        await client.query("call-1")
    assert error.value.status == 481


async def test_blocked_media_do_not_pass_until_unblocked(client: NgClient) -> None:
    async with RtpPeer.open() as caller, RtpPeer.open() as callee:
        _, told_caller = await call(client, caller, callee)
        await client.block_media("call-1", "fe")
        await client.block_dtmf("call-1", "fe")
        caller.send_to(audio_address(told_caller), b"\x11" * 160, count=5)
        await asyncio.sleep(0.2)
        assert callee.waiting == 0
        await client.unblock_media("call-1", "fe")
        await client.unblock_dtmf("call-1", "fe")
        caller.send_to(audio_address(told_caller), b"\x33" * 160, count=5)

        assert await callee.received(5) == [b"\x33" * 160] * 5


async def test_a_digit_is_played_on_behalf_of_a_side(client: NgClient) -> None:
    async with RtpPeer.open() as caller, RtpPeer.open() as callee:
        _, told_caller = await call(client, caller, callee, flags=["inject-DTMF"])
        with pytest.raises(NgError, match="SSRC"):
            await client.play_dtmf("call-1", "fe", "5")
        caller.send_to(audio_address(told_caller), b"\xff" * 160, count=5)
        await callee.received(5)
        await client.play_dtmf("call-1", "fe", "5", duration=100)
        for _ in range(20):
            caller.send_to(audio_address(told_caller), b"\xff" * 160, count=1)
            await asyncio.sleep(0.02)

        events = [p.payload for p in callee.packets if p.payload_type == 101]
        assert events
        assert events[-1][0] == 5
        assert events[-1][1] & 0x80


@pytest.mark.parametrize("words", ["flags", "replace", "rtcp-mux", "SDES", "supports", "T.38", "OSRTP"])
async def test_the_daemon_knows_every_word_of_our_lists(tmp_path: Path, words: str) -> None:
    allowed = LISTS[words]
    assert isinstance(allowed, frozenset)
    await no_word_is_unknown(
        tmp_path, [{words: [word], "received-from": ["IP4", "127.0.0.1"]} for word in sorted(allowed)]
    )


@pytest.mark.parametrize("option", ["ICE", "ICE-lite", "DTLS", "transport-protocol", "endpoint-learning", "media-echo"])
async def test_the_daemon_knows_every_word_of_our_options(tmp_path: Path, option: str) -> None:
    allowed = WORDS[option]
    assert isinstance(allowed, frozenset)
    await no_word_is_unknown(tmp_path, [{option: word} for word in sorted(allowed)])


async def no_word_is_unknown(tmp_path: Path, tries: list[dict[str, object]]) -> None:
    async with running_rtpengine(tmp_path, log_level=7) as daemon, NgClient.open(daemon.address) as client:
        for number, options in enumerate(tries):
            await client.offer(f"c{number}", PHONE, from_tag="a", **options)  # type: ignore[arg-type]
            await client.delete(f"c{number}")
    lines = daemon.log.read_text().splitlines()
    complaints = [line for line in lines if re.search("Unknown .* encountered|Optional feature .* not supported", line)]
    assert complaints == []


PHONE = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


@pytest.mark.parametrize(
    ("profile", "proto", "has", "lacks"),
    [
        (PLAIN, "RTP/AVP", [], ["crypto", "fingerprint", "candidate", "rtcp-mux"]),
        (FEATURE_SERVER, "RTP/AVP", [], ["crypto", "fingerprint", "candidate", "rtcp-mux"]),
        (SDES, "RTP/SAVP", ["crypto"], ["fingerprint", "candidate"]),
        (WEBRTC, "UDP/TLS/RTP/SAVPF", ["fingerprint", "candidate", "rtcp-mux", "mid", "ice-ufrag"], ["crypto"]),
    ],
)
async def test_each_profile_makes_an_offer_for_its_peer(
    client: NgClient, profile: Profile, proto: str, has: list[str], lacks: list[str]
) -> None:
    audio = SessionDescription.parse(await client.offer("c", PHONE, from_tag="fs", towards=profile)).media[0]

    assert audio.proto == proto
    assert [name for name in has if not audio.has(name)] == []
    assert [name for name in lacks if audio.has(name)] == []
    if profile is SDES:
        assert [crypto.split()[1] for crypto in audio.crypto] == ["AES_CM_128_HMAC_SHA1_80"]


async def test_the_answer_towards_a_browser_is_for_a_browser(client: NgClient) -> None:
    browser = await client.offer("browser", PHONE, from_tag="x", towards=WEBRTC)  # what a browser could have sent
    told_callee = await client.offer("c", browser, from_tag="fe", towards=FEATURE_SERVER)
    told_caller = await client.answer("c", PHONE, from_tag="fe", to_tag="fs", towards=WEBRTC)

    plain, secure = (SessionDescription.parse(sdp).media[0] for sdp in (told_callee, told_caller))
    assert (plain.proto, plain.has("fingerprint"), plain.has("candidate")) == ("RTP/AVP", False, False)
    assert secure.proto == "UDP/TLS/RTP/SAVPF"
    assert [secure.has(name) for name in ("fingerprint", "rtcp-mux", "candidate")] == [True, True, True]
    assert secure.get("setup") == "active"


async def test_a_description_it_cannot_read_is_our_488(client: NgClient) -> None:
    with pytest.raises(BadDescription) as error:
        await client.offer("c", b"rubbish", from_tag="a", towards=PLAIN)
    assert error.value.status == 488


async def test_a_cookie_sent_twice_is_executed_once(daemon: Rtpengine, client: NgClient) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.setblocking(False)
        raw.connect(daemon.address)
        offer = encode({"command": "offer", "call-id": "twice", "from-tag": "a", "sdp": PHONE})
        replies = []
        for _ in range(2):
            raw.send(b"cookie-7 " + offer)
            replies.append(await asyncio.wait_for(loop.sock_recv(raw, 65535), 2))
            await client.delete("twice")  # a second execution would make it again

    assert replies[0] == replies[1]
    reply = decode(replies[0].partition(b" ")[2])
    assert isinstance(reply, dict)
    assert reply["result"] == "ok"
    assert await sessions(client) == []


async def test_nobody_listening_fails_at_once(daemon: Rtpengine, client: NgClient) -> None:
    await daemon.kill()
    loop = asyncio.get_running_loop()
    started = loop.time()

    with pytest.raises(NgUnreachable):
        await client.ping()
    assert loop.time() - started < 1


async def test_each_command_is_timed(daemon: Rtpengine) -> None:
    heard: list[Timing] = []
    async with NgClient.open(daemon.address, on_command=heard.append) as client:
        await client.ping()
        with pytest.raises(UnknownCall):
            await client.query("none")

    assert [(t.command, t.result) for t in heard] == [("ping", "ok"), ("query", "error")]
    assert all(0 < t.seconds < 1 for t in heard)


async def test_new_sessions_go_to_another_node_when_one_dies(tmp_path: Path) -> None:
    async with (
        running_rtpengine(tmp_path) as one,
        running_rtpengine(tmp_path) as two,
        RtpengineCluster.open([one.address, two.address], ping_every=0.2) as cluster,
    ):
        sessions = [cluster.session(f"s{n}") for n in range(4)]
        for session in sessions:
            await session.offer(PHONE, from_tag="fe", towards=FEATURE_SERVER)
        assert {s.client.node for s in sessions} == {n.name for n in cluster.nodes}
        await one.kill()
        late = [cluster.session(f"late{n}") for n in range(4)]
        for session in late:
            await session.offer(PHONE, from_tag="fe", towards=FEATURE_SERVER)

        assert {s.client.node for s in late} == {f"{two.address[0]}:{two.address[1]}"}
        assert cluster.available == 1
        for session in (*sessions, *late):
            await session.delete()
        assert [n.sessions for n in cluster.nodes] == [0, 0]
        await two.kill()
        with pytest.raises(NoRtpengine) as error:
            await cluster.session("none").offer(PHONE, from_tag="fe", towards=FEATURE_SERVER)
        assert error.value.status == 503
        await one.start_again()
        async with asyncio.timeout(5):
            while cluster.available == 0:
                await asyncio.sleep(0.05)
        await cluster.session("again").offer(PHONE, from_tag="fe", towards=FEATURE_SERVER)


async def test_a_full_node_passes_the_session_on(tmp_path: Path) -> None:
    async with (
        running_rtpengine(tmp_path, options=["--max-sessions=1"]) as small,
        running_rtpengine(tmp_path) as large,
        RtpengineCluster.open([small.address, large.address]) as cluster,
    ):
        sessions = [cluster.session(f"s{n}") for n in range(6)]
        for session in sessions:
            await session.offer(PHONE, from_tag="fe", towards=FEATURE_SERVER)

        assert sorted(n.sessions for n in cluster.nodes) == [1, 5]
        assert cluster.available == 2
