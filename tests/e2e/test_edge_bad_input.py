"""What strangers send to a running edge: RFC 4475, torn and random datagrams, broken streams. Calls notice nothing."""

import asyncio
import random
import socket
import urllib.request
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.data.sip.torture import CASES
from tests.support import sipp, sounds
from tests.support.scripted import Office, office
from tests.support.sink import RtpSink

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
]
CLIP = sounds.noise(4.0, seed=5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with office(tmp_path_factory.mktemp("bad"), services=["sbc-inbound", "feature-server"]) as it:
        it.app.files["/clip.wav"] = sounds.wav(CLIP)
        it.app.plays({"verb": "play", "url": f"{it.app.origin}/clip.wav"}, {"verb": "hangup"})
        yield it


def _datagrams() -> list[bytes]:
    chance = random.Random(4475)
    whole = [case.message for case in CASES]
    torn = [message[: chance.randrange(len(message))] for message in whole]
    damaged = [bytes(b if chance.random() > 0.02 else chance.randrange(256) for b in message) for message in whole]
    noise = [chance.randbytes(chance.randrange(1, 1400)) for _ in range(200)]
    huge = [b"INVITE sip:a@b SIP/2.0\r\n" + b"X: " + b"y" * 60_000 + b"\r\n\r\n", b"\r\n" * 30_000, b"\0" * 60_000]
    return [*whole, *torn, *damaged, *noise, *huge]


def _metrics(desk: Office) -> dict[str, float]:
    port = desk.platform.children["sbc-inbound"].http_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value) for line in lines if not line.startswith("#") for name, _, value in [line.rpartition(" ")]
    }


def _errors(desk: Office) -> list[str]:
    log = (desk.platform.directory / "log" / "sbc-inbound.log").read_text().splitlines()
    return [line[:600] for line in log if '"level": "error"' in line or "Traceback" in line]


async def _listening(desk: Office, sink: RtpSink) -> "asyncio.Task[sipp.Outcome]":
    desk.app.hooks.clear()
    call = asyncio.create_task(
        sipp.run("hears_it_out", desk.platform.sip, desk.number, calls=10, rate=20, keys={"sink": sink.port})
    )
    await desk.app.until(lambda: len(desk.app.of("/call")) == 10)
    return call


async def test_datagrams_of_every_kind_of_wrong_are_answered_or_dropped_and_counted(desk: Office) -> None:
    host, port = desk.platform.sip.split(":")
    before = _metrics(desk)
    async with RtpSink.open() as sink:
        call = await _listening(desk, sink)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            for number, data in enumerate(_datagrams()):
                sock.sendto(data, (host, int(port)))
                if number % 20 == 0:
                    await asyncio.sleep(0.01)  # what the kernel drops would test nothing
        outcome = await call

    assert outcome.good, outcome.log
    assert sink.heard(sounds.pcmu(CLIP)) == 10
    assert _errors(desk) == []
    after = _metrics(desk)
    kinds = [name for name in after if name.startswith("jambones_sip_parse_errors_total")]
    assert sum(after[name] - before.get(name, 0) for name in kinds) > 200


async def test_broken_streams_end_their_own_connection_only(desk: Office) -> None:
    host, port = desk.platform.sip.split(":")
    chance = random.Random(3261)
    pieces = [
        chance.randbytes(3000),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500),  # a TLS hello to the plain port
        b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\n" + b"X: y\r\n" * 60_000,
        b"\r\n\r\n" * 1000,
        *[case.message[: len(case.message) // 2] for case in CASES[:20]],
    ]
    async with RtpSink.open() as sink:
        call = await _listening(desk, sink)
        for data in pieces:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(data)
            try:
                await writer.drain()
                async with asyncio.timeout(0.05):
                    await reader.read(100)
            except (ConnectionError, TimeoutError):
                pass
            writer.close()
        outcome = await call

    assert outcome.good, outcome.log
    assert sink.heard(sounds.pcmu(CLIP)) == 10
    assert _errors(desk) == []


async def test_the_edge_still_answers(desk: Office) -> None:
    host, port = desk.platform.sip.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKstill\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>\r\nCall-ID: still\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"SIP/2.0 200")
    writer.close()
