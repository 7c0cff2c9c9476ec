"""baresip as a caller without a sound card: dials, presses keys, records what it hears.

It is driven over its `ctrl_tcp` module: JSON in netstrings, events come back on the same connection.
"""

import asyncio
import json
import shutil
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from jambones.local.ports import free_port
from jambones.local.servers import ServerError, tied

MODULES = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")
START_LIMIT = 10.0
SILENCE_S = 180

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
call_max_calls 4
audio_path /usr/share/baresip
audio_player aubridge,player
audio_source {source}
audio_alert aubridge,alert
audio_txmode poll
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_last}
rtcp_mux no
net_interface 127.0.0.1
module_path {modules}
module g711.so
module aubridge.so
module aufile.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {recordings}
"""


def installed() -> bool:
    return shutil.which("baresip") is not None


def registering(
    user: str, realm: str, password: str, proxy: str, *, transport: str = "udp", expires: int = 600, extra: str = ""
) -> str:
    """The account of a phone that registers at `realm` by way of `proxy` ("127.0.0.1:5060")."""
    outbound = f'outbound="sip:{proxy};transport={transport}"'
    return (
        f"<sip:{user}@{realm};transport={transport}>;auth_user={user};auth_pass={password};{outbound};"
        f"regint={expires};audio_codecs=pcmu{extra}"
    )


@dataclass
class Baresip:
    """One phone. `events` are baresip's own, as they came."""

    directory: Path
    transport: str = "udp"
    account: str | None = None
    _reader: asyncio.StreamReader = field(init=False)
    _writer: asyncio.StreamWriter = field(init=False)
    events: list[dict[str, Any]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, directory: Path, *, source: Path | None = None, transport: str = "udp", account: str | None = None
    ) -> AsyncIterator[Self]:
        """Run it inside the block, with its files in `directory`; `source` is a WAV file that it sends.

        `account` is a line of baresip's accounts file, for a phone that registers. Raises ServerError.
        """
        if not installed():
            raise ServerError("baresip is not installed: make system, as root")
        phone = cls(directory, transport, account)
        control = free_port()
        phone.prepare(control, source)
        with (directory / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *tied(["baresip", "-f", str(directory)]), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        listening: asyncio.Task[None] | None = None
        try:
            await phone.connect(control)
            listening = asyncio.get_running_loop().create_task(phone.listen())
            yield phone
        finally:
            if listening is not None:
                listening.cancel()
                phone.close()
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(3):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()

    @property
    def recordings(self) -> Path:
        return self.directory / "heard"

    def heard(self) -> Path | None:
        """The recording of what came from the other side, once the call is over."""
        found = sorted(self.recordings.glob("dump-*-dec.wav"))
        return found[-1] if found else None

    def prepare(self, control: int, source: Path | None) -> None:
        self.recordings.mkdir(parents=True, exist_ok=True)
        modules = next((path for path in MODULES if Path(path).is_dir()), MODULES[0])
        rtp = free_port() & ~1
        if source is None:
            # Without a source baresip sends nothing at all, keys neither.
            source = self.directory / "silence.wav"
            with wave.open(str(source), "wb") as silence:
                silence.setnchannels(1)
                silence.setsampwidth(2)
                silence.setframerate(8000)
                silence.writeframes(bytes(2 * 8000 * SILENCE_S))
        values = {
            "sip": free_port(),
            "control": control,
            "rtp": rtp,
            "rtp_last": rtp + 20,
            "source": f"aufile,{source}",
            "modules": modules,
            "recordings": self.recordings,
        }
        (self.directory / "config").write_text(CONFIG.format(**values))
        usual = f"<sip:15550001111@127.0.0.1;transport={self.transport}>;regint=0;audio_codecs=pcmu"
        (self.directory / "accounts").write_text((self.account or usual) + "\n")
        (self.directory / "contacts").write_text("")

    async def connect(self, port: int) -> None:
        deadline = asyncio.get_running_loop().time() + START_LIMIT
        while True:
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                return
            except OSError:
                if asyncio.get_running_loop().time() > deadline:
                    log = (self.directory / "log").read_text(errors="replace")[-800:]
                    raise ServerError(f"baresip does not start\n{log}") from None
                await asyncio.sleep(0.05)

    def close(self) -> None:
        self._writer.close()

    async def listen(self) -> None:
        """Take in what baresip says, for ever."""
        while True:
            try:
                size = await self._reader.readuntil(b":")
                body = await self._reader.readexactly(int(size[:-1]) + 1)
            except (asyncio.IncompleteReadError, ConnectionError, ValueError):
                return
            self.events.append(json.loads(body[:-1]))
            self._changed.set()

    async def command(self, command: str, params: str = "") -> None:
        text = json.dumps({"command": command, "params": params, "token": command}).encode()
        self._writer.write(str(len(text)).encode() + b":" + text + b",")
        await self._writer.drain()

    async def dial(self, uri: str) -> None:
        await self.command("dial", uri)

    async def press(self, digits: str) -> None:
        """Press keys one after the other; each is sent as RFC 4733 events."""
        for digit in digits:
            await self.command("sndcode", digit)
            await asyncio.sleep(0.3)

    async def hangup(self) -> None:
        await self.command("hangup")

    async def until(self, kinds: str | Sequence[str], *, within: float = 20.0, since: int = 0) -> dict[str, Any]:
        """The first event of a kind such as "CALL_ESTABLISHED" or "CALL_CLOSED". Raises TimeoutError."""
        wanted = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        async with asyncio.timeout(within):
            while True:
                for event in self.events[since:]:
                    if event.get("type") in wanted:
                        return event
                self._changed.clear()
                await self._changed.wait()
