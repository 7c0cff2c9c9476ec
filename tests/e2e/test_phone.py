"""A phone we did not write calls: what it recorded is the clip, and the words can be understood."""

from pathlib import Path

import pytest

from jambones.local import baresip
from jambones.local.listening import correlation, read_wav, spoken
from tests.support import sounds
from tests.support.scripted import office

pytestmark = pytest.mark.skipif(not baresip.installed(), reason="baresip is not installed")
PHRASES = ("your account is closed", "please hold the line", "the office opens at nine")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_hears_the_clip_and_the_words(tmp_path: Path, transport: str) -> None:
    clip = sounds.noise(1.5, seed=4)
    async with office(tmp_path / "office") as desk:
        desk.app.files["/clip.wav"] = sounds.wav(clip)
        desk.app.plays(
            {"verb": "play", "url": f"{desk.app.origin}/clip.wav"},
            {"verb": "say", "text": "Please hold the line."},
            {"verb": "pause", "length": 0.5},
            {"verb": "hangup"},
        )
        (tmp_path / "phone").mkdir()
        async with baresip.Baresip.open(tmp_path / "phone", transport=transport) as phone:
            await phone.dial(f"sip:{desk.number}@{desk.platform.sip};transport={transport}")
            await phone.until("CALL_CLOSED", within=30)
            recording = phone.heard()
        assert recording is not None
        heard = read_wav(recording)
        assert correlation(heard, clip)[0] > 0.9
        assert "please hold the line" in spoken(heard, PHRASES)
        await desk.app.until(lambda: len(desk.app.statuses) == 3)
        assert [status for status, _ in desk.app.statuses] == ["trying", "in-progress", "completed"]
