"""Encrypted audio on the way out: baresip wants SRTP with keys in the description; clear text is never accepted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from jambones.local import baresip
from jambones.local.baresip import Baresip
from jambones.local.listening import correlation, read_wav
from tests.support import sipp, sounds
from tests.support.rtp import RtpPeer, audio_address
from tests.support.running_egress import Egress, egress

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not (baresip.installed() and sipp.installed()), reason="baresip or SIPp is not installed"),
]
SDES = {"X-Jambones-Srtp": "sdes"}


class EncryptedPhone(Baresip):
    """Answers by itself, and only with SRTP."""

    def prepare(self, control: int, source: Path | None) -> None:
        super().prepare(control, source)
        config = self.directory / "config"
        config.write_text(config.read_text().replace("module g711.so", "module srtp.so\nmodule g711.so"))

    @property
    def port(self) -> int:
        """Where it listens."""
        line = next(line for line in (self.directory / "config").read_text().splitlines() if "sip_listen" in line)
        return int(line.rpartition(":")[2])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def out(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Egress]:
    async with egress(tmp_path_factory.mktemp("egress")) as it:
        if not it.platform.anchors_media:
            pytest.skip("rtpengine is not installed")
        yield it


async def test_a_phone_that_wants_srtp_hears_the_feature_server_and_is_heard(out: Egress, tmp_path: Path) -> None:
    account = "<sip:phone@127.0.0.1>;regint=0;audio_codecs=pcmu;mediaenc=srtp-mand;answermode=auto"
    sound = sounds.noise(2.0, seed=5)
    codes = sounds.pcmu(sound)
    async with EncryptedPhone.open(tmp_path, account=account) as phone, RtpPeer.open() as ear:
        assert isinstance(phone, EncryptedPhone)
        call = await out.call(f"sip:phone@127.0.0.1:{phone.port}", route="sip", sdp=ear.sdp, more=SDES)
        event = await call.answered()
        address = audio_address(event.sdp)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(len(codes) // 160):
            ear.send_to(address, codes[number * 160 : number * 160 + 160])
            await asyncio.sleep(max(0.0, begun + 0.02 * (number + 1) - loop.time()))
        await asyncio.sleep(0.5)
        assert ear.waiting > 50  # its silence came through, decrypted
        await call.leg.hangup()
        await phone.until("CALL_CLOSED", within=10)
        recording = phone.heard()

    assert event.sdp is not None
    assert b"RTP/AVP" in event.sdp
    assert b"a=crypto" not in event.sdp
    assert recording is not None
    alike, _ = correlation(read_wav(recording), sound[2000:10_000])  # the first packets teach rtpengine where we are
    assert alike > 0.9


async def test_an_answer_in_clear_to_an_encrypted_offer_is_refused(out: Egress) -> None:
    async with sipp.answering("outbound/answers") as carrier:
        call = await out.call(f"sip:x@127.0.0.1:{carrier.port}", route="sip", more=SDES)
        ended = await call.ended()
        outcome = await carrier.outcome()

    assert ended.status == 488
    assert outcome.good, outcome.log
    assert "RTP/SAVP" in outcome.log
    assert outcome.log.count("a=crypto:") == 1
    assert "AES_CM_128_HMAC_SHA1_80" in outcome.log
