"""The built-in synthesiser: flite for English, espeak-ng for other languages, each text a short-lived process.

Text and sound go through anonymous memory, so that nothing of a call shows in a process list or lies on a disk.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from jambones.feature_server.calls.collaborators import VerbFailed

FLITE_VOICES = frozenset({"rms", "slt", "awb", "kal", "kal16"})
LIMIT = 20.0  # seconds for one piece of text
AT_ONCE = 2


@dataclass(frozen=True)
class Speaker:
    """Which program speaks, with which voice."""

    program: str
    voice: str


class OfflineSynthesizer:
    """Speaks with what is installed."""

    vendor = "local"

    def __init__(self, *, flite_voice: str = "rms") -> None:
        self._flite, self._espeak = shutil.which("flite"), shutil.which("espeak-ng")
        self._flite_voice = flite_voice
        self._running = asyncio.Semaphore(AT_ONCE)

    @property
    def available(self) -> bool:
        return bool(self._flite or self._espeak)

    def speaker(self, language: str | None, voice: str | None) -> Speaker:
        """The speaker for a language ("en-US") and a voice; a voice we do not have is passed over.

        Raises VerbFailed("no-tts") when nothing is installed.
        """
        tongue = (language or "en").lower().replace("_", "-")
        if tongue.startswith("en") and self._flite:
            return Speaker("flite", voice if voice in FLITE_VOICES else self._flite_voice)
        if self._espeak:
            return Speaker("espeak-ng", tongue if _plain(tongue) else "en")
        if self._flite:
            return Speaker("flite", self._flite_voice)
        raise VerbFailed("no-tts", "neither flite nor espeak-ng is installed", vendor=self.vendor)

    async def synthesize(self, text: str, speaker: Speaker) -> bytes:
        """A WAV file of `text`. Raises VerbFailed("tts-failure")."""
        async with self._running:
            said, heard = os.memfd_create("text"), os.memfd_create("speech")
            try:
                os.write(said, text.encode("utf-8", "replace"))
                os.lseek(said, 0, os.SEEK_SET)
                await self._run(speaker, said, heard)
                size = os.fstat(heard).st_size
                return os.pread(heard, size, 0)
            finally:
                os.close(said)
                os.close(heard)

    async def _run(self, speaker: Speaker, said: int, heard: int) -> None:
        text, sound = f"/proc/self/fd/{said}", f"/proc/self/fd/{heard}"
        if speaker.program == "flite":
            command = [str(self._flite), "-voice", speaker.voice, "-f", text, "-o", sound]
        else:
            command = [str(self._espeak), "-v", speaker.voice, "-f", text, "-w", sound]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(said, heard),
        )
        try:
            async with asyncio.timeout(LIMIT):
                status = await process.wait()
        except TimeoutError:
            raise VerbFailed("tts-failure", f"{speaker.program} took too long", vendor=self.vendor) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0 or os.fstat(heard).st_size <= len("RIFF....WAVE"):
            raise VerbFailed(
                "tts-failure", f"{speaker.program} failed with {status}", vendor=self.vendor, detail=speaker.voice
            )


def _plain(name: str) -> bool:
    return name.replace("-", "").isalnum() and name.isascii() and Path(name).name == name
