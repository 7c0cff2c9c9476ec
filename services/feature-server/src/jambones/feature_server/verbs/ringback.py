"""What the caller of a dial hears until somebody answers: music of the application's choice, else a ringing tone."""

import asyncio
from functools import cache

import numpy as np

from jambones.common.tasks import cancel
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import LegGone, MediaEndpoint
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.playing import play_clips
from jambones.media.decode import wav
from jambones.media.tones import RATE, sines

TONE = (440.0, 480.0)  # hertz, with two seconds on and four off: ITU-T E.180 supplement 2, North America
ON, OFF = 2, 4


class Ringback:
    """Starts at once; `stop` when somebody answers."""

    def __init__(self, call: CallSession, endpoint: MediaEndpoint, music: str | None) -> None:
        self._call, self._endpoint, self._music = call, endpoint, music
        self._task = asyncio.get_running_loop().create_task(self._play())

    async def stop(self) -> None:
        """Silence is certain when this returns. Again: nothing."""
        await cancel(self._task)

    async def _play(self) -> None:
        audio = self._call.kit.audio
        try:
            if self._music is not None:
                try:
                    await play_clips(self._call, self._endpoint, [await audio.clip(self._music)], loop=None)
                    return
                except VerbFailed as exc:
                    self._call.alert(exc.alert, exc.message, **exc.data)
            clip = await audio.decoded(_tone(), "ringback")
            await play_clips(self._call, self._endpoint, [clip], loop=None)
        except VerbFailed as exc:
            self._call.alert(exc.alert, exc.message, **exc.data)
        except LegGone:
            return


@cache
def _tone() -> bytes:
    return wav(np.concatenate((sines(TONE, ON * RATE, 0.1), np.zeros(OFF * RATE, np.int16))))
