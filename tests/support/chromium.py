"""A headless Chromium with a microphone that plays a WAV file: opens a page, runs JavaScript in it.

Driven over the DevTools protocol; a page and `evaluate` are all that a phone needs.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from jambones.local.servers import tied

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--ignore-certificate-errors", "--remote-debugging-port=0",
)  # fmt: skip


def installed() -> bool:
    return shutil.which("chromium") is not None


@dataclass
class Page:
    """One page. `console` keeps what it wrote there."""

    socket: aiohttp.ClientWebSocketResponse
    console: list[str] = field(default_factory=list)
    _number: int = 0
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def evaluate(self, script: str, *, within: float = 20.0) -> Any:
        """The value of an expression; a promise is waited for. Raises RuntimeError with what the page threw."""
        async with asyncio.timeout(within):
            result = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    async def until(self, script: str, *, within: float = 20.0) -> Any:
        """Wait until an expression is true; its value. Raises TimeoutError with the page's state and console."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not (value := await self.evaluate(script)):
            if loop.time() > deadline:
                state = await self.evaluate("document.body.innerText.slice(0, 300)")
                raise TimeoutError(f"{script}\n{state}\n" + "\n".join(self.console[-20:]))
            await asyncio.sleep(0.1)
        return value

    async def open(self, url: str) -> None:
        await self.command("Page.enable")
        await self.command("Runtime.enable")
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        await self.socket.send_json({"id": self._number, "method": method, "params": params})
        return await answer

    async def listen(self) -> None:
        """Take in what the browser says, until it ends."""
        async for message in self.socket:
            said = json.loads(message.data)
            if (answer := self._waiting.pop(said.get("id", 0), None)) is not None and not answer.done():
                if "error" in said:
                    answer.set_exception(RuntimeError(said["error"]["message"]))
                else:
                    answer.set_result(said["result"])
            elif said.get("method") == "Runtime.consoleAPICalled":
                self.console.append(" ".join(str(arg.get("value", "")) for arg in said["params"]["args"])[:500])


@asynccontextmanager
async def browser(microphone: Path | None = None) -> AsyncIterator[Page]:
    """A page of a browser of its own; `microphone` is the WAV file that it says, over and over."""
    with tempfile.TemporaryDirectory(prefix="jb-chromium-", ignore_cleanup_errors=True) as profile:
        command = ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        if microphone is not None:
            command.insert(1, f"--use-file-for-fake-audio-capture={microphone}")
        with (Path(profile) / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*tied(command), stdout=log, stderr=log)
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    target = next(one for one in await answer.json() if one["type"] == "page")
                async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    listening = asyncio.create_task(page.listen())
                    try:
                        yield page
                    finally:
                        listening.cancel()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _port(path: Path) -> int:
    async with asyncio.timeout(30):
        while True:
            try:
                return int(path.read_text().splitlines()[0])
            except (OSError, IndexError, ValueError):
                await asyncio.sleep(0.1)
